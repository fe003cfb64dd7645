// SPDX-License-Identifier: MPL-2.0

// Package httpcachetest is a stand-in for an HTTP cache in front of an origin: it
// keeps what visitors requested until a purge deletes it, and it answers purges as
// Varnish, nginx, Squid, Traffic Server, or Fastly do. Its statuses and headers
// are those of Varnish 7.1, nginx 1.22 with cache_purge 2.3, Squid 5.7, Traffic
// Server 9.2, and of https://www.fastly.com/documentation/reference/api/purging/.
package httpcachetest

import (
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

// Server is one instance, a plain http.Handler that speaks for any host. Its
// exported fields are set before it serves.
//
// The operations in its journal are purge, variant (a purge with
// Accept-Encoding), fetch (a visitor's request), and other. The subject is the
// host and the path, as sent.
type Server struct {
	*fake.Recorder

	// Software is what the instance runs, Varnish unless set.
	Software *Software
	// KeyHeader and Key are a header that the configuration requires of a purge,
	// or rejects it with 401. An empty Key requires none.
	KeyHeader, Key string
	// Denied: the client is not in the access list.
	Denied bool
	// NoPurge: the configuration does not know purges.
	NoPurge bool
	// Bare: the origin sends none of the headers that tell its response from the
	// cache's own.
	Bare bool

	mu      sync.Mutex
	release int
	objects map[object]int // the release that an object is of
	stale   map[object]bool
	purged  int
}

// object is one variant of one URL.
type object struct {
	url     string
	variant string
}

// New returns an instance that requires a key.
func New() *Server {
	return &Server{
		Recorder: fake.NewRecorder("http_cache"),
		Software: Varnish, KeyHeader: "X-Purge-Key", Key: "hc+Secret?K3y~7",
		release: 1, objects: make(map[object]int), stale: make(map[object]bool),
	}
}

// Secrets returns what must never be shown.
func (s *Server) Secrets() []string {
	if s.Key == "" {
		return nil
	}
	return []string{s.Key, url.QueryEscape(s.Key), url.PathEscape(s.Key)}
}

// Release deploys new content to the origin, under every URL.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release++
}

// Purged returns how many objects were deleted or marked as stale.
func (s *Server) Purged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.purged
}

// ServeHTTP answers visitors from the cache, and deletes what a purge is for.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.isPurge(r) && r.Header.Get("Accept-Encoding") != "":
		s.Handle("variant", s.subject, s.purge)(w, r)
	case s.isPurge(r):
		s.Handle("purge", s.subject, s.purge)(w, r)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		s.Handle("fetch", s.subject, s.fetch)(w, r)
	default:
		s.Handle("other", s.subject, s.pass)(w, r)
	}
}

func (s *Server) isPurge(r *http.Request) bool {
	return r.Method == s.Software.Method && strings.HasPrefix(r.URL.EscapedPath(), s.Software.PathPrefix+"/")
}

// subject is the URL that a request is for, without a scheme and without what
// makes it a purge.
func (s *Server) subject(r *http.Request) string {
	path := r.URL.EscapedPath()
	if s.isPurge(r) {
		path = strings.TrimPrefix(path, s.Software.PathPrefix)
	}
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	return strings.ToLower(r.Host) + path
}

func (s *Server) purge(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.NoPurge:
		s.Software.ignorant(s, w, r)
	case s.Denied:
		s.Software.denies(w)
	case s.Key != "" && r.Header.Get(s.KeyHeader) != s.Key:
		s.Software.wantsKey(w)
	case s.drop(s.subject(r), variantOf(r), r.Header.Get("Fastly-Soft-Purge") == "1"):
		s.Software.hit(w, r)
	default:
		s.Software.miss(w, r)
	}
}

func variantOf(r *http.Request) string {
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		return "gzip"
	}
	return ""
}

// drop deletes what a purge is for, and returns whether there was anything.
func (s *Server) drop(url, variant string, soft bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := false
	for o := range s.objects {
		if o.url != url || s.Software.oneVariant && o.variant != variant {
			continue
		}
		found = true
		s.purged++
		if soft && s.Software == Fastly {
			s.stale[o] = true
			continue
		}
		delete(s.objects, o)
		delete(s.stale, o)
	}
	return found
}
