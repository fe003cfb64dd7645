package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// maxBody bounds a body that is needed. It is generous: MicroStrategy lists
	// all projects in one.
	maxBody = 16 << 20
	// maxIgnoredBody bounds what is read of any other, for its message.
	maxIgnoredBody = 64 << 10
)

var errAttemptTimeout = errors.New("no complete answer within the request timeout")

// attempt sends a request once: quota, credentials, a free connection, the
// wire; then it tells the quota and the credentials what came of it.
func (c *Client) attempt(ctx context.Context, r *Request) (*Response, *Error) {
	var slot Slot = freeSlot{}
	if r.Pace != nil {
		var err error
		if slot, err = r.Pace(ctx); err != nil {
			return nil, waitFailed(ctx, err, "waiting for its turn under the rate limit")
		}
	}
	grant := Grant{Credential: &Credential{Base: r.Base}}
	if r.Auth != nil {
		var err error
		if grant, err = r.Auth.Authorize(ctx); err != nil {
			slot.Unsent()
			return nil, waitFailed(ctx, err, "logging in")
		}
	}
	if err := c.slots.Acquire(ctx, 1); err != nil {
		slot.Unsent()
		grant.answered(0, nil)
		return nil, waitFailed(ctx, err, "waiting for a free connection")
	}
	defer c.slots.Release(1)
	if err := slot.Send(); err != nil {
		slot.Unsent()
		grant.answered(0, nil)
		return nil, waitFailed(ctx, err, "waiting")
	}
	resp, e := c.roundTrip(ctx, r, grant.Credential)
	c.settle(slot, grant, resp, e)
	return resp, e
}

// settle tells the quota and the credentials what came of an attempt.
func (c *Client) settle(slot Slot, grant Grant, resp *Response, e *Error) {
	status := 0
	switch {
	case e == nil:
		status = resp.Status
		slot.Passed()
	case e.refused:
		status = e.Status
		wait := e.Wait
		if wait <= 0 {
			wait = c.options.Backoff(1)
		}
		slot.Refused(wait, e)
	case e.Status == 0 || e.Status >= http.StatusBadGateway:
		status = e.Status
		slot.Failed(e)
	default:
		status = e.Status
		slot.Passed()
	}
	replay := grant.answered(status, e)
	if e != nil {
		e.replay = replay
	}
}

// waitFailed makes an *Error of what ended a wait before anything was sent.
func waitFailed(ctx context.Context, err error, waiting string) *Error {
	var e *Error
	if errors.As(err, &e) {
		// Of a login, or what another caller was told: it is shared, so it is
		// copied before it is completed.
		own := *e
		own.ended = true
		return &own
	}
	if cause := context.Cause(ctx); cause != nil {
		e = ended(ctx, nil)
	} else {
		e = &Error{Kind: KindTimeout, Err: err, text: err.Error(), ended: true}
	}
	e.Waiting = waiting
	return e
}

// freeSlot is the slot of a request without a quota.
type freeSlot struct{}

func (freeSlot) Send() error                  { return nil }
func (freeSlot) Unsent()                      {}
func (freeSlot) Passed()                      {}
func (freeSlot) Failed(error)                 {}
func (freeSlot) Refused(time.Duration, error) {}

// roundTrip is the wire. http.Transport is used without http.Client, which
// would follow redirects, and carry tokens and a login's body along.
func (c *Client) roundTrip(ctx context.Context, r *Request, cred *Credential) (*Response, *Error) {
	began := time.Now()
	once, cancel := context.WithTimeoutCause(ctx, c.options.RequestTimeout, errAttemptTimeout)
	defer cancel()
	var handshake atomic.Pointer[error] // set by the goroutine that dials
	once = httptrace.WithClientTrace(once, &httptrace.ClientTrace{
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { handshake.Store(&err) },
	})
	req, err := c.build(once, r, cred)
	if err != nil {
		return nil, &Error{System: c.system, Doing: r.Doing, Kind: KindConfig, Err: err, text: c.scrubber.Line(err.Error())}
	}
	resp, err := c.send(req, r)
	c.log(ctx, r, req, resp, err, time.Since(began))
	if err == nil && slices.Contains(r.Expect, resp.Status) {
		if err = c.read(resp, r); err == nil {
			cred.refresh(resp.Header, c.scrubber)
			return resp, nil
		}
		return nil, c.unexpected(r, resp, err)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ended(ctx, nil)
		}
		if cause := context.Cause(once); cause != nil {
			err = cause
		}
		return nil, c.noAnswer(r, err, handshake.Load())
	}
	return nil, c.failed(r, resp)
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
	for name, values := range r.Header {
		req.Header[name] = values
	}
	cred.apply(req)
	return req, nil
}

// send returns a reply with its body. That the body of a reply is cut short
// matters only where the body is needed.
func (c *Client) send(req *http.Request, r *Request) (*Response, error) {
	reply, err := c.http.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close() //nolint:errcheck // nothing depends on it
	needed := r.Into != nil && slices.Contains(r.Expect, reply.StatusCode)
	limit := int64(maxIgnoredBody)
	if needed {
		limit = maxBody
	}
	body, err := io.ReadAll(io.LimitReader(reply.Body, limit+1))
	if err != nil && (needed || req.Context().Err() != nil && !slices.Contains(r.Expect, reply.StatusCode)) {
		return nil, fmt.Errorf("the answer broke off: %w", err)
	}
	return &Response{Status: reply.StatusCode, Header: reply.Header, Body: body}, nil
}

// read checks the body of a reply with an expected status.
func (c *Client) read(resp *Response, r *Request) error {
	if r.Into != nil {
		if len(resp.Body) > maxBody {
			return fmt.Errorf("the answer is longer than %d MiB", maxBody>>20)
		}
		if err := DecodeJSON(resp.Body, r.Into); err != nil {
			return err
		}
	}
	if r.Check != nil {
		return r.Check(resp)
	}
	return nil
}

// passing tells whether a failure of the connection may pass by itself. A bad
// certificate or an unknown host does not.
func passing(err error, handshake *error) (Kind, bool) {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return KindUnknownHost, false
	case handshake != nil && *handshake != nil && !brokenOff(*handshake):
		return KindTLS, false
	default:
		return KindNoAnswer, true
	}
}

func brokenOff(err error) bool {
	var timeout net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.Canceled) || errors.As(err, &timeout) && timeout.Timeout()
}
