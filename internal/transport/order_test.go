// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// recorder is a Slot and an Auth that record their calls.
type recorder struct {
	mu     sync.Mutex
	events []string
	send   error
	auth   error
}

func (r *recorder) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf(format, args...))
}

func (r *recorder) pace(context.Context) (Slot, error) {
	r.note("quota")
	return r, nil
}

func (r *recorder) Authorize(context.Context) (Grant, error) {
	r.note("credentials")
	return Grant{Credential: &Credential{Base: base}, onResponse: func(status int, _ *Error, d *denial) again {
		r.note("credentials: status %d", status)
		d.times++
		return again{send: status == 401 && d.times == 1}
	}}, r.auth
}

func (r *recorder) Send() error {
	r.note("quota: send")
	return r.send
}
func (r *recorder) Unsent()      { r.note("quota: unsent") }
func (r *recorder) Passed()      { r.note("quota: passed") }
func (r *recorder) Failed(error) { r.note("quota: failed") }
func (r *recorder) RateLimited(wait time.Duration, _ error) {
	r.note("quota: limited for %s", wait)
}

// TestOrder checks that an attempt waits for the quota and then for the
// credentials, and reports its result to each of them exactly once.
func TestOrder(t *testing.T) {
	t.Parallel()
	attempt := func(quota string, status int) []string {
		return []string{"quota", "credentials", "quota: send", "request", "quota: " + quota, fmt.Sprintf("credentials: status %d", status)}
	}
	noTime := []http.HandlerFunc{respond(429, "", "Retry-After", "0"), respond(429, "", "Retry-After", "-1"), respond(202, "")}
	badPath := func(r *Request) { r.Path = "/%zz" }
	for name, row := range map[string]struct {
		handler  http.HandlerFunc
		recorder *recorder
		change   func(*Request)
		want     []string
	}{
		"an acceptance":    {respond(202, ""), &recorder{}, nil, attempt("passed", 202)},
		"a final response": {respond(404, ""), &recorder{}, nil, attempt("passed", 404)},
		"a rate-limited response closes the window": {
			inTurn(respond(429, "", "Retry-After", "7"), respond(202, "")), &recorder{}, nil,
			slices.Concat(attempt("limited for 7s", 429), attempt("passed", 202)),
		},
		"each response without a wait closes it for longer": {
			inTurn(noTime...), &recorder{}, nil,
			slices.Concat(attempt("limited for 1s", 429), attempt("limited for 2s", 429), attempt("passed", 202)),
		},
		"a retry takes another slot": {
			inTurn(respond(502, ""), respond(202, "")), &recorder{}, nil,
			slices.Concat(attempt("failed", 502), attempt("passed", 202)),
		},
		"a retry after a 401 response takes another slot, once": {
			respond(401, ""), &recorder{}, nil,
			slices.Concat(attempt("passed", 401), attempt("passed", 401)),
		},
		"a failed login returns the slot": {
			respond(202, ""), &recorder{auth: errors.New("no")}, nil,
			[]string{"quota", "credentials", "quota: unsent"},
		},
		"a request without callers is not sent": {
			respond(202, ""), &recorder{send: context.Canceled}, nil,
			[]string{"quota", "credentials", "quota: send", "quota: unsent", "credentials: status 0"},
		},
		"an invalid request returns the slot": {
			respond(202, ""), &recorder{}, badPath,
			[]string{"quota", "credentials", "quota: unsent", "credentials: status 0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				row.recorder.note("request")
				row.handler(w, r)
			}, func(t *testing.T, r *rig) {
				req := purge()
				req.Auth, req.Quota = row.recorder, row.recorder.pace
				if row.change != nil {
					row.change(req)
				}
				_, _ = r.Do(t.Context(), req)
				same(t, "events", row.want, row.recorder.events)
			})
		})
	}
}

// TestSending checks that Sending changes a request in each attempt, after all
// waits.
func TestSending(t *testing.T) {
	t.Parallel()
	var paths []string
	log := &recorder{}
	inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.RequestURI())
		log.note("request")
		w.WriteHeader(500 + len(paths)/3) // the third attempt is final
	}, func(t *testing.T, r *rig) {
		r.Hide("s3cr3t")
		req := purge()
		req.Quota = log.pace
		attempts := 0
		req.Sending = func(r *Request) {
			log.note("sending")
			attempts++
			r.Path, r.Doing = fmt.Sprint(r.Path, attempts, "?b"), fmt.Sprint("attempt ", attempts, " s3cr3t")
		}
		_, err := r.Do(t.Context(), req)
		same(t, "paths", []string{"/base/a1?b", "/base/a1?b2?b", "/base/a1?b2?b3?b"}, paths)
		same(t, "doing", "attempt 3 [redacted]", err.(*Error).Doing) //nolint:forcetypeassert,errorlint // Do promises it
		same(t, "path of the caller's request", "/a", req.Path)
		same(t, "events", []string{"quota", "quota: send", "sending", "request", "quota: passed"}, log.events[:5])
		req.Sending = func(r *Request) { r.Path = "/%zz" }
		log.events = nil
		_, err = r.Do(t.Context(), req)
		same(t, "kind of an invalid request", KindConfig, kindOf(err))
		same(t, "events", []string{"quota", "quota: send", "quota: unsent"}, log.events)
	})
}

// TestConnections checks that connections are limited and reused. The timeout of
// an attempt starts after it has a connection.
func TestConnections(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(20 * time.Second)
		w.WriteHeader(202)
		_, _ = io.WriteString(w, "accepted")
	}, func(t *testing.T, r *rig) {
		began := time.Now()
		same(t, "errors", map[string]int{"": 50}, together(r, 50, purge, t.Context()))
		same(t, "took", 80*time.Second, time.Since(began)) // longer than the timeout of an attempt
		same(t, "dials", maxConnections, len(r.network.Dialed()))
		same(t, "open", maxConnections, r.network.Open())
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range maxConnections {
			wg.Go(func() { _, _ = r.Do(t.Context(), purge()) })
		}
		synctest.Wait()
		time.AfterFunc(time.Second, cancel)
		_, err := r.Do(ctx, purge())
		same(t, "text", "purging /a: interrupted while waiting for a free connection", textOf(err))
		wg.Wait()
	})
}

// TestStaleConnection checks that a connection that the server closed is not used.
func TestStaleConnection(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{MaxRetries: -1}, respond(202, ""), func(t *testing.T, r *rig) {
		for range 3 {
			_, err := r.Do(t.Context(), purge())
			same(t, "error", "", textOf(err))
			r.network.Break()
			synctest.Wait()
		}
		same(t, "dials", 3, len(r.network.Dialed()))
	})
}

// TestDialGrace checks that a dial ends soon after its attempt. http.Transport
// continues a dial whose request has ended, for other requests.
func TestDialGrace(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Unanswered: 1}, nil, func(t *testing.T, r *rig) {
		r.network.Set(wiretest.Stall(0))
		req := purge()
		req.Base = "https://localhost"
		_, err := r.Do(t.Context(), req)
		same(t, "text", "purging /a: no response from Example: the attempt exceeded the request timeout; the host has not responded for 1 minute", textOf(err))
		<-time.After(2 * dialGrace)
		synctest.Wait()
		same(t, "open", 0, r.network.Open())
	})
}
