// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// maxBody bounds a body that is needed. It is generous: MicroStrategy lists
	// all projects in one.
	maxBody = 16 << 20
	// maxIgnoredBody bounds what is read of any other, for its message.
	maxIgnoredBody = 64 << 10
	// acceptanceWait is how long the body of an acceptance is waited for. Its
	// status says it all, unless the body comes and says otherwise.
	acceptanceWait = time.Second
)

var errAttemptTimeout = errors.New("no complete response within the request timeout")

// attempt sends a request once: quota, credentials, the host (an outage and a
// free connection), the network. Then it tells all of them what came of it.
func (c *Client) attempt(ctx context.Context, k *call) (*Response, *Error) {
	if ctx.Err() != nil {
		return nil, ended(ctx) // or it would log in for nobody
	}
	var slot Slot = freeSlot{}
	if k.Pace != nil {
		var err error
		if slot, err = k.Pace(ctx); err != nil {
			return nil, c.waitFailed(ctx, err, "waiting for the rate limit")
		}
	}
	grant := Grant{Credential: &Credential{Base: k.Base}}
	if k.Auth != nil {
		var err error
		if grant, err = k.Auth.Authorize(ctx); err != nil {
			slot.Unsent()
			return nil, c.waitFailed(ctx, err, "logging in")
		}
	}
	resp, e := c.onHost(ctx, k, slot, grant)
	if e != nil && e.skipped {
		slot.Unsent()
		grant.answered(0, nil, &k.denial)
		return nil, e
	}
	c.settle(k, slot, grant, resp, e)
	return resp, e
}

// onHost sends a request that has its slot and its credentials when the host is
// up. The error of one that was not sent is marked as skipped.
func (c *Client) onHost(ctx context.Context, k *call, slot Slot, grant Grant) (*Response, *Error) {
	skipped := func(e *Error) (*Response, *Error) {
		e.skipped = true
		return nil, e
	}
	req, err := c.build(ctx, k.Request, grant.Credential)
	if err != nil {
		return skipped(c.unsendable(k.Request, err))
	}
	k.host = c.host(grant.Base)
	pass, e := k.host.enter(ctx, k.who)
	if e != nil {
		return skipped(e)
	}
	if err := slot.Send(); err != nil {
		pass.leave()
		return skipped(c.waitFailed(ctx, err, "waiting"))
	}
	if !pass.begin() {
		pass.leave()
		return skipped(&Error{bounced: true})
	}
	if k.Sending != nil {
		k.Sending(k.Request)
		k.Doing = c.scrubber.Scrub(k.Doing)
		if req, err = c.build(ctx, k.Request, grant.Credential); err != nil {
			pass.leave()
			return skipped(c.unsendable(k.Request, err))
		}
	}
	resp, e := c.roundTrip(ctx, k.Request, req, grant.Credential)
	pass.report(e)
	return resp, e
}

// settle tells the quota and the credentials what came of an attempt.
func (c *Client) settle(k *call, slot Slot, grant Grant, resp *Response, e *Error) {
	k.sent++
	if e == nil {
		slot.Passed()
		grant.answered(resp.Status, nil, &k.denial)
		return
	}
	e.Sent, e.Lost = k.sent, k.lost
	told := *e // what others are told they read while this one is completed
	switch {
	case e.refused:
		k.refusals++
		slot.RateLimited(c.pause(e, k.refusals), &told)
	case e.unsent:
		slot.Unsent()
	case e.Status == 0 || e.Status >= http.StatusBadGateway:
		slot.Failed(&told)
	default:
		slot.Passed()
	}
	e.again = grant.answered(e.Status, e, &k.denial)
}

// waitFailed makes an *Error of what ended a wait before anything was sent.
func (c *Client) waitFailed(ctx context.Context, err error, waiting string) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		// Of a login, or what another caller was told: it is shared, so it is
		// copied before it is completed.
		own := *e
		own.ended = true
		return &own
	case ctx.Err() != nil:
		e = ended(ctx)
	case errors.Is(err, ErrClosed):
		e = &Error{Kind: KindCanceled, Err: err, text: ErrClosed.Error(), ended: true}
	default:
		e = &Error{Kind: KindTimeout, Err: err, text: err.Error(), ended: true}
	}
	e.Waiting = waiting
	return e
}

// freeSlot is the slot of a request without a quota.
type freeSlot struct{}

func (freeSlot) Send() error                      { return nil }
func (freeSlot) Unsent()                          {}
func (freeSlot) Passed()                          {}
func (freeSlot) Failed(error)                     {}
func (freeSlot) RateLimited(time.Duration, error) {}

// roundTrip is the wire. http.Transport is used without http.Client, which
// would follow redirects, and carry tokens and a login's body along.
func (c *Client) roundTrip(ctx context.Context, r *Request, req *http.Request, cred *Credential) (*Response, *Error) {
	began := time.Now()
	// context.WithTimeout sets no timer where the parent's deadline is sooner.
	// But that one's clock may be stopped later (quota.Pause).
	once, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(c.options.RequestTimeout, func() { cancel(errAttemptTimeout) }).Stop()
	t := &trail{cancel: cancel}
	resp, err := c.deliver(req.WithContext(t.trace(once)), r, t)
	c.log(ctx, r, req, resp, err, time.Since(began))
	if resp != nil {
		cred.refresh(resp.Header, c.scrubber)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ended(ctx)
	case err != nil:
		if context.Cause(once) != nil {
			err = context.Cause(once)
		}
		e := c.noAnswer(r, req.URL, err, t)
		e.answered = resp != nil
		return nil, e
	case !slices.Contains(r.Expect, resp.Status):
		return nil, c.failed(r, resp)
	}
	if err := read(resp, r); err != nil {
		return nil, c.unexpected(r, resp, err)
	}
	return resp, nil
}

func (c *Client) build(ctx context.Context, r *Request, cred *Credential) (*http.Request, error) {
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, cred.Base+r.Path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.options.UserAgent)
	req.Header.Set("Accept", "application/json")
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	maps.Copy(req.Header, c.options.Header)
	for name, values := range r.Header {
		req.Header[name] = values
	}
	cred.apply(req)
	req.Host = cmp.Or(r.Host, req.Host)
	for name, values := range req.Header {
		if strings.ContainsFunc(strings.Join(values, ""), isControl) {
			return nil, fmt.Errorf("the value of the header %s contains a line break or another control character", name)
		}
	}
	return req, nil
}

// isControl is what net/http does not send in a header. It would say so only
// after a connection was made, and it would look like one that failed.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// send returns a reply with its body. That the body of a reply is cut short
// matters only where the body is needed.
func (c *Client) send(req *http.Request, r *Request, t *trail) (*Response, error) {
	reply, err := c.http.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	resp := &Response{Status: reply.StatusCode, Header: reply.Header, asked: asked(req), scrubber: c.scrubber}
	if reply.StatusCode == http.StatusSwitchingProtocols {
		return resp, nil // its body is the connection, which no context ends
	}
	accepted := slices.Contains(r.Expect, reply.StatusCode)
	needed := accepted && r.Into != nil
	limit := int64(maxIgnoredBody)
	switch {
	case needed:
		limit = int64(r.allowance().bytes)
	case accepted:
		defer time.AfterFunc(acceptanceWait, func() { t.cancel(errAttemptTimeout) }).Stop()
	}
	resp.Body, err = io.ReadAll(io.LimitReader(reply.Body, limit+1))
	resp.Body = bytes.TrimPrefix(resp.Body, byteOrderMark)
	switch {
	case err != nil && needed:
		return resp, fmt.Errorf("the response was cut off: %w", err)
	case err != nil || int64(len(resp.Body)) > limit:
		resp.Cut = true
	}
	return resp, nil
}

// read checks the body of a reply with an expected status.
func read(resp *Response, r *Request) error {
	if r.Into != nil {
		if err := r.allowance().take(resp.Body); err != nil {
			return err
		}
		if err := resp.decodeJSON(r.Into); err != nil {
			return err
		}
	}
	if r.Check != nil {
		return r.Check(resp)
	}
	return nil
}
