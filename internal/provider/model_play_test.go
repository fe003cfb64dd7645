// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// player plays a sequence and calls the oracle after each operation.
type player struct {
	*core
	slots []*slot
	log   []string
	last  applied
}

// applied is the result of the last apply.
type applied struct {
	arrivals  []arrival
	errors    []string // errors of the provider
	reported  []string // its warnings, of the plan and the apply
	summaries []any    // as planned
}

// slot is a resource of the configuration, as Terraform and the oracle know it.
type slot struct {
	managed
	wanted  bool // the configuration contains it
	current *holding
	deposed []*holding
	turn    turn
}

// holding is an object of a resource, with its ledger.
type holding struct {
	*instance
	ledger *ledger
}

// playInBubble plays a sequence in virtual time. It returns what went wrong.
func playInBubble(t *testing.T, s sequence) (failure error) {
	t.Helper()
	schemas, err := readSchemas()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(*testing.T) {
		p := &player{core: newCore(schemas)}
		for i, kind := range s.kinds {
			p.slots = append(p.slots, &slot{managed: managed{kind: kind, alias: s.aliases[i], config: universes[kind].start}, wanted: true})
		}
		failure = p.play(s)
		if err := p.end(); failure == nil {
			failure = err
		}
		if failure != nil {
			failure = fmt.Errorf("%w\nThe sequence:\n%s%s", failure, s, strings.Join(p.log, "\n"))
		}
	})
	return failure
}

func (p *player) play(s sequence) error {
	for i, t := range s.turns {
		p.note("turn %d", i+1)
		if err := p.take(t); err != nil {
			return fmt.Errorf("turn %d: %w", i+1, err)
		}
	}
	p.note("healed")
	p.heal()
	for _, s := range p.slots {
		s.turn, s.wanted = turn{}, true
	}
	if err := p.command(turn{}); err != nil {
		return fmt.Errorf("after the faults are removed: %w", err)
	}
	for _, s := range p.slots {
		if s.current == nil || s.current.tainted || len(s.deposed) > 0 || len(s.current.ledger.due) > 0 {
			return errors.New("after the faults are removed, one apply does not converge")
		}
	}
	return nil
}

func (p *player) note(format string, args ...any) {
	p.log = append(p.log, fmt.Sprintf("  "+format, args...))
}

// take edits the configuration, prepares the turn, and applies.
func (p *player) take(t turn) error {
	s := p.slots[t.slot]
	s.wanted = t.verb != "destroy"
	for _, e := range t.edits {
		s.config = edited(s.config, e)
	}
	s.ignore = t.ignore
	if t.heal {
		p.heal()
	}
	for _, h := range t.ills {
		p.harm(h.thing, h.ill, h.once)
	}
	for _, other := range p.slots {
		other.turn = turn{}
	}
	s.turn = t
	time.Sleep(2 * time.Minute) // longer than any window, because the next process does not know the purges of this one
	switch {
	case t.verb == "taint" && s.current != nil, t.verb == "untaint" && s.current != nil:
		s.current.tainted = t.verb == "taint"
	case t.verb == "import" && s.current == nil, t.verb == "move" && s.current == nil:
		if err := p.come(s, t); err != nil {
			return err
		}
	}
	return p.command(t)
}

// come imports or moves a resource.
func (p *player) come(s *slot, t turn) (err error) {
	run := p.start(false)
	defer func() { err = errors.Join(err, run.stop()) }()
	l := &ledger{due: things{}, maybe: things{}, adopted: true}
	var got *instance
	if t.verb == "import" {
		got, err = run.adopt(&s.managed, t.value)
	} else {
		l.moved = []string{t.value}
		got, err = run.move(&s.managed, "terraform_data", "terraform.io/builtin/terraform",
			object{"id": "x", "triggers_replace": object{"value": object{"r": t.value}, "type": []any{"object", object{"r": "string"}}}})
	}
	if err != nil {
		return err
	}
	if l.id, l.seen = wants(s.kind, got.state); l.moved != nil {
		l.seen = nil
	}
	s.current = &holding{got, l}
	return nil
}

// todo is one operation of an apply.
type todo struct {
	slot   *slot
	name   string // create, update, delete, or depose, which sends nothing
	object *holding
	change *change
	after  *todo
	done   bool
	failed bool
}

// command is terraform apply: it plans and applies all resources.
func (p *player) command(t turn) (err error) {
	p.last = applied{}
	synctest.Wait() // the interrupted request can still arrive
	planning := p.start(t.blind)
	var todos []*todo
	for _, s := range p.slots {
		more, err := p.planSlot(planning, s, t)
		if err != nil {
			return errors.Join(err, planning.stop())
		}
		todos = append(todos, more...)
	}
	if arrived, _ := p.seen(); len(arrived) > 0 {
		return fmt.Errorf("a plan sends %v", arrived)
	}
	if err := planning.stop(); err != nil {
		return err
	}
	a := &applying{player: p, run: p.start(false), turn: t, handed: make(map[string][]*ledger), floating: things{}}
	defer func() { err = errors.Join(err, a.run.stop()) }()
	for i := 0; ; i++ {
		next := ready(todos)
		if len(next) == 0 {
			break
		}
		choice := 0
		if i < len(t.order) {
			choice = t.order[i] % len(next)
		}
		if err := a.do(next[choice]); err != nil {
			return fmt.Errorf("%s of %s: %w", next[choice].name, next[choice].slot.kind, err)
		}
	}
	if len(a.floating) > 0 && !a.failed {
		return fmt.Errorf("%v were handed over, and are lost", a.floating)
	}
	return p.planAgain(a)
}

func ready(todos []*todo) []*todo {
	return slices.DeleteFunc(slices.Clone(todos), func(t *todo) bool {
		return t.done || t.after != nil && !t.after.done
	})
}

// planSlot plans one resource and returns its operations in order.
func (p *player) planSlot(run *process, s *slot, t turn) ([]*todo, error) {
	p.watch(0, nil)
	var todos []*todo
	for _, o := range s.deposed {
		if err := p.refreshed(run, s, o, t); err != nil {
			return nil, err
		}
		c, err := p.plansDestroy(run, s, o)
		if err != nil {
			return nil, err
		}
		todos = append(todos, &todo{slot: s, name: "delete deposed", object: o, change: c})
	}
	if s.current != nil {
		if err := p.refreshed(run, s, s.current, t); err != nil {
			return nil, err
		}
	}
	if !s.wanted {
		if s.current == nil {
			return todos, nil
		}
		c, err := p.plansDestroy(run, s, s.current)
		return append(todos, &todo{slot: s, name: "delete", object: s.current, change: c}), err
	}
	blind := s.managed
	blind.config = blinded(s.config, s.turn.unknown)
	c, err := run.plan(&blind, s.current.held(), s.turn.verb == "replace")
	if err != nil {
		return nil, fmt.Errorf("planning %s: %w", s.kind, err)
	}
	if err := plansWell(c); err != nil {
		return nil, err
	}
	p.last.reported = append(p.last.reported, c.reported...)
	p.last.summaries = append(p.last.summaries, c.planned["summary"])
	switch c.action {
	case "create", "update":
		todos = append(todos, &todo{slot: s, name: c.action, object: s.current, change: c})
	case "replace":
		first := &todo{slot: s, name: "delete", object: s.current, change: &change{private: c.private}}
		second := &todo{slot: s, name: "create", object: s.current, change: c, after: first}
		if s.turn.createFirst {
			first = &todo{slot: s, name: "create before delete", object: s.current, change: c}
			second = &todo{slot: s, name: "delete deposed", object: s.current, change: &change{private: c.private}, after: first}
		}
		todos = append(todos, first, second)
	}
	return todos, nil
}

func (o *holding) held() *instance {
	if o == nil {
		return nil
	}
	return o.instance
}

// refreshed reads an object, unless the apply skips the refresh. The provider must
// warn about pending purges.
func (p *player) refreshed(run *process, s *slot, o *holding, t turn) error {
	if t.stale {
		return nil
	}
	fresh, reported, err := run.refresh(&s.managed, o.instance)
	if err != nil {
		return fmt.Errorf("reading %s: %w", s.kind, err)
	}
	p.last.reported = append(p.last.reported, reported...)
	if n := len(pendingIn(s.kind, o.state)); n > 0 && !mentions(reported, n, "pending") {
		return fmt.Errorf("%d purges are pending, and a read reports %q", n, reported)
	}
	o.instance = fresh
	return nil
}

func mentions(reported []string, n int, word string) bool {
	return slices.ContainsFunc(reported, func(text string) bool {
		return strings.Contains(text, word) && slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }), strconv.Itoa(n))
	})
}

// plansDestroy plans to destroy an object. The plan must state how many purges it
// drops or sends.
func (p *player) plansDestroy(run *process, s *slot, o *holding) (*change, error) {
	c, err := run.planDestroy(&s.managed, o.instance)
	if err != nil {
		return nil, fmt.Errorf("planning a destroy of %s: %w", s.kind, err)
	}
	p.last.reported = append(p.last.reported, c.reported...)
	n := len(o.ledger.due)
	if o.ledger.onDestroy && !o.ledger.adopted {
		n = len(o.ledger.due.with(keysOf(o.ledger.seen)))
	}
	soft := o.state["hard"] == false || o.state["wildcard_threshold"] != nil // one request for all paths
	if n > 0 && len(o.ledger.maybe) == 0 && !mentions(c.reported, n, "") && (!o.ledger.onDestroy || !soft) {
		return nil, fmt.Errorf("%d purges are sent or dropped by a destroy, and the plan returns %q", n, c.reported)
	}
	return c, nil
}

// plansWell checks the plan on its own.
func plansWell(c *change) error {
	if c.action == "" {
		return nil
	}
	if c.planned["pending"] != nil {
		return fmt.Errorf("pending is planned as %v", c.planned["pending"])
	}
	if _, later := c.planned["summary"].(unknown); later && whole("", c.config) == nil {
		return errors.New("the summary is unknown, although all arguments are known")
	}
	return nil
}
