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
	// Authorize waits for credentials and logs in if necessary.
	Authorize(context.Context) (Grant, error)
}

// Grant contains the credentials for one request. Its holder reports the status
// of the response (0 if there was none) and learns whether to retry the
// request.
type Grant struct {
	*Credential
	onResponse func(status int, err *Error, d *denial) again
}

func (g Grant) received(status int, err *Error, d *denial) again {
	if g.onResponse == nil {
		return never
	}
	return g.onResponse(status, err, d)
}

// accepts reports whether a response proves that the credentials are valid.
// Gateways and rate limiters respond before the API checks the credentials.
func accepts(status int, err *Error) bool {
	switch {
	case err == nil:
		return status != 0
	case err.limited:
		return false
	}
	switch status {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired, http.StatusRequestTimeout:
		return false
	default:
		return status >= 400 && status < 500
	}
}

// Credential contains the headers and cookies of a session or an account, and
// the base URL that they are valid for.
type Credential struct {
	Base    string
	Header  http.Header
	Cookies bool // send back all cookies that the server sets

	mu      sync.Mutex
	cookies cookies
}

// Authorize implements Auth for a request that requires this credential, such
// as a logout.
func (c *Credential) Authorize(context.Context) (Grant, error) { return Grant{Credential: c}, nil }

// refresh keeps the cookies of a response, even of a failed one. A load
// balancer moves a session to another server in the 503 response for the server
// that is gone.
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

// Keep adds the cookies of a login response to the credential. Later cookies do
// not displace them.
func (c *Client) Keep(cred *Credential, resp *Response) {
	cred.refresh(resp.Header, c.scrubber)
	cred.mu.Lock()
	defer cred.mu.Unlock()
	cred.cookies.first = len(cred.cookies.kept)
}

func (c *Credential) base() string { return c.Base }
