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

// expectation is the expected result of a step. In every step, the plan sends no
// requests, all purges of a system share one login, and no session stays open.
type expectation struct {
	planExit  int    // of plan -detailed-exitcode: 0 for no changes, 2 for some
	summary   string // the line of the plan that counts the changes
	applyExit int
	purges    []fake.Entry // in any order
	visited   bool         // any number of requests to the site is allowed
}

// observation is the actual result of a step.
type observation struct {
	plan, apply  result
	planned      []fake.Entry // requests of the plan
	applied      []fake.Entry // requests of the apply
	openSessions int          // of MicroStrategy, after the apply
	early        int          // purges before the origin served the files
	stale        int          // responses with old content after the apply
}

// problems returns the differences between the expectation and an observation.
func (e expectation) problems(o observation) []string {
	var found []string
	differ := func(what string, want, got int) {
		if want != got {
			found = append(found, fmt.Sprintf("%s: got %d, want %d", what, got, want))
		}
	}
	differ("exit code of the plan", e.planExit, o.plan.exit)
	if !strings.Contains(o.plan.stdout, e.summary) {
		found = append(found, fmt.Sprintf("plan output does not contain %q", e.summary))
	}
	differ("requests during the plan", 0, len(o.planned))
	differ("exit code of the apply", e.applyExit, o.apply.exit)
	differ("open MicroStrategy sessions", 0, o.openSessions)
	differ("purges before the origin served the files", 0, o.early)
	differ("responses with old content after the apply", 0, o.stale)

	want, got := count(e.requests()), count(o.applied)
	maps.DeleteFunc(got, func(r fake.Entry, _ int) bool {
		return e.awaitsDeployment() && isStatusCheck(r) || e.visited && isVisit(r)
	})
	requests := make(map[fake.Entry]bool)
	for r := range want {
		requests[r] = true
	}
	for r := range got {
		requests[r] = true
	}
	for _, r := range slices.SortedFunc(maps.Keys(requests), compare) {
		differ("requests \""+row(r)+"\"", want[r], got[r])
	}
	return found
}

// requests returns the purges, one login for each system that has sessions or
// tokens, and one logout for each session.
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

// awaitsDeployment reports whether the provider gets the status of a service
// until the service is deployed.
func (e expectation) awaitsDeployment() bool {
	return slices.ContainsFunc(e.purges, func(p fake.Entry) bool { return strings.HasSuffix(p.Subject, "hard=false") })
}

func isStatusCheck(r fake.Entry) bool {
	return r.System == "cdn" && r.Operation == "service" && r.Status == http.StatusOK
}

func isVisit(r fake.Entry) bool { return r.Operation == "get" }

// count counts identical requests, regardless of their time.
func count(entries []fake.Entry) map[fake.Entry]int {
	counts := make(map[fake.Entry]int)
	for _, e := range entries {
		counts[fake.Entry{System: e.System, Operation: e.Operation, Subject: e.Subject, Status: e.Status}]++
	}
	return counts
}

func compare(a, b fake.Entry) int { return strings.Compare(row(a), row(b)) }

// verdict describes a step without problems.
func (e expectation) verdict() string {
	if len(e.purges) == 0 {
		return "OK: no requests were sent."
	}
	denied := 0
	for _, p := range e.purges {
		if p.Status >= http.StatusBadRequest {
			denied++
		}
	}
	accepted := fmt.Sprintf("%d purges were accepted", len(e.purges)-denied)
	if len(e.purges)-denied == 1 {
		accepted = "1 purge was accepted"
	}
	if denied > 0 {
		accepted += fmt.Sprintf(", %d was denied", denied)
	}
	text := "OK: the plan sent no requests, " + accepted + ", and no MicroStrategy session is open."
	if e.visited {
		text += "\nThe purge waited for the origin, and visitors get the new files."
	}
	return text
}
