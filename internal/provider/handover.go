package provider

import (
	"slices"
	"sync"
)

// Terraform taints a resource whose creation failed, and replaces it in the next
// apply: it calls Delete and then Create, in one process. A planned create has
// no prior state, so the state of the deleted resource, which says what was
// accepted already, reaches Create this way.

// handover holds the states of resources that were deleted with something
// pending.
type handover struct {
	mu     sync.Mutex
	states map[string][]*deleted // by target and identity
}

// deleted is the state of a deleted resource. Several resources can share an
// identity, so a state may reach another resource than its own. It is used to
// skip a request only if the contents are equal, so that a mix-up repeats
// requests and loses none.
type deleted struct {
	model model
	// unfinished: the state is what a failed create left behind.
	unfinished bool
	// purged: the Delete purged everything that the model holds, and nothing is
	// pending in it any more.
	purged bool
}

func handoverKey(t *target, m model) string {
	id, _ := m.identify()
	return t.name + "/" + t.join(id)
}

func (h *handover) put(t *target, s *deleted) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.states == nil {
		h.states = make(map[string][]*deleted)
	}
	key := handoverKey(t, s.model)
	h.states[key] = append(h.states[key], s)
}

// take returns, once, the state of a deleted resource with the target and
// identity of next: the one that has most in common with it. It returns nil if
// there is none.
func (h *handover) take(t *target, next model) *deleted {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := handoverKey(t, next)
	states := h.states[key]
	if len(states) == 0 {
		return nil
	}
	best, most := 0, -1
	for i, s := range states {
		if n := inCommon(s.model, next); n > most {
			best, most = i, n
		}
	}
	s := states[best]
	h.states[key] = append(states[:best:best], states[best+1:]...)
	return s
}

// inCommon counts the items of next that a state holds or has pending.
func inCommon(state, next model) int {
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

// resume decides for a create to which a state was handed over: it sends what
// that state does not show as accepted.
func resume(t *target, s *deleted, next model) decision {
	if on := next.common().PurgeOnCreate; known(on) && !on.ValueBool() {
		d := decide(t, s.model, next)
		d.tasks = slices.DeleteFunc(d.tasks, func(t task) bool { return s.purged && t.reason == reasonRemoved })
		return d
	}
	items, _ := next.items()
	before, _ := s.model.items()
	pending := pendingOf(s.model)
	comparable := s.comparable(next)
	var tasks []task
	for key, it := range items {
		old, existed := before[key]
		_, waits := pending[key]
		if accepted := existed && !waits && old.fingerprint == it.fingerprint; !accepted || !comparable {
			tasks = append(tasks, task{key, it.name, reasonCreated, pending[key].failed})
		}
	}
	for key, it := range everything(before, pending) {
		if _, remains := items[key]; !remains && !s.purged {
			tasks = append(tasks, task{key, it.name, reasonRemoved, pending[key].failed})
		}
	}
	return decision{creates: true, tasks: inOrder(tasks)}
}

// comparable tells whether what a state shows as accepted need not be sent
// again: only for an unfinished create, because everything of a complete
// resource that is replaced is sent again.
func (s *deleted) comparable(next model) bool {
	mode, _ := next.mode()
	priorMode, _ := s.model.mode()
	triggered, _ := triggersChanged(s.model.common(), next.common())
	return s.unfinished && mode == priorMode && !triggered
}
