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

// errNotTaken is the cause of an attempt that is ended because net/http would
// send its request again.
var errNotTaken = errors.New("the server closed the connection before it accepted the request")

// trail is what the trace of one attempt sees of its connections. net/http asks
// for another one by itself and as often as it likes: if a server refuses each
// stream or says goodbye on each connection, one slot of the quota would pay for
// thousands of requests. So an attempt gets one connection, unless that one was
// kept from before and the server had closed it, in which case nothing was sent.
type trail struct {
	cancel context.CancelCauseFunc

	mu        sync.Mutex
	handshake error
	asked     int // for a connection since there was one
	conns     int
	h2        bool // of the latest connection
	kept      bool // it carried a request before
	wrote     bool // this one went out on it
	sent      bool // or on one before it
	stopped   bool
}

// maxHTTP2 bounds the connections of one attempt with HTTP/2, which shares one
// among all requests: a new one looks like one that was kept to all but the first.
// Those that were closed before they could be used are bounded by it, too.
const maxHTTP2 = 3

func (t *trail) trace(ctx context.Context) context.Context {
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

func (t *trail) getConn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	// With HTTP/1, net/http asks again where nothing got out of the buffer that
	// it writes into. (It also repeats a GET that may have, which no quota counts.)
	t.sent = t.sent || t.wrote && t.h2
	t.wrote = false
	t.asked++
	if t.asked > maxHTTP2 {
		t.stop()
	}
}

// stop ends the attempt, with the lock held.
func (t *trail) stop() {
	t.stopped = true
	t.cancel(errNotTaken)
}

func (t *trail) gotConn(info httptrace.GotConnInfo) {
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
	t.asked = 0
}

// shook is how the TLS handshake failed. A dial goes on after its attempt.
func (t *trail) shook() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.handshake
}

// connections is how many the attempt has had.
func (t *trail) connections() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conns
}

// stale tells whether a request failed on a connection that was kept and closed
// by the server before anything was written: net/http does not always repeat
// what has no idempotent method. before is the connections that it had then.
func (t *trail) stale(before int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conns > before && t.kept && !t.wrote && !t.sent && !t.stopped
}

// unsent tells whether the server saw nothing of the request. One that is
// interrupted may still be on its way to a connection.
func (t *trail) unsent(interrupted bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conns == 0 || !t.wrote && !t.sent && !interrupted
}

// deliver sends a request, once more for each kept connection that turns out to
// be closed.
func (c *Client) deliver(req *http.Request, r *Request, t *trail) (*Response, error) {
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

// pings are how a dropped HTTP/2 connection is noticed. A NAT or a balancer
// forgets one without a word, and it would carry every retry and every later
// request. It is noticed before half of the request timeout is over, so that the
// attempt after it has time.
func pings(requestTimeout time.Duration) *http.HTTP2Config {
	return &http.HTTP2Config{
		SendPingTimeout: min(15*time.Second, requestTimeout*3/10),
		PingTimeout:     min(10*time.Second, requestTimeout*2/10),
	}
}
