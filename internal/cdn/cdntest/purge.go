// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// everything is the url that Poppy purges if the parameter is missing.
const everything = "/*"

// Purge is a purge that was accepted.
type Purge struct {
	// Time is when it was accepted, by the fake's clock.
	Time time.Time
	// Service is the ID of the service, in lower case.
	Service string
	// URL is the url parameter after the query is decoded once, or "/*" if it was
	// missing.
	URL string
	// Hard is the parsed hard parameter, true if it was missing.
	Hard bool
}

// Purges returns the accepted purges, oldest first.
func (s *Server) Purges() []Purge {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.purges)
}

// FailNextDeploy makes the deployment of the next soft purge fail: after
// DeployTime, the service has the status failed and message in its errors.
func (s *Server) FailNextDeploy(message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deployFault = message
}

// FailNextHardPurge makes the next hard purge fail: after HardTime, the service
// has message in its errors and no other sign of the failure.
func (s *Server) FailNextHardPurge(message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hardFault = message
}

// purge handles DELETE …/services/{service}/assets. Like Poppy, it accepts a url
// that is relative, empty, or absolute, and wildcards in a hard purge.
func (s *Server) purge(service string) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		query := parseQuery(req.URL.RawQuery)
		url := valueOr(query, "url", everything)
		hard, rejection := parseHard(valueOr(query, "hard", "true"))
		id, isUUID := canonicalID(service)
		switch {
		case !isUUID:
			rejection = Error(http.StatusBadRequest, "Invalid service id")
		case strings.ContainsFunc(url, func(r rune) bool { return r > 0x7f }):
			rejection = Error(http.StatusBadRequest, "non ascii character present in url")
		case rejection != nil:
		case strings.EqualFold(query["all"], "true") && url != everything:
			rejection = Error(http.StatusBadRequest, "Cannot provide all=true and a url at the same time")
		default:
			rejection = s.accept(service, Purge{Time: s.Now(), Service: id, URL: url, Hard: hard})
		}
		if rejection != nil {
			rejection(w, req)
			return
		}
		// Like Poppy's, it lacks the project ID, so it leads nowhere.
		w.Header().Set("Location", s.publicURL(req)+"/v1.0/services/"+service)
		w.WriteHeader(http.StatusAccepted)
	}
}

// parseHard reads the value like Poppy, which evaluates it as Python: 1 and 0
// equal True and False, and an empty value is an error that Poppy does not catch.
func parseHard(value string) (hard bool, rejection http.HandlerFunc) {
	switch strings.ToLower(value) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	case "":
		return false, Error(http.StatusInternalServerError,
			"The server encountered an unexpected condition which prevented it from fulfilling the request.")
	}
	return false, Error(http.StatusBadRequest, "hard can only be set to True or False")
}

// accept records a purge of a deployed service, or returns an error response with
// the ID of the service as the caller spelled it. A disabled service is treated
// like any other. When a hard purge ends, it sets the status to deployed, even
// during the deployment of a soft purge.
func (s *Server) accept(spelled string, p Purge) http.HandlerFunc {
	s.mu.Lock()
	defer s.mu.Unlock()
	service := s.find(p.Service)
	if service == nil {
		return Error(http.StatusNotFound, "service "+spelled+" does not exist")
	}
	if service.Status != StatusDeployed {
		return Error(http.StatusBadRequest, "Service "+spelled+" is not deployed.")
	}
	s.purges = append(s.purges, p)
	if s.Purged != nil {
		s.Purged(p)
	}
	if p.Hard {
		s.after(service, outcome{at: p.Time.Add(s.HardTime), status: StatusDeployed, message: s.hardFault})
		s.hardFault = ""
		return nil
	}
	service.Status = StatusUpdateInProgress
	result := outcome{at: p.Time.Add(s.DeployTime), status: StatusDeployed, rule: p.URL}
	if s.deployFault != "" {
		result = outcome{at: result.at, status: StatusFailed, message: s.deployFault}
		s.deployFault = ""
	}
	s.after(service, result)
	return nil
}

// purgeSubject returns the journal's subject of a purge, with the service and the
// value of hard as they were sent.
func purgeSubject(service string, req *http.Request) string {
	query := parseQuery(req.URL.RawQuery)
	return service + " " + valueOr(query, "url", everything) + " hard=" + valueOr(query, "hard", "(missing)")
}
