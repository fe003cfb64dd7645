// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
)

// The deployment of the service, which only soft purges have.

func softAsset(more arguments) string {
	return "resource \"purge_cdn_asset\" \"it\" {\n" + arguments{
		"service_id": `"` + cdntest.DeployedID + `"`, "url": `"/css/*"`, "hard": "false",
	}.with(more).String() + "}\n"
}

func softPurge(status int) []string {
	return []string{fmt.Sprintf("cdn %s /css/* hard=false %d", cdntest.DeployedID, status)}
}

func TestASoftPurgeWhoseDeploymentFailsIsSentAgain(t *testing.T) {
	t.Parallel()
	const at = "purge_cdn_asset.it"
	w := newWorld(t)
	w.play(
		t,
		step{
			name: "a create whose deployment fails", config: softAsset(release("1")), sent: softPurge(202),
			before: func() { w.CDN.FailNextDeploy("the edge is full") },
			fails:  containing("Rackspace CDN cannot purge this now", "the service has the status failed: the edge is full"),
		},
		step{
			name: "is created again", config: softAsset(release("1")), sent: softPurge(202),
			before: func() { w.CDN.SetStatus(cdntest.DeployedID, cdntest.StatusDeployed) },
			plan:   []plancheck.PlanCheck{does(at, plancheck.ResourceActionCreate)},
		},
		step{
			name: "an update whose deployment fails", config: softAsset(release("2")), sent: softPurge(202),
			before: func() { w.CDN.FailNextDeploy("the edge is full") },
			fails:  containing("the service has the status failed: the edge is full"),
		},
		step{
			name: "is sent again", config: softAsset(release("2")), sent: softPurge(202),
			before: func() { w.CDN.SetStatus(cdntest.DeployedID, cdntest.StatusDeployed) },
			plan:   []plancheck.PlanCheck{does(at, plancheck.ResourceActionUpdate)},
		},
	)
}

func TestASoftPurgeThatIsNotDeployed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		more   arguments
		before func(*world)
	}{
		"without a wait": {
			arguments{"wait_until_deployed": "false"},
			func(w *world) { w.CDN.DeployTime = time.Hour },
		},
		"because it failed, without a wait": {
			arguments{"wait_until_deployed": "false"},
			func(w *world) { w.CDN.FailNextDeploy("the edge is full") },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			test.before(w)
			w.play(t, step{
				name: name, config: softAsset(test.more), sent: softPurge(202),
				state: []statecheck.StateCheck{statecheck.ExpectKnownValue("purge_cdn_asset.it", purgedAt, rfc3339UTC)},
			})
		})
	}
}

func TestASoftPurgeThatIsNotDeployedWithinTheTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.CDN.DeployTime = time.Hour
	tf := newTerraform(t, w, softAsset(arguments{"timeouts": `{ create = "1s" }`}))
	output := tf.mustRun(t, "apply", "-auto-approve", "-no-color")
	if !containing("Warning: Purge accepted, deployment not confirmed", "service "+cdntest.DeployedID+" deployed").MatchString(output) {
		t.Errorf("there is no warning:\n%s", output)
	}
	tf.mustRun(t, "plan", "-detailed-exitcode")
	w.compareSent(t, step{name: "an apply with a warning", sent: softPurge(202)})
}

// TestADisabledServiceIsPurged has a service that the operator has disabled. It
// accepts purges and does not show whether they are deployed.
func TestADisabledServiceIsPurged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.speak(t)
	config := object{"service_id": cdntest.DisabledID, "url": "/css/*", "hard": false}
	_, planned, applied := p.deploy(nil, config)
	wantReported(t, "the plan", planned)
	wantReported(t, "the apply", applied, "warning: Purge accepted, deployment not confirmed: Rackspace CDN accepted the invalidation, "+
		"but the provider did not see service "+cdntest.DisabledID+" deployed: the service is disabled, which hides whether it is deployed.")
	w.compareSent(t, step{name: "a soft purge", sent: []string{"cdn " + cdntest.DisabledID + " /css/* hard=false 202"}})
	_, _, applied = w.speak(t).deploy(nil, object{"service_id": cdntest.DisabledID, "url": "/a.css", "wait_until_deployed": false, "hard": false})
	wantReported(t, "the apply", applied)
}
