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
	// maxBody is the maximum size of a body to decode. It is generous, because
	// MicroStrategy lists all projects in one response.
	maxBody = 16 << 20
	// maxIgnoredBody is the maximum size that is read of any other body, for its
	// message.
	maxIgnoredBody = 64 << 10
	// acceptanceWait is how long an attempt waits for the body of an acceptance.
	// The status is sufficient unless the body arrives in time and reports an
	// error.
	acceptanceWait = time.Second
)

var errAttemptTimeout = errors.New("the attempt exceeded the request timeout")

// attempt sends a request once. It waits for the quota, the credentials, and
// the host (the end of an outage and a free connection), and then reports the
// result to each of them.
func (c *Client) attempt(ctx context.Context, k *call) (*Response, *Error) {
	if ctx.Err() != nil {
		return nil, ended(ctx) // otherwise a login would start without a caller
	}
	var slot Slot = freeSlot{}
	if k.Quota != nil {
		var err error
		if slot, err = k.Quota(ctx); err != nil {
			return nil, c.waitFailed(ctx, err, WaitingForLimit)
		}
	}
	grant := Grant{Credential: &Credential{Base: k.Base}}
	if k.Auth != nil {
		var err error
		if grant, err = k.Auth.Authorize(ctx); err != nil {
			slot.Unsent()
			return nil, c.waitFailed(ctx, err, LoggingIn)
		}
	}
	resp, e := c.onHost(ctx, k, slot, grant)
	if e != nil && e.skipped {
		slot.Unsent()
		grant.received(0, nil, &k.denial)
		return nil, e
	}
	c.settle(k, slot, grant, resp, e)
	return resp, e
}

// onHost waits for the host and sends a request that has its slot and its
// credentials. If the request was not sent, the error is marked as skipped.
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
		return skipped(&Error{requeue: true})
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

// settle reports the result of an attempt to the quota and to the credentials.
func (c *Client) settle(k *call, slot Slot, grant Grant, resp *Response, e *Error) {
	k.sent++
	if e == nil {
		slot.Passed()
		grant.received(resp.Status, nil, &k.denial)
		return
	}
	e.Sent, e.Lost, e.Reasons = k.sent, k.lost, slices.Clone(k.reasons)
	shared := *e // a copy, because other callers read it while e is completed
	switch {
	case e.limited:
		k.limits++
		slot.RateLimited(c.pause(e, k.limits), &shared)
	case e.unsent:
		slot.Unsent()
	case e.Status == 0 || e.Status >= http.StatusBadGateway:
		slot.Failed(&shared)
	default:
		slot.Passed()
	}
	e.again = grant.received(e.Status, e, &k.denial)
}

// waitFailed returns the *Error for a wait that ended before the request was
// sent.
func (c *Client) waitFailed(ctx context.Context, err error, waiting string) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		// Other callers share the error of a login or of a wait.
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

// roundTrip sends a request and reads its response. It uses http.Transport
// without http.Client, which would follow redirects and send tokens and the
// body of a login to the new address.
func (c *Client) roundTrip(ctx context.Context, r *Request, req *http.Request, cred *Credential) (*Response, *Error) {
	began := time.Now()
	// context.WithTimeout sets no timer if the deadline of its parent is earlier.
	// But that deadline can move (quota.Pause).
	once, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(c.options.RequestTimeout, func() { cancel(errAttemptTimeout) }).Stop()
	t := &attemptTrace{cancel: cancel}
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
		e := c.noResponse(r, req.URL, err, t)
		e.partial = resp != nil
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

// isControl reports whether net/http rejects a character in a header. net/http
// returns that error only after it has opened a connection, so it would look
// like a failed connection.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// send returns a response with its body. An incomplete body is an error only if
// the request needs the body.
func (c *Client) send(req *http.Request, r *Request, t *attemptTrace) (*Response, error) {
	reply, err := c.http.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	resp := &Response{Status: reply.StatusCode, Header: reply.Header, request: requestLine(req), scrubber: c.scrubber}
	if reply.StatusCode == http.StatusSwitchingProtocols {
		return resp, nil // its body is the connection, which no context closes
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

// read decodes and checks the body of a response with an expected status.
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
