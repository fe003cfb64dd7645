// SPDX-License-Identifier: MPL-2.0

package mstr_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
)

const (
	first, second = "iserver-1", "iserver-2"
	education     = "CE52831411E696C8BD2F0080EFD5AF44"
)

// sourceID returns the ID of report n.
func sourceID(n int) string { return fmt.Sprintf("%032X", n) }

// result returns a cache of a report in the tutorial project.
func result(node string, source int, tables ...string) mstrtest.ContentCache {
	return mstrtest.ContentCache{
		Node: node, Project: tutorial, Source: fmt.Sprintf("report %d", source), SourceID: sourceID(source), Type: "report",
		WarehouseTables: []string{}, DBTables: append([]string{}, tables...),
	}
}

func (w *world) purgeContent(f mstr.ContentFilter) (mstr.ContentResult, error) {
	result, err := w.connect().PurgeContent(w.T.Context(), tutorial, f)
	w.Show(err)
	return result, err
}

// mustPurge is purgeContent for a purge that must succeed.
func (w *world) mustPurge(f mstr.ContentFilter) mstr.ContentResult {
	w.T.Helper()
	result, err := w.purgeContent(f)
	if err != nil {
		w.T.Errorf("the purge failed: %s", err)
	}
	return result
}

// ready returns "<node> <source>" for each ready cache, sorted.
func (w *world) ready() []string {
	var all []string
	for _, c := range w.ContentCaches() {
		if c.Ready {
			all = append(all, c.Node+" "+c.Source)
		}
	}
	slices.Sort(all)
	return all
}

// before runs do before the fake serves the nth request of an operation, counted
// from 1.
func (w *world) before(operation string, nth int, do func()) {
	count := 0
	w.Around = func(op string, next http.HandlerFunc) http.HandlerFunc {
		if op == operation {
			count++
			if count == nth {
				do()
			}
		}
		return next
	}
}

// inCluster is inWorld with a number of nodes. With one node, the order of the
// requests is fixed.
func inCluster(t *testing.T, nodes int, test func(t *testing.T, w *world)) {
	t.Helper()
	inWorld(t, func(t *testing.T, w *world) {
		w.Nodes = nil
		for n := range nodes {
			w.Nodes = append(w.Nodes, mstrtest.Node{Name: fmt.Sprintf("iserver-%d", n+1), Status: "running"})
		}
		test(t, w)
	})
}
