// SPDX-License-Identifier: MPL-2.0

// Command demo applies examples/complete to the fakes with a real terraform.
// After each step it prints the requests that reached the fakes. It fails if
// they differ from the expected requests.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
)

func main() {
	save := flag.String("save", "", "directory to save the terminal output of each command to, with colors")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.TempDir(), *save)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run runs the demo in a new directory below temp and removes the directory. If
// save is not empty, it is the directory for the terminal output.
func run(ctx context.Context, out io.Writer, temp, save string) (err error) {
	dir, err := os.MkdirTemp(temp, "purge-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	s := sandbox.New()
	s.CDN.DeployTime = 200 * time.Millisecond // a real deployment takes a minute
	s.Site.PurgeDelay = edgeDelay
	d := &demo{sandbox: s, out: out, save: save}
	purge := s.CDN.Purged
	s.CDN.Purged = func(p cdntest.Purge) {
		if d.behindEdge.Load() {
			purge(p)
		}
	}
	env, stop, err := s.Start(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer stop()
	env["TF_INPUT"] = "0"
	for name, value := range s.Inputs() {
		env["TF_VAR_"+name] = value
	}
	if d.terraform, err = prepare(ctx, out, dir, env); err == nil {
		err = d.run(ctx)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}
