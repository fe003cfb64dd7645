// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"net/http"
	"time"
)

// caller is a request that waits for a host or a login, during all of its
// attempts.
type caller struct {
	timeout    time.Duration // from its start to its deadline; 0 means none
	unanswered time.Duration // how long it waits for a host that has not responded yet
	login      bool          // never a probe; the callers of the session wait instead
	urgent     bool          // does not wait for a host that is down
	failed     bool          // has failed in the current outage; guarded by host.mu
	observer   func(what string, until time.Time)
}

type callerKey struct{}

// caller returns the caller for a request, and a context that contains it for a
// Session.
func (c *Client) caller(ctx context.Context, r *Request) (context.Context, *caller) {
	who := &caller{unanswered: c.options.Unanswered, login: r.Login, urgent: r.Once && !r.Login}
	if r.Lookup {
		who.unanswered = c.options.UnansweredLookup
	}
	if deadline, ok := ctx.Deadline(); ok {
		who.timeout = max(time.Until(deadline), 1)
	}
	if observe := c.options.Observe; observe != nil {
		who.observer = func(what string, until time.Time) { observe(ctx, what, until) }
	}
	return context.WithValue(ctx, callerKey{}, who), who
}

// callerOf returns the caller in a context.
func callerOf(ctx context.Context) *caller {
	if who, ok := ctx.Value(callerKey{}).(*caller); ok {
		return who
	}
	return &caller{unanswered: defaultUnanswered}
}

// observe reports a wait to the observer of the caller.
func (w *caller) observe(what string, until time.Time) {
	if w.observer != nil {
		w.observer(what, until)
	}
}

// host returns the only host value for a base URL.
func (c *Client) host(base string) *host {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[base]
	if h == nil {
		h = &host{name: c.system, pause: c.options.ProbePause, unanswered: []time.Duration{c.options.UnansweredLookup, c.options.Unanswered}}
		c.hosts[base] = h
	}
	return h
}

// Name sets the name of the API behind a base URL, for messages.
func (c *Client) Name(base, system string) { c.host(base).name = system }

// based is an Auth that can return the base URL before it has credentials.
type based interface{ base() string }

// hostOf returns the host of a request, or nil if it is not known yet.
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

// Reach returns when the host behind a base URL is not known to be down. During
// an outage it waits in the same queue as the requests. If it is the caller's
// turn to probe, it sends a GET request for the base URL without credentials. A
// login is never a probe, because the server may count it. The error is an
// *Error.
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
		if e := c.probe(ctx, p, base); e != nil && e.ended {
			return e
		}
	}
	return nil
}

// probe sends the probe that Reach uses instead of a login.
func (c *Client) probe(ctx context.Context, p *pass, base string) *Error {
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
