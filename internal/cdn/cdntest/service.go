// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// The statuses of a service.
const (
	StatusCreateInProgress = "create_in_progress"
	StatusDeployed         = "deployed"
	StatusUpdateInProgress = "update_in_progress"
	StatusDeleteInProgress = "delete_in_progress"
	StatusFailed           = "failed"
	StatusDisabled         = "disabled"
)

// Service is a CDN service.
type Service struct {
	// ID is a UUID in lower case.
	ID string
	// Name need not be unique.
	Name string
	// Status is one of the constants above, except StatusDisabled.
	Status string
	// Disabled is set if the operator has disabled the service. The API returns it
	// as the status, and nothing else changes.
	Disabled bool
	// Errors are messages, oldest first.
	Errors  []string
	Domains []Domain
	Origins []Origin
	Caching []Caching
	// Flavor is the ID of the flavor, for example "cdn".
	Flavor string
}

// Domain is a host name of a service.
type Domain struct {
	Domain string `json:"domain"`
	// Protocol is http or https.
	Protocol string `json:"protocol"`
}

// Origin is a host from which a service takes its content.
type Origin struct {
	Origin         string `json:"origin"`
	Port           int    `json:"port"`
	SSL            bool   `json:"ssl"`
	HostHeaderType string `json:"hostheadertype"`
	Rules          []Rule `json:"rules"`
}

// Caching is the time for which a service caches the requests that match its rules.
type Caching struct {
	Name string `json:"name"`
	// TTL is in seconds.
	TTL   int    `json:"ttl"`
	Rules []Rule `json:"rules,omitempty"`
}

// Rule selects requests.
type Rule struct {
	Name       string `json:"name"`
	RequestURL string `json:"request_url"`
}

// outcome is a later effect of a purge: a status, and, unless they are empty, an
// error and the rule at the edge.
type outcome struct {
	at                    time.Time
	status, message, rule string
}

// Service returns a service in its current state, or the zero Service if there is
// none.
func (s *Server) Service(id string) Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	service := s.find(id)
	if service == nil {
		return Service{}
	}
	snapshot := *service
	snapshot.Errors = slices.Clone(service.Errors)
	return snapshot
}

// SetStatus sets the status and the errors of a service and cancels the outcomes
// of its earlier purges. StatusDisabled cancels nothing, because a disabled service
// works as before.
func (s *Server) SetStatus(id, status string, errors ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	service := s.find(id)
	if service == nil {
		return
	}
	service.Disabled, service.Errors = status == StatusDisabled, slices.Clone(errors)
	if !service.Disabled {
		service.Status = status
		delete(s.pending, service.ID)
	}
}

// Remove deletes a service.
func (s *Server) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Services = slices.DeleteFunc(s.Services, func(service Service) bool { return strings.EqualFold(service.ID, id) })
	delete(s.pending, id)
}

// find returns the service with that ID in its current state, or nil. The caller
// holds the lock.
func (s *Server) find(id string) *Service {
	for i := range s.Services {
		if strings.EqualFold(s.Services[i].ID, id) {
			s.settle(&s.Services[i])
			return &s.Services[i]
		}
	}
	return nil
}

// after adds an outcome, after the outcomes with the same time or an earlier one.
func (s *Server) after(service *Service, o outcome) {
	s.pending[service.ID] = append(s.pending[service.ID], o)
	slices.SortStableFunc(s.pending[service.ID], func(a, b outcome) int { return a.at.Compare(b.at) })
}

// settle applies the outcomes that are due. It is called before each use of a
// service, so no timers are needed.
func (s *Server) settle(service *Service) {
	now := s.Now()
	s.pending[service.ID] = slices.DeleteFunc(s.pending[service.ID], func(o outcome) bool {
		if o.at.After(now) {
			return false
		}
		service.Status = o.status
		if o.rule != "" {
			s.rules[service.ID] = o.rule
		}
		if o.message != "" {
			service.Errors = append(service.Errors, o.message)
		}
		return true
	})
}

// canonicalID returns a UUID in lower case with hyphens, and reports whether id is
// a UUID in one of the spellings that Poppy accepts (Python's uuid.UUID).
func canonicalID(id string) (string, bool) {
	digits := strings.NewReplacer("urn:", "", "uuid:", "", "-", "").Replace(id)
	digits = strings.ToLower(strings.Trim(digits, "{}"))
	if _, err := hex.DecodeString(digits); err != nil || len(digits) != 32 {
		return "", false
	}
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-"), true
}
