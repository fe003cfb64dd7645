// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"maps"
	"net/http"
	"sync"
	"time"
)

// Auth provides the credentials of a request.
type Auth interface {
	// Authorize waits for credentials, logging in where needed.
	Authorize(context.Context) (Grant, error)
}

// Grant is credentials for one request. Whoever holds it says how the request
// was answered (0: not at all), and learns whether to send it once more.
type Grant struct {
	*Credential
	answer func(status int, err *Error, d *denial) again
}

func (g Grant) answered(status int, err *Error, d *denial) again {
	if g.answer == nil {
		return never
	}
	return g.answer(status, err, d)
}

// accepts tells whether an answer shows that the credentials are good. Those of
// a gateway or a limiter are given before anybody looks at the credentials.
func accepts(status int, err *Error) bool {
	switch {
	case err == nil:
		return status != 0
	case err.refused:
		return false
	}
	switch status {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired, http.StatusRequestTimeout:
		return false
	default:
		return status >= 400 && status < 500
	}
}

// Credential is what goes with each request: headers and cookies, and the base
// URL that they are valid for.
type Credential struct {
	Base    string
	Header  http.Header
	Cookies bool // all cookies that the server sets come back to it

	mu      sync.Mutex
	cookies cookies
}

// Authorize implements Auth for a request that must go with just these
// credentials: a logout.
func (c *Credential) Authorize(context.Context) (Grant, error) { return Grant{Credential: c}, nil }

// refresh keeps the cookies of a response, of one that failed too: a balancer
// moves a session to another server with the 503 of the one that is gone.
func (c *Credential) refresh(h http.Header, s *Scrubber) {
	if !c.Cookies {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range h.Values("Set-Cookie") {
		c.cookies.set(line, time.Now(), s)
	}
}

func (c *Credential) apply(req *http.Request) {
	maps.Copy(req.Header, c.Header)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.cookies.kept) > 0 {
		req.Header.Set("Cookie", c.cookies.header())
	}
}

// Keep makes the cookies of a login's reply part of the credential. Later ones
// don't push them out.
func (c *Client) Keep(cred *Credential, resp *Response) {
	cred.refresh(resp.Header, c.scrubber)
	cred.mu.Lock()
	defer cred.mu.Unlock()
	cred.cookies.first = len(cred.cookies.kept)
}

func (c *Credential) base() string { return c.Base }
