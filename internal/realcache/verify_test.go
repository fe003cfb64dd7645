// SPDX-License-Identifier: MPL-2.0

package realcache_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/realcache"
	"github.com/cachepurge/terraform-provider-purge/internal/verify"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

// site is a cache in front of an origin, and a client that verifies both.
type site struct {
	*realcache.Cache
	files  *verifytest.Origin
	client *verify.Client
}

func open(t *testing.T, kind realcache.Kind, o realcache.Options) *site {
	t.Helper()
	files := verifytest.NewOrigin()
	s := &site{files: files, Cache: realcache.Start(t, kind, files, o)}
	return s.withClient(t)
}

// withClient returns the site with a new client, for tests that share the cache.
// Each test uses its own paths.
func (s *site) withClient(t *testing.T) *site {
	own := *s
	own.client = verify.New(verify.Config{})
	t.Cleanup(func() { _ = own.client.Close(context.Background()) })
	return &own
}

// The machine may be busy. long is sufficient for a verification that succeeds
// immediately, and short for one look at a site.
const (
	long  = time.Minute
	short = 8 * time.Second
)

// heavy is locked by tests that keep the machine busy.
var heavy sync.Mutex

// put changes a file at the origin after a delay.
func (s *site) put(path, body string, after time.Duration) {
	s.files.Put(path, verifytest.File{Body: body, Header: http.Header{"Cache-Control": {"max-age=3600"}}}, after)
}

// look verifies an item within limit. Its base URL is the cache unless it is set.
func (s *site) look(t *testing.T, limit time.Duration, item verify.Item) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if item.BaseURL == "" {
		item.BaseURL = s.URL
	}
	return s.client.Verify(ctx, item)
}

// warm puts a file at the origin and caches both of its variants.
func (s *site) warm(t *testing.T, path, body string) {
	t.Helper()
	s.put(path, body, 0)
	s.wantVerified(t, long, verify.Item{Path: path, Want: digest(body)})
}

func (s *site) wantVerified(t *testing.T, limit time.Duration, item verify.Item) {
	t.Helper()
	if err := s.look(t, limit, item); err != nil {
		t.Errorf("%s: %s", s.Name, err)
	}
}

// wantVerdict requires an error with a verdict, and returns the latest observation.
func (s *site) wantVerdict(t *testing.T, limit time.Duration, item verify.Item, want verify.Verdict) *verify.Seen {
	t.Helper()
	err := s.look(t, limit, item)
	var e *verify.Error
	if !errors.As(err, &e) || e.Verdict != want || errors.Is(err, context.DeadlineExceeded) != (want != verify.OriginOld) {
		t.Fatalf("%s: got %v, want the verdict %d", s.Name, err, want)
	}
	t.Log(e)
	return e.Seen
}

func digest(body string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(body))) }

// now returns the time of a purge in whole seconds, as in a resource.
func now() time.Time { return time.Now().Truncate(time.Second) }

// TestVerify verifies deploys with each cache that is installed.
func TestVerify(t *testing.T) {
	t.Parallel()
	for _, kind := range realcache.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			s := open(t, kind, realcache.Options{OneVariant: true})
			for name, test := range map[string]func(*testing.T, *site){
				"a purge that takes effect after 4 seconds":    lateEffect,
				"a purge that is accepted and has no effect":   neverDone,
				"an origin that is still old":                  oldOrigin,
				"a gate that waits 5 seconds, purge and proof": gate,
				"a removed file":                               removed,
				"5 MB of binary":                               binary,
				"500 assets":                                   manyAssets,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, s.withClient(t))
				})
			}
		})
		t.Run(kind.Name+", a gzip variant that stays old", func(t *testing.T) {
			t.Parallel()
			oldVariant(t, open(t, kind, realcache.Options{}))
		})
	}
}

func lateEffect(t *testing.T, s *site) {
	s.warm(t, "/late.css", "old")
	s.put("/late.css", "new", 0)
	at := time.Now()
	time.AfterFunc(4*time.Second, func() { s.PurgeAll("/late.css") })
	s.wantVerified(t, long, verify.Item{Path: "/late.css", Want: digest("new"), PurgedAt: now()})
	if took := time.Since(at); took < 4*time.Second {
		t.Errorf("verified after %s", took)
	}
}

func neverDone(t *testing.T, s *site) {
	s.warm(t, "/never.css", "old")
	<-time.After(2 * time.Second) // Age has a resolution of 1 second
	s.put("/never.css", "new", 0)
	seen := s.wantVerdict(t, short, verify.Item{Path: "/never.css", Want: digest("new"), PurgedAt: now()}, verify.StillOld)
	if !strings.Contains(seen.Content, digest("old")) {
		t.Error(seen)
	}
}

func oldOrigin(t *testing.T, s *site) {
	s.warm(t, "/lag.css", "old")
	s.PurgeAll("/lag.css")
	at, began := now(), time.Now()
	want := verify.OriginOld
	if s.NoAge {
		want = verify.StillOld
	}
	s.wantVerdict(t, 40*time.Second, verify.Item{Path: "/lag.css", Want: digest("new"), PurgedAt: at}, want)
	if took := time.Since(began); !s.NoAge && took < 30*time.Second {
		t.Errorf("failed after %s", took)
	}
}

func gate(t *testing.T, s *site) {
	s.warm(t, "/gate.css", "old")
	s.put("/gate.css", "new", 5*time.Second)
	began := time.Now()
	s.wantVerified(t, long, verify.Item{BaseURL: s.Origin, Path: "/gate.css", Want: digest("new")})
	if took := time.Since(began); took < 4900*time.Millisecond {
		t.Errorf("verified after %s", took)
	}
	s.wantVerdict(t, short, verify.Item{Path: "/gate.css", Want: digest("new")}, verify.StillOld)
	s.PurgeAll("/gate.css")
	s.wantVerified(t, long, verify.Item{Path: "/gate.css", Want: digest("new"), PurgedAt: now()})
}

func removed(t *testing.T, s *site) {
	s.warm(t, "/gone.css", "old")
	s.files.Remove("/gone.css", 0)
	s.wantVerdict(t, short, verify.Item{Path: "/gone.css", Gone: digest("old")}, verify.StillOld)
	s.PurgeAll("/gone.css")
	s.wantVerified(t, long, verify.Item{Path: "/gone.css", Gone: digest("old"), PurgedAt: now()})
}

func binary(t *testing.T, s *site) {
	heavy.Lock()
	defer heavy.Unlock()
	noise := func(seed byte) string {
		body := make([]byte, 5<<20)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(body)
		return string(body)
	}
	s.warm(t, "/video.mp4", noise(1))
	s.put("/video.mp4", noise(2), 0)
	s.PurgeAll("/video.mp4")
	s.wantVerified(t, long, verify.Item{Path: "/video.mp4", Want: digest(noise(2)), PurgedAt: now()})
}

// each runs f for each of n paths, 16 at a time.
func each(n int, f func(path string)) {
	var group sync.WaitGroup
	for first := range 16 {
		group.Go(func() {
			for i := first; i < n; i += 16 {
				f(fmt.Sprintf("/assets/%04d.js", i))
			}
		})
	}
	group.Wait()
}

func manyAssets(t *testing.T, s *site) {
	const n = 500
	heavy.Lock()
	defer heavy.Unlock()
	began := time.Now()
	each(n, func(path string) { s.warm(t, path, "old "+path) })
	each(n, func(path string) { s.put(path, "new "+path, 0) })
	warm := time.Since(began)
	each(n, s.PurgeAll)
	at, purged := now(), time.Since(began)
	each(n, func(path string) {
		if !t.Failed() {
			s.wantVerified(t, long, verify.Item{Path: path, Want: digest("new " + path), PurgedAt: at})
		}
	})
	t.Logf("%s: %d assets were cached after %s, purged after %s, verified after %s", s.Name, n, warm, purged, time.Since(began))
}

func oldVariant(t *testing.T, s *site) {
	s.warm(t, "/variant.css", "old")
	s.put("/variant.css", "new", 0)
	if status := s.Purge("/variant.css", nil); status != http.StatusOK {
		t.Errorf("the purge returned %d", status)
	}
	item := verify.Item{Path: "/variant.css", Want: digest("new"), PurgedAt: now()}
	if !s.VariantsApart {
		s.wantVerified(t, long, item)
		return
	}
	if seen := s.wantVerdict(t, short, item, verify.StillOld); seen.AcceptEncoding != "gzip" {
		t.Errorf("%s: the old variant is not the one with gzip", seen)
	}
	if s.Name == "nginx" {
		return // a purge with gzip does not always reach the variant
	}
	s.Purge("/variant.css", http.Header{"Accept-Encoding": {"gzip"}})
	s.wantVerified(t, long, item)
}

// TestSomeCacheIsInstalled fails if .ci/run requires caches and the tests above
// have skipped all of them.
func TestSomeCacheIsInstalled(t *testing.T) {
	t.Parallel()
	var missing []string
	for _, kind := range realcache.Kinds() {
		if why := kind.Missing(); why != "" {
			missing = append(missing, kind.Name+": "+why)
		}
	}
	switch {
	case len(missing) == 0:
	case len(missing) < len(realcache.Kinds()) || os.Getenv("PURGE_TEST_CACHES") != "required":
		t.Skip(strings.Join(missing, "; "))
	default:
		t.Error(strings.Join(missing, "; "))
	}
}
