// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"errors"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// TestErrorTexts checks whole texts.
func TestErrorTexts(t *testing.T) {
	t.Parallel()
	object := &struct {
		ID string `json:"id"`
	}{}
	for name, row := range map[string]struct {
		handler http.HandlerFunc
		fault   wiretest.Fault
		change  func(*Request)
		want    string
	}{
		"text":            {respond(400, "no\nsuch thing"), nil, nil, "Example returned 400 Bad Request: no such thing"},
		"no text":         {respond(404, ""), nil, nil, "Example returned 404 Not Found"},
		"an odd status":   {respond(499, "gone"), nil, nil, "Example returned 499: gone"},
		"a page":          {respond(403, "<title>Blocked</title>"), nil, nil, `Example returned 403 Forbidden: an HTML page with the title "Blocked"`},
		"another success": {respond(200, "hello"), nil, nil, "Example returned 200 OK: hello"},
		"an error of the API": {respond(409, "{}"), nil, func(r *Request) {
			r.Explain = func(resp *Response, e *Error) {
				e.Code, e.Message, e.ID = resp.Line("ERR\n9"), resp.Line("it\tis so"), "ticket "+resp.Line("12")
			}
		}, "Example returned 409 Conflict: it is so (code ERR 9, ticket 12)"},
		"a redirect to another host":            {respond(302, "", "Location", "https://user:hunter22@evil.example:8443/login?token=x"), nil, nil, "Example returned 302 Found: redirect to evil.example:8443"},
		"a redirect without a scheme":           {respond(307, "", "Location", "//evil.example/login"), nil, nil, "Example returned 307 Temporary Redirect: redirect to evil.example"},
		"a redirect to another path":            {respond(308, "", "Location", "/secret?token=x"), nil, nil, "Example returned 308 Permanent Redirect: redirect to another path of the same host"},
		"a redirect without a location":         {respond(301, ""), nil, nil, "Example returned 301 Moved Permanently: redirect to an invalid address"},
		"a redirect to an invalid URL":          {respond(301, "", "Location", "https://%zz/"), nil, nil, "Example returned 301 Moved Permanently: redirect to an invalid address"},
		"a refused connection":                  {nil, wiretest.Refuse, nil, "no response from Example: dial tcp: connect: connection refused"},
		"an unknown host":                       {nil, wiretest.UnknownHost, nil, "no response from Example: dial tcp: lookup localhost: no such host"},
		"a DNS failure":                         {nil, wiretest.NoNameServer, nil, "no response from Example: dial tcp: lookup localhost: server misbehaving"},
		"a reset":                               {respond(202, ""), wiretest.Reset(0), nil, "no response from Example: read tcp: read: connection reset by peer"},
		"a stall":                               {respond(202, ""), wiretest.Stall(0), nil, "no response from Example: the attempt exceeded the request timeout; the host has not responded for 1 minute"},
		"headers that are too long":             {respond(202, "", "X-Huge", huge), nil, nil, "no response from Example: net/http: HTTP/1.x transport connection broken: net/http: server response headers exceeded 262144 bytes; aborted"},
		"JSON that is cut off":                  {respond(202, long), wiretest.Reset(5000), into(object), "timed out; before that, no complete response from Example: the response was cut off: read tcp: read: connection reset by peer"},
		"JSON that stalls":                      {respond(202, long), wiretest.Stall(5000), into(object), "timed out; before that, no complete response from Example: the attempt exceeded the request timeout"},
		"an HTML page instead of JSON":          {respond(202, "<html>"), nil, into(object), "Example returned 202 Accepted: the response is an HTML page, not JSON"},
		"an HTML page instead of an acceptance": {respond(202, "<html>"), nil, func(r *Request) { r.Check = AcceptedBody }, "Example returned 202 Accepted: the response is an HTML page"},
		"a check with its own error": {respond(202, ""), nil, func(r *Request) {
			r.Check = func(*Response) error { return &Error{Kind: KindConfig, Message: "not enabled"} }
		}, "Example returned 202 Accepted: not enabled"},
		"an invalid header": {
			respond(202, ""), nil, func(r *Request) { r.Header = http.Header{"X-Token": {"hunter22\nX-Evil: 1"}} },
			"not sent: the value of the header X-Token contains a line break or another control character",
		},
		"an invalid address": {respond(202, ""), nil, func(r *Request) { r.Path = "/%zz" }, `not sent: parse "http://localhost/base/%zz": invalid URL escape "%zz"`},
		"a quota that returns an error": {nil, nil, func(r *Request) {
			r.Quota = func(context.Context) (Slot, error) { return nil, errors.New("not before tomorrow") }
		}, "timed out waiting for the rate limit: not before tomorrow"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Options{MaxRetries: -1, Unanswered: 1}, row.handler, func(t *testing.T, r *rig) {
				r.network.Set(row.fault)
				req := purge()
				if row.change != nil {
					row.change(req)
				}
				_, err := r.Do(within(t, 10*time.Minute), req)
				same(t, "text", "purging /a: "+row.want, textOf(err))
				if _, many := err.(interface{ Unwrap() []error }); !many {
					t.Error("the error does not implement Unwrap")
				}
			})
		})
	}
}

func into(v any) func(*Request) { return func(r *Request) { r.Into = v } }

// TestErrorTree checks that a masked error still wraps its cause.
func TestErrorTree(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{Unanswered: 1}, nil, func(t *testing.T, r *rig) {
		r.network.Set(wiretest.Refuse)
		_, err := r.Do(t.Context(), purge())
		var errno syscall.Errno
		same(t, "Is", true, errors.Is(err, syscall.ECONNREFUSED))
		same(t, "As", true, errors.As(err, &errno) && errno == syscall.ECONNREFUSED)
	})
}

// TestLost checks which failed attempts may have succeeded.
func TestLost(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fault wiretest.Fault
		want  bool
	}{
		"a reset after the request":   {wiretest.Reset(0), true},
		"a timeout after the request": {wiretest.Stall(0), true},
		"a refused connection":        {wiretest.Refuse, false},
		"a DNS failure":               {wiretest.NoNameServer, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			last := respond(400, "")
			inBubble(t, Options{}, last, func(t *testing.T, r *rig) {
				r.network.Set(wiretest.Times(1, row.fault))
				_, err := r.Do(t.Context(), purge())
				e := err.(*Error) //nolint:forcetypeassert,errorlint // Do promises it
				same(t, "lost", row.want, e.Lost)
				same(t, "sent", 2, e.Sent)
			})
		})
	}
}

// TestInterrupted checks that the end of the context ends a request immediately, at
// every stage, with its cause and the latest error of the API.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	type end struct {
		Text     string
		Kind     Kind
		Sent     int
		Requests int
		Late     time.Duration
		Cause    bool
	}
	errGone := errors.New("gone")
	for name, row := range map[string]struct {
		handler http.HandlerFunc
		fault   wiretest.Fault
		change  func(*Request)
		after   time.Duration
		want    end
	}{
		"in the dial":                  {nil, wiretest.Hang, nil, time.Second, end{"interrupted", KindCanceled, 1, 0, 0, true}},
		"before the headers":           {respond(202, ""), wiretest.Stall(0), nil, time.Second, end{"interrupted", KindCanceled, 1, 1, 0, true}},
		"in the body of a lookup":      {respond(202, long), wiretest.Stall(5000), into(&struct{}{}), time.Second, end{"interrupted", KindCanceled, 1, 1, 0, true}},
		"in the body of an acceptance": {respond(202, long), wiretest.Stall(5000), nil, time.Second, end{Requests: 1, Kind: accepted}},
		"in the body of a failure":     {respond(500, long), wiretest.Stall(5000), nil, time.Second, end{"interrupted; before that, Example returned 500 Internal Server Error: " + long[:499] + "…", KindCanceled, 1, 1, 0, true}},
		"in the backoff":               {respond(500, "busy"), nil, nil, 2 * time.Second, end{"interrupted; before that, Example returned 500 Internal Server Error: busy", KindCanceled, 2, 2, 0, true}},
		"in an outage": {respond(503, "busy"), nil, nil, 1700 * time.Millisecond, end{
			"interrupted while waiting for the host to respond; the host has been down for 2 seconds; before that, Example returned 503 Service Unavailable: busy",
			KindCanceled, 3, 3, 0, true,
		}},
		"in a wait that the API requires": {respond(429, "", "Retry-After", "60"), nil, nil, time.Second, end{"interrupted; before that, Example returned 429 Too Many Requests", KindCanceled, 1, 1, 0, true}},
		"in the wait for the quota":       {nil, nil, func(r *Request) { r.Quota = neverYourTurn }, time.Second, end{"interrupted while waiting for the rate limit", KindCanceled, 0, 0, 0, true}},
		"in the wait for a login":         {nil, nil, func(r *Request) { r.Auth = neverLoggedIn{} }, time.Second, end{"interrupted while logging in", KindCanceled, 0, 0, 0, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Options{}, row.handler, func(t *testing.T, r *rig) {
				r.network.Set(row.fault)
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(row.after, func() { cancel(errGone) })
				began := time.Now()
				req := purge()
				if row.change != nil {
					row.change(req)
				}
				_, err := r.Do(ctx, req)
				got := end{Kind: kindOf(err), Requests: r.requests(), Late: time.Since(began) - row.after, Cause: errors.Is(err, errGone)}
				if e := (*Error)(nil); errors.As(err, &e) {
					got.Text, got.Sent = e.Outcome(), e.Sent
				}
				same(t, "end", row.want, got)
			})
		})
	}
}

func neverYourTurn(ctx context.Context) (Slot, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

type neverLoggedIn struct{}

func (neverLoggedIn) Authorize(ctx context.Context) (Grant, error) {
	<-ctx.Done()
	return Grant{}, context.Cause(ctx)
}

// TestDeadline checks that a deadline during an outage is reported as the outage,
// not as a canceled request or as the timeout of an attempt.
func TestDeadline(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, respond(202, ""), func(t *testing.T, r *rig) {
		r.network.Set(wiretest.Stall(0))
		_, err := r.Do(within(t, 45*time.Second), purge())
		same(t, "text", "purging /a: no response from Example: the attempt exceeded the request timeout; the host has not responded for 45 seconds", textOf(err))
		same(t, "kind", KindNoResponse, kindOf(err))
		same(t, "is", true, errors.Is(err, context.DeadlineExceeded))
	})
}

// paused is a context whose deadline is always a second away, as if its timeout
// was paused after an attempt had begun.
type paused struct{ context.Context }

func (p paused) Deadline() (time.Time, bool) { return time.Now().Add(time.Second), true }

func TestAttemptHasItsOwnTimeout(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{MaxRetries: -1}, respond(202, ""), func(t *testing.T, r *rig) {
		r.network.Set(wiretest.Stall(0))
		began := time.Now()
		_, err := r.Do(paused{t.Context()}, purge())
		same(t, "kind", KindNoResponse, kindOf(err))
		same(t, "took", 30*time.Second, time.Since(began))
	})
}
