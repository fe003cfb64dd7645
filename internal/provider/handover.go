// SPDX-License-Identifier: MPL-2.0

package provider

import "sync"

// Terraform marks a resource as tainted if its creation failed. The next apply
// replaces it: Terraform calls Delete and then Create in one process. Create gets
// no prior state, so handover passes it the state of the deleted resource, which
// shows the accepted purges.

// handover contains the states of resources that were deleted with pending purges.
type handover struct {
	mu     sync.Mutex
	states map[string][]*deleted // by type and identity
}

// deleted is the state of a deleted resource. Several resources can share an
// identity, so a state can reach a different resource. A create skips a request
// only if the contents are equal, so a mix-up repeats requests and loses none.
type deleted struct {
	state tracked
	// unfinished is true if a failed create left the state.
	unfinished bool
	// purged is true if Delete purged all items of the state. Its pending items are
	// those that the API rejected.
	purged bool
}

func (h *handover) put(key string, s *deleted) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.states == nil {
		h.states = make(map[string][]*deleted)
	}
	h.states[key] = append(h.states[key], s)
}

// take removes and returns the state with the same key that has most items in
// common with next, or nil if there is none. It also returns the pending items of
// the other states that next does not contain, because the state can be of another
// resource, and a mix-up must lose nothing.
func (h *handover) take(key string, next tracked) (*deleted, map[string]task) {
	h.mu.Lock()
	defer h.mu.Unlock()
	states := h.states[key]
	if len(states) == 0 {
		return nil, nil
	}
	best, most := 0, -1
	for i, s := range states {
		if n := inCommon(s.state, next); n > most {
			best, most = i, n
		}
	}
	s := states[best]
	h.states[key] = append(states[:best:best], states[best+1:]...)
	return s, h.strays(key, next)
}

// strays returns the pending items of the states with a key that next does not
// contain.
func (h *handover) strays(key string, next tracked) map[string]task {
	items, _ := next.items()
	strays := make(map[string]task)
	for _, s := range h.states[key] {
		for itemKey, t := range pendingOf(s.state) {
			if _, configured := items[itemKey]; !configured {
				strays[itemKey] = t
			}
		}
	}
	return strays
}

// withStrays adds the pending items of other states to tasks.
func withStrays(tasks []task, strays map[string]task) []task {
	for _, t := range tasks {
		delete(strays, t.key)
	}
	for key, t := range strays {
		tasks = append(tasks, task{key: key, name: t.name, reason: reasonRemoved, failed: t.failed})
	}
	return inOrder(tasks)
}

func modeOf(m model) string {
	mode, _ := m.mode()
	return mode
}

// inCommon counts the items of next that a state contains, pending ones included.
func inCommon(state, next tracked) int {
	before, _ := state.items()
	before = everything(before, pendingOf(state))
	items, _ := next.items()
	n := 0
	for key := range items {
		if _, ok := before[key]; ok {
			n++
		}
	}
	return n
}

// resume returns the tasks of a create that takes over a state. It omits the items
// that the state shows as accepted, but only if the state is an unfinished create
// (the replacement of a complete resource sends everything again) and alike is
// true: its purges had the mode and the triggers of next.
func (s *deleted) resume(next tracked, strays map[string]task, alike bool) []task {
	items, _ := next.items()
	before, _ := s.state.items()
	pending := pendingOf(s.state)
	var tasks []task
	for key, it := range items {
		old, existed := before[key]
		_, waits := pending[key]
		if accepted := existed && !waits && old.fingerprint == it.fingerprint; !accepted || !s.unfinished || !alike {
			tasks = append(tasks, task{key: key, name: it.name, reason: reasonCreated, failed: pending[key].failed})
		}
	}
	for key, it := range everything(before, pending) {
		if _, remains := items[key]; !remains && !s.purged {
			tasks = append(tasks, task{key: key, name: it.name, reason: reasonRemoved, failed: pending[key].failed})
		}
	}
	return withStrays(tasks, strays)
}
