// SPDX-License-Identifier: MPL-2.0

package httpcache_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/httpcache/httpcachetest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

var software = map[string]*httpcachetest.Software{
	"Varnish": httpcachetest.Varnish, "nginx": httpcachetest.Nginx, "Squid": httpcachetest.Squid,
	"Traffic Server": httpcachetest.TrafficServer, "Fastly": httpcachetest.Fastly,
}

func TestVisitorsGetTheNewContent(t *testing.T) {
	t.Parallel()
	for name, s := range software {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.runs(s)
				for _, path := range []string{"/a.css?v=1", "/cold"} {
					if path == "/a.css?v=1" {
						w.visit(path, "")
						w.visit(path, "gzip")
					}
					w.Release()
					wantNoErrors(t, w.purge(path))
					for _, encoding := range []string{"", "gzip"} {
						before := w.visit(path, encoding)
						w.Release()
						if again := w.visit(path, encoding); again != before {
							t.Errorf("the fake does not cache %s: %q, then %q", path, before, again)
						}
						wantNoErrors(t, w.purge(path))
						if after := w.visit(path, encoding); after == before {
							t.Errorf("%s with %q is %q before and after the purge", path, encoding, after)
						}
					}
				}
			})
		})
	}
}

// TestRequests checks the whole requests: Squid and nginx delete the variant that a
// GET with the same headers would get.
func TestRequests(t *testing.T) {
	t.Parallel()
	type sent struct {
		method, uri, host string
		header            http.Header
	}
	for name, test := range map[string]struct {
		software *httpcachetest.Software
		method   string
		uri      string
	}{
		"PURGE":             {httpcachetest.Varnish, "PURGE", "/a%20b?x=1"},
		"GET with a prefix": {httpcachetest.Nginx, "GET", "/purge/a%20b?x=1"},
		"another method":    {&httpcachetest.Software{}, "purge", "/a%20b?x=1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.runs(test.software)
				w.config.Method = test.method
				w.config.Transport.Header.Set("Fastly-Soft-Purge", "1")
				w.config.Transport.UserAgent = "test"
				var got []sent
				for _, operation := range []string{"purge", "variant", "other"} {
					w.Fail(operation, -1, func(_ http.ResponseWriter, r *http.Request) {
						got = append(got, sent{r.Method, r.RequestURI, r.Host, r.Header})
					})
				}
				wantNoErrors(t, w.purge("/a%20b?x=1"))
				plain := http.Header{"Accept": {"*/*"}, "User-Agent": {"test"}, w.KeyHeader: {w.Key}, "Fastly-Soft-Purge": {"1"}}
				gzip := plain.Clone()
				gzip.Set("Accept-Encoding", "gzip")
				want := []sent{{test.method, test.uri, host, plain}, {test.method, test.uri, host, gzip}}
				diff(t, "requests", fmt.Sprint(want), fmt.Sprint(got))
			})
		})
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	const address = `{"msg":"Too many purges"}`
	for name, test := range map[string]struct {
		respond http.HandlerFunc
		want    errorFields // nothing: it is accepted
		sent    int         // 0: any number
	}{
		"200":           {respond(200, nil, ""), errorFields{}, 1},
		"202":           {respond(202, nil, ""), errorFields{}, 1},
		"204":           {respond(204, nil, ""), errorFields{}, 1},
		"404":           {respond(404, nil, "<title>404 Not Found</title>"), errorFields{}, 1},
		"200 with HTML": {respond(200, http.Header{"Content-Type": {"text/html"}}, "<!DOCTYPE html><html><title>200 Purged</title></html>"), errorFields{}, 1},
		"200 of Fastly": {respond(200, nil, `{"status":"ok","id":"1378-1712345678-1234567"}`), errorFields{}, 1},
		"200 that reports an error": {respond(200, nil, `{"error":"backend is down"}`), errorFields{
			Kind: transport.KindUnexpected, Status: 200, Message: `the response contains an error: "backend is down"`,
		}, 1},
		"400": {respond(400, nil, "Bad URL"), errorFields{Kind: transport.KindInvalid, Status: 400, Message: "Bad URL", Input: "url", Advice: "Check the path and host"}, 1},
		"401": {respond(401, nil, ""), errorFields{Kind: transport.KindCredentials, Status: 401, Advice: "Check http_cache.headers."}, 1},
		"403": {respond(403, http.Header{"X-Varnish": {"7"}}, "<title>403 Forbidden</title>"), errorFields{
			Kind: transport.KindForbidden, Status: 403, Message: `an HTML page with the title "403 Forbidden"`, ID: "X-Varnish 7", Advice: "access list",
		}, 1},
		"403 packed": {respond(403, http.Header{"Content-Encoding": {"gzip"}}, "\x1f\x8b\x08"), errorFields{Kind: transport.KindForbidden, Status: 403, Advice: "access list"}, 1},
		"405":        {respond(405, nil, ""), errorFields{Kind: transport.KindConfig, Status: 405, Advice: "Configure purges"}, 1},
		"410":        {respond(410, nil, ""), errorFields{Kind: transport.KindUnexpected, Status: 410, Advice: "passed the request on to the origin"}, 1},
		"414":        {respond(414, nil, ""), errorFields{Kind: transport.KindInvalid, Status: 414, Input: "url", Advice: "Check the path"}, 1},
		"415":        {respond(415, nil, ""), errorFields{Kind: transport.KindConfig, Status: 415, Advice: "Configure purges"}, 1},
		"421":        {respond(421, nil, ""), errorFields{Kind: transport.KindConfig, Status: 421, Input: "host", Advice: "Check host"}, 1},
		"429 for longer than the test has": {respond(429, http.Header{"Retry-After": {"86400"}}, address), errorFields{
			Kind: transport.KindLimited, Status: 429, Message: "Too many purges",
		}, 1},
		"500": {respond(500, nil, ""), errorFields{Kind: transport.KindServer, Status: 500}, 5},
		"501": {respond(501, nil, ""), errorFields{Kind: transport.KindConfig, Status: 501, Advice: "Configure purges"}, 1},
		"503": {respond(503, nil, "Guru Meditation"), errorFields{Kind: transport.KindOutage, Status: 503, Message: "Guru Meditation"}, 0},
		"206": {respond(206, nil, ""), errorFields{Kind: transport.KindUnexpected, Status: 206, Advice: "passed the request on to the origin"}, 1},
		"301": {respond(301, http.Header{"Location": {"https://www.example.com/"}}, ""), errorFields{
			Kind: transport.KindRedirect, Status: 301, Message: "redirect to www.example.com",
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, operation := range []string{"purge", "variant"} {
				inWorld(t, func(t *testing.T, w *world) {
					w.Fail(operation, -1, test.respond)
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					err := w.connect().Purge(ctx, endpoint, host, "/a")
					w.Show(err)
					want := test.want
					if want != (errorFields{}) {
						want.Doing = "purging /a of www.example.com at http://10.0.0.11:6081"
						if operation == "variant" {
							if want.Kind == transport.KindCredentials {
								want.Kind = transport.KindForbidden // the first request was accepted with them
							}
							want.Doing = "purging the gzip variant of /a of www.example.com at http://10.0.0.11:6081"
						}
					}
					wantError(t, err, want)
					if n := w.Count(operation); n != test.sent && test.sent > 0 {
						t.Errorf("%s was sent %d times, want %d", operation, n, test.sent)
					}
				})
			}
		})
	}
}

// TestContentIsNotAnAcceptance: a cache without purges sends them to the origin,
// whose response looks like a success.
func TestContentIsNotAnAcceptance(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"ETag", "Last-Modified", "Accept-Ranges", "Set-Cookie", "Cache-Control"} {
		for _, status := range []int{200, 404} {
			for _, value := range []string{"x", ""} {
				t.Run(fmt.Sprintf("%s: %q with %d", header, value, status), func(t *testing.T) {
					t.Parallel()
					inWorld(t, func(t *testing.T, w *world) {
						w.Fail("purge", -1, respond(status, http.Header{http.CanonicalHeaderKey(header): {value}}, ""))
						wantError(t, w.purge("/a"), errorFields{
							Kind: transport.KindUnexpected, Status: status, Message: "the response has the header " + header + ", which only content has",
							Advice: "The cache passed the request on to the origin, and purged nothing.",
							Doing:  "purging /a of www.example.com at http://10.0.0.11:6081",
						})
						diff(t, "requests", []int{status}, w.Statuses("purge"))
					})
				})
			}
		}
	}
}

func TestCacheWithoutPurges(t *testing.T) {
	t.Parallel()
	for name, s := range software {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.runs(s)
				w.NoPurge = true
				if err := w.purge("/a"); err == nil {
					t.Error("it counted as a success")
				}
			})
		})
	}
	t.Run("whose origin sends no such header", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(t *testing.T, w *world) {
			w.NoPurge, w.Bare = true, true
			before := w.visit("/a", "")
			w.Release()
			// The documentation says so, and points to purge_verification.
			wantNoErrors(t, w.purge("/a"))
			diff(t, "the content for visitors", before, w.visit("/a", ""))
		})
	})
}

func TestDeniedByTheAccessList(t *testing.T) {
	t.Parallel()
	for name, s := range software {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.runs(s)
				w.Denied = true
				got := fieldsOf(w.purge("/a"))
				if got.Kind != transport.KindForbidden && got.Kind != transport.KindConfig {
					t.Errorf("the error is %+v", got)
				}
				if n := w.Count("purge"); n != 1 {
					t.Errorf("%d requests, want 1", n)
				}
			})
		})
	}
}

// TestRetryAfterOfASuccess: Varnish sends Retry-After with every response that it
// generates.
func TestRetryAfterOfASuccess(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		for i := range 20 {
			wantNoErrors(t, w.purge(fmt.Sprint("/", i)))
		}
		if w.Elapsed() != 0 {
			t.Errorf("20 purges took %s", w.Elapsed())
		}
	})
}

func TestIdenticalPurgesThatWait(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.config.RequestsPerSecond = 1
		wantNoErrors(t, w.purge("/first"))
		wantNoErrors(t, together(10, func(int) error { return w.purge("/a") })...)
		diff(t, "requests", []int{200, 200}, w.Statuses("purge"))
		diff(t, "variants", []int{200, 200}, w.Statuses("variant"))
	})
}

// TestNoCoalescingBetweenTheTwoRequests: the content may have changed since the
// first request.
func TestNoCoalescingBetweenTheTwoRequests(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Latency = time.Second
		var wg sync.WaitGroup
		wg.Go(func() { wantNoErrors(t, w.purge("/a")) })
		<-time.After(1500 * time.Millisecond)
		wantNoErrors(t, w.purge("/a"))
		wg.Wait()
		diff(t, "requests", []int{200, 200}, w.Statuses("purge"))
	})
}

func TestAnInterruptedPurge(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Network.Set(wiretest.Stall(0))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		err := w.connect().Purge(ctx, endpoint, host, "/a")
		if !errors.Is(err, context.Canceled) || w.Elapsed() != time.Second {
			t.Errorf("after %s: %v", w.Elapsed(), err)
		}
	})
}
