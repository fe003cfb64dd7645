package provider

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

// nothingPurged is the summary of a create that only records.
const nothingPurged = "nothing purged"

// summarize counts what an apply sends. It depends on nothing but the prior state
// and the resource's own arguments, because Terraform plans again during the
// apply, when more of the provider's arguments may be known.
func summarize(prior model, d decision) types.String {
	switch {
	case d.unknown:
		return types.StringUnknown()
	case !d.sends() && prior == nil:
		return types.StringValue(nothingPurged)
	case !d.sends():
		list, _ := prior.summary()
		return *list
	}
	counts := make(map[string]int)
	for _, tasks := range [][]task{d.previous, d.tasks} {
		for _, t := range tasks {
			counts[t.reason]++
		}
	}
	var parts []string
	for _, reason := range reasonOrder {
		if n := counts[reason]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, reason))
		}
	}
	text := strings.Join(parts, ", ") + "; " + count(d.requests())
	if prior != nil && known(prior.common().LastPurgedAt) {
		text = "since " + prior.common().LastPurgedAt.ValueString() + ": " + text
	}
	return types.StringValue(text)
}
