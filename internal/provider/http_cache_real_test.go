// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/realcache"
)

// origin has a release. It serves the same cacheable content at every path. Like
// many origins, it treats any method as GET.
type origin struct {
	release, requests atomic.Int64
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.requests.Add(1)
	w.Header().Set("Vary", "Accept-Encoding")
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Cache-Control", "max-age=3600")
	w.Header().Set("ETag", fmt.Sprintf(`"%d"`, o.release.Load()))
	_, _ = fmt.Fprintf(w, "%s, release %d", r.URL.EscapedPath(), o.release.Load())
}

// live is a set of caches of one kind, with a provider that uses them.
type live struct {
	*world
	*protocol
	origin *origin
	caches []*realcache.Cache
	prior  object // state
}

const realHost = "www.example.com"

func newLive(t *testing.T, kind realcache.Kind, n int, o realcache.Options) *live {
	t.Helper()
	r := &live{world: newWorld(t), origin: &origin{}}
	o.OneVariant = kind.Name == "nginx" // its second purge does not always reach the other variant
	var endpoints []string
	for range n {
		cache := realcache.Start(t, kind, r.origin, o)
		r.caches = append(r.caches, cache)
		endpoints = append(endpoints, cache.URL)
	}
	r.env["PURGE_HTTP_CACHE_ENDPOINTS"] = strings.Join(endpoints, ",")
	r.env["PURGE_HTTP_CACHE_METHOD"], r.env["PURGE_HTTP_CACHE_PATH_PREFIX"] = kind.PurgeMethod, kind.PurgePrefix
	delete(r.env, "PURGE_HTTP_CACHE_HEADERS")
	return r
}

// fetch returns the content that a visitor gets.
func (r *live) fetch(t *testing.T, cache *realcache.Cache, path, encoding string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, cache.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = realHost
	if raw := req.URL.RawPath; raw != "" {
		req.URL.Opaque = raw // net/url would encode a "|", which browsers send unchanged
	}
	visitor := &http.Transport{DisableKeepAlives: true, DisableCompression: encoding == ""} // otherwise, it sends gzip and decodes the response
	resp, err := visitor.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// deploy changes the content of the origin after the caches have stored the
// previous content of some paths. A cache can need a moment to store a response.
func (r *live) deploy(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		for _, cache := range r.caches {
			for _, encoding := range []string{"", "gzip"} {
				stored := func() bool {
					before := r.origin.requests.Load()
					r.fetch(t, cache, path, encoding)
					return r.origin.requests.Load() == before
				}
				for tries := 0; !stored(); tries++ {
					if tries == 100 {
						t.Fatalf("%s does not store %s", cache.Name, path)
					}
					time.Sleep(20 * time.Millisecond)
				}
			}
		}
	}
	r.origin.release.Add(1)
}

// serves checks the release that visitors get at a path from the caches.
func (r *live) serves(t *testing.T, path string, release int, caches ...*realcache.Cache) {
	t.Helper()
	want := fmt.Sprintf("release %d", release)
	for _, cache := range caches {
		for _, encoding := range []string{"", "gzip"} {
			if got := r.fetch(t, cache, path, encoding); !strings.HasSuffix(got, want) {
				t.Errorf("%s serves %q of %s with %q, want %s", cache.Name, got, path, encoding, want)
			}
		}
	}
}

// apply plans and applies in one process, and returns the messages. It returns
// false if the plan is empty.
func (r *live) apply(t *testing.T, config object) (reported []string, changes bool) {
	t.Helper()
	r.protocol = r.speak(t)
	planned, reported := r.plan("purge_http_cache", r.prior, config)
	for _, s := range reported {
		if strings.HasPrefix(s, "error") {
			return reported, true
		}
	}
	if r.prior != nil && fmt.Sprint(planned) == fmt.Sprint(r.prior) {
		return nil, false
	}
	r.prior, reported = r.protocol.apply("purge_http_cache", r.prior, planned, config)
	return reported, true
}

// succeeds applies and checks that visitors then get the current release at some
// paths and the previous one at others.
func (r *live) succeeds(t *testing.T, config object, fresh, old []string) {
	t.Helper()
	if reported, changes := r.apply(t, config); len(reported) > 0 || !changes || r.prior["pending"] != nil {
		t.Fatalf("diagnostics: %q, changes: %t, state %v", reported, changes, r.prior)
	}
	now := int(r.origin.release.Load())
	for _, path := range fresh {
		r.serves(t, path, now, r.caches...)
	}
	for _, path := range old {
		r.serves(t, path, now-1, r.caches...)
	}
}

func realAssets(assets object) object {
	return object{"host": realHost, "assets": assets, "purge_on_create": true, "timeouts": object{"update": "8s"}}
}

func forEachRealCache(t *testing.T, test func(t *testing.T, kind realcache.Kind)) {
	t.Helper()
	for _, kind := range realcache.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			test(t, kind)
		})
	}
}

// TestTheWholeLifeOnRealCaches checks the content that visitors get after each
// purge.
func TestTheWholeLifeOnRealCaches(t *testing.T) {
	t.Parallel()
	forEachRealCache(t, func(t *testing.T, kind realcache.Kind) {
		r := newLive(t, kind, 2, realcache.Options{})
		paths := []string{"/a.css", "/b%20c.css", "/d|e.css?v=1"}
		r.deploy(t, paths...)
		for _, path := range paths {
			r.serves(t, path, 0, r.caches...) // otherwise, the checks below would prove nothing
		}
		r.succeeds(t, realAssets(object{"/a.css": "1", "/b c.css": "1", "/d|e.css?v=1": "1"}), paths, nil)

		if _, changes := r.apply(t, realAssets(object{"/a.css": "1", "/b c.css": "1", "/d|e.css?v=1": "1"})); changes {
			t.Error("an apply without changes changes something")
		}

		// One path changes, one stays, one is removed, and one is new and not
		// cached.
		r.deploy(t, paths...)
		r.succeeds(t, realAssets(object{"/a.css": "2", "/b c.css": "1", "/new.css": "1"}), []string{"/a.css", "/d|e.css?v=1", "/new.css"}, []string{"/b%20c.css"})

		// An instance is down. The other one is up to date, and the path stays
		// pending.
		r.deploy(t, "/a.css")
		r.caches[1].Stop()
		reported, _ := r.apply(t, realAssets(object{"/a.css": "3", "/b c.css": "1", "/new.css": "1"}))
		if len(reported) != 1 || !containing("Missing at 1 of 2 endpoints:", r.caches[1].URL+":").MatchString(reported[0]) {
			t.Errorf("diagnostics: %q", reported)
		}
		if got := fmt.Sprint(r.prior["pending"]); got != "map[/a.css:changed]" {
			t.Errorf("pending is %s", got)
		}
		r.serves(t, "/a.css", 3, r.caches[0])

		r.caches[1].Restart()
		r.deploy(t, "/a.css")
		r.serves(t, "/a.css", 3, r.caches[0])
		r.succeeds(t, realAssets(object{"/a.css": "3", "/b c.css": "1", "/new.css": "1"}), []string{"/a.css"}, nil)
	})
}

func TestRealCachesThatDeny(t *testing.T) {
	t.Parallel()
	forEachRealCache(t, func(t *testing.T, kind realcache.Kind) {
		r := newLive(t, kind, 1, realcache.Options{Deny: true})
		r.deploy(t, "/a")
		reported, _ := r.apply(t, object{"host": realHost, "url": "/a", "purge_on_create": true})
		if len(reported) != 1 || !containing("access list").MatchString(reported[0]) && !containing("not in the ACL").MatchString(reported[0]) || r.prior != nil {
			t.Errorf("diagnostics: %q, state %v", reported, r.prior)
		}
		r.serves(t, "/a", 0, r.caches...)
	})
}

// TestRealCachesWithoutPurge checks that the purge does not count as accepted.
// Varnish, for example, returns the origin's response with status 200.
func TestRealCachesWithoutPurge(t *testing.T) {
	t.Parallel()
	forEachRealCache(t, func(t *testing.T, kind realcache.Kind) {
		r := newLive(t, kind, 1, realcache.Options{NoPurge: true})
		r.deploy(t, "/a")
		reported, _ := r.apply(t, object{"host": realHost, "url": "/a", "purge_on_create": true})
		if len(reported) != 1 || r.prior != nil {
			t.Errorf("diagnostics: %q, state %v", reported, r.prior)
		}
		if kind.Name == "Varnish" && !containing("which only content has").MatchString(strings.Join(reported, "")) {
			t.Errorf("diagnostics: %q", reported)
		}
		r.serves(t, "/a", 0, r.caches...)
	})
}
