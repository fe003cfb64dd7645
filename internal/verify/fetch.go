// SPDX-License-Identifier: MPL-2.0

package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxRedirects is the maximum number of redirects of one request.
const maxRedirects = 5

// fetch sends the request of a visitor and follows redirects within the host. It
// returns an error if the context is done, or if the site requires a wait beyond
// the deadline.
func (c *Client) fetch(ctx context.Context, t *target, encoding string) (*Seen, error) {
	from := t.url
	for hop := 0; ; hop++ {
		seen, next, err := c.get(ctx, t, from, encoding)
		if err != nil || next == nil || hop == maxRedirects {
			return seen, err
		}
		from = next
	}
}

// get sends one request as soon as the limits of the host and of the client allow.
// It returns the target of a redirect within the host.
func (c *Client) get(ctx context.Context, t *target, from *url.URL, encoding string) (*Seen, *url.URL, error) {
	if err := t.host.enter(ctx); err != nil {
		return nil, nil, err
	}
	if err := c.slots.Acquire(ctx, 1); err != nil {
		return nil, nil, context.Cause(ctx)
	}
	defer c.slots.Release(1)
	started := time.Now()
	seen, next, header := c.exchange(ctx, t, from, encoding)
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	t.host.done(started, seen, header)
	if c.log != nil {
		c.log(ctx, "Fetched from the site", map[string]any{
			"url": from.String(), "accept_encoding": encoding, "proven": seen.proven, "seen": seen.String(),
		})
	}
	return seen, next, nil
}

// exchange sends a request and reads the response. It does not use http.Client,
// which follows redirects to other hosts and sends them a Referer.
func (c *Client) exchange(ctx context.Context, t *target, from *url.URL, encoding string) (*Seen, *url.URL, http.Header) {
	once, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(c.timeout, func() { cancel(errStalled) })
	defer timer.Stop()
	failed := func(err error) *Seen {
		if errors.Is(context.Cause(once), errStalled) {
			err = errStalled
		}
		return &Seen{AcceptEncoding: encoding, Err: &shown{c.transport.Line(err.Error()), err}}
	}
	resp, err := c.transport.RoundTrip(c.request(once, from, encoding))
	if err != nil {
		return failed(err), nil, nil
	}
	defer resp.Body.Close()
	body := &watched{resp.Body, timer, c.timeout}
	seen := c.note(resp, from, t, encoding)
	next := follow(resp, from)
	if err := t.expect.judge(resp, body, seen); err != nil {
		return failed(fmt.Errorf("the response ended early: %w", err)), nil, nil
	}
	if resp.StatusCode != http.StatusSwitchingProtocols { // the body is the connection
		drain(body)
	}
	return seen, next, resp.Header
}

// note returns the result that the status and the headers of a response show.
func (c *Client) note(resp *http.Response, from *url.URL, t *target, encoding string) *Seen {
	seen := &Seen{AcceptEncoding: encoding, Status: resp.StatusCode, at: time.Now()}
	seen.Age, seen.hasAge = age(resp.Header)
	if from != t.url {
		seen.Address = c.transport.Line(from.String())
	}
	if location, err := resp.Location(); err == nil && redirects(resp.StatusCode) {
		seen.Redirect = c.transport.Line(location.Scheme + "://" + location.Host)
	}
	for _, name := range cacheHeaders {
		if values := resp.Header.Values(name); len(values) > 0 {
			seen.Caches = append(seen.Caches, name+": "+c.transport.Line(strings.Join(values, ", ")))
		}
	}
	return seen
}

// follow returns the target of a redirect within the host.
func follow(resp *http.Response, from *url.URL) *url.URL {
	if !redirects(resp.StatusCode) {
		return nil
	}
	to, err := resp.Location() // resolves a relative address
	if err != nil || to.Scheme != "http" && to.Scheme != "https" || !sameHost(to, from) {
		return nil
	}
	to.User, to.Fragment, to.RawFragment = nil, "", ""
	return to
}

// sameHost reports whether two addresses have the same host and port. The default
// ports of http and https count as the same.
func sameHost(a, b *url.URL) bool {
	return strings.EqualFold(a.Hostname(), b.Hostname()) && (port(a) == port(b) || port(a) == "" && port(b) == "")
}

// port returns the port, empty for the default of the scheme.
func port(u *url.URL) string {
	if p := u.Port(); p != map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		return p
	}
	return ""
}

// shown is an error with a text that is safe to display.
type shown struct {
	text string
	err  error
}

func (s *shown) Error() string { return s.text }
func (s *shown) Unwrap() error { return s.err }
