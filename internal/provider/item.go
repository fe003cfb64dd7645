package provider

import (
	"cmp"
	"slices"
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
}

// delta returns what a change from before to after requires, together with what
// is still pending. If all is set, unchanged items are sent, too.
func delta(before, after map[string]item, pending map[string]task, all bool) []task {
	var tasks []task
	for key, it := range after {
		if reason := reasonFor(before, key, it, pending, all); reason != "" {
			tasks = append(tasks, task{key, it.name, reason, pending[key].failed})
		}
	}
	for key, it := range everything(before, pending) {
		if _, remains := after[key]; !remains {
			tasks = append(tasks, task{key, it.name, reasonRemoved, pending[key].failed})
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
		tasks = append(tasks, task{key, it.name, reason, pending[key].failed})
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
