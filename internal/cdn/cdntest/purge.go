// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// everything is what Poppy purges where the url is missing.
const everything = "/*"

// Purge is a purge that was accepted.
type Purge struct {
	// Time is when it was accepted, by the fake's clock.
	Time time.Time
	// Service is the id of the service, in lower case.
	Service string
	// URL is the url as the server sees it, with the query's encoding gone and
	// the asset's own left; "/*" where it was missing.
	URL string
	// Hard is what hard meant, true where it was missing.
	Hard bool
}

// Purges returns the accepted purges in their order.
func (s *Server) Purges() []Purge {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.purges)
}

// FailNextDeploy makes the next soft purge leave its service failed after
// DeployTime, with message in its errors.
func (s *Server) FailNextDeploy(message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deployFault = message
}

// FailNextHardPurge makes the next hard purge fail as hard purges do: after
// HardTime its service has message in its errors, and no other sign of it.
func (s *Server) FailNextHardPurge(message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hardFault = message
}

// purge handles DELETE …/services/{service}/assets. What it does not check,
// Poppy does not check: a url that is relative, empty or absolute, and wildcards
// in a hard purge, are all accepted.
func (s *Server) purge(service string) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		query := parseQuery(req.URL.RawQuery)
		url := valueOr(query, "url", everything)
		hard, refusal := parseHard(valueOr(query, "hard", "true"))
		id, isUUID := canonicalID(service)
		switch {
		case !isUUID:
			refusal = Error(http.StatusBadRequest, "Invalid service id")
		case strings.ContainsFunc(url, func(r rune) bool { return r > 0x7f }):
			refusal = Error(http.StatusBadRequest, "non ascii character present in url")
		case refusal != nil:
		case strings.EqualFold(query["all"], "true") && url != everything:
			refusal = Error(http.StatusBadRequest, "Cannot provide all=true and a url at the same time")
		default:
			refusal = s.accept(service, Purge{Time: s.Now(), Service: id, URL: url, Hard: hard})
		}
		if refusal != nil {
			refusal(w, req)
			return
		}
		// Without the project id: where it points to, there is nothing.
		w.Header().Set("Location", s.publicURL(req)+"/v1.0/services/"+service)
		w.WriteHeader(http.StatusAccepted)
	}
}

// parseHard reads the value as Poppy does, which evaluates it as Python: 1 and 0
// equal True and False, and nothing at all is an error that it does not catch.
func parseHard(value string) (hard bool, refusal http.HandlerFunc) {
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

// accept records a purge of a service that is deployed, or returns the refusal,
// which names the service as the caller spelled it. A service that is displayed
// as disabled is treated like any other. When a hard purge ends, it sets the
// service to deployed, even while a soft one is under way.
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

// purgeSubject is the journal's subject of a purge, the service and the value of
// hard as they were sent.
func purgeSubject(service string, req *http.Request) string {
	query := parseQuery(req.URL.RawQuery)
	return service + " " + valueOr(query, "url", everything) + " hard=" + valueOr(query, "hard", "(missing)")
}
