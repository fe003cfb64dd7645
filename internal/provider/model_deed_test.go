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

// deed is one operation on an object and what came of it.
type deed struct {
	config      object // as applied; nil for a delete
	arrivals    []arrival
	interrupted bool
	failed      bool
	alone       bool   // nothing failed before in the same apply
	universe    things // all that ledgers and configurations know of
	state       object // afterward; nil: there is none
	prior       object // state before; nil: there was none
	summary     any    // as planned, nil where it is null
	delivered   things // accepted in the same apply before
	handed      []*ledger
}

// covers tells whether an arrival is for a thing: the pattern of a soft purge is
// for all below it.
func (a arrival) covers(t thing) bool {
	prefix, _, pattern := strings.Cut(a.key, "*")
	return a.thing == t || a.soft && pattern && a.scope == t.scope && strings.HasPrefix(t.key, prefix)
}

// broad tells whether a soft purge was for more than one thing. How much of it
// the provider wanted is then for the state to say.
func (d *deed) broad() bool {
	return slices.ContainsFunc(d.arrivals, func(a arrival) bool { return a.soft && strings.Contains(a.key, "*") })
}

// those are the things with an arrival of some kind.
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

// sent are the things that purges were sent for; accepted those that the
// provider must know to be accepted, as far as it was not interrupted.
func (d *deed) sent() things { return d.those(func(arrival) bool { return true }) }

func (d *deed) accepted() things {
	return d.those(func(a arrival) bool { return a.accepted() && a.known })
}

// rejected are the paths that were rejected as invalid for themselves.
func (d *deed) rejected() things {
	return d.those(func(a arrival) bool { return a.ill == illRejected && strings.HasPrefix(a.key, "/") }).without(d.accepted())
}

// lets fails where more was sent than may be.
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

// saved fails where what an update saves is not what the table says.
func (d *deed) saved(kind string, want map[thing]version) error {
	_, got := wants(kind, d.state)
	_, before := wants(kind, d.prior)
	switch some := len(d.accepted()) > 0; {
	case d.interrupted, !some && len(d.rejected()) > 0:
		// What was rejected and is no longer configured may count as done.
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

// marked fails where a reason does not say what the API answered.
func (d *deed) marked(kind string) error {
	before := pendingIn(kind, d.prior)
	now, _ := wants(kind, d.state)
	if id, _ := wants(kind, d.config); id != now {
		return nil // the state is as it was
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
				return fmt.Errorf("%s was not tried and is pending as %q", name, reason)
			}
		}
	}
	return nil
}

// inMode fails where a hard purge was configured and a soft one sent, or the
// other way round. Wildcards are soft in any case.
func (d *deed) inMode() error {
	soft := d.config["hard"] == false
	for _, a := range d.arrivals {
		if a.soft != soft && strings.HasPrefix(a.key, "/") && !strings.Contains(a.key, "*") && d.config["wildcard_threshold"] == nil {
			return fmt.Errorf("hard is %v, and the purge of %v is soft: %t", d.config["hard"], a, a.soft)
		}
	}
	return nil
}

// heldUp fails where a rejected path held up others.
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

// reasonsIn adds up how many paths a summary names, by their reasons.
func reasonsIn(text string) int {
	sum := 0
	for _, m := range counts.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1]) // it is digits
		sum += n
	}
	return sum
}

// summarized checks what the plan said against what an apply that succeeded
// sent.
func (d *deed) summarized(kind string) error {
	if _, single := d.state["cache_type"]; single || kind != "purge_cdn_asset" {
		return nil
	}
	requests := make(map[thing]bool)
	soft := 0
	for _, a := range d.arrivals {
		requests[a.thing] = true
		if a.soft && a.accepted() {
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
