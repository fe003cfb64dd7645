// SPDX-License-Identifier: MPL-2.0

package cdn_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

func TestTwentyAMinute(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		purges, perMinute int
		want              time.Duration
	}{
		"20 are sent immediately":         {20, 20, 0},
		"the 21st is sent a minute later": {21, 20, time.Minute},
		"100 take four minutes":           {100, 20, 4 * time.Minute},
		"with a quota of 1, 4 take 3":     {4, 1, 3 * time.Minute},
		"a larger quota":                  {100, 50, time.Minute},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.PurgesPerMinute, w.config.RequestsPerMinute = test.perMinute, test.perMinute
				wantNoErrors(t, together(test.purges, func(i int) error { return w.purge(hard(fmt.Sprint("/", i))) })...)
				diff(t, "accepted", test.purges, len(w.Purges()))
				diff(t, "sent", test.purges, w.Count("purge"))
				diff(t, "finished after", test.want, w.Purges()[test.purges-1].Time.Sub(w.Purges()[0].Time))
			})
		})
	}
}

// TestRateLimitedResponses tests a quota of which another client uses half. A
// rate-limited purge is retried after the wait in the response.
func TestRateLimitedResponses(t *testing.T) {
	t.Parallel()
	for _, status := range []int{413, 429, 503} {
		for form, retryAfter := range map[string]cdntest.RetryAfter{
			"a date": cdntest.RetryAfterDate, "seconds": cdntest.RetryAfterSeconds, "no time": cdntest.RetryAfterAbsent,
		} {
			t.Run(fmt.Sprintf("%d with %s in Retry-After", status, form), func(t *testing.T) {
				t.Parallel()
				inWorld(t, func(t *testing.T, w *world) {
					w.PurgesPerMinute, w.Limit = 10, cdntest.Limit{Status: status, RetryAfter: retryAfter}
					for i := range 25 {
						if err := w.purge(hard(fmt.Sprint("/", i))); err != nil {
							t.Fatal(err)
						}
					}
					diff(t, "sent: 25, and two that are rate-limited", 27, w.Count("purge"))
					if d := w.Elapsed(); d < 2*time.Minute || d > 2*time.Minute+2*time.Second {
						t.Errorf("took %s, want two minutes plus a second for each date", d)
					}
				})
			})
		}
	}
}

func TestAWaitLongerThanTheTimeout(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Fail("purge", -1, cdntest.OverLimit(413, "3600"))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		defer cancel()
		_, err := w.purgeUnder(ctx, hard("/a"))
		wantError(t, err, errorFields{
			System: "Rackspace CDN", Kind: transport.KindLimited, Status: 413, Message: "OverLimit Retry...", Wait: time.Hour,
			Advice: "Another client or an earlier run has used the quota of the account",
		})
		diff(t, "elapsed: it fails immediately", time.Duration(0), w.Elapsed())
		diff(t, "purges", []int{413}, w.Statuses("purge"))
	})
}

func TestA503WithoutALimitIsRetried(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Fail("purge", 2, respond(503, nil, "<html><title>503</title>"))
		wantNoErrors(t, w.purge(hard("/a")))
		diff(t, "purges", []int{503, 503, 202}, w.Statuses("purge"))
		diff(t, "elapsed", time.Second, w.Elapsed())
	})
}

// TestErrors tests each documented error.
func TestErrors(t *testing.T) {
	t.Parallel()
	const id = cdntest.DeployedID
	tests := map[string]struct {
		fault http.HandlerFunc
		want  errorFields
		sent  int
	}{
		"400 about the service id": {
			cdntest.Error(400, "Invalid service id"),
			errorFields{Kind: transport.KindInvalid, Status: 400, Message: "Invalid service id", Input: "service_id", Advice: "UUID"},
			1,
		},
		"400 about the url": {
			cdntest.Error(400, "non ascii character present in url"),
			errorFields{Kind: transport.KindInvalid, Status: 400, Message: "non ascii character present in url", Input: "url", Advice: "Check the path."},
			1,
		},
		"400 whose message is an object": {
			cdntest.Error(400, map[string]any{"marker": "bad"}),
			errorFields{Kind: transport.KindInvalid, Status: 400, Message: `{"marker":"bad"}`, Advice: "Check service_id and the path"},
			1,
		},
		"400 without a body": {respond(400, nil, ""), errorFields{Kind: transport.KindInvalid, Status: 400, Advice: "Check service_id and the path"}, 1},
		"403":                {cdntest.HTML(403), errorFields{Kind: transport.KindForbidden, Status: 403, Message: `an HTML page with the title "403 Forbidden"`, Advice: "role"}, 1},
		"404 of the service": {
			cdntest.Error(404, "service "+id+" does not exist"),
			errorFields{Kind: transport.KindNotFound, Status: 404, Message: "service " + id + " does not exist", Input: "service_id", Advice: "belongs to the project"},
			1,
		},
		"404 of the path, in HTML": {
			cdntest.HTML(404),
			errorFields{Kind: transport.KindConfig, Status: 404, Message: `an HTML page with the title "404 Not Found"`, Input: "endpoint", Advice: "cdn.endpoint"},
			1,
		},
		"405 in HTML": {
			cdntest.HTML(405),
			errorFields{Kind: transport.KindConfig, Status: 405, Message: `an HTML page with the title "405 Method Not Allowed"`, Input: "endpoint", Advice: "cdn.endpoint"},
			1,
		},
		"a 500 is retried": {cdntest.Error(500, "Internal"), errorFields{Kind: transport.KindServer, Status: 500, Message: "Internal"}, 5},
		"the ID of the request": {
			respond(500, http.Header{"X-Openstack-Request-Id": {"req-1"}, "X-Trans-Id": {""}}, ""),
			errorFields{Kind: transport.KindServer, Status: 500, ID: "request ID req-1"},
			5,
		},
		"a 200 is not an acceptance":               {respond(200, nil, ""), errorFields{Kind: transport.KindUnexpected, Status: 200}, 1},
		"a 202 with a page is not an acceptance":   {respond(202, nil, "<html>"), errorFields{Kind: transport.KindUnexpected, Status: 202, Message: "the response is an HTML page", Advice: "Check the address"}, 1},
		"a redirect is neither followed nor shown": {respond(307, http.Header{"Location": {"https://evil.example.com/x?y=z"}}, ""), errorFields{Kind: transport.KindRedirect, Status: 307, Message: "redirect to evil.example.com", Advice: "does not follow redirects"}, 1},
		"the Location of an acceptance is ignored": {respond(202, http.Header{"Location": {"https://evil.example.com/"}}, ""), errorFields{}, 1},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("purge", -1, test.fault)
				if test.want.Kind != 0 {
					test.want.System = "Rackspace CDN"
				}
				wantError(t, w.purge(hard("/a")), test.want)
				diff(t, "purges sent", test.sent, w.Count("purge"))
				diff(t, "elapsed", time.Duration(test.sent-1)*time.Second, w.Elapsed())
				diff(t, "hosts dialed", "localhost:80", w.Network.Dialed()[0])
			})
		})
	}
}
