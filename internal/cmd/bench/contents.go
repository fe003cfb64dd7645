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
)

const (
	results     = 10000
	resultNodes = 4
)

// contents measures an apply that invalidates many cached results, and counts its
// requests.
func (b *bench) contents(ctx context.Context, out io.Writer, o options) error {
	title := fmt.Sprintf("%s cached results on %d nodes", thousands(results), resultNodes)
	if !o.wants(title) {
		return nil
	}
	project := b.cluster()
	content := b.block("purge_mstr_content_cache", fmt.Sprintf(
		"project_id = %q\n  warehouse_tables = [\"F_SALES\"]\n  triggers = { release = var.release }", project))
	baseline := b.block("terraform_data", "triggers_replace = var.release")
	var ours, theirs []float64
	var requests map[string]int
	for range o.runs {
		b.runReports(project)
		b.sandbox.TakeEntries()
		took, err := b.applyOnce(ctx, content)
		if err != nil {
			return err
		}
		ours, requests = append(ours, took), make(map[string]int)
		for _, e := range b.sandbox.TakeEntries() {
			requests[e.Operation]++
		}
		if took, err = b.applyOnce(ctx, baseline); err != nil {
			return err
		}
		theirs = append(theirs, took)
	}
	header(out, "Cached results of MicroStrategy, one apply", title, "requests", "lists of caches", "invalidations", "apply", "terraform_data", "ratio")
	total := 0
	for _, n := range requests {
		total += n
	}
	line(out, "invalidate all", strconv.Itoa(total), strconv.Itoa(requests["contents"]), strconv.Itoa(requests["invalidate"]),
		duration(median(ours)), duration(median(theirs)), ratio(ours, theirs))
	return nil
}

// cluster adds nodes and a new project to the fake.
func (b *bench) cluster() (project string) {
	m := b.sandbox.MSTR
	m.Nodes = nil
	for i := range resultNodes {
		m.Nodes = append(m.Nodes, mstrtest.Node{Name: fmt.Sprintf("node-%d", i), Status: "running"})
	}
	project = fmt.Sprintf("%032X", 0xC0FFEE)
	m.Projects = append(m.Projects, mstrtest.Project{ID: project, Name: "Cached results"})
	return project
}

// runReports adds results to the caches of the nodes.
func (b *bench) runReports(project string) {
	for i := range results {
		b.sandbox.MSTR.AddContentCache(mstrtest.ContentCache{
			Node: fmt.Sprintf("node-%d", i%resultNodes), Project: project, SourceID: fmt.Sprintf("%032X", i), Source: "Report " + strconv.Itoa(i),
			Type: "report", WarehouseTables: []string{"F_SALES", "D_STORE"},
		})
	}
}

// applyOnce applies a configuration in a new directory and returns the duration in
// seconds.
func (b *bench) applyOnce(ctx context.Context, config string) (seconds float64, err error) {
	d, err := b.in(config)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.Path)) }()
	return apply(ctx, d, 1)
}
