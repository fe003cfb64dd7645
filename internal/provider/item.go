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

// tracked is what a configuration or a state says of items that are sent one by
// one, and of what is still pending of them.
type tracked interface {
	// items returns what is configured, by key. It returns false while it is
	// unknown.
	items() (map[string]item, bool)
	// key returns what is equal for all spellings of an item's name.
	key(name string) string
	// requests returns what is sent for tasks. The requests of a phase go at the
	// same time, those of the next one after them. They do not depend on the
	// provider's arguments.
	requests(tasks []task) [][]request
	// pending is the attribute that says what was not accepted yet.
	pending() *types.Map
	// keepQuiet takes over the arguments of a configuration whose change sends
	// nothing.
	keepQuiet(next tracked)
	// forget removes items, by key.
	forget(keys map[string]bool)
}

// item is one thing that one request concerns, and the value that tells whether
// the content behind it changed.
type item struct {
	name        string // as written in the configuration
	fingerprint string
}

// task is an item that an apply sends, or that is still pending, and why.
type task struct {
	key    string // equal for all spellings of one item
	name   string
	reason string
	failed bool // the API answered the previous request for it with an error
	// gone is, if that matters, the fingerprint of removed content.
	gone string
}

// delta returns what a change from before to after requires, together with what
// is still pending. If all is set, unchanged items are sent, too.
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

// reasonFor returns why a configured item is sent; empty if it is not. What
// changed now is a better reason than what is pending.
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

// everything returns the items and what is pending beside them.
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

// tasksFor returns a task with one reason for each of the items.
func tasksFor(items map[string]item, pending map[string]task, reason string) []task {
	tasks := make([]task, 0, len(items))
	for key, it := range items {
		tasks = append(tasks, task{key: key, name: it.name, reason: reason, failed: pending[key].failed})
	}
	return inOrder(tasks)
}

// inOrder sorts tasks by key; those that failed the last time come last, so that
// they hold up no others.
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
