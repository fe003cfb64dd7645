// SPDX-License-Identifier: MPL-2.0

// Package verifytest fakes a site: an origin with files, and an edge that caches
// them. Both are http.Handlers for any host.
//
// The edge behaves like real caches: it keeps a variant for each Accept-Encoding
// and sends Age. A purge may take effect some time after it is accepted, or for
// one variant only.
package verifytest

import (
	"bytes"
	"compress/gzip"
	"crypto/md5" //nolint:gosec // an ETag protects nothing
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

// File is the response of the origin for a path.
type File struct {
	Body string
	// ETag is the header. Default: the MD5 digest of the body, in quotes.
	ETag string
	// Header contains more headers of the response, such as Location.
	Header http.Header
	// Status is the status. Default 200.
	Status int
}

// Origin serves files. In its journal, the operation is get, and the subject is
// the path with the query.
type Origin struct {
	*fake.Recorder

	mu    sync.Mutex
	files map[string][]version
}

// version is the file that the origin serves from a time on; nil is none.
type version struct {
	from time.Time
	file *File
}

// NewOrigin returns an origin without files.
func NewOrigin() *Origin {
	return &Origin{Recorder: fake.NewRecorder("origin"), files: make(map[string][]version)}
}

// Secrets returns nothing, because a site has no credentials.
func (o *Origin) Secrets() []string { return nil }

// Put makes the origin serve a file after some time, as an origin that lags.
func (o *Origin) Put(path string, f File, after time.Duration) { o.set(path, &f, after) }

// Remove makes the origin return 404 for a path after some time.
func (o *Origin) Remove(path string, after time.Duration) { o.set(path, nil, after) }

func (o *Origin) set(path string, f *File, after time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files[path] = append(o.files[path], version{o.Now().Add(after), f})
}

// at returns the file that the origin serves at a path, nil if there is none.
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

// ServeHTTP serves a file, compressed if the request accepts gzip.
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
	_, _ = w.Write(body) // a buffer does not fail
	_ = w.Close()
	return b.Bytes()
}
