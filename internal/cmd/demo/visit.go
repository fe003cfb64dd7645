// SPDX-License-Identifier: MPL-2.0

package main

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

// lag is the time from an upload until the origin serves it, and edgeDelay that
// from the acceptance of a purge to its effect.
const (
	lag       = 1500 * time.Millisecond
	edgeDelay = 1200 * time.Millisecond
)

// upload puts the files of the site on the origin, which serves them after a
// time.
func (s *stage) upload(after time.Duration) error {
	s.served = time.Now().Add(after)
	return s.eachFile(func(path, body string) { s.sandbox.Site.Origin.Put(path, verifytest.File{Body: body}, after) })
}

// eachFile calls f with the path on the site and the content of each file.
func (s *stage) eachFile(f func(path, body string)) error {
	dir := filepath.Join(s.terraform.Path, siteDir)
	return fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		f("/handbook/"+name, string(content))
		return err
	})
}

// early counts the purges that did not wait until the origin served the deploy.
func (s *stage) early(applied []fake.Entry) int {
	n := 0
	for _, e := range applied {
		if e.Operation == "purge" && e.Time.Before(s.served) {
			n++
		}
	}
	return n
}

// stale counts the files of which a visitor gets something else.
func (s *stage) stale() int {
	n := 0
	err := s.eachFile(func(path, body string) {
		for _, encoding := range []string{"", "gzip"} {
			if s.visit(path, encoding) != body {
				n++
			}
		}
	})
	if err != nil {
		n++
	}
	s.sandbox.Take()
	return n
}

// visit returns what a visitor of the edge gets.
func (s *stage) visit(path, encoding string) string {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, http.NoBody) //nolint:noctx // it is served in memory
	r.Header.Set("Accept-Encoding", encoding)
	s.sandbox.Site.ServeHTTP(w, r)
	var body io.Reader = w.Body
	if w.Header().Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(w.Body); err != nil {
			return err.Error()
		}
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
