// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// account is a server with sessions. A response takes a second.
type account struct {
	mu       sync.Mutex
	logins   int
	open     map[string]bool
	arrived  []string // tokens of purges, in order
	purge    func(token string, known bool) int
	loggedIn http.HandlerFunc // handles a login
	delay    time.Duration
	single   bool // a login ends the session before it
}

func newAccount() *account { return &account{open: make(map[string]bool), delay: time.Second} }

func (a *account) serve(w http.ResponseWriter, r *http.Request) {
	token := r.Header.Get("X-Token")
	switch r.URL.Path {
	case "/base/login":
		<-time.After(a.delay)
		a.login(w, r)
	case "/base":
		w.WriteHeader(404) // the probe of Reach
	case "/base/logout":
		a.mu.Lock()
		defer a.mu.Unlock()
		w.WriteHeader(map[bool]int{true: 204, false: 401}[a.open[token]])
		delete(a.open, token)
	default:
		<-time.After(a.delay)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.arrived = append(a.arrived, token)
		status := map[bool]int{true: 202, false: 401}[a.open[token]]
		if a.purge != nil {
			status = a.purge(token, a.open[token])
		}
		w.WriteHeader(status)
	}
}

func (a *account) login(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.logins++
	if a.loggedIn != nil {
		a.loggedIn(w, r)
		return
	}
	token := fmt.Sprintf("token%d", a.logins)
	if a.single {
		clear(a.open)
	}
	a.open[token] = true
	w.Header().Set("X-Token", token)
	w.WriteHeader(204)
}

// revoke ends the sessions at the server.
func (a *account) revoke() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.open)
}

type tally struct{ Logins, Purges, Open int }

func (a *account) tally() tally {
	a.mu.Lock()
	defer a.mu.Unlock()
	return tally{a.logins, len(a.arrived), len(a.open)}
}

// session returns a Session like those of the clients.
func (r *rig) session() *Session {
	login := func(ctx context.Context) (*Credential, error) {
		resp, err := r.Do(ctx, &Request{Doing: "logging in", Method: http.MethodPost, Base: base, Path: "/login", Expect: []int{204}, Once: true, Login: true})
		if err != nil {
			return nil, err
		}
		cred := &Credential{Base: base, Header: http.Header{"X-Token": {resp.Header.Get("X-Token")}}, Cookies: true}
		r.Keep(cred, resp)
		return cred, nil
	}
	logout := func(ctx context.Context, cred *Credential) error {
		_, err := r.Do(ctx, &Request{Doing: "logging out", Method: http.MethodPost, Path: "/logout", Expect: []int{204}, Once: true, Auth: cred})
		return err
	}
	reach := func(ctx context.Context) error { return r.Reach(ctx, base) }
	return &Session{Login: login, Logout: logout, Timeout: time.Minute, Reach: reach, Backoff: r.Backoff}
}

func withSession(s *Session) *Request {
	req := purge()
	req.Base, req.Auth = "", s
	return req
}

// inSession runs a test with a session, and checks that Close leaves none open.
func inSession(t *testing.T, a *account, test func(t *testing.T, r *rig, s *Session)) {
	t.Helper()
	inBubble(t, Options{}, a.serve, func(t *testing.T, r *rig) {
		s := r.session()
		test(t, r, s)
		same(t, "Close", "", textOf(s.Close(t.Context())))
		same(t, "sessions left open", 0, a.tally().Open)
		same(t, "closed twice", "", textOf(s.Close(t.Context())))
	})
}

// together sends requests in parallel and counts the texts of their errors.
func together(r *rig, n int, req func() *Request, ctx context.Context) map[string]int { //nolint:revive // the context comes last, because most calls share it
	var wg sync.WaitGroup
	var mu sync.Mutex
	texts := make(map[string]int)
	for range n {
		wg.Go(func() {
			_, err := r.Do(ctx, req())
			mu.Lock()
			defer mu.Unlock()
			texts[textOf(err)]++
		})
	}
	wg.Wait()
	return texts
}
