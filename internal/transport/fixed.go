// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"net/http"
	"sync"
)

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
	switch {
	case status == http.StatusUnauthorized:
		f.refused = err
	case accepts(status, err):
		f.proven = true
	}
	return false
}

func (f *Fixed) base() string { return f.cred.Base }
