// SPDX-License-Identifier: MPL-2.0

// Package mstrtest is a stand-in for the MicroStrategy REST API as far as a
// purge of caches needs it: login, logout, the list of projects, the purge, and
// the content caches of a cluster. It keeps sessions, locks accounts, and refuses
// what the real system refuses.
//
// Its session cookie is Secure, as the vendor's is: a client with an ordinary
// cookie jar gets no further than the login unless the fake is served over TLS
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

// Server is a MicroStrategy Library server. New returns one that works; the
// fields are to be set before it serves.
//
// The operations in its journal are login, logout, projects, purge (subject
// "<PROJECT>/<type>"), those of Cluster, and unknown (subject "<METHOD> <path>")
// for every request that none of its routes takes.
type Server struct {
	*fake.Recorder
	Cluster

	// Username and Password log in with loginMode 1 (standard).
	Username, Password string
	// LDAPUsername and LDAPPassword log in with loginMode 16.
	LDAPUsername, LDAPPassword string
	// APIToken logs in with loginMode 4096. It travels as the username.
	APIToken string
	// Anonymous lets guests in, with loginMode 8. Off in New.
	Anonymous bool
	// UseLibrary is the privilege to log in.
	UseLibrary bool
	// LoginStatus is the status of a successful login, 204 or 200.
	LoginStatus int
	// LockAfter is how many logins of one user may fail before the account is
	// locked, for good and for the right password too; 0 never locks.
	LockAfter int

	// MaxSessions caps the open sessions of one user; 0 means no cap.
	MaxSessions int
	// SessionIdle is how long a session lives without a request, by the
	// recorder's clock; 0 means for ever.
	SessionIdle time.Duration

	// Projects are listed and purged; those with a negative status are not
	// loaded and refuse a purge.
	Projects []Project
	// CacheTypes are the cache types that a purge takes. Servers that know only
	// element and object answer 400 to the others.
	CacheTypes []string
	// Privileged is the privilege DssXmlPrivilegesCacheAdministration.
	Privileged bool
	// Spelling is the element of the purge path that the vendor's page spells in
	// two ways, "caches" or "cache". The other one is a missing route.
	Spelling string
	// TooOld makes it a server from before 2021 Update 8 (11.3.0800), which has
	// no route for a purge in either spelling.
	TooOld bool
	// MissingRoute is how a route that does not exist is answered.
	MissingRoute Missing
	// ContextPath is where the application is mounted, without a slash at its
	// end. The web server answers outside of it, with an HTML page.
	ContextPath string

	mu       sync.Mutex
	sessions map[string]*session // by token
	failures map[account]int
	logins   int
	secrets  []string
	tickets  []string
}

// New returns a server with four projects, a user for each login mode but the
// anonymous one, and the newest server's behavior.
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

// ServeHTTP answers one request. It routes the path as it was sent: a ServeMux
// would clean it and answer a doubled slash with a redirect.
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

// purgePath takes /api/monitors/projects/{project}/caches/{type} apart. It is
// false where this server has no such route.
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
