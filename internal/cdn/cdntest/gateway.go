// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// window is the span of the quota: "20 a minute".
const window = time.Minute

// RetryAfter is the form in which a refusal says how long to wait.
type RetryAfter int

// The forms of Retry-After. The gateway sends a date as a rule.
const (
	// RetryAfterDate is an HTTP-date, rounded up to a whole second.
	RetryAfterDate RetryAfter = iota
	// RetryAfterSeconds is a number of seconds, rounded up.
	RetryAfterSeconds
	// RetryAfterAbsent leaves the header out.
	RetryAfterAbsent
)

// Limit is how the gateway refuses what is over the quota.
type Limit struct {
	// Status is 413, the gateway's default; 429, as documented; or 503, its
	// global limit.
	Status int
	// RetryAfter is the form of the header, an HTTP-date by default.
	RetryAfter RetryAfter
}

// gateway lets through what carries a token for the project of the path, within
// the quota. A self-hosted Poppy looks only at the header. The project of the header is checked by name only: 403 where it is
// another one, and Poppy's own 400 where it is missing.
func (s *Server) gateway(project string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		header := req.Header.Get("X-Project-Id")
		if !s.takesToken(req.Header.Get("X-Auth-Token")) || project != s.ProjectID && !s.selfHosted() {
			unauthorized(w, req)
			return
		}
		if header != "" && header != s.ProjectID {
			HTML(http.StatusForbidden)(w, req)
			return
		}
		if req.Method == http.MethodDelete {
			if refusal := s.count(); refusal != nil {
				refusal(w, req)
				return
			}
		}
		if header == "" {
			Error(http.StatusBadRequest, "The Project ID must be provided.")(w, req)
			return
		}
		next(w, req)
	}
}

// count enters a purge in the account's window, or returns the refusal. What
// passes the gateway counts, also where Poppy refuses it afterward; what the
// gateway refuses, for its token or for the quota, does not.
func (s *Server) count() http.HandlerFunc {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	s.counted = slices.DeleteFunc(s.counted, func(t time.Time) bool { return !t.Add(window).After(now) })
	if s.PurgesPerMinute <= 0 || len(s.counted) < s.PurgesPerMinute {
		s.counted = append(s.counted, now)
		return nil
	}
	reopens := s.counted[len(s.counted)-s.PurgesPerMinute].Add(window)
	return OverLimit(s.Limit.Status, s.Limit.RetryAfter.format(now, reopens))
}

// format rounds up: whoever waits as long as it says is let in.
func (r RetryAfter) format(now, reopens time.Time) string {
	switch r {
	case RetryAfterAbsent:
		return ""
	case RetryAfterSeconds:
		return strconv.Itoa(int((reopens.Sub(now) + time.Second - 1) / time.Second))
	}
	return reopens.Add(time.Second - 1).Truncate(time.Second).UTC().Format(http.TimeFormat)
}
