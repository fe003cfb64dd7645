// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// The guarantees in ARCHITECTURE.md, over the life of every target.

var (
	rfc3339UTC = knownvalue.StringRegexp(regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`))
	idPath     = tfjsonpath.New("id")
	purgedAt   = tfjsonpath.New("last_purged_at")
)

func releaseIs(value string) knownvalue.Check {
	return knownvalue.MapExact(map[string]knownvalue.Check{"release": knownvalue.StringExact(value)})
}

func does(address string, action plancheck.ResourceActionType) plancheck.PlanCheck {
	return plancheck.ExpectResourceAction(address, action)
}

func TestOnlyChangedTriggersPurgeAgain(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		at := f.address()
		updates := []plancheck.PlanCheck{does(at, plancheck.ResourceActionUpdate), plancheck.ExpectUnknownValue(at, purgedAt)}
		unmoved := statecheck.CompareValue(compare.ValuesSame())
		timeouts := arguments{"timeouts": `{ create = "7m", update = "8m", delete = "9m" }`}
		w.play(
			t,
			step{
				name: "a create purges", config: f.config(f.here, release("1")), sent: []string{f.purgedHere},
				plan: []plancheck.PlanCheck{
					does(at, plancheck.ResourceActionCreate),
					plancheck.ExpectKnownValue(at, idPath, knownvalue.StringExact(f.hereID)),
					plancheck.ExpectUnknownValue(at, purgedAt),
				},
				state: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(at, idPath, knownvalue.StringExact(f.hereID)),
					statecheck.ExpectKnownValue(at, purgedAt, rfc3339UTC),
					statecheck.ExpectKnownValue(at, tfjsonpath.New("purge_on_create"), knownvalue.Bool(true)),
					statecheck.ExpectKnownValue(at, tfjsonpath.New("purge_on_destroy"), knownvalue.Null()),
					statecheck.ExpectKnownValue(at, tfjsonpath.New("triggers"), releaseIs("1")),
				},
			},
			step{
				name: "an apply without changes sends nothing", config: f.config(f.here, release("1")),
				plan: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
			step{
				name: "an update whose purge is denied", before: f.deny, config: f.config(f.here, release("2")),
				plan: updates, fails: containing("denied permission"), sent: []string{f.deniedHere},
			},
			step{
				name: "keeps the old triggers, so the next apply purges", config: f.config(f.here, release("2")),
				plan: append(updates, priorTriggers{at, map[string]any{"release": "1"}}), sent: []string{f.purgedHere},
				state: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(at, tfjsonpath.New("triggers"), releaseIs("2")),
					unmoved.AddStateValue(at, purgedAt),
				},
			},
			step{
				name:   "timeouts, waiting and purge_on_destroy concern no purge",
				config: f.config(f.here, release("2"), timeouts, f.quiet, arguments{"purge_on_destroy": "true"}),
				plan: []plancheck.PlanCheck{
					does(at, plancheck.ResourceActionUpdate),
					plancheck.ExpectKnownValue(at, purgedAt, rfc3339UTC),
				},
				state: []statecheck.StateCheck{unmoved.AddStateValue(at, purgedAt)},
			},
			step{
				name:   "another spelling of the same shows no difference",
				config: f.config(f.respelled, release("2"), timeouts, f.quiet, arguments{"purge_on_destroy": "true"}),
				plan:   []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
				state: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(at, idPath, knownvalue.StringExact(f.hereID)),
					unmoved.AddStateValue(at, purgedAt),
				},
			},
			step{
				name:   "another target is purged in place, and the former one with purge_on_destroy",
				config: f.config(f.there, release("2"), arguments{"purge_on_destroy": "true"}),
				plan: []plancheck.PlanCheck{
					does(at, plancheck.ResourceActionUpdate),
					plancheck.ExpectKnownValue(at, idPath, knownvalue.StringExact(f.thereID)),
				},
				sent:  []string{f.purgedHere, f.purgedThere},
				state: []statecheck.StateCheck{statecheck.ExpectKnownValue(at, idPath, knownvalue.StringExact(f.thereID))},
			},
			step{
				name:   "another target, without purge_on_destroy",
				config: f.config(f.here, release("2")), sent: []string{f.purgedHere},
				plan: updates,
			},
			step{
				name: "a destroy sends nothing", config: f.config(f.here, release("2")), destroy: true,
			},
		)
	})
}

func TestAFailedCreateIsCreatedAgain(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		at := f.address()
		config := f.config(f.here, release("1"), arguments{"purge_on_destroy": "true"})
		w.play(
			t,
			step{
				name: "a create that is denied", before: f.deny, config: config,
				fails: containing("denied permission"), sent: []string{f.deniedHere},
			},
			step{
				name: "leaves no state", config: config, sent: []string{f.purgedHere},
				plan: []plancheck.PlanCheck{does(at, plancheck.ResourceActionCreate)},
			},
			step{
				name: "a destroy that is denied", before: f.deny, config: config, destroy: true,
				plan:  []plancheck.PlanCheck{does(at, plancheck.ResourceActionDestroy)},
				fails: containing("denied permission"), sent: []string{f.deniedHere},
			},
			step{
				name: "is retried, and purges with purge_on_destroy", config: config, destroy: true,
				plan: []plancheck.PlanCheck{does(at, plancheck.ResourceActionDestroy)},
				sent: []string{f.purgedHere},
			},
		)
	})
}

func TestPurgeOnCreateFalseOnlyRecords(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		at, later := f.address(), arguments{"purge_on_create": "false"}
		steps := []step{
			{
				name: "a create only records", config: f.config(f.here, later),
				plan: []plancheck.PlanCheck{
					does(at, plancheck.ResourceActionCreate),
					plancheck.ExpectKnownValue(at, purgedAt, knownvalue.Null()),
				},
				state: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(at, idPath, knownvalue.StringExact(f.hereID)),
					statecheck.ExpectKnownValue(at, purgedAt, knownvalue.Null()),
					statecheck.ExpectKnownValue(at, tfjsonpath.New("purge_on_create"), knownvalue.Bool(false)),
				},
			},
			{
				name: "no triggers and {} are equal", config: f.config(f.here, later, arguments{"triggers": "{}"}),
				state: []statecheck.StateCheck{statecheck.ExpectKnownValue(at, purgedAt, knownvalue.Null())},
			},
			{
				name: "an added trigger purges", config: f.config(f.here, later, release("1")), sent: []string{f.purgedHere},
				plan:  []plancheck.PlanCheck{does(at, plancheck.ResourceActionUpdate)},
				state: []statecheck.StateCheck{statecheck.ExpectKnownValue(at, purgedAt, rfc3339UTC)},
			},
		}
		if f.how != nil {
			steps = append(steps, step{
				name: "another purge mode purges", config: f.config(f.here, later, release("1"), f.how), sent: []string{f.purgedSo},
				plan: []plancheck.PlanCheck{does(at, plancheck.ResourceActionUpdate)},
			})
		}
		w.play(t, steps...)
	})
}

// priorTriggers checks the triggers in the state before the plan.
type priorTriggers struct {
	address string
	want    map[string]any
}

func (p priorTriggers) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	for _, change := range req.Plan.ResourceChanges {
		if change.Address != p.address {
			continue
		}
		before, _ := change.Change.Before.(map[string]any)
		if diff := cmp.Diff(any(p.want), before["triggers"]); diff != "" {
			resp.Error = fmt.Errorf("triggers in the state (-want +got):\n%s", diff)
		}
		return
	}
	resp.Error = fmt.Errorf("%s is not in the plan", p.address)
}
