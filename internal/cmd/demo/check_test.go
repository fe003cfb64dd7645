// SPDX-License-Identifier: MPL-2.0

package main

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

var (
	mstrLogin  = fake.Entry{System: "mstr", Operation: "login", Status: http.StatusNoContent}
	mstrPurge  = fake.Entry{System: "mstr", Operation: "purge", Subject: "p/object", Status: http.StatusNoContent}
	mstrLogout = fake.Entry{System: "mstr", Operation: "logout", Status: http.StatusNoContent}
	cdnLogin   = fake.Entry{System: "cdn", Operation: "login", Status: http.StatusOK}
	cdnHard    = fake.Entry{System: "cdn", Operation: "purge", Subject: "s /a hard=true", Status: http.StatusAccepted}
	cdnSoft    = fake.Entry{System: "cdn", Operation: "purge", Subject: "s /b hard=false", Status: http.StatusAccepted}
	cdnLook    = fake.Entry{System: "cdn", Operation: "service", Subject: "s", Status: http.StatusOK}
	siteVisit  = fake.Entry{System: "edge", Operation: "get", Subject: "/a", Status: http.StatusOK}
	wpengine   = fake.Entry{System: "wpengine", Operation: "purge", Subject: "i/page", Status: http.StatusAccepted}
)

// busy is a step in which everything happens, and an observation that fits it.
func busy() (expectation, observation) {
	want := expectation{planExit: 2, summary: "Plan: 4 to add", purges: []fake.Entry{mstrPurge, cdnHard, cdnSoft, wpengine}}
	return want, observation{
		plan:    result{exit: 2, stdout: "…\nPlan: 4 to add, 0 to change\n"},
		applied: []fake.Entry{cdnLogin, wpengine, mstrLogin, cdnSoft, cdnLook, cdnLook, cdnLook, mstrPurge, cdnHard, mstrLogout},
	}
}

func without(entries []fake.Entry, e fake.Entry) []fake.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(other fake.Entry) bool { return other == e })
}

func TestWhatIsAsItShouldBeHasNoProblems(t *testing.T) {
	t.Parallel()
	want, o := busy()
	if got := want.problems(o); got != nil {
		t.Errorf("problems of a step that is as it should be: %q", got)
	}
	want.visited, o.applied = true, append(o.applied, siteVisit, siteVisit)
	if got := want.problems(o); got != nil {
		t.Errorf("problems of a step in which the site is looked at: %q", got)
	}
	idle := expectation{summary: "No changes."}
	if got := idle.problems(observation{plan: result{stdout: "No changes. …"}}); got != nil {
		t.Errorf("problems of a step in which nothing happens: %q", got)
	}
}

func TestWhatIsNotAsItShouldBeIsFound(t *testing.T) {
	t.Parallel()
	refused := wpengine
	refused.Status = http.StatusForbidden
	for name, c := range map[string]struct {
		change func(*observation)
		want   []string
	}{
		"a purge did not arrive": {
			func(o *observation) { o.applied = without(o.applied, cdnHard) },
			[]string{`the number of requests "cdn purge s /a hard=true 202 Accepted" is 0, want 1`},
		},
		"a purge arrived twice": {
			func(o *observation) { o.applied = append(o.applied, mstrPurge) },
			[]string{`the number of requests "mstr purge p/object 204 No Content" is 2, want 1`},
		},
		"a purge arrived that nobody wanted": {
			func(o *observation) {
				o.applied = append(o.applied, fake.Entry{System: "wpengine", Operation: "purge", Subject: "i/all", Status: http.StatusAccepted})
			},
			[]string{`the number of requests "wpengine purge i/all 202 Accepted" is 1, want 0`},
		},
		"a purge was answered otherwise": {
			func(o *observation) { o.applied = append(without(o.applied, wpengine), refused) },
			[]string{
				`the number of requests "wpengine purge i/page 202 Accepted" is 0, want 1`,
				`the number of requests "wpengine purge i/page 403 Forbidden" is 1, want 0`,
			},
		},
		"a system was logged in to twice": {
			func(o *observation) { o.applied = append(o.applied, cdnLogin) },
			[]string{`the number of requests "cdn login 200 OK" is 2, want 1`},
		},
		"the session was not ended": {
			func(o *observation) { o.applied, o.openSessions = without(o.applied, mstrLogout), 1 },
			[]string{
				"the number of open MicroStrategy sessions is 1, want 0",
				`the number of requests "mstr logout 204 No Content" is 0, want 1`,
			},
		},
		"a path was asked for that does not exist": {
			func(o *observation) {
				o.applied = append(o.applied, fake.Entry{System: "mstr", Operation: "unknown", Subject: "GET /", Status: http.StatusNotFound})
			},
			[]string{`the number of requests "mstr unknown GET / 404 Not Found" is 1, want 0`},
		},
		"the plan sent something": {
			func(o *observation) { o.planned = []fake.Entry{mstrLogin} },
			[]string{"the number of requests sent by the plan is 1, want 0"},
		},
		"the plan saw no changes": {
			func(o *observation) { o.plan = result{stdout: "No changes."} },
			[]string{"the exit code of the plan is 0, want 2", `the plan does not say "Plan: 4 to add"`},
		},
		"a purge did not wait for the origin": {
			func(o *observation) { o.early = 1 },
			[]string{"the number of purges that did not wait for the origin is 1, want 0"},
		},
		"a visitor gets an old file": {
			func(o *observation) { o.stale = 2 },
			[]string{"the number of old files that visitors get is 2, want 0"},
		},
		"a site was looked at that nobody wanted verified": {
			func(o *observation) { o.applied = append(o.applied, siteVisit) },
			[]string{`the number of requests "edge get /a 200 OK" is 1, want 0`},
		},
		"the apply failed": {
			func(o *observation) { o.apply.exit = 1 },
			[]string{"the exit code of the apply is 1, want 0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, o := busy()
			c.change(&o)
			if diff := cmp.Diff(c.want, want.problems(o)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLooksAtAServiceAreFoundWhereNothingWaitsForIt(t *testing.T) {
	t.Parallel()
	want := expectation{purges: []fake.Entry{cdnHard}}
	got := want.problems(observation{applied: []fake.Entry{cdnLogin, cdnHard, cdnLook}})
	if diff := cmp.Diff([]string{`the number of requests "cdn service s 200 OK" is 1, want 0`}, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	refused := wpengine
	refused.Status = http.StatusForbidden
	for want, purges := range map[string][]fake.Entry{
		"As it should be: nothing was sent.": nil,
		"As it should be: the plan sent nothing, 1 purge was accepted, no MicroStrategy session is open.":                 {wpengine},
		"As it should be: the plan sent nothing, 2 purges were accepted and 1 refused, no MicroStrategy session is open.": {mstrPurge, cdnHard, refused},
	} {
		if got := (expectation{purges: purges}).verdict(); got != want {
			t.Errorf("verdict is %q, want %q", got, want)
		}
	}
}
