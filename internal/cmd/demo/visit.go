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

// lag is the time from an upload until the origin serves it. edgeDelay is the time
// from the acceptance of a purge to its effect.
const (
	lag       = 1500 * time.Millisecond
	edgeDelay = 1200 * time.Millisecond
)

// upload uploads the files of the site. The origin serves them after the delay.
func (d *demo) upload(delay time.Duration) error {
	d.served = time.Now().Add(delay)
	return d.eachFile(func(path, body string) { d.sandbox.Site.Origin.Put(path, verifytest.File{Body: body}, delay) })
}

// eachFile calls f with the path on the site and the content of each file.
func (d *demo) eachFile(f func(path, body string)) error {
	dir := filepath.Join(d.terraform.Path, siteDir)
	return fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		f("/handbook/"+name, string(content))
		return err
	})
}

// early counts the purges that were sent before the origin served the upload.
func (d *demo) early(applied []fake.Entry) int {
	n := 0
	for _, e := range applied {
		if e.Operation == "purge" && e.Time.Before(d.served) {
			n++
		}
	}
	return n
}

// stale counts the responses to visitors that differ from the files.
func (d *demo) stale() int {
	n := 0
	err := d.eachFile(func(path, body string) {
		for _, encoding := range []string{"", "gzip"} {
			if d.visit(path, encoding) != body {
				n++
			}
		}
	})
	if err != nil {
		n++
	}
	d.sandbox.TakeEntries()
	return n
}

// visit returns the content that the edge serves to a visitor.
func (d *demo) visit(path, encoding string) string {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, http.NoBody) //nolint:noctx // the handler runs in memory
	r.Header.Set("Accept-Encoding", encoding)
	d.sandbox.Site.ServeHTTP(w, r)
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
