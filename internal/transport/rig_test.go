// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

const base = "http://localhost/base"

// rig is a client and a server in a bubble with virtual time.
type rig struct {
	*Client
	network *wiretest.Network

	mu     sync.Mutex
	served int
	logged []map[string]any
}

// inBubble runs a test against a handler and then checks that no connection is
// open. The wait before each retry is a second longer than the one before it.
func inBubble(t *testing.T, o Options, h http.HandlerFunc, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{network: wiretest.Listen()}
		o.Dial = r.network.Dial
		o.UserAgent = "purge/test"
		if o.Backoff == nil {
			o.Backoff = func(retry int) time.Duration { return time.Duration(retry) * time.Second }
		}
		if o.ProbePause == nil {
			o.ProbePause = lastPause
		}
		o.Log = func(_ context.Context, message string, fields map[string]any) {
			r.mu.Lock()
			defer r.mu.Unlock()
			fields["message"] = message
			r.logged = append(r.logged, fields)
		}
		r.Client = New("Example", o)
		r.network.Serve(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			r.mu.Lock()
			r.served++
			r.mu.Unlock()
			h(w, req)
		}))
		test(t, r)
		r.Close()
		synctest.Wait()
		if open := r.network.Open(); open != 0 {
			t.Errorf("%d connections are open after Close", open)
		}
		r.network.Close()
	})
}

// lastPause returns the longest pause that defaultProbePause can return.
func lastPause(down time.Duration) time.Duration { return min(max(down, firstBackoff), maxBackoff) }

func (r *rig) requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.served
}

// purge returns a request like those of the clients.
func purge() *Request {
	return &Request{Doing: "purging /a", Method: http.MethodDelete, Base: base, Path: "/a", Expect: []int{http.StatusAccepted}}
}

// kindOf returns the kind of an error of Do, or -1 if there is none.
func kindOf(err error) Kind {
	if err == nil {
		return -1
	}
	return err.(*Error).Kind //nolint:forcetypeassert,errorlint // Do promises it
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func within(t *testing.T, timeout time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return ctx
}

func same(t *testing.T, what string, want, got any, opts ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

func respond(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// inTurn calls each handler once, and then always the last one.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	next := 0
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		h := handlers[min(next, len(handlers)-1)]
		next++
		mu.Unlock()
		h(w, r)
	}
}
