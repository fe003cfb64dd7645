// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// thing is something that one request purges: a path of a CDN service, or a cache
// of an install or a project. It is equal for all spellings.
type thing struct{ scope, key string }

func (t thing) String() string { return t.scope[:min(4, len(t.scope))] + " " + t.key }

// ill is a fault of the requests for a thing.
type ill string

const (
	illRejected     ill = "rejected"     // this request is invalid
	illBlamed       ill = "blamed"       // the request is invalid, because of an input that concerns all
	illBroken       ill = "broken"       // a plain 500
	illUnauthorized ill = "unauthorized" // 401, with new credentials too
	illForbidden    ill = "forbidden"    // 403
	illMissing      ill = "missing"      // 404: no such service, install, or project
	illLimited      ill = "limited"      // 429
	illCut          ill = "cut"          // the connection ends before the request is read
	illLost         ill = "lost"         // the purge succeeds, and the response is lost
)

var ills = []ill{illRejected, illBlamed, illBroken, illUnauthorized, illForbidden, illMissing, illLimited, illCut, illLost}

// arrival is one purge that reached a fake.
type arrival struct {
	thing
	soft   bool
	ill    ill // empty if the fake responded
	status int
	known  bool // the provider cannot have missed the response
}

func (a arrival) accepted() bool { return a.status/100 == 2 }

// sickbay contains the fakes with faults for single things, and the arrivals.
type sickbay struct {
	*sandbox.Sandbox

	mu       sync.Mutex
	ills     map[thing]ill // a thing without a key stands for its whole scope
	once     map[thing]bool
	arrivals []arrival
	// left is the number of purges until all are forbidden. If it is negative,
	// there is no limit.
	left int
	// at is the number of the purge whose arrival interrupts the apply, or 0.
	at        int
	interrupt context.CancelFunc
	stopped   bool
}

func newSickbay() *sickbay {
	u := &sickbay{Sandbox: sandbox.New(), left: -1}
	u.CDN.PurgesPerMinute = 0
	u.heal()
	for _, r := range []*fake.Recorder{u.MSTR.Recorder, u.CDN.Recorder, u.WPEngine.Recorder, u.HTTPCache.Recorder} {
		r.Around = func(operation string, next http.HandlerFunc) http.HandlerFunc {
			deciding := "purge"
			if r.System == "http_cache" {
				deciding = "variant" // the second request of a purge, after which it is accepted
			}
			if operation != deciding && operation != "nodes" {
				return next
			}
			return func(w http.ResponseWriter, req *http.Request) { u.purge(r.System, next, w, req) }
		}
	}
	return u
}

func (u *sickbay) heal() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ills, u.once = make(map[thing]ill), make(map[thing]bool)
}

// harm makes all requests for a thing, or only the next one, fail.
func (u *sickbay) harm(t thing, how ill, once bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ills[t], u.once[t] = how, once
}

// allowed forbids everything after n purges, or nothing if n is 0.
func (u *sickbay) allowed(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.left = n; n == 0 {
		u.left = -1
	}
}

// watch forgets the arrivals. It calls interrupt when purge number at arrives,
// counted from 1.
func (u *sickbay) watch(at int, interrupt context.CancelFunc) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.arrivals, u.at, u.interrupt, u.stopped = nil, at, interrupt, false
}

// seen returns the arrivals since watch, and whether the apply was interrupted.
func (u *sickbay) seen() ([]arrival, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]arrival(nil), u.arrivals...), u.stopped
}

func (u *sickbay) arrive(a arrival) (int, ill) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, t := range []thing{a.thing, {scope: a.scope}} {
		if how, found := u.ills[t]; found {
			a.ill = how
			if u.once[t] {
				delete(u.ills, t)
			}
			break
		}
	}
	if u.left == 0 {
		a.ill = illForbidden
	} else if u.left > 0 {
		u.left--
	}
	u.arrivals = append(u.arrivals, a)
	if len(u.arrivals) == u.at {
		u.stopped = true
		u.interrupt()
	}
	return len(u.arrivals) - 1, a.ill
}

func (u *sickbay) purge(system string, next http.HandlerFunc, w http.ResponseWriter, req *http.Request) {
	a := requested(system, req)
	i, how := u.arrive(a)
	watched := &statusOf{ResponseWriter: w}
	defer func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if i < len(u.arrivals) { // unless watch has forgotten it
			u.arrivals[i].status, u.arrivals[i].known = watched.status, how != illLost
		}
	}()
	switch how {
	case "":
		next(watched, req)
	case illCut:
		panic(http.ErrAbortHandler)
	case illLost:
		watched.ResponseWriter = unheard{}
		next(watched, req)
		panic(http.ErrAbortHandler)
	default:
		errorOf[system][how](watched, req)
	}
}

// unheard discards a lost response.
type unheard struct{}

func (unheard) Header() http.Header         { return http.Header{} }
func (unheard) Write(p []byte) (int, error) { return len(p), nil }
func (unheard) WriteHeader(int)             {}

// errorOf contains the error responses of each system.
var errorOf = map[string]map[ill]http.HandlerFunc{
	"cdn": {
		illRejected:     cdntest.Error(http.StatusBadRequest, "non ascii character present in url"),
		illBlamed:       cdntest.Error(http.StatusBadRequest, "Invalid service id"),
		illBroken:       cdntest.Error(http.StatusInternalServerError, "The server encountered an unexpected condition."),
		illUnauthorized: cdntest.HTML(http.StatusUnauthorized),
		illForbidden:    cdntest.HTML(http.StatusForbidden),
		illMissing:      cdntest.Error(http.StatusNotFound, "service does not exist"),
		illLimited:      cdntest.OverLimit(http.StatusTooManyRequests, "30"),
	},
	"http_cache": {
		illRejected:     reply(http.StatusBadRequest, ""),
		illBlamed:       reply(http.StatusMisdirectedRequest, ""),
		illBroken:       reply(http.StatusInternalServerError, ""),
		illUnauthorized: reply(http.StatusUnauthorized, ""),
		illForbidden:    reply(http.StatusForbidden, ""),
		illMissing:      reply(http.StatusMethodNotAllowed, ""), // a 404 counts as accepted
		illLimited:      reply(http.StatusTooManyRequests, ""),
	},
	"wpengine": {
		illRejected:     wpenginetest.FieldError("type", "invalid", "is not enabled", ""),
		illBlamed:       wpenginetest.FieldError("install_id", "invalid", "is of an archived install", ""),
		illBroken:       wpenginetest.Error(http.StatusInternalServerError, "Internal Server Error"),
		illUnauthorized: wpenginetest.Error(http.StatusUnauthorized, "Bad Credentials"),
		illForbidden:    wpenginetest.Error(http.StatusForbidden, "You do not have permission to access this install"),
		illMissing:      wpenginetest.Error(http.StatusNotFound, "Install not found"),
		illLimited:      wpenginetest.Error(http.StatusTooManyRequests, "one request every 60 seconds for each install"),
	},
	"mstr": {
		illRejected:     mstrtest.Error(http.StatusBadRequest, "ERR006", "", "The cache type has to be element or object"),
		illBlamed:       mstrtest.Error(http.StatusBadRequest, "ERR006", "", "The given Project ID does not exist"),
		illBroken:       mstrtest.Error(http.StatusInternalServerError, "ERR002", "", "The Intelligence Server reports an error"),
		illUnauthorized: mstrtest.Error(http.StatusUnauthorized, "ERR009", "", "The user's session has expired"),
		illForbidden:    mstrtest.Error(http.StatusForbidden, "ERR014", "", "The user does not have the privilege"),
		illMissing:      mstrtest.Error(http.StatusNotFound, "ERR001", mstrtest.ProjectNotLoaded, "The project is not loaded"),
		illLimited:      mstrtest.Error(http.StatusTooManyRequests, "ERR001", "", "too many requests"),
	},
}

// requested returns the purge of a request.
func requested(system string, req *http.Request) arrival {
	dir, last := path.Split(strings.Trim(req.URL.Path, "/"))
	before := path.Base(strings.TrimSuffix(dir, "/"))
	switch system {
	case "http_cache":
		return arrival{thing: thing{strings.ToLower(req.Host), keyOf(req.URL.EscapedPath())}}
	case "cdn":
		query := req.URL.Query()
		return arrival{thing: thing{before, keyOf(query.Get("url"))}, soft: query.Get("hard") == "false"}
	case "mstr": // projects/{id}/caches/{type}, or the list of nodes with which a purge of content caches begins
		if project := req.URL.Query().Get("projects.id"); project != "" {
			return arrival{thing: thing{project, contentItem}}
		}
		return arrival{thing: thing{path.Base(path.Dir(path.Dir(strings.Trim(req.URL.Path, "/")))), last}}
	default:
		body, _ := io.ReadAll(req.Body) // the body is in memory
		req.Body = io.NopCloser(bytes.NewReader(body))
		_, kind, _ := strings.Cut(strings.Trim(string(body), `{}`), `:`)
		return arrival{thing: thing{before, strings.Trim(kind, `" `)}}
	}
}

// statusOf records the status of a response.
type statusOf struct {
	http.ResponseWriter
	status int
}

func (w *statusOf) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusOf) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}
