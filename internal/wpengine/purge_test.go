// SPDX-License-Identifier: MPL-2.0

package wpengine_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

func TestEachCacheTypeIsPurged(t *testing.T) {
	t.Parallel()
	for _, cacheType := range wpengine.CacheTypes {
		for _, status := range []int{http.StatusAccepted, http.StatusOK} {
			t.Run(cacheType+", accepted with "+http.StatusText(status), func(t *testing.T) {
				t.Parallel()
				inWorld(t, func(t *testing.T, w *world) {
					w.AcceptStatus = status
					wantNoErrors(t, w.purge(w.prod(), cacheType))
					diff(t, "purges", []wpenginetest.Purge{{Time: w.Began, Install: w.prod(), Type: cacheType}}, w.Purges())
					diff(t, "requests", 1, len(w.Journal.Entries()))
				})
			})
		}
	}
}

func TestBodiesOfAnAcceptance(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		want   errorFields
	}{
		"an empty body":              {202, "", errorFields{}},
		"null":                       {202, "null", errorFields{}},
		"an object":                  {200, "{}", errorFields{}},
		"plain text":                 {200, "Please log in", errorFields{Kind: transport.KindUnexpected, Status: 200, Message: "the response is not JSON"}},
		"blanks in a list of errors": {200, `{"errors" : [ ]}`, errorFields{}},
		"no success":                 {200, `{"success":false}`, errorFields{Kind: transport.KindUnexpected, Status: 200, Message: "the response reports no success: false"}},
		"empty lists of errors":      {200, `{"error":null,"errors":[]}`, errorFields{}},
		"a page":                     {200, "\n<!doctype html><title>Sign in</title>", errorFields{Kind: transport.KindUnexpected, Status: 200, Message: "the response is an HTML page", Advice: "a proxy, firewall, or login page"}},
		"a page with 202":            {202, "<html>", errorFields{Kind: transport.KindUnexpected, Status: 202, Message: "the response is an HTML page"}},
		"an error":                   {200, `{"error":"no backend"}`, errorFields{Kind: transport.KindUnexpected, Status: 200, Message: `the response contains an error: "no backend"`}},
		"a list of errors":           {202, `{"errors":[{"message":"x"}]}`, errorFields{Kind: transport.KindUnexpected, Status: 202, Message: `the response contains an error: [{"message":"x"}]`}},
		"a 204 is not documented":    {204, "", errorFields{Kind: transport.KindUnexpected, Status: 204}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("purge", -1, respond(test.status, nil, test.body))
				wantError(t, w.purge(w.prod(), "page"), test.want)
				diff(t, "requests", []int{test.status}, w.Statuses("purge"))
			})
		})
	}
}

// TestErrors tests each documented error.
func TestErrors(t *testing.T) {
	t.Parallel()
	const docs = "https://wpengineapi.com/reference"
	tests := map[string]struct {
		fault http.HandlerFunc
		want  errorFields
		sent  int
	}{
		"400 with a field": {
			wpenginetest.FieldError("type", "invalid", "type must be one of object, page, cdn, all", docs),
			errorFields{Kind: transport.KindInvalid, Status: 400, Code: "invalid", Message: "Invalid Request; type: type must be one of object, page, cdn, all", Input: "type", Docs: docs, Advice: "Check install_id and cache_type."},
			1,
		},
		"400 with an error without a field": {
			wpenginetest.FieldError("", "", "malformed", ""),
			errorFields{Kind: transport.KindInvalid, Status: 400, Message: "Invalid Request; malformed", Advice: "Check install_id and cache_type."},
			1,
		},
		"400 whose errors are strings": {
			respond(400, nil, `{"message":"Invalid Request","errors":["type is wrong"]}`),
			errorFields{Kind: transport.KindInvalid, Status: 400, Message: "Invalid Request", Advice: "Check install_id and cache_type."},
			1,
		},
		"400 with two fields": {
			respond(400, nil, `{"errors":[{"field":"install_id","code":"a","message":"b"},{"field":"type","code":"c","message":"d"}]}`),
			errorFields{Kind: transport.KindInvalid, Status: 400, Code: "a", Message: "install_id: b; type: d", Input: "install_id", Advice: "Check install_id and cache_type."},
			1,
		},
		"403 for a permission": {
			wpenginetest.Error(403, "You do not have permission to access this install"),
			errorFields{Kind: transport.KindForbidden, Status: 403, Message: "You do not have permission to access this install", Advice: "Give the API user access"},
			1,
		},
		"403 of the gateway": {
			wpenginetest.Error(403, "Missing Authentication Token"),
			errorFields{Kind: transport.KindConfig, Status: 403, Message: "Missing Authentication Token", Input: "base_url", Advice: "not for a missing permission. Check wpengine.base_url"},
			1,
		},
		"403 of the gateway with a header": {
			respond(403, http.Header{"X-Amzn-Errortype": {"MissingAuthenticationTokenException"}}, `{}`),
			errorFields{Kind: transport.KindConfig, Status: 403, Input: "base_url", Advice: "wpengine.base_url"},
			1,
		},
		"403 of the gateway with the credentials": {
			wpenginetest.GatewayEcho(),
			errorFields{Kind: transport.KindConfig, Status: 403, Message: "'[redacted]' not a valid key=value pair (missing equal-sign) in Authorization header: 'Basic [redacted]'.", Input: "base_url", Advice: "wpengine.base_url"},
			1,
		},
		"404": {
			wpenginetest.Error(404, "Install not found"),
			errorFields{Kind: transport.KindNotFound, Status: 404, Message: "Install not found", Input: "install_id", Advice: "Check install_id"},
			1,
		},
		"a 500 is retried": {
			wpenginetest.Error(500, "Internal Server Error"),
			errorFields{Kind: transport.KindServer, Status: 500, Message: "Internal Server Error"},
			5,
		},
		"a 409 is not retried":                    {respond(409, nil, ""), errorFields{Kind: transport.KindInvalid, Status: 409}, 1},
		"a 413 is about the body and not a limit": {respond(413, nil, ""), errorFields{Kind: transport.KindInvalid, Status: 413}, 1},
		"a redirect is not followed":              {respond(308, http.Header{"Location": {"//evil.example.com/v1"}}, ""), errorFields{Kind: transport.KindRedirect, Status: 308, Message: "redirect to evil.example.com", Advice: "does not follow redirects"}, 1},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("purge", -1, test.fault)
				// The page cache has no limit, so only the backoff takes time.
				err := w.purge(w.prod(), "page")
				wantError(t, err, test.want)
				if e := (*transport.Error)(nil); errors.As(err, &e) && e.Kind != transport.KindRedirect {
					diff(t, "the id of the request", fmt.Sprintf("request ID 00000000-0000-4000-8000-%012d", test.sent), e.ID)
				}
				diff(t, "requests", test.sent, len(w.Statuses("purge")))
				diff(t, "elapsed", time.Duration(test.sent-1)*time.Second, w.Elapsed())
			})
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	type purge struct{ install, cacheType string }
	tests := map[string]struct {
		purges []purge
		want   time.Duration // until all are accepted
	}{
		"object and all share a window":        {[]purge{{"acmeprod", "object"}, {"acmeprod", "all"}}, time.Minute},
		"three object purges take two minutes": {[]purge{{"acmeprod", "object"}, {"acmeprod", "all"}, {"acmeprod", "object"}}, 2 * time.Minute},
		"page, cdn, and object are parallel":   {[]purge{{"acmeprod", "page"}, {"acmeprod", "cdn"}, {"acmeprod", "object"}, {"acmeprod", "page"}}, 0},
		"each install has a window of its own": {[]purge{{"acmeprod", "object"}, {"acmestage", "object"}, {"acmedev", "all"}}, 0},
		"page does not wait for the window":    {[]purge{{"acmeprod", "all"}, {"acmeprod", "page"}}, 0},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				for _, p := range test.purges {
					wantNoErrors(t, w.purge(w.Install(p.install).ID, p.cacheType))
				}
				diff(t, "accepted", len(test.purges), len(w.Purges()))
				diff(t, "sent", len(test.purges), len(w.Statuses("purge")))
				diff(t, "elapsed", test.want, w.Elapsed())
			})
		})
	}
}

func TestTenPurgesOfOneObjectCacheTakeTwoRequests(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		// The first purge is in flight when the others come, so they do not join it.
		w.Fail("purge", 1, func(rw http.ResponseWriter, _ *http.Request) {
			<-time.After(time.Second)
			rw.WriteHeader(http.StatusAccepted)
		})
		errs := together(10, func(i int) error {
			if i > 0 {
				<-time.After(time.Second / 2)
			}
			return w.purge(w.prod(), "object")
		})
		wantNoErrors(t, errs...)
		diff(t, "requests", []int{202, 202}, w.Statuses("purge"))
		diff(t, "elapsed", time.Minute+time.Second, w.Elapsed())
	})
}

func TestRateLimitedResponses(t *testing.T) {
	t.Parallel()
	const text = "Object cache purges are rate-limited to one request every %s seconds for each install"
	limited := func(seconds string, header http.Header) http.HandlerFunc {
		return respond(429, header, `{"message":"`+fmt.Sprintf(text, seconds)+`"}`)
	}
	tests := map[string]struct {
		fault http.HandlerFunc
		want  time.Duration
	}{
		"the time in the message":                 {limited("45", nil), 45 * time.Second},
		"Retry-After takes precedence":            {limited("45", http.Header{"Retry-After": {"20"}}), 20 * time.Second},
		"a message without a time means a minute": {wpenginetest.Error(429, "Too many requests"), time.Minute},
		"an empty response means a minute":        {respond(429, nil, ""), time.Minute},
		"a number that is too large":              {limited("99999999999999999999", nil), time.Minute},
		"a 503 with Retry-After":                  {respond(503, http.Header{"Retry-After": {"30"}}, ""), 30 * time.Second},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("purge", 1, test.fault)
				wantNoErrors(t, w.purge(w.prod(), "page"))
				diff(t, "requests", 2, len(w.Statuses("purge")))
				diff(t, "elapsed", test.want, w.Elapsed())
			})
		})
	}
}

func TestAWaitLongerThanTheTimeout(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.ObjectWindow = 10 * time.Minute
		wantNoErrors(t, w.purge(w.prod(), "object"))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		wantError(t, w.purgeUnder(ctx, w.prod(), "all"), errorFields{
			Kind: transport.KindLimited, Status: 429, Wait: 10 * time.Minute,
			Message: "Object cache purges are rate-limited to one request every 600 seconds for each install",
			Advice:  "one purge of the object cache per install in 60 seconds",
		})
		diff(t, "elapsed: its own window, then it fails immediately", time.Minute, w.Elapsed())
	})
}

func TestALostResponse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		window, timeout time.Duration
		want            errorFields
		statuses        []int
		elapsed         time.Duration
	}{
		"counts for the window, so a retry is accepted": {
			time.Minute, 20 * time.Minute, errorFields{}, []int{0, 202}, time.Minute,
		},
		"may be followed by a 429 and a wait": {
			90 * time.Second, 20 * time.Minute, errorFields{}, []int{0, 429, 202}, 150 * time.Second,
		},
		"is marked as lost if there is no time for the wait": {
			90 * time.Second, 2 * time.Minute,
			errorFields{
				Kind: transport.KindLimited, Status: 429, Wait: 90 * time.Second, Lost: true,
				Message: "Object cache purges are rate-limited to one request every 90 seconds for each install",
			},
			[]int{0, 429},
			time.Minute,
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.ObjectWindow = test.window
				w.Fail("purge", 1, w.LostResponse())
				ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
				defer cancel()
				wantError(t, w.purgeUnder(ctx, w.prod(), "object"), test.want)
				diff(t, "requests", test.statuses, w.Statuses("purge"))
				diff(t, "elapsed", test.elapsed, w.Elapsed())
			})
		})
	}
}

func TestWrongCredentialsAreTriedOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.config.Password = "wrong-password"
		for _, err := range together(50, func(i int) error { return w.purge(w.prod(), wpengine.CacheTypes[i%4]) }) {
			wantError(t, err, errorFields{
				Kind: transport.KindCredentials, Status: 401, Message: "Bad Credentials", Input: "password",
				Advice: "the credentials of API access (User Portal, API Access)",
			})
		}
		diff(t, "requests", []int{401}, w.Statuses("purge"))
	})
}

func TestTheInstallInThePathIsEscaped(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		_ = w.purge("../installs?x=", "page")
		diff(t, "the request", "../installs?x=/page", w.Journal.Select("purge")[0].Subject)
	})
}

func TestInstallsAreListed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		account func(*world) string
		want    []string // queries
		number  int
	}{
		"all":            {func(*world) string { return "" }, nil, 130},
		"of one account": {func(w *world) string { return w.Install("acmeprod").Account.ID }, nil, 119},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				installs, err := w.connect().Installs(t.Context(), test.account(w))
				wantNoErrors(t, err)
				diff(t, "installs", test.number, len(installs))
				diff(t, "requests: pages of 100 until one is not full", []int{200, 200}, w.Statuses("installs"))
				diff(t, "hosts dialed: next is not followed", []string{"localhost:80"}, w.Network.Dialed())
			})
		})
	}
}

func TestInvalidListsOfInstalls(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ body, want string }{
		"null":                      {"null", "the response is null"},
		"an empty object":           {"{}", "the response contains no list of installs"},
		"an install without a name": {`{"results":[{"id":"a"}]}`, "an install has no ID or no name"},
		"a bare list":               {"[]", "the response is an unexpected JSON array"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("installs", -1, respond(200, nil, test.body))
				_, err := w.connect().Installs(t.Context(), "")
				wantError(t, err, errorFields{Kind: transport.KindUnexpected, Status: 200, Message: test.want})
			})
		})
	}
}
