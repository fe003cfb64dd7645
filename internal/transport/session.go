package transport

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Auth provides the credentials of a request.
type Auth interface {
	// Authorize waits for credentials, logging in where needed.
	Authorize(context.Context) (Grant, error)
}

// Grant is credentials for one request. Whoever holds it says how the request
// was answered (0: not at all), and learns whether to send it once more with
// new ones.
type Grant struct {
	*Credential
	answer func(status int, err *Error) (replay bool)
}

func (g Grant) answered(status int, err *Error) bool {
	if g.answer == nil {
		return false
	}
	return g.answer(status, err)
}

// Credential is what goes with each request: headers and cookies, and the base
// URL that they are valid for.
type Credential struct {
	Base    string
	Header  http.Header
	Cookies bool // all cookies that the server sets come back to it

	mu      sync.Mutex
	cookies map[string]*http.Cookie
}

// Authorize implements Auth for a request that must go with just these
// credentials: a logout.
func (c *Credential) Authorize(context.Context) (Grant, error) { return Grant{Credential: c}, nil }

// refresh keeps the cookies of a reply. A cookie jar would hold back those that
// are Secure from a loopback address and those whose Path is not the one that
// we see behind a proxy, but MicroStrategy wants all of them on all requests.
func (c *Credential) refresh(h http.Header, s *Scrubber) {
	if !c.Cookies {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cookie := range (&http.Response{Header: h}).Cookies() {
		if c.cookies == nil {
			c.cookies = make(map[string]*http.Cookie)
		}
		if cookie.MaxAge < 0 {
			delete(c.cookies, cookie.Name)
			continue
		}
		s.Add(cookie.Value)
		c.cookies[cookie.Name] = cookie
	}
}

func (c *Credential) apply(req *http.Request) {
	maps.Copy(req.Header, c.Header)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(c.cookies)) {
		req.AddCookie(&http.Cookie{Name: name, Value: c.cookies[name].Value})
	}
}

// Keep makes the cookies of a login's reply part of the credential.
func (c *Client) Keep(cred *Credential, resp *Response) { cred.refresh(resp.Header, c.scrubber) }

// ErrClosed is returned for credentials that are asked for after Close.
var ErrClosed = errors.New("the provider is shutting down")

// Session logs in when the first request needs it, once for any number of
// concurrent callers, and again when the server does not know the session any
// more. Refused credentials are remembered: trying them again locks accounts.
type Session struct {
	// Login returns new credentials. It is given its own time and is not tied
	// to the caller that happened to come first.
	Login func(context.Context) (*Credential, error)
	// Logout ends a session. Nil: there is nothing to end.
	Logout func(context.Context, *Credential) error
	// Timeout bounds a login.
	Timeout time.Duration

	mu       sync.Mutex
	current  *Credential
	login    *login
	dropped  []*Credential // refused once, but perhaps open at the server
	accepted bool          // some credential of this session was accepted
	refused  error
	closed   bool
}

type login struct {
	done chan struct{}
	cred *Credential
	err  error
}

// Authorize implements Auth.
func (s *Session) Authorize(ctx context.Context) (Grant, error) {
	for {
		s.mu.Lock()
		switch {
		case s.closed:
			s.mu.Unlock()
			return Grant{}, ErrClosed
		case s.refused != nil:
			defer s.mu.Unlock()
			return Grant{}, s.refused
		case s.current != nil:
			defer s.mu.Unlock()
			return s.grant(s.current), nil
		case s.login == nil:
			s.start(ctx)
		}
		attempt := s.login
		s.mu.Unlock()

		select {
		case <-attempt.done:
			if attempt.err != nil {
				return Grant{}, attempt.err
			}
		case <-ctx.Done():
			return Grant{}, context.Cause(ctx)
		}
	}
}

// start begins a login, with the lock held.
func (s *Session) start(ctx context.Context) {
	attempt := &login{done: make(chan struct{})}
	s.login = attempt
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Timeout)
	go func() {
		defer cancel()
		attempt.cred, attempt.err = s.Login(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.login, s.current = nil, attempt.cred
		if e := (*Error)(nil); errors.As(attempt.err, &e) {
			e.Waiting = "logging in"
			if definitive(e) {
				s.refused = attempt.err
			}
		}
		close(attempt.done)
	}()
}

// definitive tells whether a login was refused for what it said, and not for
// the state of the server.
func definitive(e *Error) bool {
	return e.Status >= 400 && e.Status < 500 && !e.repeat && !e.refused
}

func (s *Session) grant(cred *Credential) Grant {
	return Grant{Credential: cred, answer: func(status int, err *Error) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if status != http.StatusUnauthorized {
			s.accepted = s.accepted || status != 0
			return false
		}
		if s.current == cred { // not a newer one
			s.current = nil
			s.dropped = append(s.dropped, cred)
			if len(s.dropped) > 1 && !s.accepted {
				// Two in a row that were never accepted: another login would
				// not help.
				s.refused = err
			}
		}
		return s.refused == nil
	}}
}

// Close ends the session, and one that is just being opened. It returns why one
// may still be open.
func (s *Session) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	pending := s.login
	s.mu.Unlock()
	if pending != nil {
		select {
		case <-pending.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	s.mu.Lock()
	current, dropped := s.current, s.dropped
	s.current, s.dropped = nil, nil
	s.mu.Unlock()
	if s.Logout == nil {
		return nil
	}
	var wg sync.WaitGroup
	for _, cred := range dropped {
		// Most of these are gone at the server, which then says 401.
		wg.Go(func() { _ = s.Logout(ctx, cred) })
	}
	var err error
	if current != nil {
		err = s.Logout(ctx, current)
	}
	wg.Wait()
	return err
}

// Fixed is credentials that can't be renewed: a password sent with each request
// or a token from elsewhere. The first request goes alone until the server has
// accepted them, so that wrong ones are tried once and not by all callers.
type Fixed struct {
	cred *Credential
	turn chan struct{}

	mu      sync.Mutex
	proven  bool
	refused *Error
}

// NewFixed returns an Auth for credentials that can't be renewed.
func NewFixed(cred *Credential) *Fixed {
	return &Fixed{cred: cred, turn: make(chan struct{}, 1)}
}

// Authorize implements Auth.
func (f *Fixed) Authorize(ctx context.Context) (Grant, error) {
	if grant, done, err := f.known(); done {
		return grant, err
	}
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return Grant{}, context.Cause(ctx)
	}
	if grant, done, err := f.known(); done {
		<-f.turn
		return grant, err
	}
	return Grant{Credential: f.cred, answer: func(status int, err *Error) bool {
		defer func() { <-f.turn }()
		return f.learn(status, err)
	}}, nil
}

func (f *Fixed) known() (Grant, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refused != nil {
		return Grant{}, true, f.refused
	}
	return Grant{Credential: f.cred, answer: f.learn}, f.proven, nil
}

func (f *Fixed) learn(status int, err *Error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch status {
	case 0:
	case http.StatusUnauthorized:
		f.refused = err
	default:
		f.proven = true
	}
	return false
}
