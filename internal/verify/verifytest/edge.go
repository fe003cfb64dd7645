// SPDX-License-Identifier: MPL-2.0

package verifytest

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

// Edge caches the responses of its origin. Set its exported fields before it
// serves. In its journal, the operation is get, and the subject is the path with
// the query.
type Edge struct {
	*fake.Recorder
	Origin *Origin

	// TTL is how long the edge keeps content. Default 1 hour.
	TTL time.Duration
	// PurgeDelay is the time from the acceptance of a purge to its effect.
	PurgeDelay time.Duration
	// NoAge omits the Age header, as nginx does.
	NoAge bool

	mu      sync.Mutex
	objects map[key]*object
	purges  []purge
}

// key identifies a stored object.
type key struct {
	path string
	gzip bool
}

type object struct {
	response
	fetched time.Time
}

type purge struct {
	covers func(key) bool
	effect time.Time
}

// NewEdge returns an edge with an origin, both empty.
func NewEdge() *Edge {
	return &Edge{Recorder: fake.NewRecorder("edge"), Origin: NewOrigin(), TTL: time.Hour, objects: make(map[key]*object)}
}

// Secrets returns nothing, because a site has no credentials.
func (e *Edge) Secrets() []string { return nil }

// Purge accepts a purge of all variants of a path and returns the time of the
// acceptance. The purge takes effect after PurgeDelay.
func (e *Edge) Purge(path string) time.Time {
	return e.accept(func(k key) bool { return k.path == path })
}

// PurgePlain accepts a purge of the variant without gzip only, as Squid and nginx
// do for a PURGE without Accept-Encoding.
func (e *Edge) PurgePlain(path string) time.Time {
	return e.accept(func(k key) bool { return k.path == path && !k.gzip })
}

// PurgeAll accepts a purge of everything.
func (e *Edge) PurgeAll() time.Time { return e.accept(func(key) bool { return true }) }

func (e *Edge) accept(covers func(key) bool) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.Now()
	e.purges = append(e.purges, purge{covers, now.Add(e.PurgeDelay)})
	return now
}

// ServeHTTP serves from the cache, or else from the origin.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.Handle("get", subject, e.serve)(w, r)
}

func (e *Edge) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "The edge serves GET and HEAD only.", http.StatusMethodNotAllowed)
		return
	}
	k := key{r.URL.RequestURI(), acceptsGzip(r)}
	o := e.lookup(k)
	hit := o != nil && !strings.Contains(r.Header.Get("Cache-Control"), "no-cache")
	if !hit {
		o = e.refill(k, r)
	}
	h := w.Header()
	for name, values := range o.header {
		h[name] = values
	}
	h.Set("X-Cache", "MISS")
	h.Set("Cache-Status", "edge; fwd=miss")
	if hit {
		h.Set("X-Cache", "HIT")
		h.Set("Cache-Status", "edge; hit")
	}
	if !e.NoAge {
		h.Set("Age", strconv.Itoa(int(e.Now().Sub(o.fetched).Seconds())))
	}
	w.WriteHeader(o.status)
	_, _ = w.Write(o.body.Bytes())
}

// lookup applies the purges that are due, and returns a fresh object or nil.
func (e *Edge) lookup(k key) *object {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.Now()
	e.purges = slices.DeleteFunc(e.purges, func(p purge) bool {
		if p.effect.After(now) {
			return false
		}
		maps.DeleteFunc(e.objects, func(k key, _ *object) bool { return p.covers(k) })
		return true
	})
	if o := e.objects[k]; o != nil && now.Sub(o.fetched) < e.TTL {
		return o
	}
	return nil
}

// refill fetches from the origin and stores a cacheable response.
func (e *Edge) refill(k key, r *http.Request) *object {
	o := &object{response: response{header: make(http.Header)}, fetched: e.Now()}
	e.Origin.ServeHTTP(&o.response, r)
	if o.status == 0 {
		o.status = http.StatusOK
	}
	if o.cacheable() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.objects[k] = o
	}
	return o
}

// response is a response of the origin in memory.
type response struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *response) Header() http.Header         { return r.header }
func (r *response) WriteHeader(status int)      { r.status = status }
func (r *response) Write(p []byte) (int, error) { return r.body.Write(p) }

func (r *response) cacheable() bool {
	control := r.header.Get("Cache-Control")
	switch {
	case strings.Contains(control, "no-store"), strings.Contains(control, "private"), r.header.Get("Set-Cookie") != "":
		return false
	default:
		return r.status < http.StatusInternalServerError && r.status != http.StatusTooManyRequests && r.status != http.StatusForbidden
	}
}
