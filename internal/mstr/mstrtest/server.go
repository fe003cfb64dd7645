// SPDX-License-Identifier: MPL-2.0

// Package mstrtest fakes the part of the MicroStrategy REST API that purges need:
// login, logout, the list of projects, the purge, and the content caches of a
// cluster. It keeps sessions, locks accounts, and rejects the requests that the
// real system rejects.
//
// Its session cookie is Secure, like the vendor's. With an ordinary cookie jar, a
// client can only log in, unless the fake is served over TLS
// (httptest.NewTLSServer).
package mstrtest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

// Server is a MicroStrategy Library server. New returns a usable one. Set the
// fields before it serves.
//
// The operations in its journal are login, logout, projects, purge (subject
// "<PROJECT>/<type>"), the operations of Cluster, and unknown (subject
// "<METHOD> <path>") for requests that match no route.
type Server struct {
	*fake.Recorder
	Cluster

	// Username and Password log in with loginMode 1 (standard).
	Username, Password string
	// LDAPUsername and LDAPPassword log in with loginMode 16.
	LDAPUsername, LDAPPassword string
	// APIToken logs in with loginMode 4096, as the username.
	APIToken string
	// Anonymous allows guests, with loginMode 8. New sets false.
	Anonymous bool
	// UseLibrary reports whether the users have the privilege to log in.
	UseLibrary bool
	// LoginStatus is the status of a successful login, 204 or 200.
	LoginStatus int
	// LockAfter is how many failed logins lock an account permanently, also for the
	// right password. 0 never locks.
	LockAfter int

	// MaxSessions limits the open sessions of one user. 0 is no limit.
	MaxSessions int
	// SessionIdle is how long a session lasts without a request, by the clock of the
	// recorder. 0 is forever.
	SessionIdle time.Duration

	// Projects are the projects. One with a negative status is not loaded, and
	// cannot be purged.
	Projects []Project
	// CacheTypes are the cache types that a purge accepts. Servers that accept only
	// element and object return 400 for the others.
	CacheTypes []string
	// Privileged reports whether the users have the privilege
	// DssXmlPrivilegesCacheAdministration.
	Privileged bool
	// Spelling is "caches" or "cache" in the path of a purge: the vendor's page has
	// both. The server has no route for the other one.
	Spelling string
	// TooOld makes it a server before 2021 Update 8 (11.3.0800), which has no route
	// for a purge.
	TooOld bool
	// MissingRoute is the response for a missing route.
	MissingRoute Missing
	// ContextPath is the path of the application, without a trailing slash. For
	// other paths, the web server returns an HTML page.
	ContextPath string

	mu       sync.Mutex
	sessions map[string]*session // by token
	failures map[account]int
	logins   int
	secrets  []string
	tickets  []string
}

// New returns a server with four projects, a user for each login mode except the
// anonymous one, and the behavior of the newest version.
func New() *Server {
	return &Server{
		Recorder:     fake.NewRecorder("mstr"),
		Cluster:      newCluster(),
		Username:     "etl",
		Password:     "mstr-p@ss/word+&=%",
		LDAPUsername: "ldap.etl",
		LDAPPassword: "ldap-p@ss/word+&=%",
		APIToken:     "mstr-api-" + rand.Text(),
		UseLibrary:   true,
		LoginStatus:  http.StatusNoContent,
		LockAfter:    3,
		MaxSessions:  20,
		SessionIdle:  30 * time.Minute,
		Projects:     defaultProjects(),
		CacheTypes:   []string{"element", "object", "report", "all"},
		Privileged:   true,
		Spelling:     "caches",
		ContextPath:  "/MicroStrategyLibrary",
		sessions:     make(map[string]*session),
		failures:     make(map[account]int),
	}
}

// ServeHTTP implements http.Handler. It routes the path as sent, because a ServeMux
// cleans the path and redirects a request with a double slash.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, inside := strings.CutPrefix(r.URL.EscapedPath(), s.ContextPath)
	if !inside || !strings.HasPrefix(path, "/") {
		s.Handle("unknown", wrongURL, htmlNotFound)(w, r)
		return
	}
	switch r.Method + " " + path {
	case "POST /api/auth/login":
		s.Handle("login", nil, s.login)(w, r)
	case "POST /api/auth/logout":
		s.Handle("logout", nil, s.logout)(w, r)
	case "GET /api/projects":
		s.Handle("projects", nil, s.listProjects)(w, r)
	default:
		if !s.serveContent(w, r, path) {
			s.servePurge(w, r, path)
		}
	}
}

func (s *Server) servePurge(w http.ResponseWriter, r *http.Request, path string) {
	project, cacheType, ok := s.purgePath(path)
	if !ok || r.Method != http.MethodDelete {
		s.Handle("unknown", wrongURL, s.missingRoute)(w, r)
		return
	}
	subject := func(*http.Request) string { return project + "/" + cacheType }
	s.Handle("purge", subject, func(w http.ResponseWriter, r *http.Request) {
		s.purge(w, r, project, cacheType)
	})(w, r)
}

// purgePath parses /api/monitors/projects/{project}/caches/{type}. It reports false
// if the server has no such route.
func (s *Server) purgePath(path string) (project, cacheType string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/api/monitors/projects/")
	parts := strings.Split(rest, "/")
	if !ok || s.TooOld || len(parts) != 3 || parts[1] != s.Spelling {
		return "", "", false
	}
	project, projectErr := url.PathUnescape(parts[0])
	cacheType, typeErr := url.PathUnescape(parts[2])
	ok = projectErr == nil && typeErr == nil && project != "" && cacheType != ""
	return project, cacheType, ok
}

func wrongURL(r *http.Request) string { return r.Method + " " + r.URL.Path }
