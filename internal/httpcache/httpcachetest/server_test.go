// SPDX-License-Identifier: MPL-2.0

package httpcachetest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/httpcache/httpcachetest"
)

const host = "www.example.com"

// ask sends a request "METHOD /path" with headers "name: value".
func ask(s *httpcachetest.Server, request string, headers ...string) *httptest.ResponseRecorder {
	method, target, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, target, http.NoBody)
	r.Host = host
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// open returns an instance that requires no key.
func open(software *httpcachetest.Software) *httpcachetest.Server {
	s := httpcachetest.New()
	s.Software, s.Key = software, ""
	return s
}

// TestWhatPurgesReturn compares the statuses with those of the real servers.
func TestWhatPurgesReturn(t *testing.T) {
	t.Parallel()
	type row struct {
		cached, notCached, denied, noPurge, wrongKey int
		variants                                     string // the variants that a plain purge keeps
	}
	got := make(map[string]row)
	for name, s := range map[string]*httpcachetest.Software{
		"Varnish": httpcachetest.Varnish, "nginx": httpcachetest.Nginx, "Squid": httpcachetest.Squid,
		"Traffic Server": httpcachetest.TrafficServer, "Fastly": httpcachetest.Fastly,
	} {
		status := func(change func(*httpcachetest.Server)) int {
			f := open(s)
			change(f)
			return ask(f, s.Method+" "+s.PathPrefix+"/a").Code
		}
		f := open(s)
		ask(f, "GET /a")
		ask(f, "GET /a", "Accept-Encoding: gzip")
		f.Release()
		cached := ask(f, s.Method+" "+s.PathPrefix+"/a").Code
		var left []string
		for _, encoding := range []string{"identity", "gzip"} {
			if strings.Contains(ask(f, "GET /a", "Accept-Encoding: "+encoding).Body.String(), "release 1") {
				left = append(left, encoding)
			}
		}
		got[name] = row{
			cached, status(func(*httpcachetest.Server) {}),
			status(func(f *httpcachetest.Server) { f.Denied = true }),
			status(func(f *httpcachetest.Server) { f.NoPurge = true }),
			status(func(f *httpcachetest.Server) { f.Key = "other" }), strings.Join(left, " "),
		}
	}
	want := map[string]row{
		"Varnish":        {200, 200, 405, 200, 401, ""},
		"nginx":          {200, 404, 403, 200, 401, "gzip"},
		"Squid":          {200, 404, 403, 403, 403, "gzip"},
		"Traffic Server": {200, 404, 403, 403, 403, ""},
		"Fastly":         {200, 200, 403, 200, 401, ""},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(row{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestVarnish(t *testing.T) {
	t.Parallel()
	f := open(httpcachetest.Varnish)
	purged := ask(f, "PURGE /a")
	if purged.Header().Get("Retry-After") == "" || !strings.Contains(purged.Body.String(), "<title>200 Purged</title>") {
		t.Errorf("a purge returns %v %s", purged.Header(), purged.Body)
	}
	f.NoPurge = true
	piped := ask(f, "PURGE /a")
	for _, name := range []string{"ETag", "Cache-Control", "Accept-Ranges"} {
		if piped.Header().Get(name) == "" || purged.Header().Get(name) != "" {
			t.Errorf("%s: a piped purge has %q, a purge %q", name, piped.Header().Get(name), purged.Header().Get(name))
		}
	}
	f.Bare = true
	if h := ask(f, "PURGE /a").Header(); h.Get("ETag") != "" {
		t.Errorf("a bare origin sends %v", h)
	}
	if n := f.Purged(); n != 0 {
		t.Errorf("%d objects were purged", n)
	}
}

// TestAnotherHost: a purge for the name of an instance deletes nothing, and
// returns 200.
func TestAnotherHost(t *testing.T) {
	t.Parallel()
	f := open(httpcachetest.Varnish)
	ask(f, "GET /a")
	r := httptest.NewRequest("PURGE", "http://10.0.0.11:6081/a", http.NoBody)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if w.Code != http.StatusOK || f.Purged() != 0 {
		t.Errorf("it returned %d and deleted %d objects", w.Code, f.Purged())
	}
}

func TestFastly(t *testing.T) {
	t.Parallel()
	f := open(httpcachetest.Fastly)
	ask(f, "GET /a")
	f.Release()
	w := ask(f, "PURGE /a", "Fastly-Soft-Purge: 1")
	if !strings.HasPrefix(w.Body.String(), `{"id":"1378-`) || !strings.Contains(w.Body.String(), `"status":"ok"`) {
		t.Errorf("a purge returns %s", w.Body)
	}
	if n := f.Purged(); n != 1 {
		t.Errorf("%d objects were purged", n)
	}
	if body := ask(f, "GET /a").Body.String(); !strings.Contains(body, "release 2") {
		t.Errorf("after a soft purge a visitor gets %s", body)
	}
	f.KeyHeader, f.Key = "Fastly-Key", "k"
	if w := ask(f, "PURGE /a", "Fastly-Key: wrong"); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "credentials") {
		t.Errorf("with a wrong key it returns %d %s", w.Code, w.Body)
	}
	if w := ask(f, "PURGE /a", "Fastly-Key: k"); w.Code != http.StatusOK {
		t.Errorf("with the key it returns %d", w.Code)
	}
}

func TestJournal(t *testing.T) {
	t.Parallel()
	f := open(httpcachetest.Nginx)
	for _, request := range []string{"GET /a%20b?x=1", "GET /purge/a%20b?x=1", "PURGE /a", "HEAD /a"} {
		ask(f, request)
	}
	ask(f, "GET /purge/c", "Accept-Encoding: gzip")
	var got []string
	for _, e := range f.Journal.Entries() {
		got = append(got, fmt.Sprintf("%s %s %s %d", e.System, e.Operation, e.Subject, e.Status))
	}
	want := []string{
		"http_cache fetch www.example.com/a%20b?x=1 200", "http_cache purge www.example.com/a%20b?x=1 200",
		"http_cache other www.example.com/a 200", "http_cache fetch www.example.com/a 200", "http_cache variant www.example.com/c 404",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if len(f.Secrets()) != 0 {
		t.Error("an instance without a key has secrets")
	}
}
