// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

// The reasons to send an item, as `pending` and `summary` show them.
const (
	reasonCreated   = "created"
	reasonAdded     = "added"
	reasonChanged   = "changed"
	reasonRemoved   = "removed"
	reasonTriggered = "triggered"
)

// reasonOrder is the order in which summaries count the reasons.
var reasonOrder = []string{reasonCreated, reasonAdded, reasonChanged, reasonRemoved, reasonTriggered}

// tracked is a configuration or a state with items and pending items.
type tracked interface {
	// items returns the configured items by key, or false if one of them is unknown.
	items() (map[string]item, bool)
	// key returns a key that is equal for all spellings of an item's name.
	key(name string) string
	// requests returns the requests for tasks, in phases. The requests of one phase
	// are sent in parallel, before those of the next phase. They do not depend on the
	// arguments of the provider.
	requests(tasks []task) [][]request
	// pending returns the attribute with the items that were not accepted yet.
	pending() *types.Map
	// copyOptions copies the arguments whose change sends nothing.
	copyOptions(next tracked)
	// forget removes items, by key.
	forget(keys map[string]bool)
}

// item is one thing that one request purges or verifies. Its fingerprint changes
// with its content.
type item struct {
	name        string // as written in the configuration
	fingerprint string
}

// task is an item to send, or a pending item, with the reason.
type task struct {
	key    string // equal for all spellings of one item
	name   string
	reason string
	failed bool   // the API returned an error for the previous request
	gone   string // the fingerprint of removed content, for a verification
}

// delta returns the tasks for a change from before to after, and for the pending
// items. If all is true, it includes unchanged items.
func delta(before, after map[string]item, pending map[string]task, all bool) []task {
	var tasks []task
	for key, it := range after {
		if reason := reasonFor(before, key, it, pending, all); reason != "" {
			tasks = append(tasks, task{key: key, name: it.name, reason: reason, failed: pending[key].failed})
		}
	}
	for key, it := range everything(before, pending) {
		if _, remains := after[key]; !remains {
			tasks = append(tasks, task{key: key, name: it.name, reason: reasonRemoved, failed: pending[key].failed})
		}
	}
	return inOrder(tasks)
}

// reasonFor returns the reason to send a configured item, or an empty string. A
// change takes precedence over the pending reason.
func reasonFor(before map[string]item, key string, it item, pending map[string]task, all bool) string {
	old, existed := before[key]
	waiting, waits := pending[key]
	switch {
	case !existed:
		return reasonAdded
	case old.fingerprint != it.fingerprint:
		return reasonChanged
	case all:
		return reasonTriggered
	case waits && (waiting.reason == reasonCreated || waiting.reason == reasonRemoved):
		return reasonAdded
	default:
		return waiting.reason
	}
}

// everything returns the items and the pending items.
func everything(items map[string]item, pending map[string]task) map[string]item {
	if len(pending) == 0 {
		return items
	}
	all := make(map[string]item, len(items)+len(pending))
	for key, t := range pending {
		all[key] = item{name: t.name}
	}
	for key, it := range items {
		all[key] = it
	}
	return all
}

// tasksFor returns a task for each item, all with the same reason.
func tasksFor(items map[string]item, pending map[string]task, reason string) []task {
	tasks := make([]task, 0, len(items))
	for key, it := range items {
		tasks = append(tasks, task{key: key, name: it.name, reason: reason, failed: pending[key].failed})
	}
	return inOrder(tasks)
}

// inOrder sorts tasks by key. Tasks that failed the last time come last, so they do
// not delay the others.
func inOrder(tasks []task) []task {
	slices.SortFunc(tasks, func(a, b task) int {
		if a.failed != b.failed {
			if a.failed {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.key, b.key)
	})
	return tasks
}
