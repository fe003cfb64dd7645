// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// counts counts the requests of one apply.
func (b *bench) counts(ctx context.Context, out io.Writer, o options) error {
	const title = "one apply"
	if !o.wants(title) {
		return nil
	}
	header(out, "What one apply sends, exactly", title, "purges", "logins", "logouts", "other requests", "connections")
	for _, c := range []struct {
		n          int
		kind, body string
	}{
		{100, "purge_mstr_cache", b.projects(100)},
		{100, "purge_cdn_asset", b.urls()},
		{1000, "purge_cdn_asset", b.urls()},
		{100, "purge_wpengine_cache", b.installs(100)},
	} {
		what := thousands(c.n) + " " + c.kind
		if c.n > 100 && !o.large {
			continue
		}
		if err := b.count(ctx, out, what, b.block(c.kind, fmt.Sprintf("count = %d\n  ", c.n)+c.body)); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

func (b *bench) count(ctx context.Context, out io.Writer, what, config string) (err error) {
	d, err := b.in(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.Path)) }()
	b.sandbox.TakeEntries()
	connections := b.connections.Load()
	if _, err := apply(ctx, d, 1); err != nil {
		return err
	}
	counts := make(map[string]int)
	for _, e := range b.sandbox.TakeEntries() {
		switch e.Operation {
		case "purge", "login", "logout":
			counts[e.Operation]++
		default:
			counts["else"]++
		}
	}
	line(out, what, strconv.Itoa(counts["purge"]), strconv.Itoa(counts["login"]), strconv.Itoa(counts["logout"]), strconv.Itoa(counts["else"]),
		strconv.FormatInt(b.connections.Load()-connections, 10))
	return nil
}

// projects, urls, and installs return the arguments of resources with different
// targets.

func (b *bench) projects(n int) string {
	for i := range n {
		id := fmt.Sprintf("%032X", i+1)
		b.sandbox.MSTR.Projects = append(b.sandbox.MSTR.Projects, mstrtest.Project{ID: id, Name: id})
	}
	return `project_id = format("%032X", count.index + 1)` + "\n  cache_type = \"element\""
}

func (b *bench) urls() string {
	return fmt.Sprintf("service_id = %q\n  url = \"/${count.index}.png\"", b.inputs["cdn_service_id"])
}

func (b *bench) installs(n int) string {
	for i := range n {
		id := fmt.Sprintf("00000000-0000-4000-8000-%012x", i)
		b.sandbox.WPEngine.Installs = append(b.sandbox.WPEngine.Installs, wpenginetest.Install{ID: id, Name: "bench" + strconv.Itoa(i)})
	}
	return `install_id = format("00000000-0000-4000-8000-%012x", count.index)` + "\n  cache_type = \"page\""
}
