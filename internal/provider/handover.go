// SPDX-License-Identifier: MPL-2.0

package provider

import "sync"

// Terraform taints a resource whose creation failed, and replaces it in the next
// apply: it calls Delete and then Create, in one process. A planned create has
// no prior state, so the state of the deleted resource, which says what was
// accepted already, reaches Create this way.

// handover holds the states of resources that were deleted with something
// pending.
type handover struct {
	mu     sync.Mutex
	states map[string][]*deleted // by type and identity
}

// deleted is the state of a deleted resource. Several resources can share an
// identity, so a state may reach another resource than its own. It is used to
// skip a request only if the contents are equal, so that a mix-up repeats
// requests and loses none.
type deleted struct {
	state tracked
	// unfinished: the state is what a failed create left behind.
	unfinished bool
	// purged: the Delete purged everything that the state holds. What is pending in
	// it was rejected.
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

// take returns, once, the state of a deleted resource with the same key: the one
// that has most in common with next. It returns nil if there is none. As it may
// be the state of another resource, it also returns what the other states have
// pending and next does not have, so that nothing is lost by a mix-up.
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

// strays returns what the states with a key have pending and next does not have.
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

// withStrays adds what other states have pending to tasks.
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

// inCommon counts the items of next that a state holds or has pending.
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

// resume returns what a create sends to which a state was handed over: what that
// state does not show as accepted. Only an unfinished create can, because
// everything of a complete resource that is replaced is sent again, and only if
// what is accepted is alike: of the same mode and triggers.
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
