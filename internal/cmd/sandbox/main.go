// SPDX-License-Identifier: MPL-2.0

// Command sandbox serves the fakes of the three upstream systems on one port. It
// prints the environment that points a provider at them and then, as comments,
// what is there and what reaches them, so that a shell can read all of its output.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to serve at; the port 0 stands for any that is free")
	s := sandbox.New()
	flag.DurationVar(&s.CDN.DeployTime, "deploy", s.CDN.DeployTime, "how long the CDN deploys a service after a purge with hard = false")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, os.Stdout, s, *listen, time.Second/5); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1) //nolint:gocritic // the process ends, and with it what stop undoes
	}
}

// serve runs a sandbox until the context ends, and looks for what reached it
// once in every interval.
func serve(ctx context.Context, out io.Writer, s *sandbox.Sandbox, address string, interval time.Duration) error {
	there := inventory(s) // before anything changes it
	env, stop, err := s.Start(ctx, address)
	if err != nil {
		return err
	}
	defer stop()
	for name, value := range s.Inputs() {
		env["TF_VAR_"+name] = value
	}
	_, err = fmt.Fprintf(out, "%s%s# The TF_VAR_ lines are for examples/complete. Ctrl-C ends the sandbox. What reaches it:\n", exports(env), there)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for err == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			_, err = io.WriteString(out, comments(s.Take()))
		}
	}
	return err
}
