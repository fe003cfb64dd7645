// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// deed is one operation on an object, with its result.
type deed struct {
	config      object // as applied, nil for a delete
	arrivals    []arrival
	interrupted bool
	failed      bool
	alone       bool   // nothing failed before in the same apply
	universe    things // all things in ledgers and configurations
	state       object // nil if there is none afterward
	prior       object // nil if there was none before
	summary     any    // as planned, nil if it is null
	delivered   things // accepted earlier in the same apply
	handed      []*ledger
}

// covers reports whether an arrival purges a thing. The pattern of a soft purge
// covers everything below it.
func (a arrival) covers(t thing) bool {
	prefix, _, pattern := strings.Cut(a.key, "*")
	return a.thing == t || a.soft && pattern && a.scope == t.scope && strings.HasPrefix(t.key, prefix)
}

// broad reports whether a soft purge covered more than one thing. Then only the
// state shows which of them the provider meant.
func (d *deed) broad() bool {
	return slices.ContainsFunc(d.arrivals, func(a arrival) bool { return a.soft && strings.Contains(a.key, "*") })
}

// those returns the things with a matching arrival.
func (d *deed) those(arrived func(arrival) bool) things {
	all := things{}
	for _, a := range d.arrivals {
		if !arrived(a) {
			continue
		}
		all[a.thing] = true
		for t := range d.universe {
			if a.covers(t) {
				all[t] = true
			}
		}
	}
	return all.and(d.universe)
}

// sent returns the things for which purges were sent. accepted returns the things
// that the provider must know to be accepted, unless it was interrupted.
func (d *deed) sent() things { return d.those(func(arrival) bool { return true }) }

func (d *deed) accepted() things {
	return d.those(func(a arrival) bool { return a.accepted() && a.known })
}

// rejected returns the paths that the API rejected for themselves.
func (d *deed) rejected() things {
	return d.those(func(a arrival) bool { return a.ill == illRejected && strings.HasPrefix(a.key, "/") }).without(d.accepted())
}

// lets fails if things were sent that must not be sent.
func (d *deed) lets(may things) error {
	for _, a := range d.arrivals {
		wanted := false
		for t := range may {
			wanted = wanted || a.covers(t)
		}
		if !wanted {
			return fmt.Errorf("sent without a reason: %v", a)
		}
	}
	return nil
}

// saved fails if an update saves a state that violates the table in
// ARCHITECTURE.md.
func (d *deed) saved(kind string, want map[thing]version) error {
	_, got := wants(kind, d.state)
	_, before := wants(kind, d.prior)
	switch some := len(d.accepted()) > 0; {
	case d.interrupted, !some && len(d.rejected()) > 0:
		// A rejected thing that is no longer configured may count as done.
	case (some || !d.failed) && !maps.Equal(got, want):
		return fmt.Errorf("some was accepted, and the state has %v and not what is configured, %v", got, want)
	case !some && d.failed && !maps.Equal(got, before):
		return fmt.Errorf("nothing was accepted, and the state has %v and not what was, %v", got, before)
	}
	for name, reason := range d.reasons() {
		if strings.TrimSuffix(reason, rejectedSuffix) == "created" {
			return fmt.Errorf("an update leaves %s pending as %s", name, reason)
		}
	}
	return nil
}

const rejectedSuffix = ", failed"

func (d *deed) reasons() map[string]string {
	all := make(map[string]string)
	pending, _ := d.state["pending"].(object)
	for name, reason := range pending {
		all[name], _ = reason.(string)
	}
	return all
}

// marked fails if a pending reason does not reflect the response of the API.
func (d *deed) marked(kind string) error {
	before := pendingIn(kind, d.prior)
	now, _ := wants(kind, d.state)
	if id, _ := wants(kind, d.config); id != now {
		return nil // the state did not change
	}
	for name, reason := range d.reasons() {
		one := maps.Clone(d.state)
		one["pending"] = object{name: reason}
		failed := strings.HasSuffix(reason, rejectedSuffix)
		for t := range pendingIn(kind, one) {
			switch {
			case d.interrupted, d.broad():
			case d.rejected()[t] && !failed:
				return fmt.Errorf("%s was rejected and is pending as %q", name, reason)
			case failed && !before[t] && !d.sent()[t] && len(d.handed) == 0:
				return fmt.Errorf("%s was not sent and is pending as %q", name, reason)
			}
		}
	}
	return nil
}

// inMode fails if a purge does not have the configured mode. Purges of wildcards
// are always soft.
func (d *deed) inMode() error {
	soft := d.config["hard"] == false
	for _, a := range d.arrivals {
		if a.soft != soft && strings.HasPrefix(a.key, "/") && !strings.Contains(a.key, "*") && d.config["wildcard_threshold"] == nil {
			return fmt.Errorf("hard is %v, and the purge of %v is soft: %t", d.config["hard"], a, a.soft)
		}
	}
	return nil
}

// heldUp fails if a rejected path prevented the purge of others.
func (d *deed) heldUp(asked things, want map[thing]version) error {
	if d.interrupted || !d.alone {
		return nil
	}
	for _, a := range d.arrivals {
		if a.soft || a.ill != "" && a.ill != illRejected || !a.accepted() && a.ill == "" {
			return nil
		}
		if !strings.HasPrefix(a.key, "/") {
			return nil
		}
	}
	if left := asked.without(d.sent()); len(left) > 0 && len(want) > 0 {
		return fmt.Errorf("%v were held up by rejected paths", left)
	}
	return nil
}

var counted = regexp.MustCompile(`^(?:since (\S+): )?.*; (\d+) purges?(?: \(soft: .*\))?$`)

var counts = regexp.MustCompile(`(\d+) (?:created|added|changed|removed|triggered)`)

// reasonsIn adds up the numbers of paths in a summary.
func reasonsIn(text string) int {
	sum := 0
	for _, m := range counts.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1]) // the match consists of digits
		sum += n
	}
	return sum
}

// summarized compares the planned summary with the purges of a successful apply.
func (d *deed) summarized(kind string) error {
	if _, single := d.state["cache_type"]; single || kind != "purge_cdn_asset" {
		return nil
	}
	requests := make(map[thing]bool)
	soft := 0
	for _, a := range d.arrivals {
		requests[a.thing] = true
		// A rejected soft purge of removed paths is dropped, and the apply succeeds.
		if a.soft && (a.accepted() || a.ill == illRejected) {
			soft++
		}
	}
	n, last := len(requests), d.prior["last_purged_at"]
	text, _ := d.summary.(string)
	m := counted.FindStringSubmatch(text)
	switch {
	case d.config["url"] != nil:
		if d.summary != nil {
			return fmt.Errorf("the summary is %q with a url", text)
		}
	case n == 0 && d.prior == nil:
		if d.summary != "nothing purged" {
			return fmt.Errorf("the summary of a create that sent nothing is %v", d.summary)
		}
	case n == 0:
		if d.summary != d.prior["summary"] {
			return fmt.Errorf("nothing was sent, and the summary changes from %v to %v", d.prior["summary"], d.summary)
		}
	case soft == 0 && m != nil && reasonsIn(text) != n:
		return fmt.Errorf("the summary is %q, and %d paths were sent", text, n)
	case soft > 1:
	case len(m) < 3 || m[2] != strconv.Itoa(n):
		return fmt.Errorf("the summary is %q, and %d purges were sent", text, n)
	case last != nil && m[1] != last, last == nil && m[1] != "":
		return fmt.Errorf("the summary is %q, and the purge before was at %v", text, last)
	}
	return nil
}
