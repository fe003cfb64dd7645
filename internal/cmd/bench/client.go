// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine"
)

// purges is the number of consecutive purges in one run.
const purges = 1000

// clients compares a purge through a client with the same request through
// net/http.
func (b *bench) clients(ctx context.Context, out io.Writer, o options) error {
	const title = "one purge through a client"
	if !o.wants(title) {
		return nil
	}
	header(out, "One purge through a client, in process", title, "client", "net/http", "ratio")
	for _, c := range []purger{b.mstrClient(), b.cdnClient(), b.wpengineClient()} {
		var ours, theirs []float64
		request, err := b.record(ctx, c.purge)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		for range o.runs {
			took, err := each(func(i int) error { return c.purge(ctx, i) })
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			ours = append(ours, took)
			if took, err = b.plain(ctx, request); err != nil {
				return fmt.Errorf("%s by net/http: %w", c.name, err)
			}
			theirs = append(theirs, took)
		}
		if err := c.close(ctx); err != nil {
			return err
		}
		line(out, c.name, micro(ours), micro(theirs), ratio(ours, theirs))
	}
	return nil
}

// purger purges numbered items with one client.
type purger struct {
	name  string
	purge func(context.Context, int) error
	close func(context.Context) error
}

func (b *bench) mstrClient() purger {
	c := mstr.New(mstr.Config{
		BaseURL: b.sandboxEnv["MSTR_BASE_URL"], Username: b.sandboxEnv["MSTR_USERNAME"], Password: b.sandboxEnv["MSTR_PASSWORD"], Transport: transport.Options{},
	})
	return purger{"MicroStrategy", func(ctx context.Context, _ int) error {
		return c.Purge(ctx, b.inputs["mstr_project_id"], "element")
	}, c.Close}
}

func (b *bench) cdnClient() purger {
	c := cdn.New(cdn.Config{
		Username: b.sandboxEnv["RAX_USERNAME"], APIKey: b.sandboxEnv["RAX_API_KEY"], IdentityURL: b.sandboxEnv["RAX_IDENTITY_URL"],
		AllowInsecure: true,
	})
	return purger{"Rackspace CDN", func(ctx context.Context, i int) error {
		err := c.Purge(ctx, b.inputs["cdn_service_id"], "/"+strconv.Itoa(i)+".png")
		return err
	}, c.Close}
}

func (b *bench) wpengineClient() purger {
	c := wpengine.New(wpengine.Config{
		BaseURL: b.sandboxEnv["WPE_API_BASE_URL"], Username: b.sandboxEnv["WPE_API_USER_ID"], Password: b.sandboxEnv["WPE_API_PASSWORD"],
	})
	return purger{"WP Engine", func(ctx context.Context, _ int) error {
		return c.Purge(ctx, b.inputs["wpengine_install_id"], "page")
	}, c.Close}
}

// record sends one purge, including the login, and returns its request as received
// by the server.
func (b *bench) record(ctx context.Context, purge func(context.Context, int) error) (*recorded, error) {
	if err := purge(ctx, 0); err != nil {
		return nil, err
	}
	return b.last.Load(), nil
}

// plain sends a recorded request through net/http.
func (b *bench) plain(ctx context.Context, r *recorded) (float64, error) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	return each(func(int) error {
		req, err := http.NewRequestWithContext(ctx, r.Method, "http://"+r.Host+r.RequestURI, bytes.NewReader(r.body))
		if err != nil {
			return err
		}
		req.Header = r.Header.Clone()
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		if resp.StatusCode >= http.StatusBadRequest {
			return fmt.Errorf("%s", resp.Status)
		}
		return nil
	})
}

// each calls a function purges times and returns the seconds per call.
func each(do func(int) error) (float64, error) {
	began := time.Now()
	for i := range purges {
		if err := do(i); err != nil {
			return 0, err
		}
	}
	return time.Since(began).Seconds() / purges, nil
}

func micro(seconds []float64) string { return fmt.Sprintf("%.0f µs", 1e6*median(seconds)) }
