// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// update judges an update. It returns the ledger of the object that the state then
// describes.
func (l *ledger) update(kind string, d *deed) (*ledger, error) {
	id, want := wants(kind, d.config)
	switch {
	case l.adopted && l.records(id, d.config, len(d.sent()) > 0 || d.failed):
		if err := d.lets(nil); err != nil {
			return nil, err
		}
		return fresh(kind, d.config).settle(kind, d, nil, want)
	case id != l.id:
		return l.leave(kind, d, want)
	}
	asked := l.due.with(l.changed(want), keysOf(l.seen).without(keysOf(want)))
	if err := d.lets(asked.with(l.maybe)); err != nil {
		return nil, err
	}
	if err := errors.Join(d.inMode(), d.heldUp(asked, want)); err != nil {
		return nil, err
	}
	if len(d.accepted()) > 0 {
		l.unreached = false
	}
	l.seen, l.unfinished, l.unclear = want, false, false
	if _, err := l.settle(kind, d, asked, want); err != nil {
		return nil, err
	}
	return l, d.saved(kind, want)
}

// records reports whether an adopted object must only be recorded. It may be purged
// anyway if an earlier apply failed, or if only repeated values differ.
func (l *ledger) records(id string, c object, sends bool) bool {
	if l.moved == nil {
		return l.id == id
	}
	for _, name := range []string{"triggers", "assets"} {
		values, _ := c[name].(object)
		var all []string
		for _, v := range values {
			all = append(all, fmt.Sprint(v))
		}
		slices.Sort(all)
		if slices.Equal(all, l.moved) && (!l.tried || !sends) || slices.Equal(slices.Compact(all), l.moved) && !sends {
			return true
		}
	}
	return false
}

// leave judges an update to another identity.
func (l *ledger) leave(kind string, d *deed, want map[thing]version) (*ledger, error) {
	id, next := keysOf(want), fresh(kind, d.config)
	former := things{}
	if d.config["purge_on_destroy"] == true && !l.adopted {
		former = keysOf(l.seen).with(l.due).without(id) // a thing in both is sent once
	}
	if literally := allAdded(kind, d.prior); literally && l.unreached {
		former = things{}
	} else if (literally || l.unreached) && len(d.sent().and(former)) == 0 {
		former = things{} // the pending reasons do not show whether the target was reached
	}
	if err := d.lets(former.with(id, l.maybe)); err != nil {
		return nil, err
	}
	accepted, now := d.accepted(), ""
	if d.state != nil {
		now, _ = wants(kind, d.state)
	}
	if now == l.id && (d.interrupted || d.broad()) { // a response can have arrived too late
		_, left := wants(kind, d.state)
		accepted = accepted.and(former).without(keysOf(left), pendingIn(kind, d.state))
	}
	unfinished := former.without(accepted, d.rejected())
	switch {
	case len(unfinished) > 0:
		return l.stay(kind, d, former, id)
	case !d.failed || len(accepted.and(id)) > 0 || len(former.and(accepted)) > 0 || now == next.id && len(former) > 0:
		next.unreached = len(accepted.and(id)) == 0
		return next.settle(kind, d, id, want)
	default:
		return l.stay(kind, d, former, id)
	}
}

// stay judges an update to another identity after which the state still has the
// previous one.
func (l *ledger) stay(kind string, d *deed, former, next things) (*ledger, error) {
	if now, _ := wants(kind, d.state); now != l.id && !l.adopted {
		return nil, fmt.Errorf("the state has the identity %q, and %q was not left: %v", now, l.id, d.arrivals)
	}
	if len(former) > 0 {
		if early := d.sent().and(next).without(former, l.maybe); len(early) > 0 && !d.broad() {
			return nil, fmt.Errorf("%v were sent before the previous target was finished", early)
		}
	}
	if !d.failed {
		return nil, fmt.Errorf("an apply succeeded and sent %v", d.arrivals)
	}
	onDestroy := l.onDestroy
	l.tried = true
	_, left := wants(kind, d.state)
	accepted := d.accepted().and(former)
	if d.interrupted || d.broad() {
		accepted = accepted.without(keysOf(left), pendingIn(kind, d.state))
	}
	// A rejected thing may be missing in the state, and then it is new again.
	gone := accepted.with(d.rejected().and(former).without(keysOf(left)))
	maps.DeleteFunc(l.seen, func(t thing, _ version) bool { return gone[t] })
	l.maybe = l.maybe.with(d.rejected().and(former))
	due := l.due.without(accepted)
	l.due = due.without(l.maybe)
	_, err := l.settle(kind, &deed{config: d.config, state: d.state, failed: true, interrupted: true}, nil, left)
	l.onDestroy = onDestroy
	return l, err
}

// allAdded reports whether everything is pending as added.
func allAdded(kind string, state object) bool {
	pending, _ := state["pending"].(object)
	_, want := wants(kind, state)
	for _, reason := range pending {
		if text, _ := reason.(string); strings.TrimSuffix(text, ", failed") != reasonAdded {
			return false
		}
	}
	return len(pending) > 0 && len(pending) >= len(want)
}

// create judges a create, with or without objects that deletes have handed over.
func (*ledger) create(kind string, d *deed) (*ledger, error) {
	next := fresh(kind, d.config)
	_, want := wants(kind, d.config)
	records := d.config["purge_on_create"] == false
	must, may := keysOf(want), keysOf(want)
	switch {
	case len(d.handed) == 0 && records:
		must, may = things{}, things{}
	case len(d.handed) == 1:
		must, may = d.handed[0].resumed(want, records)
	case len(d.handed) > 1:
		// Several objects share an identity. The only rule is that nothing is lost.
		// Due things that are no longer configured are checked at the end of the
		// apply.
		for _, h := range d.handed {
			must = must.without(keysOf(h.seen).without(h.due, h.changed(want)))
			may = may.with(keysOf(h.seen), h.due, h.maybe)
		}
		must = must.without(d.delivered) // it can be for this object, too
		if records {
			must = things{}
		}
	}
	if err := d.lets(may); err != nil {
		return nil, err
	}
	if err := errors.Join(d.inMode(), d.heldUp(must, want)); err != nil {
		return nil, err
	}
	if d.state == nil {
		if !d.failed || len(d.handed) > 0 || len(d.accepted()) > 0 && !d.interrupted {
			return nil, fmt.Errorf("a create leaves no state; sent %v, handed over %d", d.arrivals, len(d.handed))
		}
		return nil, nil
	}
	next.unfinished = d.failed
	if len(d.handed) > 0 {
		next.unclear = records || len(d.handed) > 1 || !d.handed[0].unfinished && len(d.accepted()) == 0 || d.interrupted
		next.unfinished = d.failed && !next.unclear
		next.maybe = may // settle removes the things that must be pending
	} else if d.failed && len(d.accepted()) == 0 {
		return nil, fmt.Errorf("a create without an accepted purge leaves a state: %v", d.state)
	}
	return next.settle(kind, d, must, want)
}

// resumed returns the things that a create after a handover must send, and those
// that it may send.
func (l *ledger) resumed(want map[thing]version, records bool) (must, may things) {
	configured := keysOf(want)
	gone := l.due.with(keysOf(l.seen)).without(configured)
	rest := l.due.and(configured).without(l.purged).with(l.changed(want).without(l.purged))
	may = configured.with(gone, l.maybe)
	gone = gone.without(l.purged, l.turnedDown)
	switch {
	case l.unclear && !records:
		return gone.with(rest), may
	case records || l.unfinished:
		older := (&ledger{seen: l.held}).changed(want)
		return gone.with(rest), rest.with(l.purged.and(older.with(l.changed(want))), gone, l.purged.without(configured), l.turnedDown, l.maybe)
	default:
		return gone.with(configured), may
	}
}

// remove judges a delete. It returns nil if the object is gone.
func (l *ledger) remove(kind string, d *deed) (*ledger, error) {
	var asked, may things
	if l.onDestroy && !l.adopted {
		asked = keysOf(l.seen).with(l.due)
		may = asked.with(l.maybe)
	}
	if err := d.lets(may); err != nil {
		return nil, err
	}
	accepted := d.accepted()
	if d.state == nil {
		if lost := asked.without(accepted, d.rejected()); len(lost) > 0 {
			return nil, fmt.Errorf("destroyed without %v", lost)
		}
		l.purged, l.turnedDown = asked.and(accepted), asked.and(d.rejected())
		_, l.held = wants(kind, d.prior)
		return nil, nil
	}
	if !d.failed {
		return nil, fmt.Errorf("a delete succeeds and leaves %v", d.state)
	}
	_, left := wants(kind, d.state)
	if d.interrupted || d.broad() {
		accepted = accepted.without(keysOf(left), pendingIn(kind, d.state))
	}
	if again := keysOf(left).with(pendingIn(kind, d.state)).and(accepted); len(again) > 0 {
		return nil, fmt.Errorf("%v were accepted and are still in the state", again)
	}
	gone := accepted.with(d.rejected().without(keysOf(left)))
	maps.DeleteFunc(l.seen, func(t thing, _ version) bool { return gone[t] })
	l.maybe = l.maybe.with(d.rejected())
	l.due = l.due.without(accepted, l.maybe)
	onDestroy := l.onDestroy
	_, err := l.settle(kind, &deed{config: d.prior, state: d.state, failed: true, interrupted: true}, nil, left)
	l.onDestroy = onDestroy
	return l, err
}
