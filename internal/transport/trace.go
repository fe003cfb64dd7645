// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// errNotTaken is the cause of an attempt that was ended because net/http would
// send its request again.
var errNotTaken = errors.New("the server closed the connection before it accepted the request")

// attemptTrace records the connections of one attempt. net/http opens further
// connections on its own, without a limit. If a server rejects each stream or
// closes each connection, one slot of the quota would pay for thousands of
// requests. So an attempt uses one connection. It uses another one only if the
// first was kept from an earlier request and the server had closed it, so
// nothing was sent.
type attemptTrace struct {
	cancel context.CancelCauseFunc

	mu        sync.Mutex
	handshake error
	requested int // connections requested since the latest one was obtained
	conns     int
	h2        bool // the latest connection is HTTP/2
	kept      bool // it carried an earlier request
	wrote     bool // it carried this request
	sent      bool // an earlier connection carried this request
	stopped   bool
}

// maxHTTP2 is the maximum number of HTTP/2 connections of one attempt,
// including those that were closed before use. All requests share one HTTP/2
// connection, so a new connection looks kept to all requests but the first.
const maxHTTP2 = 3

func (t *attemptTrace) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.handshake = err
		},
		GetConn: func(string) { t.getConn() },
		GotConn: t.gotConn,
		WroteHeaders: func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.wrote = true
		},
	})
}

func (t *attemptTrace) getConn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	// With HTTP/1, net/http requests another connection only if nothing left its
	// write buffer. (It also retries a GET that may have been sent, but no quota
	// counts those.)
	t.sent = t.sent || t.wrote && t.h2
	t.wrote = false
	t.requested++
	if t.requested > maxHTTP2 {
		t.stop()
	}
}

// stop ends the attempt. The caller holds t.mu.
func (t *attemptTrace) stop() {
	t.stopped = true
	t.cancel(errNotTaken)
}

func (t *attemptTrace) gotConn(info httptrace.GotConnInfo) {
	t.mu.Lock()
	defer t.mu.Unlock()
	again := t.kept && !t.sent && t.conns <= maxConnections && (!t.h2 || t.conns < maxHTTP2)
	if t.conns > 0 && !again {
		t.stop()
		return
	}
	secure, ok := info.Conn.(*tls.Conn)
	t.h2 = ok && secure.ConnectionState().NegotiatedProtocol == "h2"
	t.kept = info.Reused
	t.conns++
	t.requested = 0
}

// handshakeError returns the error of the TLS handshake. It locks, because a
// dial can outlast its attempt.
func (t *attemptTrace) handshakeError() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.handshake
}

// connections returns the number of connections so far.
func (t *attemptTrace) connections() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conns
}

// stale reports whether a request failed on a kept connection that the server
// had closed before anything was written. net/http does not always retry a
// request whose method is not idempotent. before is the number of connections
// before the request.
func (t *attemptTrace) stale(before int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conns > before && t.kept && !t.wrote && !t.sent && !t.stopped
}

// unsent reports whether the server received nothing of the request. An
// interrupted request may still be on its way to a connection.
func (t *attemptTrace) unsent(interrupted bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conns == 0 || !t.wrote && !t.sent && !interrupted
}

// deliver sends a request, and sends it again for each kept connection that the
// server had closed.
func (c *Client) deliver(req *http.Request, r *Request, t *attemptTrace) (*Response, error) {
	for {
		before := t.connections()
		resp, err := c.send(req, r, t)
		if err == nil || req.Context().Err() != nil || !t.stale(before) {
			return resp, err
		}
		if req.GetBody != nil {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			req = req.Clone(req.Context())
			req.Body = body
		}
	}
}

// pings configures the detection of dropped HTTP/2 connections. A NAT or load
// balancer drops a connection silently, and every retry and later request would
// use it. Pings detect the drop within half of the request timeout, so the
// next attempt has enough time.
func pings(requestTimeout time.Duration) *http.HTTP2Config {
	return &http.HTTP2Config{
		SendPingTimeout: min(15*time.Second, requestTimeout*3/10),
		PingTimeout:     min(10*time.Second, requestTimeout*2/10),
	}
}
