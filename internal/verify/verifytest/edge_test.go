// SPDX-License-Identifier: MPL-2.0

package verifytest_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

// got contains the fields of a response that the tests compare.
type got struct {
	Status           int
	Body, Age, Cache string
}

func get(t *testing.T, h http.Handler, path string, header http.Header) got {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	r.Header = header
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var body io.Reader = w.Body
	if w.Header().Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(w.Body); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return got{w.Code, strings.TrimSpace(string(text)), w.Header().Get("Age"), w.Header().Get("X-Cache")}
}

var (
	plain   http.Header
	gzipped = http.Header{"Accept-Encoding": {"gzip"}}
)

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestTheEdgeKeepsVariantsUntilTheyArePurged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := verifytest.NewEdge()
		e.PurgeDelay = 4 * time.Second
		e.Origin.Put("/a", verifytest.File{Body: "old"}, 0)
		same(t, "a miss", got{200, "old", "0", "MISS"}, get(t, e, "/a", plain))
		time.Sleep(2500 * time.Millisecond)
		same(t, "another variant", got{200, "old", "0", "MISS"}, get(t, e, "/a", gzipped))
		e.Origin.Put("/a", verifytest.File{Body: "new"}, 0)
		same(t, "a hit", got{200, "old", "2", "HIT"}, get(t, e, "/a", plain))
		same(t, "another query", got{200, "new", "0", "MISS"}, get(t, e, "/a?cb=1", plain))

		e.Purge("/a")
		time.Sleep(3999 * time.Millisecond)
		same(t, "before the effect", got{200, "old", "6", "HIT"}, get(t, e, "/a", plain))
		time.Sleep(time.Millisecond)
		same(t, "after it", got{200, "new", "0", "MISS"}, get(t, e, "/a", plain))
		same(t, "after it, gzip", got{200, "new", "0", "MISS"}, get(t, e, "/a", gzipped))
		time.Sleep(time.Second)
		same(t, "stored again", got{200, "new", "1", "HIT"}, get(t, e, "/a", plain))
		same(t, "requests that reached the origin", 5, len(e.Origin.Journal.Select("get")))
	})
}

func TestAPurgeMayReachOneVariantOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := verifytest.NewEdge()
		e.Origin.Put("/a", verifytest.File{Body: "old"}, 0)
		get(t, e, "/a", plain)
		get(t, e, "/a", gzipped)
		e.Origin.Put("/a", verifytest.File{Body: "new"}, 0)
		e.PurgePlain("/a")
		same(t, "plain", "new", get(t, e, "/a", plain).Body)
		same(t, "gzip", "old", get(t, e, "/a", gzipped).Body)
		e.PurgeAll()
		same(t, "gzip after a purge of everything", "new", get(t, e, "/a", gzipped).Body)
	})
}

func TestNoCacheAndTTL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := verifytest.NewEdge()
		e.Origin.Put("/a", verifytest.File{Body: "1"}, 0)
		e.Origin.Put("/a", verifytest.File{Body: "2"}, time.Second)
		e.Origin.Remove("/a", 2*time.Second)
		get(t, e, "/a", plain)
		time.Sleep(time.Second)
		same(t, "from the cache", got{200, "1", "1", "HIT"}, get(t, e, "/a", plain))
		same(t, "with no-cache", got{200, "2", "0", "MISS"}, get(t, e, "/a", http.Header{"Cache-Control": {"no-cache"}}))
		same(t, "after no-cache", got{200, "2", "0", "HIT"}, get(t, e, "/a", plain))
		time.Sleep(e.TTL - time.Second)
		same(t, "before the end of the TTL", 200, get(t, e, "/a", plain).Status)
		time.Sleep(time.Second)
		same(t, "after it", 404, get(t, e, "/a", plain).Status)
	})
}

func TestUncacheableResponses(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]verifytest.File{
		"no-store": {Header: http.Header{"Cache-Control": {"no-store"}}},
		"a cookie": {Header: http.Header{"Set-Cookie": {"a=b"}}},
		"502":      {Status: http.StatusBadGateway},
		"403":      {Status: http.StatusForbidden},
		"429":      {Status: http.StatusTooManyRequests},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := verifytest.NewEdge()
			e.Origin.Put("/a", f, 0)
			get(t, e, "/a", plain)
			same(t, "the second response", "MISS", get(t, e, "/a", plain).Cache)
		})
	}
}
