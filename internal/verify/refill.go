// SPDX-License-Identifier: MPL-2.0

package verify

import "time"

// refill counts the looks that saw old content that was fetched after the
// purge: then the purge worked, and the origin was old.
type refill struct {
	looks int
	last  time.Time
}

// Three looks make sure, because several servers may be behind one name.
const (
	refillLooks = 3
	refillApart = 15 * time.Second
)

// confirmed notes a look and reports whether there were enough.
func (r *refill) confirmed(seen *Seen, t *target) bool {
	if t.PurgedAt.IsZero() || !seen.old || !seen.hasAge {
		return false
	}
	switch after := seen.at.Sub(t.PurgedAt) - seen.Age; {
	case after <= 0:
		r.looks = 0
		t.host.unpurged(t.PurgedAt, seen.at)
		return false
	case after <= resolution && t.host.isUnpurged(t.PurgedAt, seen.at):
		return false
	case r.looks > 0 && seen.at.Sub(r.last) < refillApart:
		return false
	}
	r.looks++
	r.last = seen.at
	return r.looks == refillLooks
}

// resolution is what Age and the time of the purge do not tell, because both
// have whole seconds: content from just before the purge seems to be from just
// after it. If other paths of the host still are from long before the same
// purge, it has not taken effect yet, and nothing is said of the origin. Of
// 2,000 paths, one or two are always that young.
const resolution = 2 * time.Second

// unpurged notes that content from before a purge was seen.
func (h *host) unpurged(purge, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.before[purge] = at
}

// isUnpurged reports whether such content was seen since each path was looked
// at once.
func (h *host) isUnpurged(purge, at time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	last, ok := h.before[purge]
	return ok && at.Sub(last) < 2*maxWait
}
