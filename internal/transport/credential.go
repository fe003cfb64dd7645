// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
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
	cookies []*http.Cookie // in the order in which their names came
	first   int            // so many came with the login
}

// Servers that set cookies with more and more names get the latest of them back,
// because a header that only grows is refused in the end.
const (
	maxCookies = 50
	maxCookie  = MaxToken
)

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
		at := slices.IndexFunc(c.cookies, func(other *http.Cookie) bool { return other.Name == cookie.Name })
		gone := cookie.MaxAge < 0 || cookie.MaxAge == 0 && !cookie.Expires.IsZero() && cookie.Expires.Before(time.Now())
		switch {
		case gone && at >= 0:
			c.drop(at, s)
		case gone || len(cookie.Name)+len(cookie.Value) > maxCookie:
		case at >= 0:
			s.hold(cookie.Value)
			s.release(c.cookies[at].Value)
			c.cookies[at] = cookie
		default:
			if len(c.cookies) == maxCookies {
				c.drop(min(c.first, maxCookies-1), s)
			}
			s.hold(cookie.Value)
			c.cookies = append(c.cookies, cookie)
		}
	}
}

// drop removes a cookie, with the lock held.
func (c *Credential) drop(at int, s *Scrubber) {
	s.release(c.cookies[at].Value)
	c.cookies = slices.Delete(c.cookies, at, at+1)
	if at < c.first {
		c.first--
	}
}

func (c *Credential) apply(req *http.Request) {
	maps.Copy(req.Header, c.Header)
	c.mu.Lock()
	defer c.mu.Unlock()
	byName := func(a, b *http.Cookie) int { return strings.Compare(a.Name, b.Name) }
	for _, cookie := range slices.SortedFunc(slices.Values(c.cookies), byName) {
		req.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
}

// Keep makes the cookies of a login's reply part of the credential. Later ones
// don't push them out.
func (c *Client) Keep(cred *Credential, resp *Response) {
	cred.refresh(resp.Header, c.scrubber)
	cred.mu.Lock()
	defer cred.mu.Unlock()
	cred.first = len(cred.cookies)
}

func (c *Credential) base() string { return c.Base }
