// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/provider"
	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
	"github.com/cachepurge/terraform-provider-purge/internal/tfcli"
)

// bench contains the binaries, the sandbox, and the environment for terraform.
type bench struct {
	dir        string
	terraform  *tfcli.Binary
	ours, bare string // binaries

	sandbox     *sandbox.Sandbox
	server      *http.Server
	connections atomic.Int64
	last        atomic.Pointer[recorded]
	sandboxEnv  map[string]string // environment that points the provider at the sandbox
	inputs      map[string]string
	env         map[string]string // sandboxEnv, and the settings that make terraform use the binaries
}

// recorded is a received request.
type recorded struct {
	*http.Request
	body []byte
}

// requestsPerMinute is the maximum of the provider, because the benchmark does not
// measure the rate limit.
const requestsPerMinute = 6000

// bareAddress is the address of the bare provider.
const bareAddress = "registry.terraform.io/cachepurge/bare"

func newBench(ctx context.Context) (b *bench, err error) {
	b = &bench{sandbox: sandbox.New(), env: map[string]string{"TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}}
	if b.terraform, err = tfcli.Find(ctx); err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp("", "purge-bench-"); err != nil {
		return nil, err
	}
	if err = errors.Join(b.build(ctx), b.serve(ctx)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.dir))
	}
	for name, value := range b.sandboxEnv {
		b.env[name] = value
	}
	b.env["TF_CLI_CONFIG_FILE"], err = tfcli.Override(b.dir, provider.Address, bareAddress)
	return b, err
}

// build builds both providers with the flags of a release.
func (b *bench) build(ctx context.Context) (err error) {
	release := []string{"-trimpath", "-ldflags", "-s -w"}
	if b.ours, err = tfcli.Build(ctx, provider.Address, ".", b.dir, release...); err != nil {
		return err
	}
	b.bare, err = tfcli.Build(ctx, bareAddress, filepath.Join("internal", "cmd", "bench", "bare"), b.dir, release...)
	return err
}

// serve serves the sandbox and counts the connections.
func (b *bench) serve(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	b.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body) // the sandbox reports an incomplete body
			b.last.Store(&recorded{r, body})
			r.Body = io.NopCloser(bytes.NewReader(body))
			b.sandbox.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 10 * time.Second,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				b.connections.Add(1)
			}
		},
	}
	b.sandbox.CDN.PurgesPerMinute = 0
	b.sandbox.CDN.DeployTime = time.Millisecond
	b.sandboxEnv, b.inputs = b.sandbox.SetAddress("http://"+listener.Addr().String()), b.sandbox.Inputs()
	go func() { _ = b.server.Serve(listener) }() // returns when the server is closed
	return nil
}

func (b *bench) close() error { return errors.Join(b.server.Close(), os.RemoveAll(b.dir)) }

// in returns a new directory with a configuration. The caller removes it.
func (b *bench) in(config string) (*tfcli.Dir, error) {
	dir, err := os.MkdirTemp(b.dir, "run-")
	if err != nil {
		return nil, err
	}
	d := b.terraform.In(dir, b.env)
	err = d.Write("main.tf", config)
	return d, err
}

// apply applies the configuration in a directory and returns the duration in
// seconds.
func apply(ctx context.Context, d *tfcli.Dir, release int) (float64, error) {
	began := time.Now()
	_, err := d.Run(ctx, "apply", "-auto-approve", "-no-color", fmt.Sprintf("-var=release=%d", release))
	return time.Since(began).Seconds(), err
}
