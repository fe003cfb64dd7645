// SPDX-License-Identifier: MPL-2.0

package verify

import "time"

// refill counts the attempts that got old content that the edge fetched from the
// origin after the purge. Then the purge worked, and the origin is out of date.
type refill struct {
	attempts int
	last     time.Time
}

// Three attempts confirm it, because several servers may share one name.
const (
	refillAttempts = 3
	refillApart    = 15 * time.Second
)

// confirmed records an attempt and reports whether there were enough.
func (r *refill) confirmed(seen *Seen, t *target) bool {
	if t.PurgedAt.IsZero() || !seen.old || !seen.hasAge {
		return false
	}
	switch after := seen.at.Sub(t.PurgedAt) - seen.Age; {
	case after <= 0:
		r.attempts = 0
		t.host.unpurged(t.PurgedAt, seen.at)
		return false
	case after <= resolution && t.host.isUnpurged(t.PurgedAt, seen.at):
		return false
	case r.attempts > 0 && seen.at.Sub(r.last) < refillApart:
		return false
	}
	r.attempts++
	r.last = seen.at
	return r.attempts == refillAttempts
}

// resolution is the error of Age and the time of the purge together, because both
// have whole seconds: content from just before the purge can seem to be from just
// after it. If the host still serves older content at other paths, the purge has
// not taken effect yet, and the content shows nothing about the origin. Of 2,000
// paths, one or two are always that young.
const resolution = 2 * time.Second

// unpurged records that the host served content from before a purge.
func (h *host) unpurged(purge, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.before[purge] = at
}

// isUnpurged reports whether the host served such content within the last two
// rounds of attempts.
func (h *host) isUnpurged(purge, at time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	last, ok := h.before[purge]
	return ok && at.Sub(last) < 2*maxWait
}
