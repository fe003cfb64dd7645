// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"net/http"
	"strings"
	"sync"
)

// Fixed is an Auth for credentials that cannot be renewed: a password that is
// sent with each request, or a token from elsewhere. It sends the first request
// alone until the server has accepted the credentials. So wrong credentials are
// sent once, not by all callers.
//
// A server may deny one request and accept all others with the same
// credentials. So after the credentials were accepted, a 401 response fails
// only its own request. Then requests are sent one at a time until one is
// accepted. After five 401 responses in a row, Fixed rejects all further
// requests.
type Fixed struct {
	cred *Credential
	turn chan struct{}

	mu       sync.Mutex
	accepted bool // at least once
	denials  int  // in a row, of requests that were sent one at a time
	rejected *Error
}

const maxDenials = 5

// NewFixed returns a Fixed with the given credentials.
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
	return Grant{Credential: f.cred, onResponse: func(status int, err *Error, _ *denial) again {
		defer func() { <-f.turn }()
		return f.learn(status, err, true)
	}}, nil
}

// known returns the credentials and true if the request need not wait for its
// turn. It returns an error and true if the credentials are rejected.
func (f *Fixed) known() (Grant, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rejected != nil {
		return Grant{}, true, f.rejected
	}
	return Grant{Credential: f.cred, onResponse: func(status int, err *Error, _ *denial) again {
		return f.learn(status, err, false)
	}}, f.accepted && f.denials == 0, nil
}

// learn records the response to a request. Requests that were in flight
// together at the first 401 response count once.
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
		rejected := *err
		f.rejected = &rejected
		return never
	}
	err.Kind, err.single = KindForbidden, true
	err.Advice = strings.TrimSpace("The API accepted the same credentials for other requests. " + err.Advice)
	return never
}

func (f *Fixed) base() string { return f.cred.Base }
