// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// caller is who waits: one request on its way through its attempts.
type caller struct {
	timeout  time.Duration // from its start to its deadline; 0: there is none
	patience time.Duration // with a host that has answered nothing yet
	login    bool          // never a probe, and the wait belongs to others
	urgent   bool          // does not wait for a host that is down
	failed   bool          // it has met the outage; guarded by host.mu
	tell     func(what string, until time.Time)
}

type callerKey struct{}

// caller describes the request to those who make it wait, and puts the
// description into the context, for a Session.
func (c *Client) caller(ctx context.Context, r *Request) (context.Context, *caller) {
	who := &caller{patience: c.options.Unanswered, login: r.Login, urgent: r.Once && !r.Login}
	if r.Lookup {
		who.patience = c.options.UnansweredLookup
	}
	if deadline, ok := ctx.Deadline(); ok {
		who.timeout = max(time.Until(deadline), 1)
	}
	if observe := c.options.Observe; observe != nil {
		who.tell = func(what string, until time.Time) { observe(ctx, what, until) }
	}
	return context.WithValue(ctx, callerKey{}, who), who
}

// callerOf is the request that a context belongs to.
func callerOf(ctx context.Context) *caller {
	if who, ok := ctx.Value(callerKey{}).(*caller); ok {
		return who
	}
	return &caller{patience: defaultUnanswered}
}

// observe tells the caller's observer of a wait.
func (w *caller) observe(what string, until time.Time) {
	if w.tell != nil {
		w.tell(what, until)
	}
}

// host returns the one value for a base URL.
func (c *Client) host(base string) *host {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[base]
	if h == nil {
		h = &host{name: c.system, pause: c.options.ProbePause, marks: []time.Duration{c.options.UnansweredLookup, c.options.Unanswered}}
		c.hosts[base] = h
	}
	return h
}

// Name gives the system behind a base URL a name of its own in messages.
func (c *Client) Name(base, system string) { c.host(base).name = system }

// based is an Auth that tells the base URL before it has credentials.
type based interface{ base() string }

// hostOf returns the host that a request is for, or waits for, and nil if that
// is not known yet.
func (c *Client) hostOf(r *Request) *host {
	base := r.Base
	if auth, ok := r.Auth.(based); ok {
		base = auth.base()
	}
	if base == "" {
		return nil
	}
	return c.host(base)
}

// hopeless is the error of a request that starts when the host has been down for
// as long as the request could wait. It is nil if it is time to probe.
func (h *host) hopeless(who *caller) *Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last == nil || who.urgent || who.login {
		return nil
	}
	now := time.Now()
	at, ok := h.over(who)
	if !ok || now.Before(at) || h.mayProbe(who, now) || !h.heard && h.probe != nil {
		return nil
	}
	return h.outage()
}

// explain makes the outage the error of a request whose time is over, and adds
// it to the error of one that was interrupted.
func (h *host) explain(e *Error) *Error {
	if h == nil || e.Down > 0 {
		return e
	}
	outage := h.down()
	switch {
	case outage == nil:
		return e
	case e.Kind == KindTimeout && errors.Is(e.Err, context.DeadlineExceeded):
		outage.Err = errors.Join(e.Err, outage.Err)
		return outage
	case e.Kind == KindCanceled:
		e.Last, e.Down, outage.Down = outage, outage.Down, 0
	}
	return e
}

// down is the outage, for the error of a request whose time is over. It is nil
// if the host is up.
func (h *host) down() *Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last == nil {
		return nil
	}
	return h.outage()
}

// Reach returns when the host behind a base URL is not known to be down. During
// an outage it waits in one queue with the requests. If it is its turn to probe,
// it sends a GET of the base URL without credentials: a login is never a probe,
// because a server may count it. The error is an *Error.
func (c *Client) Reach(ctx context.Context, base string) error {
	h, who := c.host(base), callerOf(ctx)
	for h.down() != nil {
		p, e := h.enter(ctx, who)
		if e != nil {
			return h.explain(e)
		}
		if !p.probes() {
			p.leave()
			return nil
		}
		if e := c.look(ctx, p, base); e != nil && e.ended {
			return e
		}
	}
	return nil
}

// look sends the probe that stands in for a login.
func (c *Client) look(ctx context.Context, p *pass, base string) *Error {
	r := &Request{Doing: "checking whether " + c.host(base).name + " responds", Method: http.MethodGet, Base: base}
	bare := &Credential{Base: base}
	req, err := c.build(ctx, r, bare)
	if err != nil {
		p.leave()
		e := c.unsendable(r, err)
		e.ended = true
		return e
	}
	if !p.begin() {
		p.leave()
		return nil
	}
	_, e := c.roundTrip(ctx, r, req, bare)
	p.report(e)
	return e
}
