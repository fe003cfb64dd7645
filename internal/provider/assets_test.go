// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
)

// A map of assets with a real terraform: the purges that are sent, and their plans.
// The fake deploys immediately, because soft purges wait for deployments.

const theSite = "purge_cdn_asset.it"

// prints maps paths to fingerprints, or to the reasons to purge them.
type prints map[string]string

func (p prints) String() string {
	var b strings.Builder
	b.WriteString("{\n")
	for _, name := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(&b, "    %q = %q\n", name, p[name])
	}
	return b.String() + "  }"
}

func (p prints) exactly() knownvalue.Check {
	checks := make(map[string]knownvalue.Check)
	for name, value := range p {
		checks[name] = knownvalue.StringExact(value)
	}
	return knownvalue.MapExact(checks)
}

// site declares one resource with assets.
func site(assets prints, more ...arguments) string {
	all := arguments{"service_id": fmt.Sprintf("%q", cdntest.DeployedID), "assets": assets.String()}.with(more...)
	for name, value := range all {
		if value == "" {
			delete(all, name)
		}
	}
	return fmt.Sprintf("resource \"purge_cdn_asset\" \"it\" {\n%s}\n", all)
}

// journaled returns the journal entries of purges of the site with one status.
func journaled(hard bool, status int, paths ...string) []string {
	return journaledOf(cdntest.DeployedID, hard, status, paths...)
}

func journaledOf(service string, hard bool, status int, paths ...string) []string {
	var all []string
	for _, path := range paths {
		all = append(all, fmt.Sprintf("cdn %s %s hard=%t %d", service, path, hard, status))
	}
	return all
}

// plansNoList checks the plan of a single url or of an import.
var plansNoList = plancheck.ExpectKnownValue(theSite, tfjsonpath.New("summary"), knownvalue.Null())

func plansPurged(reasons prints) plancheck.PlanCheck {
	return plancheck.ExpectKnownValue(theSite, tfjsonpath.New("summary"), reasons.counted())
}

// plansSoft checks the plan of a number of purges, one of which invalidates a
// pattern.
func plansSoft(reasons prints, purges int, pattern string) plancheck.PlanCheck {
	return plancheck.ExpectKnownValue(theSite, tfjsonpath.New("summary"), reasons.countedAs(fmt.Sprintf("%s (soft: %s)", count(purges), pattern)))
}

// counted matches the summary of paths with their reasons, with any time of the
// previous purge.
func (p prints) counted() knownvalue.Check { return p.countedAs(count(len(p))) }

func (p prints) countedAs(total string) knownvalue.Check {
	counts := make(map[string]int)
	for _, reason := range p {
		counts[reason]++
	}
	var parts []string
	for _, reason := range reasonOrder {
		if counts[reason] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[reason], reason))
		}
	}
	return knownvalue.StringRegexp(regexp.MustCompile(`^(since [0-9TZ:-]+: )?` + regexp.QuoteMeta(strings.Join(parts, ", ")+"; "+total) + "$"))
}

func holds(attribute string, want knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(theSite, tfjsonpath.New(attribute), want)
}

// stateWas compares attributes of the state before a plan, which the previous apply
// left.
type stateWas map[string]any

func (want stateWas) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	for _, change := range req.Plan.ResourceChanges {
		if change.Address != theSite {
			continue
		}
		before, _ := change.Change.Before.(map[string]any)
		got := make(stateWas)
		for name := range want {
			switch value := before[name].(type) {
			case map[string]any:
				p := make(prints)
				for key, text := range value {
					p[key] = fmt.Sprint(text)
				}
				got[name] = p
			default:
				got[name] = value
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			resp.Error = fmt.Errorf("the state before the plan (-want +got):\n%s", diff)
		}
		return
	}
	resp.Error = fmt.Errorf("%s is not in the plan", theSite)
}

// together responds to the next purges only after a number of them have arrived, so
// all of them are in flight at the same time. It first denies the denied paths
// with a 403, and then accepts the others with a 202.
func (w *world) together(arrivals int, denied ...string) {
	all, denials := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	arrived, left := 0, len(denied)
	w.CDN.Fail("purge", arrivals, func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		arrived++
		if arrived == arrivals {
			close(all)
			if left == 0 {
				close(denials)
			}
		}
		mu.Unlock()
		wait(r, all)
		path, _ := url.PathUnescape(r.URL.Query().Get("url"))
		if !slices.Contains(denied, path) {
			wait(r, denials)
			rw.WriteHeader(http.StatusAccepted)
			return
		}
		cdntest.HTML(http.StatusForbidden)(rw, r)
		_ = http.NewResponseController(rw).Flush()
		mu.Lock()
		defer mu.Unlock()
		left--
		if left == 0 {
			close(denials)
		}
	})
}

// wait returns when the request ends, too.
func wait[T any](r *http.Request, until <-chan T) {
	select {
	case <-until:
	case <-r.Context().Done():
	}
}

func TestOnlyAssetsThatChangedArePurged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.CDN.DeployTime = 0
	unmoved, unchanged := statecheck.CompareValue(compare.ValuesSame()), statecheck.CompareValue(compare.ValuesSame())
	update := does(theSite, plancheck.ResourceActionUpdate)
	third := prints{"/new.css": "1", "/the logo ü.png": "2", "/same.html": "1"}
	respelled := prints{"/new.css": "1", "/the%20logo%20%c3%bc.png": "2", "/same.html": "1"}
	keep := arguments{"purge_on_destroy": "true", "timeouts": `{ update = "30m" }`}
	w.play(
		t,
		step{
			name: "a create purges all", config: site(prints{"/gone.js": "1", "/the logo ü.png": "1", "/same.html": "1"}, release("1")),
			plan: []plancheck.PlanCheck{
				does(theSite, plancheck.ResourceActionCreate),
				plansPurged(prints{"/gone.js": "created", "/the logo ü.png": "created", "/same.html": "created"}),
				plancheck.ExpectKnownValue(theSite, idPath, knownvalue.StringExact(cdntest.DeployedID)),
				plancheck.ExpectUnknownValue(theSite, purgedAt),
			},
			sent: journaled(true, 202, "/gone.js", "/the%20logo%20%C3%BC.png", "/same.html"),
			state: []statecheck.StateCheck{
				holds("summary", prints{"/gone.js": "created", "/the logo ü.png": "created", "/same.html": "created"}.counted()),
				holds("id", knownvalue.StringExact(cdntest.DeployedID)),
				holds("url", knownvalue.Null()),
				holds("last_purged_at", rfc3339UTC),
			},
		},
		step{
			name: "an update purges the paths that were added, changed, or removed", config: site(third, release("1")),
			plan: []plancheck.PlanCheck{update, plansPurged(prints{"/new.css": "added", "/the logo ü.png": "changed", "/gone.js": "removed"})},
			sent: journaled(true, 202, "/new.css", "/the%20logo%20%C3%BC.png", "/gone.js"),
			state: []statecheck.StateCheck{
				holds("assets", third.exactly()),
				unmoved.AddStateValue(theSite, purgedAt), unchanged.AddStateValue(theSite, tfjsonpath.New("summary")),
			},
		},
		step{
			name: "an argument that purges nothing does not change the summary", config: site(third, release("1"), keep),
			plan: []plancheck.PlanCheck{
				update, plansPurged(prints{"/new.css": "added", "/the logo ü.png": "changed", "/gone.js": "removed"}),
				plancheck.ExpectKnownValue(theSite, purgedAt, rfc3339UTC),
			},
			state: []statecheck.StateCheck{unmoved.AddStateValue(theSite, purgedAt), unchanged.AddStateValue(theSite, tfjsonpath.New("summary"))},
		},
		step{
			name: "another spelling of a path does not change it either", config: site(respelled, release("1")),
			plan: []plancheck.PlanCheck{update, plansPurged(prints{"/new.css": "added", "/the logo ü.png": "changed", "/gone.js": "removed"})},
			state: []statecheck.StateCheck{
				holds("assets", respelled.exactly()),
				unmoved.AddStateValue(theSite, purgedAt), unchanged.AddStateValue(theSite, tfjsonpath.New("summary")),
			},
		},
		step{
			name:   "triggers purge all, each for its own reason",
			config: site(prints{"/new.css": "2", "/the logo ü.png": "2"}, release("2")),
			plan:   []plancheck.PlanCheck{update, plansPurged(prints{"/new.css": "changed", "/the logo ü.png": "triggered", "/same.html": "removed"})},
			sent:   journaled(true, 202, "/new.css", "/the%20logo%20%C3%BC.png", "/same.html"),
		},
		step{
			name:   "so does another hard, which decides how",
			config: site(prints{"/new.css": "2", "/img/*": "1"}, release("2"), arguments{"hard": "false"}),
			plan:   []plancheck.PlanCheck{update, plansSoft(prints{"/new.css": "triggered", "/img/*": "added", "/the logo ü.png": "removed"}, 1, "/*")},
			sent:   journaled(false, 202, "/*"),
		},
		step{
			name:   "a wildcard that is removed is sent soft where hard is true now",
			config: site(prints{"/new.css": "2"}, release("2")),
			plan:   []plancheck.PlanCheck{update, plansSoft(prints{"/new.css": "triggered", "/img/*": "removed"}, 2, "/img/*")},
			sent:   append(journaled(true, 202, "/new.css"), journaled(false, 202, "/img/*")...),
		},
		step{
			name: "an empty map purges the previous paths", config: site(nil, release("2")),
			plan:  []plancheck.PlanCheck{update, plansPurged(prints{"/new.css": "removed"})},
			sent:  journaled(true, 202, "/new.css"),
			state: []statecheck.StateCheck{holds("assets", prints{}.exactly()), holds("summary", prints{"/new.css": "removed"}.counted())},
		},
		step{
			name: "triggers with an empty map purge nothing", config: site(nil, release("3")),
			plan: []plancheck.PlanCheck{update, plansPurged(prints{"/new.css": "removed"})},
		},
	)
}

func TestAssetsThatAreOnlyRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	later := arguments{"purge_on_create": "false"}
	fingerprint := func(value string) string {
		return fmt.Sprintf("resource \"terraform_data\" \"build\" {\n  input = %q\n}\n", value) +
			strings.ReplaceAll(site(prints{"/a.css": "FROM BUILD", "/b.css": "1"}, later), `"FROM BUILD"`, "terraform_data.build.output")
	}
	unmoved := statecheck.CompareValue(compare.ValuesSame())
	unknownPurges := []plancheck.PlanCheck{
		does(theSite, plancheck.ResourceActionUpdate),
		plancheck.ExpectUnknownValue(theSite, tfjsonpath.New("summary")),
		plancheck.ExpectUnknownValue(theSite, purgedAt),
		plancheck.ExpectKnownValue(theSite, idPath, knownvalue.StringExact(cdntest.DeployedID)),
		plancheck.ExpectKnownValue(theSite, tfjsonpath.New("service_id"), knownvalue.StringExact(cdntest.DeployedID)),
		plancheck.ExpectKnownValue(theSite, tfjsonpath.New("assets").AtMapKey("/b.css"), knownvalue.StringExact("1")),
	}
	w.play(
		t,
		step{
			name: "purge_on_create = false records, and the plan shows it with an unknown fingerprint", config: fingerprint("1"),
			plan: []plancheck.PlanCheck{
				does(theSite, plancheck.ResourceActionCreate), plancheck.ExpectKnownValue(theSite, tfjsonpath.New("summary"), knownvalue.StringExact(nothingPurged)),
				plancheck.ExpectKnownValue(theSite, purgedAt, knownvalue.Null()),
			},
			state: []statecheck.StateCheck{
				holds("assets", prints{"/a.css": "1", "/b.css": "1"}.exactly()), holds("summary", knownvalue.StringExact(nothingPurged)),
				holds("last_purged_at", knownvalue.Null()),
			},
		},
		step{
			name: "an unknown fingerprint that turns out different", config: fingerprint("2"), plan: unknownPurges,
			sent:  journaled(true, 202, "/a.css"),
			state: []statecheck.StateCheck{holds("summary", prints{"/a.css": "changed"}.counted()), unmoved.AddStateValue(theSite, purgedAt)},
		},
		step{
			name: "an unknown fingerprint that turns out equal is not an update", plan: unknownPurges,
			config: strings.Replace(fingerprint("2"), "input =", "triggers_replace = \"anew\"\n  input =", 1),
			state:  []statecheck.StateCheck{holds("summary", prints{"/a.css": "changed"}.counted()), unmoved.AddStateValue(theSite, purgedAt)},
		},
	)
}

func TestUnknownFingerprintsOfACreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := "resource \"terraform_data\" \"build\" {\n  input = \"1\"\n}\n" +
		strings.ReplaceAll(site(prints{"/a.css": "FROM BUILD", "/b.css": "1"}, release("1")), `"FROM BUILD"`, "terraform_data.build.output")
	w.play(t, step{
		name: "only summary and last_purged_at are unknown", config: config, sent: journaled(true, 202, "/a.css", "/b.css"),
		plan: []plancheck.PlanCheck{
			plancheck.ExpectUnknownValue(theSite, tfjsonpath.New("summary")), plancheck.ExpectUnknownValue(theSite, purgedAt),
			plancheck.ExpectKnownValue(theSite, idPath, knownvalue.StringExact(cdntest.DeployedID)),
			plancheck.ExpectKnownValue(theSite, tfjsonpath.New("triggers"), releaseIs("1")),
		},
		state: []statecheck.StateCheck{holds("summary", prints{"/a.css": "created", "/b.css": "created"}.counted())},
	})
}

func TestAnImportOfAssetsRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	adopt := fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", theSite, strings.ToUpper(cdntest.DeployedID))
	assets := prints{"/a.css": "1", "/b.css": "1"}
	w.play(
		t,
		step{
			name: "an import records without purging", config: adopt + site(assets, release("1")),
			plan: []plancheck.PlanCheck{
				does(theSite, plancheck.ResourceActionUpdate), plansNoList,
				stateWas{"assets": prints{}, "url": nil, "id": cdntest.DeployedID, "triggers": nil},
			},
			state: []statecheck.StateCheck{holds("assets", assets.exactly()), holds("summary", knownvalue.Null()), holds("last_purged_at", knownvalue.Null())},
		},
		step{
			name: "the next change purges as usual", config: site(prints{"/a.css": "2", "/b.css": "1"}, release("1")),
			plan: []plancheck.PlanCheck{plansPurged(prints{"/a.css": "changed"})}, sent: journaled(true, 202, "/a.css"),
		},
	)
}

func TestBetweenURLAndAssets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := func(more ...arguments) string {
		return site(nil, append([]arguments{{"assets": "", "url": `"/one.css"`}}, more...)...)
	}
	update := does(theSite, plancheck.ResourceActionUpdate)
	both := prints{"/a.css": "1", "/b.css": "1"}
	w.play(
		t,
		step{
			name: "one url", config: one(), sent: journaled(true, 202, "/one.css"),
			plan:  []plancheck.PlanCheck{plansNoList},
			state: []statecheck.StateCheck{holds("id", knownvalue.StringExact(cdntest.DeployedID+"/one.css"))},
		},
		step{
			name: "changes to assets in place", config: site(both), sent: journaled(true, 202, "/a.css", "/b.css"),
			plan: []plancheck.PlanCheck{
				update, plansPurged(prints{"/a.css": "added", "/b.css": "added"}),
				plancheck.ExpectKnownValue(theSite, idPath, knownvalue.StringExact(cdntest.DeployedID)),
			},
		},
		step{
			name:   "and one again, with purge_on_destroy after those it was for",
			config: one(arguments{"purge_on_destroy": "true"}), sent: journaled(true, 202, "/a.css", "/b.css", "/one.css"),
			plan:  []plancheck.PlanCheck{update, plansNoList},
			state: []statecheck.StateCheck{holds("assets", knownvalue.Null()), holds("url", knownvalue.StringExact("/one.css"))},
		},
		step{
			name: "another service and the previous one are purged", sent: append(journaled(true, 202, "/one.css"), journaledOf(cdntest.OtherID, true, 202, "/a.css", "/b.css")...),
			config: site(both, arguments{"service_id": `"` + cdntest.OtherID + `"`, "purge_on_destroy": "true"}),
			plan:   []plancheck.PlanCheck{update, plansPurged(prints{"/a.css": "added", "/b.css": "added", "/one.css": "removed"})},
		},
		step{
			name: "a destroy with purge_on_destroy purges all", destroy: true, sent: journaledOf(cdntest.OtherID, true, 202, "/a.css", "/b.css"),
			config: site(both, arguments{"service_id": `"` + cdntest.OtherID + `"`, "purge_on_destroy": "true"}),
		},
	)
}

func TestInvalidAssets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unknownURL := "resource \"terraform_data\" \"late\" {\n  input = \"/late.css\"\n}\n"
	w.play(
		t,
		step{
			name: "two spellings of one path", config: site(prints{"/the logo.png": "1", "/the%20logo.png": "1", "/a.css": "1"}),
			fails: containing("One asset twice", `assets contains "/the logo.png" and "/the%20logo.png", which are two spellings of one path.`),
		},
		step{
			name: "url and assets, reported when the second one is known", config: unknownURL + site(prints{"/a.css": "1"}, arguments{"url": "terraform_data.late.output"}),
			fails: containing("Both url and assets"),
		},
	)
}

// olderState was written by a version without assets and summary.
const olderState = `{
  "version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "7a0c9a38-1a77-45a1-9c6a-2d0b4c1e5f66", "outputs": {},
  "resources": [{
    "mode": "managed", "type": "purge_cdn_asset", "name": "it", "provider": "provider[\"registry.terraform.io/cachepurge/purge\"]",
    "instances": [{ "schema_version": 0, "sensitive_attributes": [], "attributes": {
      "hard": null, "id": "96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0/one.css", "last_purged_at": "2025-11-02T10:00:00Z",
      "purge_on_create": true, "purge_on_destroy": null, "service_id": "96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0",
      "timeouts": null, "triggers": {"release": "1"}, "url": "/one.css", "wait_until_deployed": null
    }}]
  }]
}`

func TestAStateOfAVersionWithoutAssets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := arguments{"assets": "", "url": `"/one.css"`}
	tf := newTerraform(t, w, site(nil, url, release("1")))
	if tf.Tofu {
		tf.write(t, "terraform.tfstate", strings.ReplaceAll(olderState, "registry.terraform.io", "registry.opentofu.org"))
	} else {
		tf.write(t, "terraform.tfstate", olderState)
	}
	tf.mustRun(t, "plan", "-detailed-exitcode") // exit code 2 would mean changes
	w.compareSent(t, step{name: "a plan without changes"})

	tf.write(t, "main.tf", site(prints{"/a.css": "1"}, release("1")))
	tf.mustRun(t, "apply", "-auto-approve")
	w.compareSent(t, step{name: "the first apply with assets", sent: journaled(true, 202, "/a.css")})
}

func TestTheEstimateIsInThePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assets := make(prints)
	for i := range 41 {
		assets[fmt.Sprintf("/%d.css", i)] = "1"
	}
	tf := newTerraform(t, w, site(assets, arguments{"timeouts": `{ create = "90s" }`}))
	warning := containing("The timeout is too short for all purges", "with "+theSite, "sends 41 purges.", "at least 2 minutes, but timeouts.create is 1 minute and 30 seconds.", "wildcard path with hard = false")
	if output := tf.mustRun(t, "plan", "-no-color"); !warning.MatchString(output) {
		t.Errorf("the plan does not warn of the timeout:\n%s", output)
	}
	tf.write(t, "main.tf", site(assets))
	if output := tf.mustRun(t, "plan", "-no-color"); strings.Contains(output, "timeout") {
		t.Errorf("the plan warns of the default timeout:\n%s", output)
	}
	w.compareSent(t, step{name: "plans"})
}
