// SPDX-License-Identifier: MPL-2.0

package mstrtest

import (
	"crypto/rand"
	"maps"
	"net/http"
	"strings"
	"time"
)

const (
	tokenHeader    = "X-MSTR-AuthToken"
	sessionCookie  = "JSESSIONID"
	affinityCookie = "AWSALB"
)

// session is the result of a login. A request must send all three of its values:
// without the affinity cookie, the load balancer routes the request to a node that
// does not have the session.
type session struct {
	who             account
	token, id, node string
	used            time.Time
}

// OpenSessions returns the number of open sessions: neither logged out, nor
// expired, nor idle for too long.
func (s *Server) OpenSessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropIdle()
	return len(s.sessions)
}

// ExpireSessions closes every session, as an administrator or a restart does. From
// then on, their tokens get 401 with the code ERR009.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// Logins returns the number of successful logins.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Secrets returns the configured secrets (passwords, API token) and the issued ones
// (tokens, cookie values). A test can search logs, errors, and state for them.
func (s *Server) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var secrets []string
	for _, secret := range []string{s.Password, s.LDAPPassword, s.APIToken} {
		if secret != "" { // everything contains the empty string
			secrets = append(secrets, secret)
		}
	}
	return append(secrets, s.secrets...)
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	token, apiErr := s.authorize(r)
	if apiErr != nil {
		s.writeError(w, apiErr)
		return
	}
	s.mu.Lock()
	delete(s.sessions, token)
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// authorize returns the token of the session of a request, and restarts the idle
// time of the session.
func (s *Server) authorize(r *http.Request) (string, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropIdle()
	found, ok := s.sessions[r.Header.Get(tokenHeader)]
	if !ok || !hasCookie(r, sessionCookie, found.id) || !hasCookie(r, affinityCookie, found.node) {
		return "", &apiError{http.StatusUnauthorized, "ERR009", "", "The user's session has expired, please reauthenticate"}
	}
	found.used = s.Now()
	return found.token, nil
}

func hasCookie(r *http.Request, name, value string) bool {
	for _, c := range r.CookiesNamed(name) {
		if c.Value == value {
			return true
		}
	}
	return false
}

// newSession appends to the affinity cookie characters that base64 contains and
// that some encodings escape.
func (s *Server) newSession(who account) *session {
	opened := &session{who: who, used: s.Now()}
	opened.token, opened.id, opened.node = strings.ToLower(rand.Text()), rand.Text(), rand.Text()+"+/"
	s.sessions[opened.token] = opened
	s.secrets = append(s.secrets, opened.token, opened.id, opened.node)
	return opened
}

func (s *Server) openSessions(who account) int {
	s.dropIdle()
	n := 0
	for _, open := range s.sessions {
		if open.who == who {
			n++
		}
	}
	return n
}

func (s *Server) dropIdle() {
	if s.SessionIdle <= 0 {
		return
	}
	now := s.Now()
	maps.DeleteFunc(s.sessions, func(_ string, open *session) bool {
		return now.Sub(open.used) >= s.SessionIdle
	})
}
