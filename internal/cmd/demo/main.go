// SPDX-License-Identifier: MPL-2.0

// Command demo shows the provider's main job on a real terraform: it applies
// examples/complete to the fakes of the upstream systems, shows what
// reached them at each step, and fails if that is not what should have.
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
	save := flag.String("save", "", "directory for what each command writes to the terminal, in color")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := demo(ctx, os.Stdout, os.TempDir(), *save)
	stop()
	if err == nil {
		fmt.Println("Nothing is left behind.")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// demo works in a directory of its own below temp and leaves nothing there. For
// save, see stage.
func demo(ctx context.Context, out io.Writer, temp, save string) (err error) {
	dir, err := os.MkdirTemp(temp, "purge-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	s := sandbox.New()
	s.CDN.DeployTime = 200 * time.Millisecond // for a person to watch: a real deployment takes a minute
	s.Site.PurgeDelay = edgeDelay
	st := &stage{sandbox: s, out: out, save: save}
	purge := s.CDN.Purged
	s.CDN.Purged = func(p cdntest.Purge) {
		if st.behindEdge.Load() {
			purge(p)
		}
	}
	env, stop, err := s.Start(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer stop()
	env["TF_INPUT"] = "0" // nobody is there to answer
	for name, value := range s.Inputs() {
		env["TF_VAR_"+name] = value
	}
	if st.terraform, err = prepare(ctx, out, dir, env); err == nil {
		err = st.tell(ctx)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted; nothing is left behind")
	}
	return err
}
