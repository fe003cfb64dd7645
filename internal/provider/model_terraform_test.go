// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var modelSeed = flag.Int("model-seed", 0, "TestModel, TestModelWithTerraform: the first seed")

// TestModelWithTerraform plays random sequences with a real terraform and the same
// oracle, to show that core behaves like Terraform.
func TestModelWithTerraform(t *testing.T) {
	t.Parallel()
	sequences := 24
	if *soakLong {
		sequences = 240
	}
	seed := *modelSeed
	if *soakLong && seed == 0 {
		seed = int(rand.Uint32())
	}
	t.Logf("go test -run TestModelWithTerraform ./internal/provider/ -model-seed=%d", seed)
	for i := range sequences {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			s := simpleSequence.Example(seed + i)
			p := newRealPlayer(t, s)
			if err := p.play(s); err != nil {
				t.Errorf("%s\nThe sequence:\n%s%s", err, s, strings.Join(p.log, "\n"))
			}
		})
	}
}

// realPlayer plays a sequence of one resource with a real terraform.
type realPlayer struct {
	*sickbay
	*slot
	t   *testing.T
	tf  *terraform
	log []string
}

func newRealPlayer(t *testing.T, s sequence) *realPlayer {
	t.Helper()
	p := &realPlayer{sickbay: newSickbay(), t: t}
	p.slot = &slot{managed: managed{kind: s.kinds[0], config: universes[s.kinds[0]].start}, wanted: true}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.tf = newTerraform(t, &world{Sandbox: p.Sandbox, env: p.SetAddress(server.URL)}, realProvider)
	return p
}

const realProvider = "provider \"purge\" {\n  max_retries = 0\n  cdn = {\n    requests_per_minute = 6000\n  }\n}\n"

func (p *realPlayer) address() string { return p.kind + ".it" }

func (p *realPlayer) play(s sequence) error {
	for i, t := range s.turns {
		if err := p.take(t); err != nil {
			return fmt.Errorf("turn %d: %w", i+1, err)
		}
	}
	p.heal()
	if err := p.take(turn{heal: true}); err != nil {
		return fmt.Errorf("after the faults are removed: %w", err)
	}
	if len(p.current.ledger.due) > 0 || p.current.tainted {
		return errors.New("after the faults are removed, one apply does not converge")
	}
	output, err := p.tf.run("plan", "-detailed-exitcode", "-no-color")
	if err != nil {
		return fmt.Errorf("after the faults are removed: the next plan is not empty: %s", output)
	}
	return nil
}

// take edits the configuration, runs the command of the turn, and applies.
func (p *realPlayer) take(t turn) error {
	for _, e := range t.edits {
		p.config = edited(p.config, e)
	}
	p.ignore, p.wanted = t.ignore, t.verb != "destroy"
	if ignored := p.effective(); !valid(ignored) {
		p.ignore = nil // it would cause an error in the configuration
	}
	if t.heal {
		p.heal()
	}
	for _, h := range t.ills {
		p.harm(h.thing, h.ill, h.once)
	}
	p.write()
	args := []string{"apply", "-auto-approve", "-no-color"}
	switch exists := p.current != nil; {
	case t.verb == "taint" && exists, t.verb == "untaint" && exists && p.current.tainted:
		p.tf.mustRun(p.t, t.verb, p.address())
		p.current.tainted = t.verb == "taint"
	case t.verb == "replace" && exists:
		args = append(args, "-replace="+p.address())
	case t.verb == "import" && !exists:
		p.tf.mustRun(p.t, "import", p.address(), t.value)
		p.current = p.read()
		p.current.ledger = &ledger{due: things{}, maybe: things{}, adopted: true}
		p.current.ledger.id, p.current.ledger.seen = wants(p.kind, p.current.state)
	}
	return p.apply(args)
}

// effective returns the configuration that Terraform plans with.
func (p *realPlayer) effective() object {
	c := maps.Clone(p.config)
	if p.current != nil && !p.current.tainted {
		for _, name := range p.ignore {
			if c[name] = p.current.state[name]; c[name] == nil {
				delete(c, name)
			}
		}
	}
	return c
}

// write writes the configuration, as JSON.
func (p *realPlayer) write() {
	body := maps.Clone(p.config)
	if len(p.ignore) > 0 {
		body["lifecycle"] = map[string]any{"ignore_changes": p.ignore}
	}
	config := map[string]any{}
	if p.wanted {
		config["resource"] = map[string]any{p.kind: map[string]any{"it": body}}
	}
	text, err := json.Marshal(config)
	if err != nil {
		p.t.Fatal(err)
	}
	p.tf.write(p.t, "it.tf.json", string(text))
}

// apply runs terraform apply and calls the oracle.
func (p *realPlayer) apply(args []string) error {
	var prior object
	replaces := len(args) > 3
	if p.current != nil {
		prior, replaces = p.current.state, replaces || p.current.tainted
	}
	config := p.effective()
	if replaces {
		config = p.config
	}
	p.watch(0, nil)
	output, failed := p.tf.run(args...)
	d := &deed{config: config, prior: prior, failed: failed != nil, alone: true}
	d.arrivals, _ = p.seen()
	p.log = append(p.log, fmt.Sprintf("%v: %v\n%s", config, d.arrivals, output))
	next := p.read()
	if next != nil {
		d.state, d.summary = next.state, next.state["summary"]
		p.log = append(p.log, fmt.Sprintf("  leaves %v", next.state))
	}
	_, want := wants(p.kind, config)
	d.universe = keysOf(want)
	if p.current != nil {
		d.universe = d.universe.with(keysOf(p.current.ledger.seen), p.current.ledger.due, p.current.ledger.maybe)
	}
	l, err := p.judge(d, replaces)
	if err != nil {
		return err
	}
	if p.current = next; next != nil {
		next.ledger = l
	}
	return nil
}

func (p *realPlayer) judge(d *deed, replaces bool) (*ledger, error) {
	switch {
	case p.current == nil && !p.wanted:
		return nil, nil
	case p.current == nil:
		return (*ledger)(nil).create(p.kind, d)
	case !p.wanted:
		d.config = nil
		return p.current.ledger.remove(p.kind, d)
	case replaces:
		if id, _ := wants(p.kind, d.config); id == p.current.ledger.id && len(pendingIn(p.kind, d.prior)) > 0 {
			d.handed = []*ledger{p.current.ledger}
		}
		d.prior = nil
		return (*ledger)(nil).create(p.kind, d)
	}
	l, err := p.current.ledger.update(p.kind, d)
	if err == nil && !d.failed && len(d.arrivals) > 0 {
		err = d.summarized(p.kind)
	}
	return l, errors.Join(err, d.marked(p.kind))
}

// read returns the object in Terraform's state, or nil if there is none.
func (p *realPlayer) read() *holding {
	text, err := os.ReadFile(filepath.Join(p.tf.Path, "terraform.tfstate"))
	if err != nil {
		return nil
	}
	var state struct {
		Resources []struct {
			Instances []struct {
				Status     string
				Attributes map[string]any
			}
		}
	}
	if err := json.Unmarshal(text, &state); err != nil {
		p.t.Fatal(err)
	}
	if len(state.Resources) == 0 || len(state.Resources[0].Instances) == 0 {
		return nil
	}
	it := state.Resources[0].Instances[0]
	o, _ := withoutNulls(it.Attributes).(object)
	return &holding{instance: &instance{state: o, tainted: it.Status == "tainted"}}
}

// withoutNulls converts a JSON value to the form of the model.
func withoutNulls(v any) any {
	fields, ok := v.(map[string]any)
	if !ok {
		return v
	}
	o := object{}
	for name, field := range fields {
		if field != nil {
			o[name] = withoutNulls(field)
		}
	}
	return o
}
