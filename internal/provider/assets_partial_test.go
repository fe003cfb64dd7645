// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
)

// Applies that fail partway, with a real terraform: the state after them, and that
// the next apply sends only the remaining purges.

func TestAChangeOfFingerprintsThatFailsPartway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next := site(prints{"/a.css": "2", "/b.css": "2", "/new ü.css": "1", "/same.css": "1"}, release("1"))
	w.play(
		t,
		step{
			name: "a create", config: site(prints{"/a.css": "1", "/b.css": "1", "/gone.css": "1", "/left.css": "7", "/same.css": "1"}, release("1")),
			sent: journaled(true, 202, "/a.css", "/b.css", "/gone.css", "/left.css", "/same.css"),
		},
		step{
			name: "a failure partway", config: next, before: func() { w.together(5, "/b.css", "/left.css") },
			plan:  []plancheck.PlanCheck{plansPurged(prints{"/a.css": "changed", "/b.css": "changed", "/new ü.css": "added", "/gone.css": "removed", "/left.css": "removed"})},
			fails: containing("Rackspace CDN denied permission", "3 of 5 purges were accepted. The next apply sends the remaining 2.", "403"),
			sent:  append(journaled(true, 202, "/a.css", "/new%20%C3%BC.css", "/gone.css"), journaled(true, 403, "/b.css", "/left.css")...),
		},
		step{
			name: "the next apply sends the rest", config: next, sent: journaled(true, 202, "/b.css", "/left.css"),
			plan: []plancheck.PlanCheck{
				stateWas{
					"assets":  prints{"/a.css": "2", "/b.css": "2", "/new ü.css": "1", "/same.css": "1"},
					"pending": prints{"/b.css": "changed", "/left.css": "removed"},
				},
				plansPurged(prints{"/b.css": "changed", "/left.css": "removed"}),
			},
			state: []statecheck.StateCheck{holds("assets", prints{"/a.css": "2", "/b.css": "2", "/new ü.css": "1", "/same.css": "1"}.exactly())},
		},
	)
}

func TestTriggersAndHardThatFailPartway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.CDN.DeployTime = 0
	three := prints{"/a.css": "1", "/b.css": "1", "/c.css": "1"}
	all := prints{"/a.css": "triggered", "/b.css": "triggered", "/c.css": "triggered"}
	soft := arguments{"hard": "false"}
	w.play(
		t,
		step{name: "a create", config: site(three, release("1")), sent: journaled(true, 202, "/a.css", "/b.css", "/c.css")},
		step{
			name: "triggers, partway", config: site(three, release("2")), before: func() { w.together(3, "/a.css", "/c.css") },
			plan: []plancheck.PlanCheck{plansPurged(all)}, fails: containing("1 of 3 purges was accepted. The next apply sends the remaining 2."),
			sent: append(journaled(true, 202, "/b.css"), journaled(true, 403, "/a.css", "/c.css")...),
		},
		step{
			name: "the rest of the triggers", config: site(three, release("2")), sent: journaled(true, 202, "/a.css", "/c.css"),
			plan: []plancheck.PlanCheck{
				stateWas{"triggers": prints{"release": "2"}, "assets": three, "pending": prints{"/a.css": "triggered", "/c.css": "triggered"}},
				plansPurged(prints{"/a.css": "triggered", "/c.css": "triggered"}),
			},
		},
		step{
			name: "hard = false, which is one purge, and fails as a whole", config: site(three, release("2"), soft),
			before: func() { w.failPurgesAfter(0, cdntest.HTML(http.StatusForbidden)) },
			plan:   []plancheck.PlanCheck{plansSoft(all, 1, "/*")}, fails: containing("Rackspace CDN denied permission"),
			sent: journaled(false, 403, "/*"),
		},
		step{
			name: "and is sent again", config: site(three, release("2"), soft), before: w.CDN.ClearFaults, sent: journaled(false, 202, "/*"),
			plan: []plancheck.PlanCheck{
				stateWas{"hard": nil, "assets": three, "pending": all},
				plansSoft(all, 1, "/*"),
			},
		},
		step{
			name: "no purge is accepted", config: site(three, release("3")), before: func() { w.together(3, "/a.css", "/b.css", "/c.css") },
			plan: []plancheck.PlanCheck{plansPurged(all)}, fails: containing("0 of 3 purges were accepted. The next apply sends all 3."),
			sent: journaled(true, 403, "/a.css", "/b.css", "/c.css"),
		},
		step{
			name: "the state does not change", config: site(three, release("3")), sent: journaled(true, 202, "/a.css", "/b.css", "/c.css"),
			plan: []plancheck.PlanCheck{
				stateWas{
					"triggers": prints{"release": "2"}, "hard": false, "assets": three, "pending": all,
				},
				plansPurged(all),
			},
		},
	)
}

// TestThePreviousTargetThatFailsPartway checks that purges of the previous target,
// which purge_on_destroy sends, are not repeated either.
func TestThePreviousTargetThatFailsPartway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.CDN.DeployTime = 0
	two := prints{"/a.css": "1", "/b.css": "1"}
	here := site(two, release("1"))
	there := site(two, release("2"), arguments{"service_id": `"` + cdntest.OtherID + `"`, "purge_on_destroy": "true"})
	const other = cdntest.OtherID
	w.play(
		t,
		step{name: "a create", config: here, sent: journaled(true, 202, "/a.css", "/b.css")},
		step{
			name: "another service, and a failure with the previous one", config: there, before: func() { w.together(2, "/a.css") },
			fails: containing("1 of 4 purges was accepted. The next apply sends the remaining 3."),
			sent:  append(journaled(true, 202, "/b.css"), journaled(true, 403, "/a.css")...),
		},
		step{
			name: "the rest of the previous one, and then a failure with the new one", config: there,
			before: func() { w.together(1); w.together(2, "/b.css") },
			plan: []plancheck.PlanCheck{
				stateWas{
					"service_id": cdntest.DeployedID, "triggers": prints{"release": "1"},
					"assets": prints{"/a.css": "1"}, "pending": nil,
				},
				plancheck.ExpectKnownValue(theSite, tfjsonpath.New("summary"), knownvalue.StringRegexp(regexp.MustCompile(`: 2 added, 1 removed; 3 purges$`))),
			},
			fails: containing("2 of 3 purges were accepted. The next apply sends the remaining 1."),
			sent:  append(journaled(true, 202, "/a.css"), append(journaledOf(other, true, 202, "/a.css"), journaledOf(other, true, 403, "/b.css")...)...),
		},
		step{
			name: "the rest of the new one", config: there, sent: journaledOf(other, true, 202, "/b.css"),
			plan: []plancheck.PlanCheck{
				stateWas{"service_id": other, "id": other, "triggers": prints{"release": "2"}, "assets": two, "pending": prints{"/b.css": "added"}},
				plansPurged(prints{"/b.css": "added"}),
			},
		},
		step{
			name: "a destroy that fails partway", config: there, destroy: true, before: func() { w.together(2, "/b.css") },
			fails: containing("1 of 2 purges was accepted. The next destroy sends the remaining 1."),
			sent:  append(journaledOf(other, true, 202, "/a.css"), journaledOf(other, true, 403, "/b.css")...),
		},
		step{name: "the rest of it", config: there, destroy: true, sent: journaledOf(other, true, 202, "/b.css")},
	)
}

func TestACreateThatFailsPartway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assets := prints{"/a.css": "1", "/b.css": "1", "/c.css": "1"}
	tf := newTerraform(t, w, site(assets, release("1")))
	w.together(3, "/b.css", "/c.css")
	output, err := tf.run("apply", "-auto-approve", "-no-color")
	if err == nil || !containing("with "+theSite, "1 of 3 purges was accepted. The next apply sends the remaining 2.",
		"If the resource has prevent_destroy or create_before_destroy, run terraform untaint first.").MatchString(output) {
		t.Errorf("the error does not state what to do (%v):\n%s", err, output)
	}
	w.compareSent(t, step{name: "a create that fails partway", sent: append(journaled(true, 202, "/a.css"), journaled(true, 403, "/b.css", "/c.css")...)})
	tf.wantAssets(t, "tainted", assets, prints{"/b.css": "created", "/c.css": "created"})

	w.together(2, "/b.css", "/c.css")
	if output, err := tf.run("apply", "-auto-approve", "-no-color"); err == nil {
		t.Errorf("a replacement that fails succeeds:\n%s", output)
	}
	w.compareSent(t, step{name: "a replacement that fails", sent: journaled(true, 403, "/b.css", "/c.css")})
	tf.wantAssets(t, "tainted", assets, prints{"/b.css": "created", "/c.css": "created"})

	tf.mustRun(t, "apply", "-auto-approve")
	w.compareSent(t, step{name: "the replacement resumes", sent: journaled(true, 202, "/b.css", "/c.css")})
	tf.wantAssets(t, "", assets, nil)
	tf.mustRun(t, "plan", "-detailed-exitcode")
}

// wantAssets compares the status, the assets, and the pending items in the state.
func (tf *terraform) wantAssets(t *testing.T, status string, assets, pending prints) {
	t.Helper()
	type content struct {
		Status     string
		Attributes struct{ Assets, Pending prints }
	}
	var state struct {
		Resources []struct{ Instances []content }
	}
	if err := json.Unmarshal([]byte(tf.mustRun(t, "state", "pull")), &state); err != nil {
		t.Fatal(err)
	}
	want := content{Status: status}
	want.Attributes.Assets, want.Attributes.Pending = assets, pending
	if len(state.Resources) != 1 {
		t.Fatalf("%d resources in the state, want one", len(state.Resources))
	}
	if diff := cmp.Diff([]content{want}, state.Resources[0].Instances); diff != "" {
		t.Errorf("the state (-want +got):\n%s", diff)
	}
}

// failPurgesAfter accepts a number of purges and then handles them with otherwise, until
// ClearFaults.
func (w *world) failPurgesAfter(accepted int64, otherwise http.HandlerFunc) {
	var arrived atomic.Int64
	w.CDN.Fail("purge", -1, func(rw http.ResponseWriter, r *http.Request) {
		if arrived.Add(1) > accepted {
			otherwise(rw, r)
			return
		}
		rw.WriteHeader(http.StatusAccepted)
	})
}

func TestAThousandAssetsAreResumedUntilAllArePurged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := func(fingerprint, release string) string {
		return fmt.Sprintf(`
provider "purge" {
  cdn = { requests_per_minute = 6000 }
}
resource "purge_cdn_asset" "it" {
  service_id      = %q
  purge_on_create = false
  assets          = { for i in range(1000) : "/page ${i}.html" => i %% 2 == 0 ? %q : "same" }
  triggers        = { release = %q }
}
`, cdntest.DeployedID, fingerprint, release)
	}
	tf := newTerraform(t, w, config("1", "1"))
	tf.mustRun(t, "apply", "-auto-approve")
	times := make(map[string]int)
	// apply expects a number of accepted purges out of the wanted ones. Some
	// responses are lost, and these purges are sent again.
	apply := func(accepted, wanted int) {
		t.Helper()
		w.CDN.Fail("purge", 3, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		w.failPurgesAfter(int64(accepted), cdntest.HTML(http.StatusForbidden))
		output, err := tf.run("apply", "-auto-approve", "-no-color")
		message := fmt.Sprintf("%d of %d purges %s accepted. The next apply sends the remaining %d.", accepted, wanted, was(accepted), wanted-accepted)
		if (err != nil) != (accepted < wanted) || err != nil && !containing(message).MatchString(output) {
			t.Fatalf("want %q, got %v:\n%s", message, err, output)
		}
		w.CDN.ClearFaults()
		got := 0
		for _, e := range w.TakeEntries() {
			if e.Status == http.StatusAccepted {
				times[e.Subject]++
				got++
			}
		}
		if got != accepted {
			t.Errorf("%d purges were accepted, want %d", got, accepted)
		}
	}
	tf.write(t, "main.tf", config("2", "1"))
	apply(212, 500)
	apply(288, 288)
	tf.write(t, "main.tf", config("2", "2"))
	apply(912, 1000)
	apply(88, 88)
	tf.mustRun(t, "plan", "-detailed-exitcode")

	for i := range 1000 {
		path := fmt.Sprintf("%s /page%%20%d.html hard=true", cdntest.DeployedID, i)
		if want := 2 - i%2; times[path] != want {
			t.Errorf("%s was accepted %d times, want %d", path, times[path], want)
		}
		delete(times, path)
	}
	if len(times) > 0 {
		t.Errorf("others were purged: %v", times)
	}
}
