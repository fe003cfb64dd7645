// SPDX-License-Identifier: MPL-2.0

// Package cdntest is a stateful fake of Rackspace CDN (OpenStack Poppy behind the
// Repose gateway) and of Rackspace Identity. It accepts and rejects the same
// requests, including requests that do not do what the caller meant.
package cdntest

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

// Server is the fake of one account with one project. Its fields are set before it
// serves requests. Later changes use its methods.
//
// The operations in its journal are login, purge, service, services, and unknown.
// Faults take precedence: a request with a fault needs no token and does not count
// against the quota.
type Server struct {
	*fake.Recorder

	// Username, APIKey, and Password are the credentials of the account.
	Username, APIKey, Password string
	// ProjectID is the tenant of the account's tokens. If it is not all digits, the
	// fake is a self-hosted Poppy, and the project is only in the header.
	ProjectID string
	// StaticToken is a token for ProjectID that was obtained elsewhere and does not
	// expire. If it is empty, there is none.
	StaticToken string
	// MultiFactor makes the account reject logins with a password, but not with an
	// API key.
	MultiFactor bool
	// TokenLife is how long a token is valid: 24 hours in New.
	TokenLife time.Duration
	// ExpiresFormat is the time layout of a token's expiry.
	ExpiresFormat string
	// ExpiresZone is the time zone of a token's expiry. Nil means UTC.
	ExpiresZone *time.Location

	// PublicURL is the base URL of this fake, for the service catalog and for
	// Location. If it is empty, the scheme and host of the request are used, which
	// is wrong if the fake is mounted under a path.
	PublicURL string
	// PurgesPerMinute is the account's quota in any 60 seconds: 20 in New. 0 means
	// no limit.
	PurgesPerMinute int
	// Limit describes the response to a purge over the quota.
	Limit Limit

	// Services are the services of ProjectID, in any order.
	Services []Service
	// DeployTime is how long a soft purge keeps its service in
	// update_in_progress: 60 s in New.
	DeployTime time.Duration
	// HardTime is how long a hard purge takes: 10 minutes in New. It is visible only
	// after FailNextHardPurge.
	HardTime time.Duration
	// Purged, if set, is called with each accepted purge.
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

// New returns a server with an account, a quota, and 23 services, which is more
// than the largest page.
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

// ServeHTTP handles one request. The Date header is the time of the fake's clock.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
	operation, subject, handler := s.route(req)
	s.Handle(operation, func(*http.Request) string { return subject }, handler)(w, req)
}

// route does not use http.ServeMux, which redirects unclean paths. The real servers
// return an error for them.
func (s *Server) route(req *http.Request) (operation, subject string, handler http.HandlerFunc) {
	var method string
	path := strings.Split(req.URL.Path, "/")
	switch {
	case slices.Equal(path, []string{"", "v2.0", "tokens"}):
		method, operation, handler = http.MethodPost, "login", s.login
	case len(path) < 3 || path[1] != "v1.0":
	default:
		project, rest := cutProject(path[2:])
		method, operation, subject, handler = s.routeServices(req, project, rest)
	}
	switch {
	case handler == nil:
		return "unknown", req.Method + " " + req.URL.Path, HTML(http.StatusNotFound)
	case req.Method != method:
		return "unknown", req.Method + " " + req.URL.Path, HTML(http.StatusMethodNotAllowed)
	}
	return operation, subject, handler
}

// cutProject splits off the project, which Poppy recognizes only if it is all
// digits.
func cutProject(path []string) (project string, rest []string) {
	if path[0] != "" && strings.Trim(path[0], "0123456789") == "" {
		return path[0], path[1:]
	}
	return "", path
}

// selfHosted reports whether this is a Poppy without Rackspace's gateway.
func (s *Server) selfHosted() bool {
	project, _ := cutProject([]string{s.ProjectID})
	return project == ""
}

// routeServices routes the path after the version and the project. A project that
// is not all digits stays in the path, which then has no method.
func (s *Server) routeServices(req *http.Request, project string, path []string) (method, operation, subject string, handler http.HandlerFunc) {
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
