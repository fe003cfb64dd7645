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
// concurrent callers, and again if the server no longer accepts the session.
//
// A login that fails for now is repeated, for all who wait: they wait, and not
// the goroutine of the login, so each of them can leave. Rejected credentials
// are remembered, because trying them again locks accounts.
type Session struct {
	// Login returns new credentials. It is given its own time and is not tied
	// to the caller that happened to come first.
	Login func(context.Context) (*Credential, error)
	// Logout ends a session. Nil: there is nothing to end.
	Logout func(context.Context, *Credential) error
	// Timeout bounds a login.
	Timeout time.Duration
	// Reach waits until the host of Login is not known to be down.
	Reach func(context.Context) error
	// Backoff is the wait before a login is repeated, numbered from 1.
	Backoff func(retry int) time.Duration

	mu      sync.Mutex
	current *Credential
	tenure  tenure // of current
	login   *login
	trouble trouble
	trusted bool          // a login was accepted in this process
	dropped []*Credential // no longer used, but perhaps open at the server
	refused error
	closed  bool
	gaveUp  bool // Close did not wait for the login that was under way
}

type login struct {
	done chan struct{}
	err  error // why nobody is logged in; nil if it is to be repeated
}

// Authorize implements Auth.
func (s *Session) Authorize(ctx context.Context) (Grant, error) {
	for {
		next, err := s.look(ctx)
		switch {
		case err != nil:
		case next.cred != nil:
			return s.grant(next.cred), nil
		case next.login != nil:
			err = next.login.wait(ctx)
		case next.wait > 0:
			err = pause(ctx, next.wait)
		default:
			if err = s.Reach(ctx); err == nil {
				s.start(ctx)
			}
		}
		if err != nil {
			return Grant{}, s.failed(ctx, err)
		}
	}
}

// failed adds to the end of a caller's context why nobody is logged in.
func (s *Session) failed(ctx context.Context, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := (*Error)(nil); ctx.Err() == nil || errors.As(err, &e) || s.trouble.last == nil {
		return err
	}
	e := ended(ctx)
	e.Waiting = "logging in"
	if e.Kind == KindTimeout {
		return s.trouble.told(e.Err)
	}
	e.Last = s.trouble.last
	return e
}

func (l *login) wait(ctx context.Context) error {
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// step is what a caller does next: it has its credentials, or waits for a login
// that is under way or for the time of the next one, or starts one.
type step struct {
	cred  *Credential
	login *login
	wait  time.Duration
}

func (s *Session) look(ctx context.Context) (step, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return step{}, context.Cause(ctx) // it would be a login for nobody
	case s.closed:
		return step{}, ErrClosed
	case s.refused != nil:
		return step{}, s.refused
	case s.current != nil:
		return step{cred: s.current}, nil
	case s.login != nil:
		return step{login: s.login}, nil
	}
	wait, err := s.trouble.wait(ctx, time.Now())
	return step{wait: wait}, err
}

// start begins a login, unless that is not needed any more.
func (s *Session) start(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.current != nil || s.login != nil || s.refused != nil || time.Now().Before(s.trouble.next) {
		return
	}
	attempt := &login{done: make(chan struct{})}
	s.login = attempt
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Timeout)
	go func() {
		defer cancel()
		defer close(attempt.done)
		cred, err := s.Login(ctx)
		if s.loggedIn(attempt, cred, err) && s.Logout != nil {
			_ = s.end(ctx, cred) // nobody is left to be told
		}
	}()
}

// loggedIn takes what came of a login. It returns true for a session that is
// wanted by nobody any more.
func (s *Session) loggedIn(attempt *login, cred *Credential, err error) (unwanted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.login = nil
	if err == nil {
		s.trusted, s.trouble = true, trouble{}
		if s.gaveUp {
			return true
		}
		s.current, s.tenure = cred, tenure{began: time.Now(), barren: s.tenure.barren, taken: s.tenure.taken}
		return false
	}
	attempt.err = err
	e := (*Error)(nil)
	if !errors.As(err, &e) {
		return false
	}
	e.Waiting = "logging in"
	switch s.trouble.judge(e, s.trusted) {
	case tryAgain:
		attempt.err = nil
		s.trouble.note(e, s.Backoff)
	case remember:
		s.refused = err
	case forget:
		s.trouble = trouble{}
	}
	return false
}

func (s *Session) base() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return ""
	}
	return s.current.Base
}

func (s *Session) grant(cred *Credential) Grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tenure.granted++
	number := s.tenure.granted
	return Grant{Credential: cred, answer: func(status int, err *Error, d *denial) again { return s.answered(cred, number, status, err, d) }}
}

// answered learns from the answer to a request that was sent with a credential.
func (s *Session) answered(cred *Credential, number, status int, err *Error, d *denial) again {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status == http.StatusUnauthorized {
		return s.denied(cred, err, d)
	}
	if s.current == cred && accepts(status, err) {
		s.tenure.accepted = max(s.tenure.accepted, number)
		s.tenure.barren = 0
	}
	return never
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
