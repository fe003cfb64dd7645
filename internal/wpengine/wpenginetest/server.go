// SPDX-License-Identifier: MPL-2.0

// Package wpenginetest is a stand-in for the WP Engine API: it keeps the state
// that purges leave behind, and refuses what the real one refuses. Its texts and
// shapes are those of https://wpengineapi.com/reference.
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

// Server is the fake, a plain http.Handler that speaks for any host. Its
// exported fields are set before it serves.
//
// The operations in its journal are purge (subject "<install>/<type>", as sent,
// with "invalid" for a type that the API does not know), installs, user, status
// and unknown (subject "<method> <path>").
type Server struct {
	*fake.Recorder

	// Username is the id of the API user, in the shape of a UUID.
	Username string
	// Password is the API user's password.
	Password string
	// BasePath is what every path starts with, "/v1" unless set.
	BasePath string
	// Installs are listed in this order.
	Installs []Install
	// AcceptStatus answers an accepted purge: 202 is documented, 200 was
	// reported. Any other status stands for one that the backend does not
	// declare: the purge is done, and the client is told 500.
	AcceptStatus int
	// AccessOff switches API access off for the account: no install is visible.
	AccessOff bool
	// ObjectWindow is the time in which an install takes one object or all
	// purge, 60 s unless set.
	ObjectWindow time.Duration
	// Forbidden holds the ids, in lower case, of installs that the API user may
	// list but not purge.
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

// Secrets returns what must never be shown: the password and the credentials of
// its Basic header, in each encoding in which they could be echoed.
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

// ServeHTTP answers as the gateway does: every reply has a request id, and a
// path or a method that it does not know is taken for a missing token.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("x-amzn-requestid", fmt.Sprintf("00000000-0000-4000-8000-%012d", s.requests.Add(1)))

	// No http.ServeMux: it would redirect and answer 405, which the gateway
	// never does.
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
	reply(w, http.StatusOK, map[string]string{
		"id": s.Username, "first_name": "Ada", "last_name": "Purger", "email": "ada@example.com",
	})
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{"success": true, "created_on": s.Now().UTC().Format(time.RFC3339)})
}
