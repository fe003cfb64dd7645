// SPDX-License-Identifier: MPL-2.0

// Package httpcachetest fakes an HTTP cache in front of an origin. The cache keeps
// the objects that visitors requested until a purge deletes them. It responds to
// purges like Varnish, nginx, Squid, Traffic Server, or Fastly. The statuses and
// headers are from Varnish 7.1, nginx 1.22 with cache_purge 2.3, Squid 5.7, Traffic
// Server 9.2, and https://www.fastly.com/documentation/reference/api/purging/.
package httpcachetest

import (
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

// Server is one instance, an http.Handler for any host. Set its exported fields
// before it serves.
//
// The operations in its journal are purge, variant (a purge with Accept-Encoding),
// fetch (a request of a visitor), and other. The subject is the host and the path,
// as sent.
type Server struct {
	*fake.Recorder

	// Software is the software of the instance. Default Varnish.
	Software *Software
	// KeyHeader and Key are a header that a purge must have, or the instance returns
	// 401. If Key is empty, none is necessary.
	KeyHeader, Key string
	// Denied rejects purges, as if the client were not in the access list.
	Denied bool
	// NoPurge makes the instance treat a purge like any other method.
	NoPurge bool
	// Bare omits the headers that distinguish a response of the origin from a
	// response of the cache.
	Bare bool

	mu      sync.Mutex
	release int
	objects map[object]int // by object: its release
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

// Secrets returns the key in the encodings that must not be displayed.
func (s *Server) Secrets() []string {
	if s.Key == "" {
		return nil
	}
	return []string{s.Key, url.QueryEscape(s.Key), url.PathEscape(s.Key)}
}

// Release deploys new content to the origin, at every URL.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release++
}

// Purged returns the number of objects that were deleted or marked as stale.
func (s *Server) Purged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.purged
}

// ServeHTTP implements http.Handler.
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

// subject returns the URL of the content, without the scheme and the prefix of a
// purge.
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
		s.Software.noPurge(s, w, r)
	case s.Denied:
		s.Software.denied(w)
	case s.Key != "" && r.Header.Get(s.KeyHeader) != s.Key:
		s.Software.missingKey(w)
	case s.delete(s.subject(r), variantOf(r), r.Header.Get("Fastly-Soft-Purge") == "1"):
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

// delete deletes the objects of a URL, and reports whether there were any.
func (s *Server) delete(url, variant string, soft bool) bool {
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
