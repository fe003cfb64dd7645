// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

// table formats requests in the order in which they arrived.
func table(entries []fake.Entry) string {
	if len(entries) == 0 {
		return "(no requests)\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "SYSTEM\tOPERATION\tTARGET\tRESPONSE")
	for _, r := range merge(entries) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.System, r.Operation, r.Subject, r.response())
	}
	_ = w.Flush() // into memory
	return b.String()
}

// requests is one request, or several identical requests to a site.
type requests struct {
	fake.Entry
	n int
}

func (r requests) response() string {
	if r.n == 1 {
		return statusText(r.Entry)
	}
	return fmt.Sprintf("%s (%d requests)", statusText(r.Entry), r.n)
}

// merge merges identical requests to a site up to the next purge.
func merge(entries []fake.Entry) []requests {
	var all []requests
	first := 0
	for _, e := range entries {
		e.Time = time.Time{}
		same := func(r requests) bool { return isVisit(e) && r.Entry == e }
		if i := slices.IndexFunc(all[first:], same); i >= 0 {
			all[first+i].n++
			continue
		}
		all = append(all, requests{e, 1})
		if !isVisit(e) {
			first = len(all)
		}
	}
	return all
}

// row formats a request in one line.
func row(e fake.Entry) string {
	return strings.Join(strings.Fields(e.System+" "+e.Operation+" "+e.Subject+" "+statusText(e)), " ")
}

func statusText(e fake.Entry) string {
	if e.Status == 0 {
		return "connection cut"
	}
	return fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
}
