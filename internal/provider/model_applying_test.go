// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
)

// applying is an apply in progress.
type applying struct {
	*player
	run     *process
	turn    turn
	arrived int // number of purges so far
	n       int // number of operations so far
	// handed contains the ledgers of objects that were deleted with pending items,
	// by identity. floating contains their due things, if a create cannot know from
	// which object they are.
	handed    map[string][]*ledger
	several   map[string][]*ledger
	floating  things
	delivered things // accepted so far
	failed    bool   // an operation failed
	over      bool   // no further operation starts
}

func (a *applying) do(t *todo) error {
	t.done = true
	if a.over || t.after != nil && t.after.failed {
		t.failed, a.failed = true, true
		return nil
	}
	a.n++
	err := a.operate(t)
	if t.failed {
		a.failed = true
	}
	return err
}

// operate performs one operation and lets the oracle judge it.
func (a *applying) operate(t *todo) error {
	s, prior := t.slot, t.object.held()
	if strings.HasPrefix(t.name, "create") {
		prior = nil
	}
	c := t.change
	if !strings.HasPrefix(t.name, "delete") {
		again, err := a.run.plan(&s.managed, prior, false)
		if err != nil {
			return fmt.Errorf("planning again: %w", err)
		}
		if err := conforms("", c.planned, again.planned); err != nil {
			return fmt.Errorf("inconsistent final plan: %w", err)
		}
		if c = again; c.action == "" {
			return nil // the unknown value turned out to be equal
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a.watch(max(0, a.turn.interrupt-a.arrived), cancel)
	next, resp, err := a.run.apply(ctx, &s.managed, prior, c)
	var failure *providerError
	if err != nil && !errors.As(err, &failure) {
		return err
	}
	d := &deed{config: c.config, failed: err != nil, alone: !a.failed, summary: c.planned["summary"]}
	synctest.Wait() // the interrupted request can still arrive
	d.arrivals, d.interrupted = a.seen()
	d.universe = a.known(c.config)
	a.arrived += len(d.arrivals)
	defer func() { a.delivered = a.delivered.with(d.accepted()) }()
	a.note("%s %v: %v, %v", t.name, c.config, d.arrivals, err)
	a.last.arrivals = append(a.last.arrivals, d.arrivals...)
	a.last.reported = append(a.last.reported, warnings(resp.Diagnostics)...)
	if failure != nil {
		a.last.errors = append(a.last.errors, failure.reported...)
	}
	t.failed = d.failed
	if d.interrupted {
		a.over = true
	}
	if a.turn.crash == a.n && len(d.arrivals) > 0 {
		a.note("the provider was killed")
		a.over, t.failed = true, true
		return nil // the object did not change
	}
	if prior != nil {
		d.prior = prior.state
	}
	if next != nil {
		d.state = next.state
		a.note("  leaves %v", next.state)
	}
	return a.book(t, d, next)
}

// known returns all things that a deed can be about.
func (a *applying) known(config object) things {
	all := things{}
	add := func(l *ledger) { all = all.with(keysOf(l.seen), l.due, l.maybe) }
	for _, s := range a.slots {
		for _, c := range []object{s.config, config} {
			_, want := wants(s.kind, c)
			all = all.with(keysOf(want))
		}
		for _, o := range append(slices.Clone(s.deposed), s.current) {
			if o != nil {
				add(o.ledger)
			}
		}
	}
	for _, handed := range []map[string][]*ledger{a.handed, a.several} {
		for _, ledgers := range handed {
			for _, l := range ledgers {
				add(l)
			}
		}
	}
	return all
}

// book passes a deed to the oracle.
func (a *applying) book(t *todo, d *deed, next *instance) error {
	s := t.slot
	var l *ledger
	var err error
	switch {
	case t.name == "update":
		l, err = t.object.ledger.update(s.kind, d)
	case strings.HasPrefix(t.name, "create"):
		l, err = a.created(t, d)
	default:
		l, err = t.object.ledger.remove(s.kind, d)
	}
	if err != nil {
		return err
	}
	if !strings.HasPrefix(t.name, "delete") {
		if !d.failed && len(d.handed) == 0 {
			err = d.summarized(s.kind)
		}
		if err := errors.Join(err, d.marked(s.kind)); err != nil {
			return err
		}
	}
	if l != nil && d.state["purge_on_destroy"] != nil && l.onDestroy != (d.state["purge_on_destroy"] == true) {
		return fmt.Errorf("purge_on_destroy is %v in the state, want %t", d.state["purge_on_destroy"], l.onDestroy)
	}
	a.place(t, d, next, l)
	return nil
}

// place stores the object as Terraform does after an operation.
func (a *applying) place(t *todo, d *deed, next *instance, l *ledger) {
	s := t.slot
	var now *holding
	if next != nil {
		now = &holding{next, l}
	}
	switch t.name {
	case "delete deposed":
		s.deposed = slices.DeleteFunc(s.deposed, func(o *holding) bool { return o == t.object })
		if now != nil {
			s.deposed = append(s.deposed, now)
		}
	case "create before delete":
		if now == nil {
			t.failed = true // and the previous object stays
			return
		}
		s.deposed = append(s.deposed, t.object)
		s.current = now
	default:
		s.current = now
	}
	if strings.HasPrefix(t.name, "delete") && now == nil {
		if len(pendingIn(s.kind, d.prior)) > 0 {
			key := s.key(t.object.ledger.id)
			a.handed[key] = append(a.handed[key], t.object.ledger)
		}
		if t.name == "delete" && a.turn.gap {
			t.failed = true // an operation that it depends on failed
		}
	}
}

func (s *slot) key(id string) string { return s.kind + s.alias + " " + id }

// created judges a create, including the objects that were handed over to it.
func (a *applying) created(t *todo, d *deed) (*ledger, error) {
	s := t.slot
	id, want := wants(s.kind, d.config)
	key := s.key(id)
	if d.handed = a.handed[key]; len(d.handed) > 1 && a.several == nil {
		a.several = make(map[string][]*ledger)
	}
	delete(a.handed, key)
	if len(d.handed) > 1 {
		a.several[key] = append(a.several[key], d.handed...)
		for _, h := range d.handed {
			a.floating = a.floating.with(h.due.without(keysOf(want), h.purged, h.turnedDown))
		}
	}
	if a.several[key] != nil {
		d.handed = append(slices.Clone(a.several[key]), d.handed...)
	}
	d.delivered = a.delivered
	l, err := (*ledger)(nil).create(s.kind, d)
	a.floating = a.floating.without(d.accepted(), pendingIn(s.kind, d.state), d.rejected())
	return l, err
}

// planAgain plans once more. If everything was applied, the plan is empty. If
// things are due, it is not.
func (p *player) planAgain(a *applying) (err error) {
	run := p.start(false)
	defer func() { err = errors.Join(err, run.stop()) }()
	for _, s := range p.slots {
		if s.current == nil || !s.wanted || s.current.tainted {
			continue
		}
		c, err := run.plan(&s.managed, s.current.held(), false)
		if err != nil {
			return fmt.Errorf("planning %s again: %w", s.kind, err)
		}
		switch due := s.current.ledger.due; {
		case len(due) > 0 && c.action == "":
			return fmt.Errorf("%v are due, and the next plan is empty", due)
		case len(due) == 0 && c.action != "" && !a.failed:
			return fmt.Errorf("nothing is due, and the next plan wants to %s: from %v to %v", c.action, s.current.state, c.planned)
		}
	}
	return nil
}
