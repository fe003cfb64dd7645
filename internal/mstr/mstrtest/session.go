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

// session is what a login opens. A request belongs to it if it brings back all
// three of its values: without the affinity cookie the load balancer takes it
// to a node that does not know the session.
type session struct {
	who             account
	token, id, node string
	used            time.Time
}

// OpenSessions returns how many sessions are open: neither logged out, nor
// expired, nor idle for too long.
func (s *Server) OpenSessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropIdle()
	return len(s.sessions)
}

// ExpireSessions closes every session, as an administrator or a restart does.
// Their tokens are answered with 401 and the code ERR009 from now on.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// Logins returns how many logins succeeded so far.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Secrets returns every secret that the server was configured with (passwords,
// API token) or handed out (tokens, cookie values), so that a test can search
// logs, errors and state for them.
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
	token, refused := s.authorize(r)
	if refused != nil {
		s.refuse(w, refused)
		return
	}
	s.mu.Lock()
	delete(s.sessions, token)
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// authorize finds the session of a request, starts its idle time anew, and
// returns its token.
func (s *Server) authorize(r *http.Request) (string, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropIdle()
	found, ok := s.sessions[r.Header.Get(tokenHeader)]
	if !ok || !hasCookie(r, sessionCookie, found.id) || !hasCookie(r, affinityCookie, found.node) {
		return "", &refusal{http.StatusUnauthorized, "ERR009", "", "The user's session has expired, please reauthenticate"}
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

// newSession ends the affinity cookie as the base64 of a real one may, with
// characters that some encodings escape.
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
