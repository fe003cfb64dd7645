// SPDX-License-Identifier: MPL-2.0

// Package cdntest is a stateful stand-in for Rackspace CDN (OpenStack Poppy, and
// the Repose gateway in front of it) and for Rackspace Identity. It accepts what
// they accept, however little it means what the caller meant, and refuses what
// they refuse.
package cdntest

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

// Server answers for one account with one project. Its fields are set before it
// serves; what changes while it serves goes through its methods.
//
// The operations in its journal are login, purge, service, services and unknown.
// Faults come before everything else: a request that a fault answers needs no
// token and does not count against the quota.
type Server struct {
	*fake.Recorder

	// Username, APIKey and Password are the account.
	Username, APIKey, Password string
	// ProjectID is the tenant that the account's tokens are for. If it is not all
	// digits, the fake is a self-hosted Poppy, and the project is only in the
	// header.
	ProjectID string
	// StaticToken is a token for ProjectID that was obtained elsewhere; it does
	// not age. Empty means that there is none.
	StaticToken string
	// MultiFactor makes the account refuse password logins; API keys still work.
	MultiFactor bool
	// TokenLife is how long a token is valid, 24 hours in New.
	TokenLife time.Duration
	// ExpiresFormat is the layout of a token's expiry, as package time has it.
	ExpiresFormat string
	// ExpiresZone is the zone in which it is given, UTC where nil.
	ExpiresZone *time.Location

	// PublicURL is the base under which this fake is reached, for the service
	// catalog and for Location. Empty means the scheme and host of the request,
	// which is wrong where the fake is mounted under a path.
	PublicURL string
	// PurgesPerMinute is the account's quota in any 60 seconds, 20 in New; 0
	// means no limit.
	PurgesPerMinute int
	// Limit is how a purge over the quota is refused.
	Limit Limit

	// Services are those of ProjectID, in any order.
	Services []Service
	// DeployTime is how long a soft purge keeps its service in
	// update_in_progress, 60 s in New.
	DeployTime time.Duration
	// HardTime is how long a hard purge takes, 10 minutes in New. Only the
	// failures of FailNextHardPurge make it visible.
	HardTime time.Duration
	// Purged, if set, is called with each purge that is accepted.
	Purged func(Purge)

	mu            sync.Mutex
	tokens        map[string]time.Time
	issued        []string
	staticExpired bool
	logins        int
	counted       []time.Time
	purges        []Purge
	pending       map[string][]outcome
	rules         map[string]string
	deployFault   string
	hardFault     string
}

// New returns a server with an account, a quota and 23 services: more than the
// largest page holds.
func New() *Server {
	return &Server{
		Recorder:        fake.NewRecorder("cdn"),
		Username:        "purge-fake",
		APIKey:          "5f3c0e9a71b84d26a0d7c4e8b1962f35",
		Password:        `Fake & "quoted" pass/word+1`,
		ProjectID:       "110011",
		StaticToken:     "AADstatic-" + strings.Repeat("0123456789abcdef", 9),
		TokenLife:       24 * time.Hour,
		ExpiresFormat:   "2006-01-02T15:04:05.000Z07:00",
		PurgesPerMinute: 20,
		Limit:           Limit{Status: http.StatusRequestEntityTooLarge},
		Services:        defaultServices(),
		DeployTime:      time.Minute,
		HardTime:        10 * time.Minute,
		tokens:          make(map[string]time.Time),
		pending:         make(map[string][]outcome),
		rules:           make(map[string]string),
	}
}

// ServeHTTP answers one request, with the fake's clock in its Date.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
	operation, subject, answer := s.route(req)
	s.Handle(operation, func(*http.Request) string { return subject }, answer)(w, req)
}

// route does not use http.ServeMux: that would redirect an unclean path, which
// the real servers answer with an error.
func (s *Server) route(req *http.Request) (operation, subject string, answer http.HandlerFunc) {
	var method string
	path := strings.Split(req.URL.Path, "/")
	switch {
	case slices.Equal(path, []string{"", "v2.0", "tokens"}):
		method, operation, answer = http.MethodPost, "login", s.login
	case len(path) < 3 || path[1] != "v1.0":
	default:
		project, rest := cutProject(path[2:])
		method, operation, subject, answer = s.routeServices(req, project, rest)
	}
	switch {
	case answer == nil:
		return "unknown", req.Method + " " + req.URL.Path, HTML(http.StatusNotFound)
	case req.Method != method:
		return "unknown", req.Method + " " + req.URL.Path, HTML(http.StatusMethodNotAllowed)
	}
	return operation, subject, answer
}

// cutProject splits off the project, which Poppy finds only if it is all digits.
func cutProject(path []string) (project string, rest []string) {
	if path[0] != "" && strings.Trim(path[0], "0123456789") == "" {
		return path[0], path[1:]
	}
	return "", path
}

// selfHosted tells whether this is a Poppy without Rackspace's gateway.
func (s *Server) selfHosted() bool {
	project, _ := cutProject([]string{s.ProjectID})
	return project == ""
}

// routeServices routes what is behind the version and the project. A project
// that is not all digits stays in the path, which then has no method.
func (s *Server) routeServices(req *http.Request, project string, path []string) (method, operation, subject string, answer http.HandlerFunc) {
	switch {
	case len(path) > 1 && path[0] != "services" && path[1] == "services":
		return req.Method, "unknown", req.Method + " " + req.URL.Path, HTML(http.StatusMethodNotAllowed)
	case len(path) == 0 || path[0] != "services" || project == "" && !s.selfHosted():
	case len(path) == 1:
		return http.MethodGet, "services", req.URL.RawQuery, s.gateway(project, s.listServices)
	case len(path) == 2:
		return http.MethodGet, "service", path[1], s.gateway(project, s.getService(path[1]))
	case len(path) == 3 && path[2] == "assets":
		return http.MethodDelete, "purge", purgeSubject(path[1], req), s.gateway(project, s.purge(path[1]))
	}
	return "", "", "", nil
}

func (s *Server) publicURL(req *http.Request) string {
	switch {
	case s.PublicURL != "":
		return strings.TrimRight(s.PublicURL, "/")
	case req.TLS != nil:
		return "https://" + req.Host
	}
	return "http://" + req.Host
}
