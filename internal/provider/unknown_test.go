// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// fromElsewhere declares a resource whose arguments all come from another resource.
// Its output is unknown during planning whenever edition changes, as with a data
// source that has depends_on.
func (f fixture) fromElsewhere(edition string, a arguments) string {
	values := a.with(arguments{"edition": fmt.Sprintf("%q", edition)})
	links := make(arguments)
	for _, name := range slices.Collect(maps.Keys(a)) {
		links[name] = "terraform_data.elsewhere.output." + name
	}
	return fmt.Sprintf("resource \"terraform_data\" \"elsewhere\" {\n  input = %s\n}\n", values.object()) + f.config(links)
}

func TestValuesThatAreUnknownDuringPlanning(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		at := f.address()
		unmoved := statecheck.CompareValue(compare.ValuesSame())
		first := f.here.with(release("1"), arguments{"purge_on_create": "true", "timeouts": `{ create = "7m", update = "7m", delete = "7m" }`})
		for name, value := range f.how {
			// First unknown, and then the default value.
			first[name] = cmp.Or(map[string]string{"false": "true", "true": "false"}[value], "null")
		}
		w.play(
			t,
			step{
				name: "a create purges", config: f.fromElsewhere("1", first), sent: []string{f.purgedHere},
				plan: []plancheck.PlanCheck{
					does(at, plancheck.ResourceActionCreate),
					plancheck.ExpectUnknownValue(at, idPath),
					plancheck.ExpectUnknownValue(at, purgedAt),
				},
				state: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(at, idPath, knownvalue.StringExact(f.hereID)),
					unmoved.AddStateValue(at, purgedAt),
				},
			},
			step{
				name: "unknown values that turn out equal are not an update", config: f.fromElsewhere("2", first),
				plan: []plancheck.PlanCheck{
					does(at, plancheck.ResourceActionUpdate),
					plancheck.ExpectUnknownValue(at, idPath),
					plancheck.ExpectUnknownValue(at, purgedAt),
				},
				state: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(at, idPath, knownvalue.StringExact(f.hereID)),
					unmoved.AddStateValue(at, purgedAt),
				},
			},
			step{
				name: "unknown triggers that turn out different purge", config: f.fromElsewhere("3", first.with(release("2"))), sent: []string{f.purgedHere},
				plan:  []plancheck.PlanCheck{does(at, plancheck.ResourceActionUpdate)},
				state: []statecheck.StateCheck{statecheck.ExpectKnownValue(at, tfjsonpath.New("triggers"), releaseIs("2"))},
			},
			step{
				name: "an unknown target that turns out different is purged", config: f.fromElsewhere("4", first.with(release("2"), f.there)), sent: []string{f.purgedThere},
				plan:  []plancheck.PlanCheck{does(at, plancheck.ResourceActionUpdate)},
				state: []statecheck.StateCheck{statecheck.ExpectKnownValue(at, idPath, knownvalue.StringExact(f.thereID))},
			},
			step{
				name: "an unknown ID that turns out malformed is an error before anything is sent", fails: containing(f.complaint),
				config: f.fromElsewhere("5", first.with(release("3"), f.malformed)),
				plan:   []plancheck.PlanCheck{does(at, plancheck.ResourceActionUpdate)},
			},
		)
	})
}
