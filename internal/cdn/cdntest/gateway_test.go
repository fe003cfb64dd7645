// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"
)

func TestGatewayChecksTokenAndProject(t *testing.T) {
	t.Parallel()
	unauthorized := response{Status: 401, Body: page("401 Unauthorized")}
	forbidden := response{Status: 403, Body: page("403 Forbidden")}
	for name, tc := range map[string]struct {
		project, header string
		want            response
	}{
		"no token":                    {"110011", "X-Auth-Token: ", unauthorized},
		"an unknown token":            {"110011", "X-Auth-Token: AADnothing", unauthorized},
		"another project in the path": {"220022", "Accept: application/json", unauthorized},
		"another project in the path and the header": {"220022", "X-Project-Id: 220022", unauthorized},
		"another project in the header":              {"110011", "X-Project-Id: 220022", forbidden},
		"no project in the header":                   {"110011", "X-Project-Id: ", rejected(400, "The Project ID must be provided.")},
	} {
		for what, method := range map[string]string{"/services": "GET", "/services/" + OtherID: "GET", "/services/" + OtherID + "/assets": "DELETE"} {
			t.Run(name+", "+method+" "+what, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				same(t, "response", b.do(method, "/v1.0/"+tc.project+what, tc.header), tc.want)
				same(t, "purges", b.Purges(), []Purge(nil))
			})
		}
	}
}

// TestASelfHostedPoppy uses a project that is not all digits, which Poppy does not
// recognize in the path.
func TestASelfHostedPoppy(t *testing.T) {
	t.Parallel()
	const project = "6f0c8a4c1f7d4c0f9a2b3c4d5e6f7a8b"
	for name, tc := range map[string]struct {
		path, header string
		want         int
	}{
		"in the header only":            {"", "X-Project-Id: " + project, 200},
		"also in the path":              {"/" + project, "X-Project-Id: " + project, 405},
		"another in the header":         {"", "X-Project-Id: 110011", 403},
		"a number in the path, ignored": {"/110011", "X-Project-Id: " + project, 200},
		"nowhere":                       {"", "X-Project-Id: ", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(s *Server) { s.ProjectID = project })
			same(t, "the list", b.do(http.MethodGet, "/v1.0"+tc.path+"/services", tc.header).Status, tc.want)
			same(t, "a service", b.do(http.MethodGet, "/v1.0"+tc.path+"/services/"+OtherID, tc.header).Status, tc.want)
			want := tc.want
			if want == 200 {
				want = 202
			}
			same(t, "a purge", b.do(http.MethodDelete, "/v1.0"+tc.path+"/services/"+OtherID+"/assets?url=/a&hard=true", tc.header).Status, want)
		})
	}
}

func TestRateLimitedResponses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		limit      Limit
		status     int
		retryAfter string
	}{
		"413 and a date rounded up, by default": {New().Limit, 413, "Thu, 29 Feb 2024 23:31:01 GMT"},
		"413 and seconds rounded up":            {Limit{413, RetryAfterSeconds}, 413, "50"},
		"429 and a date":                        {Limit{429, RetryAfterDate}, 429, "Thu, 29 Feb 2024 23:31:01 GMT"},
		"503 and nothing":                       {Limit{503, RetryAfterAbsent}, 503, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(s *Server) { s.PurgesPerMinute, s.Limit = 1, tc.limit })
			b.pass(time.Second / 2)
			same(t, "first", b.purge(OtherID, "url=/a&hard=true"), accepted(OtherID))
			b.pass(10*time.Second + time.Second/4)
			resp, body := b.send(http.MethodDelete, assets(OtherID, "url=/a&hard=true"), "")
			same(t, "second", response{resp.StatusCode, "", body}, response{tc.status, "", overLimit(strconv.Itoa(tc.status))})
			same(t, "Retry-After", resp.Header.Get("Retry-After"), tc.retryAfter)
			same(t, "Date", resp.Header.Get("Date"), "Thu, 29 Feb 2024 23:30:10 GMT")
		})
	}
}

func TestQuotaCounts(t *testing.T) {
	t.Parallel()
	const ok = "url=/a&hard=true"
	for name, tc := range map[string]struct {
		before func(*bench)
		want   int
	}{
		"20 purges a minute are the default": {func(b *bench) {
			for i := range 20 {
				same(b.t, fmt.Sprint("purge ", i), b.purge(OtherID, ok).Status, 202)
			}
		}, 413},
		"after 19, one is left": {func(b *bench) { b.purges19(ok) }, 202},
		"purges of different services count together": {func(b *bench) {
			b.purges19(ok)
			b.purge(DeployedID, ok)
		}, 413},
		"a purge of a failed service counts": {func(b *bench) {
			b.purges19(ok)
			b.purge(FailedID, ok)
		}, 413},
		"a purge of a missing service counts": {func(b *bench) {
			b.purges19(ok)
			b.purge(MissingID, ok)
		}, 413},
		"a purge with an invalid token does not count": {func(b *bench) {
			b.purges19(ok)
			b.do(http.MethodDelete, assets(OtherID, ok), "X-Auth-Token: x")
		}, 202},
		"reading does not count": {func(b *bench) {
			b.purges19(ok)
			b.do(http.MethodGet, "/v1.0/110011/services")
			b.do(http.MethodGet, "/v1.0/110011/services/"+OtherID)
		}, 202},
		"the window is closed until just before a minute": {func(b *bench) {
			b.purge(OtherID, ok)
			b.purges19(ok)
			b.pass(time.Minute - 1)
		}, 413},
		"the window is open again after a minute": {func(b *bench) {
			b.purge(OtherID, ok)
			b.purges19(ok)
			b.pass(time.Minute)
		}, 202},
		"the window slides and is not a calendar minute": {func(b *bench) {
			b.pass(59 * time.Second)
			b.purge(OtherID, ok)
			b.purges19(ok)
			b.pass(2 * time.Second)
		}, 413},
		"rate-limited purges do not count": {func(b *bench) {
			b.purge(OtherID, ok)
			b.purges19(ok)
			b.pass(30 * time.Second)
			b.purges19(ok)
			b.pass(30 * time.Second)
		}, 202},
		"0 means no limit": {func(b *bench) {
			b.PurgesPerMinute = 0
			b.purges19(ok)
			b.purges19(ok)
		}, 202},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			tc.before(b)
			same(t, "status", b.purge(OtherID, ok).Status, tc.want)
		})
	}
}

func (b *bench) purges19(query string) {
	for range 19 {
		b.purge(OtherID, query)
	}
}
