// SPDX-License-Identifier: MPL-2.0

// Command sandbox serves the fakes on one port. It prints the environment that
// points the provider at them. It also prints what the fakes contain and the
// requests that they receive, as comments, so a shell can source all of its output.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "listen on this address; port 0 is any free port")
	s := sandbox.New()
	s.Populate()
	flag.DurationVar(&s.CDN.DeployTime, "deploy", s.CDN.DeployTime, "time of a deployment after a purge with hard = false")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, os.Stdout, s, *listen, time.Second/5); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1) //nolint:gocritic // the process ends
	}
}

// serve serves a sandbox until the context is done. At every interval, it prints
// the requests since the previous one.
func serve(ctx context.Context, out io.Writer, s *sandbox.Sandbox, address string, interval time.Duration) error {
	contents := inventory(s) // before a request changes it
	env, stop, err := s.Start(ctx, address)
	if err != nil {
		return err
	}
	defer stop()
	for name, value := range s.Inputs() {
		env["TF_VAR_"+name] = value
	}
	_, err = io.WriteString(out, "# In a second terminal, run the export lines. Then run terraform init and terraform apply there.\n"+
		exports(env)+contents+notes(s))
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for err == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			_, err = io.WriteString(out, comments(s.TakeEntries()))
		}
	}
	return err
}
