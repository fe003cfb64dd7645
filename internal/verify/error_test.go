// SPDX-License-Identifier: MPL-2.0

package verify_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
	"github.com/cachepurge/terraform-provider-purge/internal/verify"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	digest := hexMD5(content)
	header := func(pairs ...string) http.Header {
		h := make(http.Header)
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	for name, test := range map[string]struct {
		status  int
		header  http.Header
		item    verify.Item
		want    string
		verdict verify.Verdict
		advice  string
	}{
		"headers of caches": {
			200, header("ETag", `"1"`, "Age", "7", "Cache-Status", "ExampleCache; hit; ttl=376", "Cache-Status", "CDN; fwd=uri-miss", "X-Cache", "HIT from proxy",
				"Cf-Cache-Status", "HIT", "X-Cacheable", "SHORT", "Server", "nginx"),
			verify.Item{Want: digest},
			"expected content with MD5 digest " + digest + ", got 200 OK with MD5 digest " + hexMD5("old") +
				" (Age: 7, Cache-Status: ExampleCache; hit; ttl=376, CDN; fwd=uri-miss, X-Cache: HIT from proxy, CF-Cache-Status: HIT, X-Cacheable: SHORT)",
			verify.StillOld, "Upload the content to the origin, or check base_url and the fingerprint. Then apply again. If the origin needs more time, raise timeouts.create. " +
				"If the origin is up to date, purge the cache that sent this response.",
		},
		"a digest in the format of the expected one": {
			200, nil,
			verify.Item{Want: "1B2M2Y8AsgTpgAmY7PhCfg==", PurgedAt: time.Now()},
			"expected content with MD5 digest 1B2M2Y8AsgTpgAmY7PhCfg==, got 200 OK with MD5 digest FJYD5sA1FjYqjaI/Yk25RQ==", verify.StillOld,
			"If the purge needs more time, raise timeouts.create and apply again. If the purge failed, purge again, because the next apply only verifies: " +
				"change a trigger of the resource that purges, or run terraform apply -replace=<its address>.",
		},
		"an ETag": {
			200, header("ETag", `W/"1"`), verify.Item{Want: `"2"`}, `expected content with ETag "2", got 200 OK with ETag W/"1"`, verify.StillOld, "check base_url and the fingerprint",
		},
		"no ETag": {200, nil, verify.Item{Want: `"2"`}, `expected content with ETag "2", got 200 OK without an ETag`, verify.StillOld, "check base_url and the fingerprint"},
		"a text": {
			200, nil, verify.Item{Contains: "ver=2"}, "expected the text in contains, got 200 OK without the text", verify.StillOld, "check base_url and contains",
		},
		"a removed file": {
			200, nil,
			verify.Item{Gone: hexMD5("old")},
			"expected the content with MD5 digest " + hexMD5("old") + " to be gone, got 200 OK with MD5 digest " + hexMD5("old"),
			verify.StillOld, "Remove the file from the origin, or check base_url and the fingerprint",
		},
		"an encoding": {
			200, header("Content-Encoding", "br"),
			verify.Item{Want: digest},
			"expected content with MD5 digest " + digest + ", got 200 OK with MD5 digest " + hexMD5("old") + " (Content-Encoding: br)", verify.StillOld, "The request does not accept this Content-Encoding",
		},
		"a redirect": {
			302, header("Location", "https://login.example.com/?token=secret"),
			verify.Item{Want: digest},
			"expected content with MD5 digest " + digest + ", got 302 Found to https://login.example.com", verify.StillOld, "check base_url",
		},
		"403": {403, nil, verify.Item{Want: digest}, "expected content with MD5 digest " + digest + ", got 403 Forbidden", verify.NotSeen, "firewall"},
		"503": {503, nil, verify.Item{Want: digest}, "expected content with MD5 digest " + digest + ", got 503 Service Unavailable", verify.NotSeen, "Check the site"},
		"a status without a name": {
			599, nil, verify.Item{Want: digest}, "expected content with MD5 digest " + digest + ", got 599", verify.NotSeen, "Check the site",
		},
		"a header with control characters": {
			404, header("X-Cache", "a\tb \x85 c"),
			verify.Item{Want: digest},
			"expected content with MD5 digest " + digest + ", got 404 Not Found (X-Cache: a b � c)",
			verify.StillOld, "check base_url",
		},
		"a long header": {
			404, header("X-Cache", strings.Repeat("x", 5000)),
			verify.Item{Want: digest},
			"expected content with MD5 digest " + digest + ", got 404 Not Found (X-Cache: " + strings.Repeat("x", 499) + "…)", verify.StillOld, "check base_url",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("get", -1, respond(test.status, test.header, "old"))
				err := w.verify(400*time.Millisecond, test.item)
				diff(t, "the error", errorFields{test.verdict, test.want, 1}, fieldsOf(t, err))
				var e *verify.Error
				errors.As(err, &e)
				if advice := e.Advice("timeouts.create"); !strings.Contains(advice, test.advice) {
					t.Errorf("the advice is %q, want %q", advice, test.advice)
				}
				diff(t, "in one line", "http://localhost/a: "+test.want, err.Error())
			})
		})
	}
}

func TestAnErrorShowsTheFinalAddress(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Origin.Put("/a", verifytest.File{Status: 301, Header: http.Header{"Location": {"http://user:secret@localhost/b?c=d#e"}}}, 0)
		err := w.verify(400*time.Millisecond, verify.Item{Want: hexMD5(content)})
		if !strings.HasSuffix(err.Error(), ", got 404 Not Found after a redirect to http://localhost/b?c=d (Age: 0, Cache-Status: edge; fwd=miss, X-Cache: MISS)") {
			t.Error(err)
		}
	})
}

func TestAnErrorWithoutAnAttempt(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Network.Set(wiretest.Hang)
		err := w.verify(time.Second, verify.Item{Want: hexMD5(content)})
		diff(t, "the error", errorFields{verify.NotSeen, "expected content with MD5 digest " + hexMD5(content) + ", but no request was completed", 0}, fieldsOf(t, err))
	})
}
