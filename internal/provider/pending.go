// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// failedMark follows the reason of a pending item if the API returned an error for
// its latest request.
const failedMark = ", failed"

// pendingOf returns the pending items of a state, by key.
func pendingOf(m tracked) map[string]task {
	elements := m.pending().Elements()
	if len(elements) == 0 {
		return nil
	}
	pending := make(map[string]task, len(elements))
	for name, value := range elements {
		text, _ := value.(types.String)
		reason, failed := strings.CutSuffix(text.ValueString(), failedMark)
		reason, gone, _ := strings.Cut(reason, " ")
		key := m.key(name)
		pending[key] = task{key, name, reason, failed, gone}
	}
	return pending
}

// pendingValue returns the value of the attribute pending, or null without tasks.
func pendingValue(tasks []task) types.Map {
	if len(tasks) == 0 {
		return types.MapNull(types.StringType)
	}
	values := make(map[string]attr.Value, len(tasks))
	for _, t := range tasks {
		reason := t.reason
		if t.gone != "" {
			reason += " " + t.gone
		}
		if t.failed {
			reason += failedMark
		}
		values[t.name] = types.StringValue(reason)
	}
	return types.MapValueMust(types.StringType, values)
}

// neverReached reports whether no purge of a target was ever accepted: all its items
// are pending as added. An apply leaves such a state if it purges the previous
// target and then fails to purge the new one.
func neverReached(items map[string]item, pending map[string]task) bool {
	for key := range everything(items, pending) {
		if pending[key].reason != reasonAdded {
			return false
		}
	}
	return len(pending) > 0
}

// unfinishedCreate reports whether a failed create left a state with these pending
// items.
func unfinishedCreate(pending map[string]task) bool {
	for _, t := range pending {
		if t.reason == reasonCreated {
			return true
		}
	}
	return false
}

// forget removes items, pending ones included, from a state.
func forget(m tracked, keys map[string]bool) {
	var rest []task
	for key, t := range pendingOf(m) {
		if !keys[key] {
			rest = append(rest, t)
		}
	}
	*m.pending() = pendingValue(rest)
	m.forget(keys)
}
