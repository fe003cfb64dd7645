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

func TestAnErrorShowsTheEvidence(t *testing.T) {
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
		"what the caches say": {
			200, header("ETag", `"1"`, "Age", "7", "Cache-Status", "ExampleCache; hit; ttl=376", "Cache-Status", "CDN; fwd=uri-miss", "X-Cache", "HIT from proxy",
				"Cf-Cache-Status", "HIT", "X-Cacheable", "SHORT", "Server", "nginx"),
			verify.Item{Want: digest},
			"expected MD5 digest " + digest + ", got 200 OK, MD5 digest " + hexMD5("old") +
				", Age: 7, Cache-Status: ExampleCache; hit; ttl=376, CDN; fwd=uri-miss, X-Cache: HIT from proxy, CF-Cache-Status: HIT, X-Cacheable: SHORT",
			verify.StillOld, "Bring the content to the site",
		},
		"a digest as the wanted one is written": {
			200, nil,
			verify.Item{Want: "1B2M2Y8AsgTpgAmY7PhCfg==", PurgedAt: time.Now()},
			"expected MD5 digest 1B2M2Y8AsgTpgAmY7PhCfg==, got 200 OK, MD5 digest FJYD5sA1FjYqjaI/Yk25RQ==", verify.StillOld, "purge_cdn_service",
		},
		"an ETag": {
			200, header("ETag", `W/"1"`), verify.Item{Want: `"2"`}, `expected ETag "2", got 200 OK, ETag W/"1"`, verify.StillOld, "Bring the content",
		},
		"no ETag": {200, nil, verify.Item{Want: `"2"`}, `expected ETag "2", got 200 OK, no ETag`, verify.StillOld, "Bring the content"},
		"a text": {
			200, nil, verify.Item{Contains: "ver=2"}, "expected the text in contains, got 200 OK, without the text", verify.StillOld, "Bring the content",
		},
		"a removed file": {
			200, nil,
			verify.Item{Gone: hexMD5("old")},
			"expected not the MD5 digest " + hexMD5("old") + ", got 200 OK, MD5 digest " + hexMD5("old"),
			verify.StillOld, "Bring the content",
		},
		"an encoding": {
			200, header("Content-Encoding", "br"),
			verify.Item{Want: digest},
			"expected MD5 digest " + digest + ", got 200 OK, MD5 digest " + hexMD5("old") + ", Content-Encoding: br", verify.StillOld, "Content-Encoding",
		},
		"a redirect": {
			302, header("Location", "https://login.example.com/?token=secret"),
			verify.Item{Want: digest},
			"expected MD5 digest " + digest + ", got 302 Found to https://login.example.com", verify.StillOld, "Bring the content",
		},
		"403": {403, nil, verify.Item{Want: digest}, "expected MD5 digest " + digest + ", got 403 Forbidden", verify.NotSeen, "firewall"},
		"503": {503, nil, verify.Item{Want: digest}, "expected MD5 digest " + digest + ", got 503 Service Unavailable", verify.NotSeen, "Check the site"},
		"a status without a name": {
			599, nil, verify.Item{Want: digest}, "expected MD5 digest " + digest + ", got 599", verify.NotSeen, "Check the site",
		},
		"a header with more than one line of text": {
			404, header("X-Cache", "a\tb \x85 c"),
			verify.Item{Want: digest},
			"expected MD5 digest " + digest + ", got 404 Not Found, X-Cache: a b � c",
			verify.StillOld, "Bring the content",
		},
		"a header without an end": {
			404, header("X-Cache", strings.Repeat("x", 5000)),
			verify.Item{Want: digest},
			"expected MD5 digest " + digest + ", got 404 Not Found, X-Cache: " + strings.Repeat("x", 499) + "…", verify.StillOld, "Bring the content",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("get", -1, answer(test.status, test.header, "old"))
				err := w.verify(400*time.Millisecond, test.item)
				diff(t, "the error", said{test.verdict, test.want, 1}, hear(t, err))
				var e *verify.Error
				errors.As(err, &e)
				if !strings.Contains(e.Advice(), test.advice) {
					t.Errorf("the advice is %q, want %q", e.Advice(), test.advice)
				}
				diff(t, "in one line", "http://localhost/a: "+test.want, err.Error())
			})
		})
	}
}

func TestAnErrorTellsWhereRedirectsLed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Origin.Put("/a", verifytest.File{Status: 301, Header: http.Header{"Location": {"http://user:secret@localhost/b?c=d#e"}}}, 0)
		err := w.verify(400*time.Millisecond, verify.Item{Want: hexMD5(content)})
		if !strings.HasSuffix(err.Error(), "X-Cache: MISS, after a redirect to http://localhost/b?c=d") {
			t.Error(err)
		}
	})
}

func TestAnErrorWithoutALook(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Network.Set(wiretest.Hang)
		err := w.verify(time.Second, verify.Item{Want: hexMD5(content)})
		diff(t, "the error", said{verify.NotSeen, "expected MD5 digest " + hexMD5(content) + ", and no look was finished", 0}, hear(t, err))
	})
}
