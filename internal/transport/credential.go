package transport

import (
	"context"
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
		if cookie.MaxAge < 0 || cookie.MaxAge == 0 && !cookie.Expires.IsZero() && cookie.Expires.Before(time.Now()) {
			delete(c.cookies, cookie.Name)
			continue
		}
		s.addPassing(cookie.Value)
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

func (c *Credential) base() string { return c.Base }
