// SPDX-License-Identifier: MPL-2.0

package realcache_test

import (
	"flag"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/realcache"
	"github.com/cachepurge/terraform-provider-purge/internal/verify"
)

// TestMain runs all tests in parallel, because they mostly wait in real time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "64"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// purges contains the statuses of purges: of a cached path, of a path that is not
// cached, and of caches that deny purges or have them not configured.
type purges struct{ Cached, NotCached, Denied, NotConfigured int }

func TestStatusesOfPurges(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]purges{
		"Varnish":               {200, 200, 405, 200}, // the last is from the origin, because Varnish pipes the request
		"nginx":                 {200, 404, 403, 404}, // the last is from the origin, which has no /purge/
		"Squid":                 {200, 404, 403, 403},
		"Apache Traffic Server": {200, 404, 403, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind := byName(t, name)
			var got purges
			s := open(t, kind, realcache.Options{})
			s.warm(t, "/a", "content")
			got.Cached, got.NotCached = s.Purge("/a", nil), s.Purge("/b", nil)
			for status, o := range map[*int]realcache.Options{&got.Denied: {Deny: true}, &got.NotConfigured: {NoPurge: true}} {
				s := open(t, kind, o)
				s.warm(t, "/a", "old")
				s.put("/a", "new", 0)
				*status = s.Purge("/a", nil)
				s.wantVerdict(t, short, verify.Item{Path: "/a", Want: digest("new")}, verify.StillOld)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestStopAndRestart(t *testing.T) {
	t.Parallel()
	for _, kind := range realcache.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			s := open(t, kind, realcache.Options{})
			s.warm(t, "/a", "content")
			s.Stop()
			if conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://")); err == nil {
				_ = conn.Close()
				t.Error("the port is open after Stop")
			}
			s.Restart()
			s.wantVerified(t, long, verify.Item{Path: "/a", Want: digest("content")})
			if status := s.Purge("/a", http.Header{}); status != http.StatusOK {
				t.Errorf("the purge returned %d", status)
			}
		})
	}
}

func byName(t *testing.T, name string) realcache.Kind {
	t.Helper()
	for _, kind := range realcache.Kinds() {
		if kind.Name == name {
			return kind
		}
	}
	t.Fatalf("unknown cache %s", name)
	return realcache.Kind{}
}
