// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

// expectation is what a step must come to. That a plan sends nothing, that all
// purges of a system share one login, and that no session is left open, goes
// for every step.
type expectation struct {
	planExit  int    // of plan -detailed-exitcode: 0 for no changes, 2 for some
	summary   string // the plan's own count of what it will do
	applyExit int
	purges    []fake.Entry // in any order
	visited   bool         // the site is looked at, as often as it takes
}

// observation is what a step came to.
type observation struct {
	plan, apply  result
	planned      []fake.Entry // what the plan sent
	applied      []fake.Entry // what the apply sent
	openSessions int          // at MicroStrategy, after the apply
	early        int          // purges that were sent before the origin had the files
	stale        int          // files that visitors do not get as they were deployed
}

// problems are the differences between what was expected and what was observed,
// a sentence each.
func (e expectation) problems(o observation) []string {
	var found []string
	differ := func(what string, want, got int) {
		if want != got {
			found = append(found, fmt.Sprintf("%s is %d, want %d", what, got, want))
		}
	}
	differ("the exit code of the plan", e.planExit, o.plan.exit)
	if !strings.Contains(o.plan.stdout, e.summary) {
		found = append(found, fmt.Sprintf("the plan does not say %q", e.summary))
	}
	differ("the number of requests sent by the plan", 0, len(o.planned))
	differ("the exit code of the apply", e.applyExit, o.apply.exit)
	differ("the number of open MicroStrategy sessions", 0, o.openSessions)
	differ("the number of purges that did not wait for the origin", 0, o.early)
	differ("the number of old files that visitors get", 0, o.stale)

	want, got := count(e.requests()), count(o.applied)
	maps.DeleteFunc(got, func(r fake.Entry, _ int) bool {
		return e.waitsForDeployment() && isLook(r) || e.visited && isVisit(r)
	})
	requests := make(map[fake.Entry]bool)
	for r := range want {
		requests[r] = true
	}
	for r := range got {
		requests[r] = true
	}
	for _, r := range slices.SortedFunc(maps.Keys(requests), compare) {
		differ("the number of requests \""+row(r)+"\"", want[r], got[r])
	}
	return found
}

// requests are the purges and what must come with them: one login for each
// system that has sessions or tokens, and the end of the session.
func (e expectation) requests() []fake.Entry {
	all := slices.Clone(e.purges)
	if e.purgesOf("mstr") {
		all = append(all,
			fake.Entry{System: "mstr", Operation: "login", Status: http.StatusNoContent},
			fake.Entry{System: "mstr", Operation: "logout", Status: http.StatusNoContent})
	}
	if e.purgesOf("cdn") {
		all = append(all, fake.Entry{System: "cdn", Operation: "login", Status: http.StatusOK})
	}
	return all
}

func (e expectation) purgesOf(system string) bool {
	return slices.ContainsFunc(e.purges, func(p fake.Entry) bool { return p.System == system })
}

// waitsForDeployment tells whether the CDN is asked whether a service is
// deployed, as often as it takes.
func (e expectation) waitsForDeployment() bool {
	return slices.ContainsFunc(e.purges, func(p fake.Entry) bool { return strings.HasSuffix(p.Subject, "hard=false") })
}

func isLook(r fake.Entry) bool {
	return r.System == "cdn" && r.Operation == "service" && r.Status == http.StatusOK
}

func isVisit(r fake.Entry) bool { return r.Operation == "get" }

// count counts requests that are the same but for their time.
func count(entries []fake.Entry) map[fake.Entry]int {
	counts := make(map[fake.Entry]int)
	for _, e := range entries {
		counts[fake.Entry{System: e.System, Operation: e.Operation, Subject: e.Subject, Status: e.Status}]++
	}
	return counts
}

func compare(a, b fake.Entry) int { return strings.Compare(row(a), row(b)) }

// verdict says in a line what was checked and found right.
func (e expectation) verdict() string {
	if len(e.purges) == 0 {
		return "As it should be: nothing was sent."
	}
	refused := 0
	for _, p := range e.purges {
		if p.Status >= http.StatusBadRequest {
			refused++
		}
	}
	accepted := fmt.Sprintf("%d purges were accepted", len(e.purges)-refused)
	if len(e.purges)-refused == 1 {
		accepted = "1 purge was accepted"
	}
	if refused > 0 {
		accepted += fmt.Sprintf(" and %d refused", refused)
	}
	text := "As it should be: the plan sent nothing, " + accepted + ", no MicroStrategy session is open."
	if e.visited {
		text += " The purge waited for the origin, and visitors get the new files."
	}
	return text
}
