// SPDX-License-Identifier: MPL-2.0

package provider

import "slices"

// decision describes what an apply does.
type decision struct {
	// unknown is true if the tasks depend on values that are known only after apply.
	unknown bool
	// adopts is true if the state was imported or moved. The apply records the
	// configuration and sends nothing.
	adopts bool
	// creates is true if a failure of this apply leaves an unfinished create.
	creates bool
	// moves is true if the prior state has another identity.
	moves bool
	// previous purges the previous target, tasks the configured one.
	previous, tasks []task
	// first contains the requests for previous, then the requests for tasks.
	first, then [][]request
}

// prepare sets the requests for the tasks.
func (d decision) prepare(prior, next tracked) decision {
	if len(d.previous) > 0 {
		d.first = prior.requests(d.previous)
	}
	if len(d.tasks) > 0 {
		d.then = next.requests(d.tasks)
	}
	return d
}

// requests returns all requests in the order of their phases.
func (d *decision) requests() []request {
	return slices.Concat(slices.Concat(d.first...), slices.Concat(d.then...))
}

func (d *decision) count() int { return len(d.requests()) }

func (d *decision) sends() bool { return len(d.previous)+len(d.tasks) > 0 }

// decide compares the prior state with the configuration. A create has no prior
// state. The plan and the apply both call it, so the apply does what the plan
// shows.
func decide(t *target, prior, next model) decision {
	return decideTasks(t, prior, next).prepare(prior, next)
}

func decideTasks(t *target, prior, next model) decision {
	switch {
	case prior == nil:
		return decideCreate(next)
	case prior.common().adopted():
		return decideAdopted(t, prior, next)
	}
	items, itemsKnown := next.items()
	id, idKnown := next.identify()
	triggered, triggersKnown := triggersChanged(prior.common().Triggers, next.common().Triggers)
	mode, modeKnown := next.mode()
	if !idKnown || !itemsKnown || !triggersKnown || !modeKnown {
		return decision{unknown: true}
	}
	if priorID, _ := prior.identify(); t.join(id) != t.join(priorID) {
		return decideMove(prior, next, items, id[0] == priorID[0])
	}
	before, _ := prior.items()
	priorMode, _ := prior.mode()
	return decision{tasks: delta(before, items, pendingOf(prior), triggered || mode != priorMode)}
}

func decideCreate(next model) decision {
	on := next.common().PurgeOnCreate
	items, itemsKnown := next.items()
	_, modeKnown := next.mode()
	switch {
	case known(on) && !on.ValueBool():
		return decision{}
	case on.IsUnknown() || !itemsKnown || !modeKnown:
		return decision{unknown: true}
	default:
		return decision{creates: true, tasks: tasksFor(items, nil, reasonCreated)}
	}
}

// decideAdopted decides for the first apply after an import or a move. It only
// records the configuration, unless the target or, after a move, the values of the
// triggers differ.
func decideAdopted(t *target, prior, next model) decision {
	items, itemsKnown := next.items()
	_, modeKnown := next.mode()
	id, idKnown := next.identify()
	var same, ok bool // same: the identity, or the values of the triggers, did not change
	if priorID, imported := prior.identify(); imported {
		same, ok = t.join(id) == t.join(priorID), idKnown
	} else {
		same, ok = prior.common().moved.matches(next)
		ok = ok && itemsKnown
	}
	switch {
	case !ok, !same && !itemsKnown, !same && !modeKnown:
		return decision{unknown: true}
	case same:
		return decision{adopts: true}
	default:
		return decision{moves: true, tasks: tasksFor(items, nil, reasonAdded)}
	}
}

// decideMove decides for a change of identity. If both targets are in one place,
// such as the same CDN service, equal keys stand for the same item.
func decideMove(prior, next model, items map[string]item, onePlace bool) decision {
	d := decision{moves: true, tasks: tasksFor(items, nil, reasonAdded)}
	before, _ := prior.items()
	pending := pendingOf(prior)
	previous := everything(before, pending)
	on := next.common().PurgeOnDestroy
	switch {
	case len(previous) == 0 || neverReached(before, pending):
	case on.IsUnknown():
		return decision{unknown: true}
	case on.ValueBool():
		d.previous = slices.DeleteFunc(tasksFor(previous, pending, reasonRemoved), func(t task) bool {
			_, sent := items[t.key]
			return onePlace && sent
		})
	}
	return d
}

// decideResumed decides for a create that takes over the state of a deleted resource.
func decideResumed(t *target, s *deleted, strays map[string]task, prior, next model) decision {
	if on := next.common().PurgeOnCreate; known(on) && !on.ValueBool() {
		d := decide(t, prior, next)
		d.tasks = slices.DeleteFunc(d.tasks, func(t task) bool { return s.purged && t.reason == reasonRemoved })
		d.tasks = withStrays(d.tasks, strays)
		return d.prepare(nil, next)
	}
	triggered, _ := triggersChanged(prior.common().Triggers, next.common().Triggers)
	d := decision{creates: true, tasks: s.resume(next, strays, modeOf(next) == modeOf(prior) && !triggered)}
	return d.prepare(nil, next)
}

// decideDestroy decides for a destroy with purge_on_destroy. It purges all items,
// pending ones included.
func decideDestroy(prior model) decision {
	items, _ := prior.items()
	pending := pendingOf(prior)
	d := decision{previous: tasksFor(everything(items, pending), pending, reasonRemoved)}
	return d.prepare(prior, nil)
}

// saved returns the state after a failed apply, or nil if the state does not change.
// It contains the configuration as far as it was applied, and the purges that were
// not accepted as pending.
func (d *decision) saved(prior, next tracked, o *outcome) tracked {
	previous, tasks := o.fates[:len(d.previous)], o.fates[len(d.previous):]
	switch {
	case slices.ContainsFunc(previous, fate.open):
		if !slices.ContainsFunc(previous, fate.settled) {
			return nil
		}
		forget(prior, settledKeys(d.previous, previous))
		return prior
	case len(previous) > 0 || slices.ContainsFunc(tasks, fate.settled):
		*next.pending() = pendingValue(d.rest(tasks))
		return next
	case prior == nil || d.moves:
		return nil // the state must not contain a target that was never purged
	default:
		pending := d.rest(tasks)
		if items, _ := prior.items(); neverReached(items, pendingOf(prior)) {
			setReason(pending, reasonAdded)
		}
		prior.copyOptions(next)
		*prior.pending() = pendingValue(pending)
		return prior
	}
}

func setReason(tasks []task, reason string) {
	for i := range tasks {
		tasks[i].reason = reason
	}
}

// rest returns the tasks that remain. After a failed create, all of them have the
// reason created, removed items too, which marks the state as an unfinished create.
func (d *decision) rest(fates []fate) []task {
	var open []task
	for i, t := range d.tasks {
		if fates[i].open() {
			t.failed = fates[i] == fateFailed || t.failed && fates[i] == fateUntried
			open = append(open, t)
		}
	}
	if d.creates {
		setReason(open, reasonCreated)
	}
	return open
}

// dropped returns the tasks that the API rejects permanently.
func dropped(tasks []task, fates []fate) []task {
	var all []task
	for i, t := range tasks {
		if fates[i] == fateDropped {
			all = append(all, t)
		}
	}
	return all
}

func settledKeys(tasks []task, fates []fate) map[string]bool {
	keys := make(map[string]bool)
	for i, t := range tasks {
		if fates[i].settled() {
			keys[t.key] = true
		}
	}
	return keys
}
