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

// ContentAPI is the part of the API for content caches that a server has.
type ContentAPI int

// The known servers. The vendor's client lists, loads, unloads, and removes content
// caches since I-Server 11.3.0700. It uses the second version of the route since
// the end of 2022, and invalidates caches since June 2025.
const (
	ContentFull ContentAPI = iota
	// ContentLoadOnly rejects invalidations like an unknown status.
	ContentLoadOnly
	// ContentListOnly does not have the second version of the route.
	ContentListOnly
	// ContentNone has no routes for content caches.
	ContentNone
)

// ContentCache is the cached result of a report, document, or dashboard on one
// node, or a cube.
type ContentCache struct {
	// Node is the name of the node, Project the ID of the project.
	Node, Project string
	// SourceID is the ID (32 hexadecimal digits) and Source the name of the report.
	// Type is report, document, dossier (a dashboard), docdossier, or cube.
	SourceID, Source, Type string
	// WarehouseTables is the field warehouseTablesUsed.
	WarehouseTables []string
	// DBTables is the field dbTablesUsed. nil omits it, as older servers do. With
	// it, warehouseTablesUsed contains cube instances.
	DBTables []string
}

// ContentState is the current state of a ContentCache.
type ContentState struct {
	ContentCache
	// ID is the combined ID.
	ID string
	// Ready reports whether users get the cache. Otherwise, it is invalid.
	Ready bool
	// Updated is when the result was created.
	Updated time.Time
}

// contents are the content caches of the cluster and the faults of its nodes.
type contents struct {
	mu      sync.Mutex
	all     []*content // in the order of their creation
	byID    map[string]*content
	batches []int
	faults  []*nodeFault
}

// content is a cache and its pending invalidation.
type content struct {
	ContentState
	id      string // without project and node
	hits    int
	loaded  bool
	invalid time.Time // when an invalidation takes or took effect
}

// AddContentCache creates a ready cache and returns its combined ID, as the first
// run of a report does.
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

// RunReport runs the report of a cache, as a user does. It uses a ready cache. It
// recreates an invalid cache with the same combined ID and a new lastUpdateTime. It
// does nothing if the server has removed the cache; see AddContentCache.
func (s *Server) RunReport(id string) {
	s.content.mu.Lock()
	defer s.content.mu.Unlock()
	s.settle()
	switch c := s.content.byID[id]; {
	case c == nil:
	case c.Ready:
		c.hits++
	default:
		c.recreate(s.Now())
	}
}

func (c *content) recreate(now time.Time) {
	c.Ready, c.loaded, c.Updated, c.invalid = true, true, now, time.Time{}
}

// RemoveContentCache removes a cache, as if it expired or an administrator deleted
// it.
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
// content caches, in order.
func (s *Server) ContentBatches() []int {
	s.content.mu.Lock()
	defer s.content.mu.Unlock()
	return slices.Clone(s.content.batches)
}

// settle applies the invalidations that are due, and removes caches that have been
// invalid for RemoveAfter. The caller holds the lock.
func (s *Server) settle() {
	now := s.Now()
	s.content.all = slices.DeleteFunc(s.content.all, func(c *content) bool {
		if c.invalid.IsZero() || now.Before(c.invalid) {
			return false
		}
		if s.BusyUsers {
			c.recreate(c.invalid)
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
// if this server has no such route.
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

// authorizeContent checks the session of a request about content caches, and
// returns the running nodes in the query. The vendor's client sends all nodes in
// one request.
func (s *Server) authorizeContent(r *http.Request) ([]Node, *apiError) {
	if _, apiErr := s.authorize(r); apiErr != nil {
		return nil, apiErr
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
		n, apiErr := s.runningNode(name)
		if apiErr != nil {
			return nil, apiErr
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}
