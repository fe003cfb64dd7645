// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// ErrClosed is the error of a request for credentials after Close.
var ErrClosed = errors.New("the provider is shutting down")

// Session logs in when the first request needs it, once for all concurrent
// callers, and again if the server no longer accepts the session.
//
// A login that may succeed later is retried for all waiting callers. The
// callers wait, not the goroutine of the login, so each of them can leave.
// Session remembers rejected credentials and does not send them again, because
// further attempts can lock the account.
type Session struct {
	// Login returns new credentials. Its context ends after Timeout and does not
	// depend on the caller that started the login.
	Login func(context.Context) (*Credential, error)
	// Logout ends a session. If nil, there is nothing to end.
	Logout func(context.Context, *Credential) error
	// Timeout is the timeout of a login.
	Timeout time.Duration
	// Reach waits until the host of Login is not known to be down.
	Reach func(context.Context) error
	// Backoff returns the wait before a login is retried, numbered from 1.
	Backoff func(retry int) time.Duration

	mu        sync.Mutex
	current   *Credential
	use       sessionUse // of current
	login     *login
	failure   loginFailure
	trusted   bool          // a login was accepted in this process
	dropped   []*Credential // no longer used, but perhaps still open at the server
	rejected  error
	closed    bool
	abandoned bool // Close did not wait for the login in progress
}

type login struct {
	done chan struct{}
	err  error // why the login failed; nil if it is retried
}

// Authorize implements Auth.
func (s *Session) Authorize(ctx context.Context) (Grant, error) {
	for {
		next, err := s.nextStep(ctx)
		switch {
		case err != nil:
		case next.cred != nil:
			return s.grant(next.cred), nil
		case next.login != nil:
			err = next.login.wait(ctx)
		case next.wait > 0:
			err = Sleep(ctx, next.wait)
		default:
			if err = s.Reach(ctx); err == nil {
				err = s.start(ctx).wait(ctx)
			}
		}
		if err != nil {
			return Grant{}, loggingIn(err)
		}
	}
}

// loggingIn marks the error of a request for a login, such as the check whether
// the host responds.
func loggingIn(err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Waiting != "" {
		return err
	}
	own := *e // other callers share it
	own.Waiting = LoggingIn
	return &own
}

// explain returns the failed login as the error of a request whose time is over,
// and adds it to the error of a canceled request. The request may have waited for
// something that waits for the login, such as a slot.
func (s *Session) explain(e *Error) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failure.last == nil || e.System != "" || e.Last != nil:
	case e.Kind == KindTimeout && errors.Is(e.Err, context.DeadlineExceeded):
		return s.failure.abandoned(e.Err)
	case e.Kind == KindCanceled:
		e.Waiting, e.Last = LoggingIn, s.failure.last
	}
	return e
}

// wait waits for the end of the login, if there is one.
func (l *login) wait(ctx context.Context) error {
	if l == nil {
		return nil
	}
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// step is the next step of a caller. It uses cred, waits for the login in
// progress or until the next login is due, or starts a login.
type step struct {
	cred  *Credential
	login *login
	wait  time.Duration
}

func (s *Session) nextStep(ctx context.Context) (step, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return step{}, context.Cause(ctx) // otherwise it would start a login without a caller
	case s.closed:
		return step{}, ErrClosed
	case s.rejected != nil:
		return step{}, s.rejected
	case s.current != nil:
		return step{cred: s.current}, nil
	case s.login != nil:
		return step{login: s.login}, nil
	}
	wait, err := s.failure.wait(ctx, time.Now())
	return step{wait: wait}, err
}

// start returns the login in progress. If there is none, it begins one, unless a
// login is no longer needed. Its caller waits for this login, which may end before
// another step finds it.
func (s *Session) start(ctx context.Context) *login {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.login != nil || s.closed || s.current != nil || s.rejected != nil || time.Now().Before(s.failure.next) {
		return s.login
	}
	attempt := &login{done: make(chan struct{})}
	s.login = attempt
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Timeout)
	go func() {
		defer cancel()
		defer close(attempt.done)
		cred, err := s.Login(ctx)
		if s.loggedIn(attempt, cred, err) && s.Logout != nil {
			_ = s.end(ctx, cred) // no caller is left to return the error to
		}
	}()
	return attempt
}

// loggedIn records the result of a login. It returns true for a session that no
// caller needs any more.
func (s *Session) loggedIn(attempt *login, cred *Credential, err error) (unwanted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.login = nil
	if err == nil {
		s.trusted, s.failure = true, loginFailure{}
		if s.abandoned {
			return true
		}
		s.current, s.use = cred, sessionUse{began: time.Now(), unaccepted: s.use.unaccepted, endedEarly: s.use.endedEarly}
		return false
	}
	attempt.err = err
	e := (*Error)(nil)
	if !errors.As(err, &e) {
		return false
	}
	e.Waiting = LoggingIn
	switch s.failure.judge(e, s.trusted) {
	case tryAgain:
		attempt.err = nil
		s.failure.note(e, s.Backoff)
	case remember:
		s.rejected = err
	case forget:
		s.failure = loginFailure{}
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
	s.use.granted++
	number := s.use.granted
	return Grant{Credential: cred, onResponse: func(status int, err *Error, d *denial) again { return s.received(cred, number, status, err, d) }}
}

// received records the response to a request that was sent with a credential.
func (s *Session) received(cred *Credential, number, status int, err *Error, d *denial) again {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status == http.StatusUnauthorized {
		return s.denied(cred, err, d)
	}
	if s.current == cred && accepts(status, err) {
		s.use.accepted = max(s.use.accepted, number)
		s.use.unaccepted = 0
	}
	return never
}

// Close ends the session, and one whose login is in progress. The error is the
// reason why a session may still be open.
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
		// The server has ended most of these already and returns 401.
		wg.Go(func() { _ = s.end(ctx, cred) })
	}
	var err error
	if current != nil {
		err = s.end(ctx, current)
	}
	wg.Wait()
	return err
}

// settled prevents further logins and waits for the login in progress.
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
		return s.abandonLogin(ctx)
	}
}

// abandonLogin lets the login in progress end its own session, unless it has
// just completed.
func (s *Session) abandonLogin(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.login == nil {
		return nil
	}
	s.abandoned = true
	return context.Cause(ctx)
}

// end logs out. If the server does not know the session, it is already closed.
func (s *Session) end(ctx context.Context, cred *Credential) error {
	err := s.Logout(ctx, cred)
	if e := (*Error)(nil); errors.As(err, &e) && e.Status == http.StatusUnauthorized {
		return nil
	}
	return err
}
