// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

// nothingPurged is the summary of a create that only records.
const nothingPurged = "nothing purged"

// summaryOf returns the summary of purges.
func summaryOf(prior model, d decision) types.String {
	switch {
	case d.sends() && prior != nil:
		return summarize(prior.common().LastPurgedAt, d, count(d.count()))
	case d.sends():
		return summarize(types.StringNull(), d, count(d.count()))
	case d.unknown:
		return types.StringUnknown()
	case prior == nil:
		return types.StringValue(nothingPurged)
	default:
		text, _ := prior.summary()
		return *text
	}
}

// summarize counts the tasks of an apply by reason, and adds the total and the time
// of the previous purge. It depends only on the prior state and the arguments of the
// resource, because Terraform plans again during the apply, when more arguments of
// the provider can be known.
func summarize(since types.String, d decision, total string) types.String {
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
	text := strings.Join(parts, ", ") + "; " + total
	if patterns := softPatterns(d.requests()); len(patterns) > 0 {
		text += " (soft: " + strings.Join(patterns, ", ") + ")"
	}
	if known(since) {
		text = "since " + since.ValueString() + ": " + text
	}
	return types.StringValue(text)
}

// softPatterns returns the patterns of the soft purges.
func softPatterns(requests []request) []string {
	var patterns []string
	for _, r := range requests {
		if r.soft {
			patterns = append(patterns, r.name)
		}
	}
	return patterns
}
