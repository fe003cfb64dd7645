// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// fault is one fault of one kind of request.
type fault struct {
	name string
	// inject causes the fault. It is called before do.
	inject func(b *bench, at exchange)
	// do is the user's operation. The default is the one that sends the request.
	do func(ctx context.Context, b *bench, at exchange) diagnosis
	// only contains the operations that the fault is for. The default is all.
	only []string
	// lost is true if the response to a successful request is lost.
	lost bool
	// hopeless is true if the fault must not end in success, whatever the golden
	// file contains.
	hopeless bool
	// page is true if only a page distinguishes the response from an acceptance.
	page bool
}

func (f fault) concerns(at exchange) bool {
	return len(f.only) == 0 || slices.Contains(f.only, at.name)
}

// faults returns the faults that any API can have.
func faults() []fault {
	return slices.Concat(connectionFaults(), statusFaults(), rateLimitFaults(), redirectFaults(), bodyFaults(), interruptions())
}

const forever = -1

// pageOnly marks a response that only a page distinguishes from an acceptance.
func pageOnly(f fault) fault {
	f.page = true
	return f
}

// hopeless marks a fault after which nothing may count as accepted.
func hopeless(f fault) fault {
	f.hopeless = true
	return f
}

func connectionFaults() []fault {
	broken := func(name string, times int, f wiretest.Fault) fault {
		return fault{name: name, lost: true, inject: func(b *bench, at exchange) { b.dial(at, times, f) }}
	}
	return []fault{
		broken("connection refused, then up", 1, wiretest.Refuse),
		broken("connection refused forever", forever, wiretest.Refuse),
		broken("connection that never comes up", forever, wiretest.Hang),
		broken("unknown host", forever, wiretest.UnknownHost),
		broken("DNS failure, then success", 1, wiretest.NoNameServer),
		broken("DNS failure forever", forever, wiretest.NoNameServer),
		broken("reset before the response, once", 1, wiretest.Reset(0)),
		broken("reset before the response, forever", forever, wiretest.Reset(0)),
		broken("reset in the middle of the headers", 1, wiretest.Reset(20)),
		broken("stall before the response, once", 1, wiretest.Stall(0)),
		broken("stall before the response, forever", forever, wiretest.Stall(0)),
		broken("a response that trickles", 1, wiretest.Trickle(time.Second)),
		responds("body that breaks off, once", 1, brokenBody(http.StatusOK)),
		responds("body that breaks off, forever", forever, brokenBody(http.StatusOK)),
		responds("error whose body breaks off", forever, brokenBody(http.StatusBadRequest)),
		responds("body that trickles, once", 1, tricklingBody(http.StatusOK)),
		responds("accepted with a body that trickles", forever, tricklingBody(http.StatusAccepted)),
		responds("not HTTP at all", forever, hijacked("220 mail.example.com ESMTP\r\n")),
		{name: "keep-alive connections closed between two calls", do: func(ctx context.Context, b *bench, at exchange) diagnosis {
			if first := at.do(ctx, b); first.diag != nil {
				return first
			}
			b.network.Break()
			synctest.Wait()
			return at.do(ctx, b)
		}},
	}
}

func statusFaults() []fault {
	var all []fault
	for _, status := range []int{408, 413, 429, 500, 502, 503, 504} {
		all = append(all,
			responds(fmt.Sprintf("%d, once", status), 1, reply(status, "")),
			responds(fmt.Sprintf("%d forever", status), forever, reply(status, "")))
	}
	for _, status := range []int{400, 403, 404, 409} {
		for _, f := range []fault{
			responds(fmt.Sprintf("%d in JSON", status), forever, reply(status, `{"message":"The cause, in words"}`)),
			responds(fmt.Sprintf("%d in HTML", status), forever, page(status)),
			responds(fmt.Sprintf("%d without a body", status), forever, reply(status, "")),
		} {
			f.hopeless = status == http.StatusForbidden
			all = append(all, f)
		}
	}
	return append(all,
		responds("401, once", 1, reply(401, `{"message":"Unauthorized"}`)),
		hopeless(responds("401 forever", forever, reply(401, `{"message":"Unauthorized"}`))),
		responds("an unknown status", forever, reply(599, "")))
}

// rateLimitFaults contain the forms of Retry-After. The dates are from RFC 9110,
// section 5.6.7.
func rateLimitFaults() []fault {
	in := func(d time.Duration, layout string) func() []string {
		return func() []string { return []string{time.Now().Add(d).UTC().Format(layout)} }
	}
	is := func(values ...string) func() []string { return func() []string { return values } }
	forms := []struct {
		name   string
		values func() []string
	}{
		{"in seconds", is("7")},
		{"as a date", in(7*time.Second, http.TimeFormat)},
		{"as a date of RFC 850", in(7*time.Second, time.RFC850)},
		{"as a date of asctime", in(7*time.Second, time.ANSIC)},
		{"in the past", in(-time.Hour, http.TimeFormat)},
		{"0", is("0")},
		{"negative", is("-7")},
		{"a day", is("86400")},
		{"a date next year", in(365*24*time.Hour, http.TimeFormat)},
		{"above the maximum duration", is("9223372037")},
		{"garbage", is("soon")},
		{"twice", is("3", "7")},
	}
	var all []fault
	for _, status := range []int{429, 503} {
		for i, form := range forms {
			f := responds(fmt.Sprintf("%d, Retry-After %s", status, form.name), 1, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Retry-After"] = form.values()
				w.WriteHeader(status)
			})
			if i > 0 { // the forms are parsed in one place
				f.only = []string{"purge", "nodes"}
			}
			all = append(all, f)
		}
	}
	return all
}

func redirectFaults() []fault {
	to := func(status int, location string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			switch location {
			case "":
			case "itself":
				w.Header().Set("Location", "http://"+r.Host+r.URL.Path)
			default:
				w.Header().Set("Location", location)
			}
			w.WriteHeader(status)
		}
	}
	var all []fault
	for _, status := range []int{301, 302, 303, 307, 308} {
		all = append(all, hopeless(responds(fmt.Sprintf("%d to another host", status), forever, to(status, "https://evil.example.com/login?next=1"))))
	}
	for _, r := range [][2]string{
		{"to another port", "http://localhost:8080/"},
		{"to another scheme", "https://localhost/"},
		{"to another path", "/elsewhere"},
		{"in a loop", "itself"},
		{"without Location", ""},
		{"to an invalid address", "http://%zz"},
	} {
		all = append(all, hopeless(responds("307 "+r[0], forever, to(http.StatusTemporaryRedirect, r[1]))))
	}
	return all
}

// bodyFaults are invalid responses, whatever their status is.
func bodyFaults() []fault {
	return []fault{
		pageOnly(hopeless(responds("200 with a login page", forever, page(http.StatusOK)))),
		hopeless(responds("200 with an error", forever, reply(200, `{"error":"backend is down"}`))),
		responds("200 with null", forever, reply(200, `null`)),
		responds("200 with an empty object", forever, reply(200, `{}`)),
		responds("200 with an empty list", forever, reply(200, `[]`)),
		responds("200 with a number", forever, reply(200, `7`)),
		responds("200 with trailing junk", forever, reply(200, `{} {}`)),
		responds("200 with truncated JSON", forever, reply(200, `{"access":{"token":{"id":"a`)),
		responds("200 with invalid UTF-8", forever, reply(200, "\xff\xfe{}")),
		responds("200 without a body", forever, reply(200, "")),
		responds("202 with a body", forever, reply(202, `{"status":"queued"}`)),
		pageOnly(hopeless(responds("202 with a login page", forever, page(http.StatusAccepted)))),
		responds("204", forever, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		responds("206", forever, reply(206, `{}`)),
		responds("200 with 1 GiB of body", forever, endless(http.StatusOK, "")),
		responds("500 with 1 GiB of body", 1, endless(http.StatusInternalServerError, "")),
		responds("200 with a gzip bomb", forever, endless(http.StatusOK, "gzip")),
		responds("500 with a gzip bomb", 1, endless(http.StatusInternalServerError, "gzip")),
		responds("200 with invalid gzip", forever, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			reply(200, "{}")(w, r)
		}),
		responds("huge headers for all retries", 5, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Huge", strings.Repeat("a", 300<<10))
		}),
		responds("500 with a long text of many lines and escape sequences", forever,
			reply(500, "\x1b[31mfailed\x1b[0m\r\n\tat com.example.Main\n"+strings.Repeat("and on ", 100))),
		responds("500 with a text in invalid UTF-8", forever, reply(500, "caf\xe9 closed")),
		responds("500 that echoes the request's credentials", forever, func(w http.ResponseWriter, r *http.Request) {
			var body bytes.Buffer
			_ = r.Header.Write(&body)
			_, _ = body.ReadFrom(r.Body)
			reply(500, body.String())(w, r)
		}),
	}
}

// interruptions are contexts that end. The provider then sends nothing more, and
// the caller returns immediately, as the elapsed time in the golden file shows.
func interruptions() []fault {
	after := func(d time.Duration) func(context.Context, *bench, exchange) diagnosis {
		return func(ctx context.Context, b *bench, at exchange) diagnosis {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			if d == 0 {
				cancel()
			}
			time.AfterFunc(d, cancel)
			return at.do(ctx, b)
		}
	}
	// Not a multiple of the backoff, so the events have a fixed order.
	const soon = 2500 * time.Millisecond
	return []fault{
		{name: "interrupted before", do: after(0)},
		{name: "interrupted while dialing", do: after(soon), inject: func(b *bench, at exchange) { b.dial(at, forever, wiretest.Hang) }},
		{name: "interrupted while waiting for the response", do: after(soon), lost: true, inject: func(b *bench, at exchange) {
			b.dial(at, forever, wiretest.Stall(0))
		}},
		{name: "interrupted while reading the body", do: after(soon), inject: func(b *bench, at exchange) { b.fail(at.name, forever, tricklingBody(200)) }},
		{name: "interrupted while reading the body of an error", do: after(soon), inject: func(b *bench, at exchange) { b.fail(at.name, forever, tricklingBody(500)) }},
		{name: "interrupted during the backoff", do: after(soon), inject: func(b *bench, at exchange) { b.fail(at.name, forever, reply(500, "")) }},
		{name: "interrupted in the wait after a rate-limited response", do: after(soon), inject: func(b *bench, at exchange) { b.fail(at.name, forever, reply(429, "")) }},
	}
}

// responds returns a fault in which the fake responds differently.
func responds(name string, times int, h http.HandlerFunc) fault {
	return fault{name: name, inject: func(b *bench, at exchange) { b.fail(at.name, times, h) }}
}

func reply(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if strings.HasPrefix(body, "{") {
			w.Header().Set("Content-Type", "application/json")
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func page(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<!doctype html>\n<html><head><title>Sign in &amp; out</title></head><body>%d</body></html>", status)
	}
}

func brokenBody(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"message":"The beginning of`))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func tricklingBody(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		for {
			if _, err := w.Write([]byte("{")); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-time.After(7 * time.Second): // no other event happens at this time
			case <-r.Context().Done():
				return
			}
		}
	}
}

func hijacked(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = c.Write([]byte(text))
		_ = c.Close()
	}
}

// endless writes 1 GiB, or compressed data that expands to 1 GiB.
func endless(status int, encoding string) http.HandlerFunc {
	piece := bytes.Repeat([]byte("a"), 1<<20)
	if encoding == "gzip" {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = z.Write(piece)
		_ = z.Close()
		piece = packed.Bytes()
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		if encoding != "" {
			w.Header().Set("Content-Encoding", encoding)
		}
		w.WriteHeader(status)
		for range 1 << 10 {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}
}
