// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	tfstate "github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

// deployedSite is a site behind an edge. Its origin lags, and the edge receives the
// purges that the CDN accepts.
type deployedSite struct {
	*world
	edge         *verifytest.Edge
	lost         atomic.Bool // the edge does not receive the purges that the CDN accepts
	origin, site string      // addresses
}

func newDeployed(t *testing.T) *deployedSite {
	t.Helper()
	d := &deployedSite{world: newWorld(t), edge: verifytest.NewEdge()}
	d.CDN.Purged = func(p cdntest.Purge) {
		if !d.lost.Load() {
			d.edge.Purge(p.URL)
		}
	}
	edge, origin := httptest.NewServer(d.edge), httptest.NewServer(d.edge.Origin)
	t.Cleanup(edge.Close)
	t.Cleanup(origin.Close)
	d.site, d.origin = edge.URL, origin.URL
	return d
}

// upload puts files on the origin, which serves them after a delay.
func (d *deployedSite) upload(files prints, lag time.Duration) {
	for path, body := range files {
		d.edge.Origin.Put(path, verifytest.File{Body: body}, lag)
	}
}

// config returns the configuration of the documentation, with the bodies of files.
func (d *deployedSite) config(files prints, release, patience string) string {
	text := ""
	for path, body := range files {
		text += fmt.Sprintf("    %q = %q\n", path, digestOf(body))
	}
	return fmt.Sprintf(`
locals {
  files = {
%[1]s  }
}

resource "purge_verification" "origin" {
  base_url = %[2]q
  assets   = local.files
  timeouts = { create = %[3]q, update = %[3]q }
}

resource "purge_cdn_asset" "site" {
  service_id = %[4]q
  assets     = local.files
  triggers   = { release = %[5]q }
  depends_on = [purge_verification.origin]
}

resource "purge_verification" "edge" {
  base_url  = %[6]q
  assets    = purge_cdn_asset.site.assets
  purged_at = purge_cdn_asset.site.last_purged_at
  timeouts  = { create = %[3]q, update = %[3]q }
}
`, text, d.origin, patience, cdntest.DeployedID, release, d.site)
}

const (
	gateAt  = "purge_verification.origin"
	purgeAt = "purge_cdn_asset.site"
	proofAt = "purge_verification.edge"
)

func summaryEnds(at, text string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(at, tfjsonpath.New("summary"), knownvalue.StringRegexp(regexp.MustCompile(regexp.QuoteMeta(text)+"$")))
}

func plannedIs(gate, purge, proof plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{does(gateAt, gate), does(purgeAt, purge), does(proofAt, proof)}}
}

// TestTheWholeLifeOfAVerification deploys with a real terraform.
func TestTheWholeLifeOfAVerification(t *testing.T) {
	t.Parallel()
	const (
		create, update, none = plancheck.ResourceActionCreate, plancheck.ResourceActionUpdate, plancheck.ResourceActionNoop
		lag                  = 1200 * time.Millisecond
	)
	d := newDeployed(t)
	var uploaded time.Time
	upload := func(files prints) func() {
		return func() {
			uploaded = time.Now()
			d.upload(files, lag)
		}
	}
	one, two, three := prints{"/a": "a1", "/b": "b1"}, prints{"/a": "a2", "/b": "b1"}, prints{"/a": "a3", "/b": "b1"}
	held := func(*tfstate.State) error {
		purges := d.CDN.Purges()
		if last := purges[len(purges)-1].Time; last.Before(uploaded.Add(lag)) {
			return fmt.Errorf("the purge did not wait for the origin: %s after the upload", last.Sub(uploaded))
		}
		return nil
	}
	silent := func() {
		d.edge.Journal.Reset()
		d.edge.Origin.Journal.Reset()
	}
	quiet := func(*tfstate.State) error {
		if looks := append(d.edge.Journal.Select("get"), d.edge.Origin.Journal.Select("get")...); len(looks) > 0 {
			return fmt.Errorf("requested %v", looks)
		}
		return nil
	}
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: d.factories(), Steps: []resource.TestStep{
		{
			PreConfig: upload(one), Config: d.config(one, "1", "1m"), ConfigPlanChecks: plannedIs(create, create, create), Check: held,
			ConfigStateChecks: []statecheck.StateCheck{summaryEnds(gateAt, "2 created; 2 paths"), summaryEnds(proofAt, "2 created; 2 paths")},
		},
		{PreConfig: silent, Config: d.config(one, "1", "1m"), ConfigPlanChecks: plannedIs(none, none, none), Check: quiet},
		{
			PreConfig: upload(prints{"/a": "a2"}), Config: d.config(two, "1", "1m"), ConfigPlanChecks: plannedIs(update, update, update), Check: held,
			ConfigStateChecks: []statecheck.StateCheck{summaryEnds(gateAt, ": 1 changed; 1 path"), summaryEnds(proofAt, ": 1 changed; 1 path")},
		},
		{ // only the purge
			PreConfig: func() { time.Sleep(time.Second) }, Config: d.config(two, "2", "1m"), ConfigPlanChecks: plannedIs(none, update, update),
			ConfigStateChecks: []statecheck.StateCheck{summaryEnds(proofAt, ": 2 triggered; 2 paths")},
		},
		{ // the purge is accepted and has no effect
			PreConfig: func() {
				d.lost.Store(true)
				upload(prints{"/a": "a3"})()
			},
			Config: d.config(three, "2", "3s"), ExpectError: containing("The site does not serve the expected content", "/a: expected content with MD5 digest", "raise timeouts.update and apply again", "purge again", "data source purge_cdn_service"),
		},
		{
			PreConfig: func() { d.edge.PurgeAll() }, Config: d.config(three, "2", "3s"), ConfigPlanChecks: plannedIs(none, none, update),
			ConfigStateChecks: []statecheck.StateCheck{summaryEnds(gateAt, ": 1 changed; 1 path"), summaryEnds(proofAt, ": 1 changed; 1 path")},
		},
		{
			Taint: []string{proofAt}, Config: d.config(three, "2", "3s"),
			ConfigPlanChecks:  plannedIs(none, none, plancheck.ResourceActionDestroyBeforeCreate),
			ConfigStateChecks: []statecheck.StateCheck{summaryEnds(proofAt, "2 created; 2 paths")},
		},
		{ // a removed file
			PreConfig: func() {
				d.lost.Store(false)
				d.edge.Origin.Remove("/b", 0)
			},
			Config: d.config(prints{"/a": "a3"}, "2", "3s"), ConfigPlanChecks: plannedIs(update, update, update),
			ConfigStateChecks: []statecheck.StateCheck{summaryEnds(gateAt, ": 1 removed; 1 path"), summaryEnds(proofAt, ": 1 removed; 1 path")},
		},
	}})
}

// TestAdviceToPurgeAgain follows the advice after a purge without effect: an apply
// without a change only verifies and fails again, but a trigger and -replace purge.
// A tainted resource is replaced, as with -replace.
func TestAdviceToPurgeAgain(t *testing.T) {
	t.Parallel()
	for name, follow := range map[string]func(d *deployedSite, files prints) resource.TestStep{
		"a trigger": func(d *deployedSite, files prints) resource.TestStep {
			return resource.TestStep{Config: d.config(files, "2", "3s")}
		},
		"-replace": func(d *deployedSite, files prints) resource.TestStep {
			return resource.TestStep{Config: d.config(files, "1", "3s"), Taint: []string{purgeAt}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDeployed(t)
			before, after := prints{"/a": "a1"}, prints{"/a": "a2"}
			lost := func() {
				d.lost.Store(true)
				d.upload(after, 0)
			}
			failed := containing("The site does not serve the expected content", "purge again, because the next apply only verifies")
			next := follow(d, after)
			next.PreConfig = func() { d.lost.Store(false) }
			resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: d.factories(), Steps: []resource.TestStep{
				{PreConfig: func() { d.upload(before, 0) }, Config: d.config(before, "1", "1m")},
				{PreConfig: lost, Config: d.config(after, "1", "3s"), ExpectError: failed},
				{PreConfig: func() { d.lost.Store(false) }, Config: d.config(after, "1", "1s"), ExpectError: failed},
				next,
			}})
		})
	}
}

// TestACreateOfAVerificationThatFailsPartwayIsReplaced uses a real terraform, which
// taints it.
func TestACreateOfAVerificationThatFailsPartwayIsReplaced(t *testing.T) {
	t.Parallel()
	d := newDeployed(t)
	d.upload(prints{"/a": "a1"}, 0)
	config := fmt.Sprintf(`
resource "purge_verification" "origin" {
  base_url = %q
  assets   = { "/a" = %q, "/b" = %q }
  timeouts = { create = "2s" }
}
`, d.origin, digestOf("a1"), digestOf("b1"))
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: d.factories(), Steps: []resource.TestStep{
		{Config: config, ExpectError: containing("1 of 2 paths was verified. The next apply verifies the remaining 1.", "/b: expected content with MD5 digest", "got 404 Not Found")},
		{
			PreConfig: func() {
				d.upload(prints{"/b": "b1"}, 0)
				d.edge.Origin.Journal.Reset()
			},
			Config:           config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{does(gateAt, plancheck.ResourceActionDestroyBeforeCreate)}},
			Check: func(*tfstate.State) error {
				for _, look := range d.edge.Origin.Journal.Select("get") {
					if look.Subject != "/b" {
						return fmt.Errorf("the replacement requests %s", look.Subject)
					}
				}
				return nil
			},
		},
	}})
}
