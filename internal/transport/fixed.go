// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"net/http"
	"strings"
	"sync"
)

// Fixed is credentials that can't be renewed: a password sent with each request
// or a token from elsewhere. The first request goes alone until the server has
// accepted them, so that wrong ones are tried once and not by all callers.
//
// A server may deny one request and accept all others with the same credentials.
// So once they were accepted, a 401 is that request's own. But from then on the
// requests go alone until one is accepted, and five 401s in a row condemn them.
type Fixed struct {
	cred *Credential
	turn chan struct{}

	mu       sync.Mutex
	accepted bool // at least once
	denials  int  // in a row, each of a request that went alone
	refused  *Error
}

const maxDenials = 5

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
	return Grant{Credential: f.cred, answer: func(status int, err *Error, _ *denial) again {
		defer func() { <-f.turn }()
		return f.learn(status, err, true)
	}}, nil
}

// known returns the credentials of a request that need not go alone, or why
// there are none any more.
func (f *Fixed) known() (Grant, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refused != nil {
		return Grant{}, true, f.refused
	}
	return Grant{Credential: f.cred, answer: func(status int, err *Error, _ *denial) again {
		return f.learn(status, err, false)
	}}, f.accepted && f.denials == 0, nil
}

// learn takes the answer to a request. What was in flight with others when the
// first 401 came does not count.
func (f *Fixed) learn(status int, err *Error, alone bool) again {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case status != http.StatusUnauthorized:
		if accepts(status, err) {
			f.accepted, f.denials = true, 0
		}
		return never
	case alone || f.denials == 0:
		f.denials++
	}
	if !f.accepted || f.denials >= maxDenials {
		refused := *err
		f.refused = &refused
		return never
	}
	err.Kind, err.single = KindForbidden, true
	err.Advice = strings.TrimSpace("The API accepted the same credentials for other requests. " + err.Advice)
	return never
}

func (f *Fixed) base() string { return f.cred.Base }
