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

// RetryAfter is the form of the Retry-After header of a rate-limited response.
type RetryAfter int

// The forms of Retry-After. The gateway usually sends a date.
const (
	// RetryAfterDate is an HTTP-date, rounded up to a whole second.
	RetryAfterDate RetryAfter = iota
	// RetryAfterSeconds is a number of seconds, rounded up.
	RetryAfterSeconds
	// RetryAfterAbsent leaves the header out.
	RetryAfterAbsent
)

// Limit describes the gateway's rate-limited responses.
type Limit struct {
	// Status is 413 (the gateway's default), 429 (as documented), or 503 (its
	// global limit).
	Status int
	// RetryAfter is the form of the header, an HTTP-date by default.
	RetryAfter RetryAfter
}

// gateway lets a request through if its token is valid for the project in the
// path, and if a purge is within the quota. A self-hosted Poppy reads the project
// from the header only. If the header names another project, the response is 403.
// If it is missing, the response is Poppy's own 400.
func (s *Server) gateway(project string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		header := req.Header.Get("X-Project-Id")
		if !s.validToken(req.Header.Get("X-Auth-Token")) || project != s.ProjectID && !s.selfHosted() {
			unauthorized(w, req)
			return
		}
		if header != "" && header != s.ProjectID {
			HTML(http.StatusForbidden)(w, req)
			return
		}
		if req.Method == http.MethodDelete {
			if limited := s.count(); limited != nil {
				limited(w, req)
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

// count counts a purge in the account's window, or returns the rate-limited
// response. A request that the gateway lets through counts even if Poppy rejects
// it. A request that the gateway rejects does not count.
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

// format rounds up, so a client that waits for that time is let through.
func (r RetryAfter) format(now, reopens time.Time) string {
	switch r {
	case RetryAfterAbsent:
		return ""
	case RetryAfterSeconds:
		return strconv.Itoa(int((reopens.Sub(now) + time.Second - 1) / time.Second))
	}
	return reopens.Add(time.Second - 1).Truncate(time.Second).UTC().Format(http.TimeFormat)
}
