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
	cdnStatus  = fake.Entry{System: "cdn", Operation: "service", Subject: "s", Status: http.StatusOK}
	siteVisit  = fake.Entry{System: "edge", Operation: "get", Subject: "/a", Status: http.StatusOK}
	wpengine   = fake.Entry{System: "wpengine", Operation: "purge", Subject: "i/page", Status: http.StatusAccepted}
)

// busy is a step with every kind of purge, and an observation without problems.
func busy() (expectation, observation) {
	want := expectation{planExit: 2, summary: "Plan: 4 to add", purges: []fake.Entry{mstrPurge, cdnHard, cdnSoft, wpengine}}
	return want, observation{
		plan:    result{exit: 2, stdout: "…\nPlan: 4 to add, 0 to change\n"},
		applied: []fake.Entry{cdnLogin, wpengine, mstrLogin, cdnSoft, cdnStatus, cdnStatus, cdnStatus, mstrPurge, cdnHard, mstrLogout},
	}
}

func without(entries []fake.Entry, e fake.Entry) []fake.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(other fake.Entry) bool { return other == e })
}

func TestProblemsOfGoodSteps(t *testing.T) {
	t.Parallel()
	want, o := busy()
	if got := want.problems(o); got != nil {
		t.Errorf("problems of a step with all purges: %q", got)
	}
	want.visited, o.applied = true, append(o.applied, siteVisit, siteVisit)
	if got := want.problems(o); got != nil {
		t.Errorf("problems of a step with visits: %q", got)
	}
	idle := expectation{summary: "No changes."}
	if got := idle.problems(observation{plan: result{stdout: "No changes. …"}}); got != nil {
		t.Errorf("problems of a step without requests: %q", got)
	}
}

func TestProblemsOfBadSteps(t *testing.T) {
	t.Parallel()
	denied := wpengine
	denied.Status = http.StatusForbidden
	for name, c := range map[string]struct {
		change func(*observation)
		want   []string
	}{
		"missing purge": {
			func(o *observation) { o.applied = without(o.applied, cdnHard) },
			[]string{`requests "cdn purge s /a hard=true 202 Accepted": got 0, want 1`},
		},
		"duplicate purge": {
			func(o *observation) { o.applied = append(o.applied, mstrPurge) },
			[]string{`requests "mstr purge p/object 204 No Content": got 2, want 1`},
		},
		"unexpected purge": {
			func(o *observation) {
				o.applied = append(o.applied, fake.Entry{System: "wpengine", Operation: "purge", Subject: "i/all", Status: http.StatusAccepted})
			},
			[]string{`requests "wpengine purge i/all 202 Accepted": got 1, want 0`},
		},
		"purge with another status": {
			func(o *observation) { o.applied = append(without(o.applied, wpengine), denied) },
			[]string{
				`requests "wpengine purge i/page 202 Accepted": got 0, want 1`,
				`requests "wpengine purge i/page 403 Forbidden": got 1, want 0`,
			},
		},
		"duplicate login": {
			func(o *observation) { o.applied = append(o.applied, cdnLogin) },
			[]string{`requests "cdn login 200 OK": got 2, want 1`},
		},
		"missing logout": {
			func(o *observation) { o.applied, o.openSessions = without(o.applied, mstrLogout), 1 },
			[]string{
				"open MicroStrategy sessions: got 1, want 0",
				`requests "mstr logout 204 No Content": got 0, want 1`,
			},
		},
		"request to an unknown path": {
			func(o *observation) {
				o.applied = append(o.applied, fake.Entry{System: "mstr", Operation: "unknown", Subject: "GET /", Status: http.StatusNotFound})
			},
			[]string{`requests "mstr unknown GET / 404 Not Found": got 1, want 0`},
		},
		"request during the plan": {
			func(o *observation) { o.planned = []fake.Entry{mstrLogin} },
			[]string{"requests during the plan: got 1, want 0"},
		},
		"plan without changes": {
			func(o *observation) { o.plan = result{stdout: "No changes."} },
			[]string{"exit code of the plan: got 0, want 2", `plan output does not contain "Plan: 4 to add"`},
		},
		"purge before the origin served the files": {
			func(o *observation) { o.early = 1 },
			[]string{"purges before the origin served the files: got 1, want 0"},
		},
		"visitors with old content": {
			func(o *observation) { o.stale = 2 },
			[]string{"responses with old content after the apply: got 2, want 0"},
		},
		"unexpected visit": {
			func(o *observation) { o.applied = append(o.applied, siteVisit) },
			[]string{`requests "edge get /a 200 OK": got 1, want 0`},
		},
		"failed apply": {
			func(o *observation) { o.apply.exit = 1 },
			[]string{"exit code of the apply: got 1, want 0"},
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

func TestStatusCheckWithoutSoftPurge(t *testing.T) {
	t.Parallel()
	want := expectation{purges: []fake.Entry{cdnHard}}
	got := want.problems(observation{applied: []fake.Entry{cdnLogin, cdnHard, cdnStatus}})
	if diff := cmp.Diff([]string{`requests "cdn service s 200 OK": got 1, want 0`}, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	denied := wpengine
	denied.Status = http.StatusForbidden
	for want, purges := range map[string][]fake.Entry{
		"OK: no requests were sent.": nil,
		"OK: the plan sent no requests, 1 purge was accepted, and no MicroStrategy session is open.":                 {wpengine},
		"OK: the plan sent no requests, 2 purges were accepted, 1 was denied, and no MicroStrategy session is open.": {mstrPurge, cdnHard, denied},
	} {
		if got := (expectation{purges: purges}).verdict(); got != want {
			t.Errorf("verdict is %q, want %q", got, want)
		}
	}
}
