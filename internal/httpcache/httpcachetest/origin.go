// SPDX-License-Identifier: MPL-2.0

package httpcachetest

import (
	"fmt"
	"html"
	"net/http"
)

// fetch answers a visitor, and keeps the content until it is purged.
func (s *Server) fetch(w http.ResponseWriter, r *http.Request) {
	o := object{s.subject(r), variantOf(r)}
	s.mu.Lock()
	release, cached := s.objects[o]
	if !cached || s.stale[o] {
		release = s.release
		s.objects[o] = release
		delete(s.stale, o)
	}
	s.mu.Unlock()
	s.content(w, o.url, release)
}

// pass passes a request on to the origin, which takes any method for a GET, as
// origins of static files and of many frameworks do.
func (s *Server) pass(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	release := s.release
	s.mu.Unlock()
	s.content(w, s.subject(r), release)
}

// content writes what the origin has: the same for every URL.
func (s *Server) content(w http.ResponseWriter, url string, release int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if !s.Bare {
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, release))
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("Accept-Ranges", "bytes")
	}
	_, _ = fmt.Fprintf(w, "<html><title>%s</title>release %d</html>\n", html.EscapeString(url), release)
}
