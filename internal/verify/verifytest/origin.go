// SPDX-License-Identifier: MPL-2.0

// Package verifytest is a stand-in for a site: an origin with files, and an edge
// that caches them. Both are plain http.Handlers that speak for any host.
//
// The edge behaves as the caches that were tried: it keeps a variant for each
// Accept-Encoding, tells the Age, and a purge may take effect later than it is
// accepted, or for one variant only.
package verifytest

import (
	"bytes"
	"compress/gzip"
	"crypto/md5" //nolint:gosec // ETags are no secrets
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

// File is what the origin serves at a path.
type File struct {
	Body string
	// ETag is sent as it is. Empty: the MD5 digest of the body, in quotes.
	ETag string
	// Header is added to the response: Location, Cache-Control, and so on.
	Header http.Header
	// Status is 200 unless set.
	Status int
}

// Origin serves files. The operation in its journal is get, the subject the
// path with its query.
type Origin struct {
	*fake.Recorder

	mu    sync.Mutex
	files map[string][]version
}

// version is what is served at a path from a time on; nil: nothing.
type version struct {
	from time.Time
	file *File
}

// NewOrigin returns an origin without files.
func NewOrigin() *Origin {
	return &Origin{Recorder: fake.NewRecorder("origin"), files: make(map[string][]version)}
}

// Secrets returns nothing: a site knows no credentials.
func (o *Origin) Secrets() []string { return nil }

// Put makes the origin serve a file, some time from now: the origin lags.
func (o *Origin) Put(path string, f File, after time.Duration) { o.set(path, &f, after) }

// Remove makes the origin return 404 for a path, some time from now.
func (o *Origin) Remove(path string, after time.Duration) { o.set(path, nil, after) }

func (o *Origin) set(path string, f *File, after time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files[path] = append(o.files[path], version{o.Now().Add(after), f})
}

// at returns what is served at a path, nil if that is nothing.
func (o *Origin) at(path string) *File {
	o.mu.Lock()
	defer o.mu.Unlock()
	var current version
	for _, v := range o.files[path] {
		if !v.from.After(o.Now()) && !v.from.Before(current.from) {
			current = v
		}
	}
	return current.file
}

// ServeHTTP serves a file, compressed for those who accept gzip.
func (o *Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.Handle("get", subject, o.serve)(w, r)
}

func subject(r *http.Request) string { return r.URL.RequestURI() }

func (o *Origin) serve(w http.ResponseWriter, r *http.Request) {
	f := o.at(r.URL.Path)
	if f == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	for name, values := range f.Header {
		h[name] = values
	}
	etag := f.ETag
	if etag == "" {
		etag = fmt.Sprintf(`"%x"`, md5.Sum([]byte(f.Body))) //nolint:gosec // as above
	}
	h.Set("Vary", "Accept-Encoding")
	body := []byte(f.Body)
	if acceptsGzip(r) && h.Get("Content-Encoding") == "" {
		h.Set("Content-Encoding", "gzip")
		etag = "W/" + strings.TrimPrefix(etag, "W/")
		body = compress(body)
	}
	h.Set("ETag", etag)
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/octet-stream")
	}
	if f.Status != 0 {
		w.WriteHeader(f.Status)
	}
	_, _ = w.Write(body)
}

func acceptsGzip(r *http.Request) bool {
	return strings.Contains(strings.Join(r.Header.Values("Accept-Encoding"), ","), "gzip")
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}
