// SPDX-License-Identifier: MPL-2.0

// Package wpenginetest is a stateful fake of the WP Engine API. It accepts and
// rejects the same requests. Its messages and shapes come from
// https://wpengineapi.com/reference.
package wpenginetest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

// Server is the fake, an http.Handler for any host. Its exported fields are set
// before it serves requests.
//
// The operations in its journal are purge (subject "<install>/<type>", as sent,
// with "invalid" for an unknown type), installs, user, status, and unknown (subject
// "<method> <path>").
type Server struct {
	*fake.Recorder

	// Username is the ID of the API user, a UUID.
	Username string
	// Password is the API user's password.
	Password string
	// BasePath is the prefix of every path: "/v1" in New.
	BasePath string
	// Installs are listed in this order.
	Installs []Install
	// AcceptStatus is the status of an accepted purge: 202 as documented, or 200 as
	// reported. Any other value means a status that the backend does not declare:
	// the purge is accepted, and the response is 500.
	AcceptStatus int
	// AccessOff disables API access for the account: no install is visible.
	AccessOff bool
	// ObjectWindow is the time in which an install accepts one purge of the type
	// object or all: 60 s in New.
	ObjectWindow time.Duration
	// Forbidden contains the IDs, in lower case, of the installs that the API user
	// may list but not purge.
	Forbidden map[string]bool

	requests atomic.Int64

	mu         sync.Mutex
	purges     []Purge
	lastObject map[string]time.Time
}

// New returns a fake with credentials and DefaultInstalls.
func New() *Server {
	return &Server{
		Recorder:     fake.NewRecorder("wpengine"),
		Username:     "5f0c9a52-7d1e-4b38-9c64-2ab81e3f7d90",
		Password:     "wpe>Secret?Passw0rd~7",
		BasePath:     "/v1",
		Installs:     DefaultInstalls(),
		AcceptStatus: http.StatusAccepted,
		ObjectWindow: time.Minute,
		Forbidden:    make(map[string]bool),
		lastObject:   make(map[string]time.Time),
	}
}

// Secrets returns everything that must never be shown: the password and the Basic
// credentials, in each encoding that a server could echo.
func (s *Server) Secrets() []string {
	pair := []byte(s.Username + ":" + s.Password)
	return []string{
		s.Password,
		url.QueryEscape(s.Password),
		url.PathEscape(s.Password),
		base64.StdEncoding.EncodeToString(pair),
		base64.RawStdEncoding.EncodeToString(pair),
		base64.URLEncoding.EncodeToString(pair),
		base64.RawURLEncoding.EncodeToString(pair),
		url.QueryEscape(base64.StdEncoding.EncodeToString(pair)),
	}
}

// ServeHTTP responds like the gateway: every response has a request ID, and an
// unknown path or method is reported as a missing token.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("x-amzn-requestid", fmt.Sprintf("00000000-0000-4000-8000-%012d", s.requests.Add(1)))

	// http.ServeMux redirects and returns 405. The gateway does neither.
	path, found := strings.CutPrefix(r.URL.EscapedPath(), strings.TrimSuffix(s.BasePath, "/")+"/")
	if !found {
		path = ""
	}
	switch {
	case r.Method == http.MethodPost && isPurge(path):
		s.Handle("purge", purgeSubject, s.authenticated(s.validated))(w, r)
	case r.Method == http.MethodGet && path == "installs":
		s.Handle("installs", nil, s.authenticated(s.list))(w, r)
	case r.Method == http.MethodGet && path == "user":
		s.Handle("user", nil, s.authenticated(s.user))(w, r)
	case r.Method == http.MethodGet && path == "status":
		s.Handle("status", nil, s.status)(w, r)
	default:
		subject := func(r *http.Request) string { return r.Method + " " + r.URL.Path }
		s.Handle("unknown", subject, Error(http.StatusForbidden, "Missing Authentication Token"))(w, r)
	}
}

func (s *Server) authenticated(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		username, password, ok := r.BasicAuth()
		if !ok || username != s.Username || password != s.Password {
			Error(http.StatusUnauthorized, "Bad Credentials")(w, r)
			return
		}
		h(w, r)
	}
}

func (s *Server) user(w http.ResponseWriter, _ *http.Request) {
	respond(w, http.StatusOK, map[string]string{
		"id": s.Username, "first_name": "Ada", "last_name": "Purger", "email": "ada@example.com",
	})
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	respond(w, http.StatusOK, map[string]any{"success": true, "created_on": s.Now().UTC().Format(time.RFC3339)})
}
