// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"encoding/binary"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// TestDroppedConnection checks that one purge detects a dropped connection, with one
// dial and within half of the request timeout, and that later purges do not use it.
func TestDroppedConnection(t *testing.T) {
	t.Parallel()
	for name, timeout := range map[string]time.Duration{"default": 30 * time.Second, "short": 5 * time.Second, "long": 5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var protocol atomic.Value
			serve := func(n *secureNet) {
				server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					protocol.Store(r.Proto)
					w.WriteHeader(202)
				}), ErrorLog: log.New(io.Discard, "", 0), TLSConfig: n.config}
				_ = server.ServeTLS(n, "", "")
			}
			secured(t, Options{RequestTimeout: timeout}, serve, func(t *testing.T, c *Client, n *secureNet) {
				deliver := func() {
					_, err := c.Do(t.Context(), purgeSecurely())
					same(t, "error", "", textOf(err))
				}
				deliver()
				n.drop()
				began := time.Now()
				for range 40 {
					deliver()
				}
				if took, most := time.Since(began), min(timeout/2, 25*time.Second)+time.Second; took > most {
					t.Errorf("40 purges took %s, more than %s", took, most)
				}
				same(t, "dials", 2, n.dials())
				same(t, "protocol", "HTTP/2.0", protocol.Load())
			})
		})
	}
}

// The types of HTTP/2 frames that the servers below use.
const (
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	frameGoAway   = 7

	refusedStream = 7
)

func frame(kind byte, stream uint32, payload []byte) []byte {
	b := append([]byte{0, 0, byte(len(payload)), kind, 0}, binary.BigEndian.AppendUint32(nil, stream)...)
	return append(b, payload...)
}

// frames reads the preface of a client, sends SETTINGS and hello, and reads its
// frames. It writes in a goroutine, because the client may be writing too.
func frames(c net.Conn, hello []byte, got func(kind byte, stream uint32, say chan<- []byte)) {
	if _, err := io.CopyN(io.Discard, c, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	say := make(chan []byte, 100)
	defer close(say)
	go func() {
		for b := range say {
			_, _ = c.Write(b)
		}
	}()
	say <- append(frame(frameSettings, 0, nil), hello...)
	for head := make([]byte, 9); ; {
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		length := int64(binary.BigEndian.Uint32(append([]byte{0}, head[:3]...)))
		if _, err := io.CopyN(io.Discard, c, length); err != nil {
			return
		}
		got(head[3], binary.BigEndian.Uint32(head[5:]), say)
	}
}

// TestOneRequestForOneSlot checks that the server receives no more requests than the
// quota counts, although net/http retries on its own.
func TestOneRequestForOneSlot(t *testing.T) {
	t.Parallel()
	goAway := func(c net.Conn, seen *atomic.Int64) {
		frames(c, frame(frameGoAway, 0, make([]byte, 8)), func(kind byte, _ uint32, _ chan<- []byte) {
			if kind == frameHeaders {
				seen.Add(1)
			}
		})
	}
	refuse := func(c net.Conn, seen *atomic.Int64) {
		frames(c, nil, func(kind byte, stream uint32, say chan<- []byte) {
			if kind == frameHeaders {
				seen.Add(1)
				say <- frame(frameReset, stream, []byte{0, 0, 0, refusedStream})
			}
		})
	}
	goAwayThen := func(c net.Conn, seen *atomic.Int64) {
		frames(c, nil, func(kind byte, _ uint32, say chan<- []byte) {
			if kind == frameHeaders {
				seen.Add(1)
				say <- frame(frameGoAway, 0, make([]byte, 8))
			}
		})
	}
	for name, row := range map[string]struct {
		talk    func(net.Conn, *atomic.Int64)
		retries int
		dials   int // at most
		seen    int64
		lost    bool
	}{
		"a refused stream":                {refuse, 1, 2, 2, false},
		"GOAWAY on each connection":       {goAway, 1, 2 * maxHTTP2, 2, false},
		"GOAWAY instead of each response": {goAwayThen, 1, 4, 2, false},
		"a refused stream, five attempts": {refuse, 4, 5, 5, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen atomic.Int64
			talk := func(c net.Conn) { row.talk(c, &seen) }
			everySecond := func(time.Duration) time.Duration { return time.Second }
			secured(t, Options{ProbePause: everySecond}, each(talk), func(t *testing.T, c *Client, n *secureNet) {
				began := time.Now()
				taken := &taken{}
				req := purgeSecurely()
				req.Quota = taken.pace
				timeout := time.Duration(row.retries)*time.Second + time.Second/2
				_, err := c.Do(within(t, timeout), req)
				e, ok := err.(*Error) //nolint:errorlint // Do promises it
				if !ok {
					t.Fatal(err)
				}
				same(t, "kind", KindNoResponse, e.Kind)
				same(t, "lost", row.lost, e.Lost)
				same(t, "attempts", row.retries+1, e.Sent)
				if seen.Load() > row.seen || seen.Load() > taken.counted.Load() {
					t.Errorf("the server received %d requests for %d slots", seen.Load(), taken.counted.Load())
				}
				if n.dials() > row.dials {
					t.Errorf("%d dials, more than %d", n.dials(), row.dials)
				}
				same(t, "time", timeout, time.Since(began))
			})
		})
	}
}

// TestConnectionsBeforeTheyAreUsed checks the limit for connections that net/http
// requests but does not use, because each is closed first.
func TestConnectionsBeforeTheyAreUsed(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	trace := httptrace.ContextClientTrace((&attemptTrace{cancel: cancel}).trace(ctx))
	for range maxHTTP2 + 1 {
		same(t, "cause", nil, context.Cause(ctx), cmpopts.EquateErrors())
		trace.GetConn("localhost:443")
	}
	same(t, "cause", errNotTaken, context.Cause(ctx), cmpopts.EquateErrors())
}

// TestKeptConnectionIsGone checks that a kept connection that the server had closed
// fails no purge and takes no second slot.
func TestKeptConnectionIsGone(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		body []byte
		kept int
	}{
		"one, request without a body": {nil, 1},
		"one, request with a body":    {[]byte(`{"type":"all"}`), 1},
		"all, request without a body": {nil, maxConnections},
		"all, request with a body":    {[]byte(`{"type":"all"}`), maxConnections},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler := func(w http.ResponseWriter, _ *http.Request) {
				<-time.After(time.Second) // so that each request opens a connection
				w.WriteHeader(202)
			}
			inBubble(t, Options{MaxRetries: -1}, handler, func(t *testing.T, r *rig) {
				taken := &taken{}
				request := func() *Request {
					req := purge()
					req.Method, req.Body, req.Quota = http.MethodPost, row.body, taken.pace
					return req
				}
				r.network.Set(wiretest.CloseWhenKept)
				same(t, "first", map[string]int{"": row.kept}, together(r, row.kept, request, t.Context()))
				same(t, "kept", row.kept, r.network.Open())
				r.network.Set(nil)
				began := time.Now()
				_, err := r.Do(t.Context(), request())
				same(t, "then", "", textOf(err))
				same(t, "time", time.Second, time.Since(began))
				same(t, "requests", row.kept+1, r.requests())
				same(t, "slots", int64(row.kept+1), taken.counted.Load())
			})
		})
	}
}

// TestNoOtherConnection checks that nothing counts as sent if the kept connection was
// closed and no other one can be opened.
func TestNoOtherConnection(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{MaxRetries: 1}, respond(202, ""), func(t *testing.T, r *rig) {
		taken := &taken{}
		req := purge()
		req.Quota = taken.pace
		r.network.Set(wiretest.CloseWhenKept)
		_, err := r.Do(t.Context(), req)
		same(t, "first", "", textOf(err))
		r.network.Set(wiretest.Refuse)
		_, err = r.Do(within(t, 400*time.Millisecond), req)
		e := err.(*Error) //nolint:forcetypeassert,errorlint // Do promises it
		same(t, "lost", false, e.Lost)
		same(t, "slots", int64(1), taken.counted.Load())
	})
}

// TestKeptConnectionCloses checks a kept connection that the server closes after
// net/http has chosen it for a request. net/http retries only idempotent requests.
func TestKeptConnectionCloses(t *testing.T) {
	t.Parallel()
	for range 20 { // net/http does not always try to write
		inBubble(t, Options{MaxRetries: -1}, respond(202, ""), func(t *testing.T, r *rig) {
			_, err := r.Do(t.Context(), purge())
			same(t, "first", "", textOf(err))
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
				if info.Reused {
					r.network.Break()
					synctest.Wait()
				}
			}})
			_, err = r.Do(ctx, purge())
			same(t, "then", "", textOf(err))
			same(t, "requests", 2, r.requests())
		})
	}
}

// taken is a quota without a limit that counts the slots.
type taken struct{ counted atomic.Int64 }

func (q *taken) pace(context.Context) (Slot, error) { return q, nil }

func (q *taken) Send() error                      { return nil }
func (q *taken) Unsent()                          {}
func (q *taken) Passed()                          { q.counted.Add(1) }
func (q *taken) Failed(error)                     { q.counted.Add(1) }
func (q *taken) RateLimited(time.Duration, error) { q.counted.Add(1) }
