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

// thing is what one request purges: a path of a CDN service, a cache of an
// install or of a project. It is equal for all spellings of one.
type thing struct{ scope, key string }

func (t thing) String() string { return t.scope[:min(4, len(t.scope))] + " " + t.key }

// ill is what is wrong with the requests for a thing.
type ill string

const (
	illRejected     ill = "rejected"     // this very request is invalid
	illBlamed       ill = "blamed"       // the request is invalid, and what it blames concerns all
	illBroken       ill = "broken"       // a plain 500
	illUnauthorized ill = "unauthorized" // 401, with new credentials too
	illForbidden    ill = "forbidden"    // 403
	illMissing      ill = "missing"      // 404: no such service, install or project
	illLimited      ill = "limited"      // 429
	illCut          ill = "cut"          // the connection ends before the request is read
	illLost         ill = "lost"         // the purge is done, and the answer lost
)

var ills = []ill{illRejected, illBlamed, illBroken, illUnauthorized, illForbidden, illMissing, illLimited, illCut, illLost}

// arrival is one purge as it reached a fake.
type arrival struct {
	thing
	soft   bool
	ill    ill // nothing: the fake answered
	status int
	known  bool // the provider can't have missed the answer
}

func (a arrival) accepted() bool { return a.status/100 == 2 }

// sickbay is the fakes with faults for single things, and what reached them.
type sickbay struct {
	*sandbox.Sandbox

	mu       sync.Mutex
	ills     map[thing]ill // a thing without a key stands for its whole scope
	once     map[thing]bool
	arrivals []arrival
	// left is how many purges are accepted until all are forbidden; negative:
	// any number.
	left int
	// at is the number of the purge whose arrival interrupts; 0: none does.
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

// harm makes all requests for a thing fail, or only the next one.
func (u *sickbay) harm(t thing, how ill, once bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ills[t], u.once[t] = how, once
}

// allowed makes everything forbidden after n purges; with 0 it takes that back.
func (u *sickbay) allowed(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.left = n; n == 0 {
		u.left = -1
	}
}

// watch forgets what has arrived. The purge with the number at, from 1, calls
// interrupt when it arrives.
func (u *sickbay) watch(at int, interrupt context.CancelFunc) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.arrivals, u.at, u.interrupt, u.stopped = nil, at, interrupt, false
}

// seen returns what has arrived since watch, and whether it was interrupted.
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
		if i < len(u.arrivals) { // or it was forgotten
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
		answerOf[system][how](watched, req)
	}
}

// unheard is where an answer goes that gets lost.
type unheard struct{}

func (unheard) Header() http.Header         { return http.Header{} }
func (unheard) Write(p []byte) (int, error) { return len(p), nil }
func (unheard) WriteHeader(int)             {}

// answerOf is how each system says what is wrong.
var answerOf = map[string]map[ill]http.HandlerFunc{
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
		illMissing:      reply(http.StatusMethodNotAllowed, ""), // what is not found is purged
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

// requested reads what a purge is for out of its request.
func requested(system string, req *http.Request) arrival {
	dir, last := path.Split(strings.Trim(req.URL.Path, "/"))
	before := path.Base(strings.TrimSuffix(dir, "/"))
	switch system {
	case "http_cache":
		return arrival{thing: thing{strings.ToLower(req.Host), keyOf(req.URL.EscapedPath())}}
	case "cdn":
		query := req.URL.Query()
		return arrival{thing: thing{before, keyOf(query.Get("url"))}, soft: query.Get("hard") == "false"}
	case "mstr": // projects/{id}/caches/{type}, or the list with which a purge of content caches begins
		if project := req.URL.Query().Get("projects.id"); project != "" {
			return arrival{thing: thing{project, contentItem}}
		}
		return arrival{thing: thing{path.Base(path.Dir(path.Dir(strings.Trim(req.URL.Path, "/")))), last}}
	default:
		body, _ := io.ReadAll(req.Body) // of a fake: it is in memory
		req.Body = io.NopCloser(bytes.NewReader(body))
		_, kind, _ := strings.Cut(strings.Trim(string(body), `{}`), `:`)
		return arrival{thing: thing{before, strings.Trim(kind, `" `)}}
	}
}

// statusOf remembers the status of an answer.
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
