// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

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

	mu      sync.Mutex
	current *Credential
	login   *login
	dropped []*Credential // refused once, but perhaps open at the server
	barren  int           // credentials dropped since one was accepted
	refused error
	closed  bool
	gaveUp  bool // Close did not wait for the login that was under way
}

type login struct {
	done chan struct{}
	err  error
}

// Authorize implements Auth.
func (s *Session) Authorize(ctx context.Context) (Grant, error) {
	for {
		cred, pending, err := s.look(ctx)
		switch {
		case err != nil:
			return Grant{}, err
		case cred != nil:
			return s.grant(cred), nil
		}
		select {
		case <-pending.done:
			if pending.err != nil {
				return Grant{}, pending.err
			}
		case <-ctx.Done():
			return Grant{}, context.Cause(ctx)
		}
	}
}

func (s *Session) base() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return ""
	}
	return s.current.Base
}

// look returns the credentials, or the login to wait for, which it starts where
// none is under way, or why there will be neither.
func (s *Session) look(ctx context.Context) (*Credential, *login, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx) // it would be a login for nobody
	case s.closed:
		return nil, nil, ErrClosed
	case s.refused != nil:
		return nil, nil, s.refused
	case s.current != nil:
		return s.current, nil, nil
	case s.login == nil:
		s.start(ctx)
	}
	return nil, s.login, nil
}

// start begins a login, with the lock held.
func (s *Session) start(ctx context.Context) {
	attempt := &login{done: make(chan struct{})}
	s.login = attempt
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Timeout)
	go func() {
		defer cancel()
		defer close(attempt.done)
		cred, err := s.Login(ctx)
		attempt.err = err
		if s.loggedIn(cred, err) && s.Logout != nil {
			_ = s.end(ctx, cred) // nobody is left to be told
		}
	}()
}

// loggedIn takes what came of a login. It returns true for a session that is
// wanted by nobody any more.
func (s *Session) loggedIn(cred *Credential, err error) (unwanted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.login = nil
	if err == nil && s.gaveUp {
		return true
	}
	if err == nil {
		s.current = cred
		return false
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		e.Waiting = "logging in"
		if definitive(e) {
			s.refused = err
		}
	}
	return false
}

// definitive tells whether a login was refused for what it said, and not for
// the state of the server.
func definitive(e *Error) bool {
	return e.Status >= 400 && e.Status < 500 && !e.repeat && !e.refused
}

func (s *Session) grant(cred *Credential) Grant {
	return Grant{Credential: cred, answer: func(status int, err *Error) bool { return s.answered(cred, status, err) }}
}

// answered learns from the answer to a request that went with a credential.
func (s *Session) answered(cred *Credential, status int, err *Error) (replay bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status != http.StatusUnauthorized {
		if s.current == cred && accepts(status, err) {
			s.barren = 0
		}
		return false
	}
	if s.current == cred { // not a newer one
		s.current = nil
		s.dropped = append(s.dropped, cred)
		s.barren++
		if s.barren > 1 {
			// A new one was refused like the one before: another login would
			// not help, and each leaves a session at the server.
			s.refused = err
		}
	}
	return s.refused == nil
}

// Close ends the session, and one that is just being opened. It returns why one
// may still be open.
func (s *Session) Close(ctx context.Context) error {
	if err := s.settled(ctx); err != nil {
		return err
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
		wg.Go(func() { _ = s.end(ctx, cred) })
	}
	var err error
	if current != nil {
		err = s.end(ctx, current)
	}
	wg.Wait()
	return err
}

// settled lets no login start any more and waits for one that has.
func (s *Session) settled(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	pending := s.login
	s.mu.Unlock()
	if pending == nil {
		return nil
	}
	select {
	case <-pending.done:
		return nil
	case <-ctx.Done():
		return s.giveUp(ctx)
	}
}

// giveUp leaves it to the login that is under way to end its session, unless
// that has just been opened.
func (s *Session) giveUp(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.login == nil {
		return nil
	}
	s.gaveUp = true
	return context.Cause(ctx)
}

// end logs out. A session that the server does not know is not open.
func (s *Session) end(ctx context.Context, cred *Credential) error {
	err := s.Logout(ctx, cred)
	if e := (*Error)(nil); errors.As(err, &e) && e.Status == http.StatusUnauthorized {
		return nil
	}
	return err
}
