// SPDX-License-Identifier: MPL-2.0

package httpcachetest

import (
	"fmt"
	"html"
	"net/http"
)

// fetch serves a visitor from the cache, or else from the origin.
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

// pass sends a request to the origin, which treats any method as GET, like many
// frameworks and servers of static files.
func (s *Server) pass(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	release := s.release
	s.mu.Unlock()
	s.content(w, s.subject(r), release)
}

// content writes the content of a release.
func (s *Server) content(w http.ResponseWriter, url string, release int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if !s.Bare {
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, release))
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Header().Set("Accept-Ranges", "bytes")
	}
	_, _ = fmt.Fprintf(w, "<html><title>%s</title>release %d</html>\n", html.EscapeString(url), release)
}
