// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The oracle keeps a ledger of each object: the things that a configuration asked
// for, and their versions (triggers, mode, fingerprint). It does not know the
// provider's decisions. It knows only configurations, the requests that reached the
// fakes, and the rules about dropping purges.

// version is the version of a thing. If it changes, the thing is purged again.
type version string

type things map[thing]bool

func (s things) with(more ...things) things {
	all := maps.Clone(s)
	if all == nil {
		all = things{}
	}
	for _, m := range more {
		maps.Copy(all, m)
	}
	return all
}

func (s things) without(less ...things) things {
	rest := things{}
	for t := range s {
		if !slices.ContainsFunc(less, func(l things) bool { return l[t] }) {
			rest[t] = true
		}
	}
	return rest
}

func (s things) and(other things) things {
	both := things{}
	for t := range s {
		if other[t] {
			both[t] = true
		}
	}
	return both
}

func (s things) String() string {
	var all []string
	for t := range s {
		all = append(all, t.String())
	}
	slices.Sort(all)
	return "{" + strings.Join(all, ", ") + "}"
}

func keysOf(versions map[thing]version) things {
	all := things{}
	for t := range versions {
		all[t] = true
	}
	return all
}

// ledger is the oracle's knowledge of one object.
type ledger struct {
	id   string            // of the target, empty in a moved state
	seen map[thing]version // the things of the object, in the version that was last asked for or recorded
	due  things            // asked for, neither accepted nor dropped
	// maybe contains things that may be sent once more, because the rules do not
	// define whether the state contains them.
	maybe things
	// unfinished is true if the create failed partway, unclear if the rules do not
	// define it.
	unfinished, unclear bool
	// unreached is true if nothing was accepted since the object has this identity.
	unreached bool
	adopted   bool     // imported or moved, and not applied since
	moved     []string // the values of a move, sorted
	tried     bool     // the first apply of an adopted object failed
	onDestroy bool     // purge_on_destroy in the state
	// purged and turnedDown contain the results of the delete that handed it over.
	purged, turnedDown things
	// held contains the versions in the state. They are older than seen until a
	// newer version was accepted.
	held map[thing]version
}

// wants returns the ID and the things of a configuration or a state.
func wants(kind string, c object) (id string, want map[thing]version) {
	text := func(name string) string { s, _ := c[name].(string); return s }
	triggers, _ := c["triggers"].(object)
	common := fmt.Sprint(triggers)
	switch kind {
	case "purge_mstr_cache":
		t := thing{strings.ToUpper(text("project_id")), text("cache_type")}
		return t.scope + "/" + t.key, map[thing]version{t: version(common)}
	case "purge_mstr_content_cache":
		t := thing{strings.ToUpper(text("project_id")), "content"}
		return t.scope + "/" + t.key, map[thing]version{t: version(common + filterOf(c))}
	case "purge_wpengine_cache":
		t := thing{strings.ToLower(text("install_id")), text("cache_type")}
		return t.scope + "/" + t.key, map[thing]version{t: version(common)}
	}
	scope := strings.ToLower(text("service_id") + text("host"))
	common += strconv.FormatBool(c["hard"] == nil || c["hard"] == true)
	want = make(map[thing]version)
	if url := text("url"); url != "" {
		want[thing{scope, keyOf(url)}] = version(common)
		return scope + keyOf(url), want
	}
	assets, _ := c["assets"].(object)
	for path, fingerprint := range assets {
		want[thing{scope, keyOf(path)}] = version(fmt.Sprint(common, " ", fingerprint))
	}
	return scope, want
}

// filterOf returns a form that is equal for all equivalent filters of content.
func filterOf(c object) string {
	text := ""
	for _, name := range []string{"warehouse_tables", "content_ids"} {
		filter, _ := c[name].([]any)
		var all []string
		for _, each := range filter {
			all = append(all, strings.ToUpper(fmt.Sprint(each)))
		}
		slices.Sort(all)
		text += fmt.Sprint(" ", slices.Compact(all))
	}
	return text
}

// keyOf returns a form that is equal for all spellings of a path in the model.
func keyOf(path string) string {
	return strings.NewReplacer(" ", "%20", "ü", "%C3%BC", "%c3%bc", "%C3%BC").Replace(path)
}

// pendingIn returns the pending things of a state.
func pendingIn(kind string, state object) things {
	all := things{}
	pending, _ := state["pending"].(object)
	_, want := wants(kind, state)
	for name := range pending {
		t := thing{key: keyOf(name)}
		for w := range want {
			t.scope = w.scope
		}
		for _, scope := range []string{"service_id", "host"} {
			if text, ok := state[scope].(string); ok {
				t.scope = strings.ToLower(text)
			}
		}
		all[t] = true
	}
	return all
}

// fresh returns the ledger of a configuration, with nothing due.
func fresh(kind string, c object) *ledger {
	l := &ledger{due: things{}, maybe: things{}, onDestroy: c["purge_on_destroy"] == true}
	l.id, l.seen = wants(kind, c)
	return l
}

// changed returns the things whose version differs from the ledger.
func (l *ledger) changed(want map[thing]version) things {
	all := things{}
	for t, v := range want {
		if old, ok := l.seen[t]; !ok || old != v {
			all[t] = true
		}
	}
	return all
}

// settle updates the ledger of the object that the state now describes. The things
// that are due afterward must be pending.
func (l *ledger) settle(kind string, d *deed, asked things, want map[thing]version) (*ledger, error) {
	pending, accepted := pendingIn(kind, d.state), d.accepted()
	if d.interrupted || d.broad() {
		accepted = accepted.without(pending) // a response can have arrived too late
	}
	l.due = l.due.with(asked).without(accepted)
	withdrawn := l.due.and(d.rejected()).without(keysOf(want)).without(pending)
	l.due = l.due.without(withdrawn)
	l.maybe = l.maybe.without(accepted, asked)
	if d.failed {
		l.maybe = l.maybe.with(withdrawn)
	}
	switch lost, more := l.due.without(pending), pending.without(l.due, l.maybe); {
	case len(lost) > 0 && !d.failed:
		return nil, fmt.Errorf("an apply succeeded without %v", lost)
	case len(lost) > 0:
		return nil, fmt.Errorf("lost: %v are neither accepted nor pending", lost)
	case len(more) > 0:
		return nil, fmt.Errorf("%v are pending without a reason", more)
	case len(pending) > 0 && !d.failed:
		return nil, fmt.Errorf("an apply succeeded and %v are pending", pending)
	case len(l.due) == 0 && d.failed && !d.interrupted && len(d.rejected()) == 0 && len(l.maybe) == 0:
		return nil, fmt.Errorf("an apply failed and nothing is pending; sent %v", d.arrivals)
	}
	if !d.failed {
		l.maybe = things{}
	}
	l.onDestroy = d.config["purge_on_destroy"] == true
	return l, nil
}
