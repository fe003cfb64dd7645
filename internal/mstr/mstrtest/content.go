// SPDX-License-Identifier: MPL-2.0

package mstrtest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// ContentAPI is how much of the API for content caches a server has.
type ContentAPI int

// The servers that are known. The vendor's client lists, loads, unloads, and
// removes content caches from I-Server 11.3.0700 on, by the second version of
// the route since the end of 2022, and invalidates them since June 2025.
const (
	ContentFull ContentAPI = iota
	// ContentLoadOnly refuses to invalidate as it refuses any other status.
	ContentLoadOnly
	// ContentListOnly has no second version of the route.
	ContentListOnly
	// ContentNone has no routes for content caches.
	ContentNone
)

// ContentCache is what a node keeps of one result of a report, a document or a
// dashboard. Cubes are among them.
type ContentCache struct {
	// Node is the name of the node, Project the ID of the project.
	Node, Project string
	// SourceID is 32 hex digits, Source its name, and Type one of report,
	// document, dossier (a dashboard), docdossier and cube.
	SourceID, Source, Type string
	// WarehouseTables is warehouseTablesUsed.
	WarehouseTables []string
	// DBTables is dbTablesUsed, which older servers do not have: nil leaves it
	// out. Where it is, warehouseTablesUsed holds cube instances.
	DBTables []string
}

// ContentState is a ContentCache as the server has it now.
type ContentState struct {
	ContentCache
	// ID is the combined ID.
	ID string
	// Ready caches are what users get. One that is not ready is invalid.
	Ready bool
	// Updated is when the result was made.
	Updated time.Time
}

// contents are all content caches of the cluster, and what is to fail.
type contents struct {
	mu      sync.Mutex
	all     []*content // in the order in which they were made
	byID    map[string]*content
	batches []int
	faults  []*nodeFault
}

// content is a cache with what is to become of it.
type content struct {
	ContentState
	id      string // without project and node
	hits    int
	loaded  bool
	invalid time.Time // when an invalidation takes effect, or took it
}

// AddContentCache makes a cache that is ready, and returns its combined ID. It
// is what a user does who is the first to run a report.
func (s *Server) AddContentCache(c ContentCache) string {
	s.content.mu.Lock()
	defer s.content.mu.Unlock()
	made := &content{ContentState: ContentState{ContentCache: c, Ready: true, Updated: s.Now()}, id: hexID(), loaded: true}
	node := base64.StdEncoding.EncodeToString([]byte(c.Node))
	made.ID = base64.StdEncoding.EncodeToString([]byte(made.id + ":" + c.Project + ":" + node))
	s.content.all = append(s.content.all, made)
	s.content.byID[made.ID] = made
	return made.ID
}

func hexID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return strings.ToUpper(hex.EncodeToString(id[:]))
}

// RunReport is a user who runs the report of a cache: a ready one is used, and
// one that is invalid is made again under the same combined ID, with a new
// lastUpdateTime. A cache that the server removed is none any more; see
// AddContentCache.
func (s *Server) RunReport(id string) {
	s.content.mu.Lock()
	defer s.content.mu.Unlock()
	s.settle()
	switch c := s.content.byID[id]; {
	case c == nil:
	case c.Ready:
		c.hits++
	default:
		c.makeAgain(s.Now())
	}
}

func (c *content) makeAgain(now time.Time) {
	c.Ready, c.loaded, c.Updated, c.invalid = true, true, now, time.Time{}
}

// RemoveContentCache is a server that drops a cache, because it expired or an
// administrator deleted it.
func (s *Server) RemoveContentCache(id string) {
	s.content.mu.Lock()
	defer s.content.mu.Unlock()
	s.content.remove(id)
}

func (c *contents) remove(id string) {
	delete(c.byID, id)
	c.all = slices.DeleteFunc(c.all, func(each *content) bool { return each.ID == id })
}

// ContentCaches returns all content caches, cubes and invalid ones included.
func (s *Server) ContentCaches() []ContentState {
	s.content.mu.Lock()
	defer s.content.mu.Unlock()
	s.settle()
	states := make([]ContentState, len(s.content.all))
	for i, c := range s.content.all {
		states[i] = c.ContentState
	}
	return states
}

// ContentBatches returns the number of operations of each request that changed
// content caches, in their order.
func (s *Server) ContentBatches() []int {
	s.content.mu.Lock()
	defer s.content.mu.Unlock()
	return slices.Clone(s.content.batches)
}

// settle lets invalidations take effect whose time has come, and removes caches
// that have been invalid for long enough. It is called with the lock held.
func (s *Server) settle() {
	now := s.Now()
	s.content.all = slices.DeleteFunc(s.content.all, func(c *content) bool {
		if c.invalid.IsZero() || now.Before(c.invalid) {
			return false
		}
		if s.BusyUsers {
			c.makeAgain(c.invalid)
			return false
		}
		c.Ready, c.loaded = false, false
		if now.Before(c.invalid.Add(s.RemoveAfter)) {
			return false
		}
		delete(s.content.byID, c.ID)
		return true
	})
}

// serveContent routes the requests about nodes and content caches. It is false
// where this server has no such route.
func (s *Server) serveContent(w http.ResponseWriter, r *http.Request, path string) bool {
	node := func(r *http.Request) string { return strings.Join(r.URL.Query()["clusterNode"], ",") }
	project := func(r *http.Request) string { return r.URL.Query().Get("projects.id") }
	switch r.Method + " " + path {
	case "GET /api/monitors/iServer/nodes":
		s.Handle("nodes", project, s.listNodes)(w, r)
	case "GET /api/monitors/caches/contents":
		if s.ContentAPI == ContentNone {
			return false
		}
		s.Handle("contents", node, s.perNode("contents", s.listContents))(w, r)
	case "PATCH /api/v2/monitors/caches/contents":
		if s.ContentAPI >= ContentListOnly {
			return false
		}
		s.Handle("invalidate", node, s.perNode("invalidate", s.patchContents))(w, r)
	default:
		return false
	}
	return true
}

// authorizeContent finds the session of a request about content caches, and the
// running nodes that it names. The vendor's client names all of them at once.
func (s *Server) authorizeContent(r *http.Request) ([]Node, *refusal) {
	if _, refused := s.authorize(r); refused != nil {
		return nil, refused
	}
	names := r.URL.Query()["clusterNode"]
	if len(names) == 0 || names[0] == "" {
		return nil, missingField("clusterNode")
	}
	if !s.Privileged {
		return nil, lacksMonitor("Administer caches")
	}
	var nodes []Node
	for _, name := range names {
		n, refused := s.runningNode(name)
		if refused != nil {
			return nil, refused
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}
