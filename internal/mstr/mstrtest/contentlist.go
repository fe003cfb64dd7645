// SPDX-License-Identifier: MPL-2.0

package mstrtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// maxPage is the maximum and default size of a page of content caches.
const maxPage = 1000

// contentStates are the values of the status filter, and the fields of the status.
var contentStates = []string{"ready", "processing", "invalid", "expired", "loaded", "filed", "dirty"}

// contentQuery is the query of a list of content caches.
type contentQuery struct {
	nodes                 []Node
	project, status, kind string
	offset, limit         int
}

// listContents serves GET /api/monitors/caches/contents.
func (s *Server) listContents(w http.ResponseWriter, r *http.Request) {
	q := contentQuery{limit: maxPage}
	nodes, apiErr := s.authorizeContent(r)
	if apiErr == nil {
		q.nodes = nodes
		apiErr = q.read(r.URL.Query())
	}
	if apiErr == nil {
		apiErr = s.checkLoaded(q)
	}
	if apiErr != nil {
		s.writeError(w, apiErr)
		return
	}
	page, total := s.contentPage(q)
	writeJSON(w, http.StatusOK, map[string]any{"offset": q.offset, "limit": q.limit, "total": total, "contentCaches": page})
}

func (q *contentQuery) read(query url.Values) *apiError {
	for _, unsupported := range []string{"format", "size", "owner", "expiration", "lastUpdated", "hitCount", "sortBy", "fields"} {
		if query.Has(unsupported) {
			return &apiError{http.StatusNotImplemented, "", "", "This fake does not filter by " + unsupported}
		}
	}
	q.project, q.status, q.kind = query.Get("projectId"), query.Get("status"), query.Get("type")
	if q.status != "" && !slices.Contains(contentStates, q.status) {
		return invalidContent("Invalid filter field status input '" + q.status + "'")
	}
	offset, ok := number(query, "offset", 0, 0, 1<<31-1)
	if !ok {
		return invalidContent("The offset value " + query.Get("offset") + " is not valid, it must be greater than or equal to 0")
	}
	limit, ok := number(query, "limit", maxPage, 1, maxPage)
	if !ok {
		return invalidContent(fmt.Sprintf(
			"The limit value %s is not valid, it must be greater than or equal to 1, and less than or equal to %d", query.Get("limit"), maxPage))
	}
	q.offset, q.limit = offset, limit
	return nil
}

// number reads an optional number within bounds.
func number(query url.Values, name string, absent, least, most int) (int, bool) {
	if !query.Has(name) {
		return absent, true
	}
	n, err := strconv.Atoi(query.Get(name))
	return n, err == nil && least <= n && n <= most
}

func invalidContent(message string) *apiError {
	return &apiError{http.StatusBadRequest, "ERR006", "", message}
}

// checkLoaded returns an error if the project does not exist, or if it is not
// loaded on one of the nodes.
func (s *Server) checkLoaded(q contentQuery) *apiError {
	if q.project == "" {
		return nil
	}
	p, ok := s.project(q.project)
	if !ok {
		return badPurge("The given Project ID (" + q.project + ") does not exist")
	}
	for _, n := range q.nodes {
		if !n.keeps(p) {
			return &apiError{http.StatusNotFound, "ERR001", ProjectNotLoaded, "The project " + q.project + " is not loaded on " + n.Name}
		}
	}
	return nil
}

func (s *Server) contentPage(q contentQuery) (page []any, total int) {
	s.content.mu.Lock()
	defer s.content.mu.Unlock()
	s.settle()
	page = []any{} // [] instead of null
	for _, c := range s.content.all {
		if !q.matches(c) {
			continue
		}
		if total >= q.offset && len(page) < q.limit {
			page = append(page, map[string]any{c.ID: c.listed()})
		}
		total++
	}
	return page, total
}

func (q contentQuery) matches(c *content) bool {
	return slices.ContainsFunc(q.nodes, func(n Node) bool { return n.Name == c.Node }) &&
		(q.project == "" || q.project == c.Project) && (q.kind == "" || q.kind == c.Type) && (q.status == "" || c.status()[q.status])
}

func (c *content) status() map[string]bool {
	return map[string]bool{
		"ready": c.Ready, "processing": false, "invalid": !c.Ready, "expired": false, "loaded": c.loaded, "filed": true, "dirty": false,
	}
}

// contentTime is the format of times, without fractions of a second (vendor:
// "Monitor and manage cube caches").
const contentTime = "2006-01-02 15:04:05"

func (c *content) listed() map[string]any {
	updated := c.Updated.UTC().Format(contentTime)
	fields := map[string]any{
		"id":                  c.id,
		"projectId":           c.Project,
		"source":              map[string]string{"id": c.SourceID, "name": c.Source, "type": c.Type},
		"status":              c.status(),
		"warehouseTablesUsed": append([]string{}, c.WarehouseTables...),
		"lastUpdateTime":      updated,
		"creationTime":        updated,
		"hitCount":            c.hits,
		"size":                128,
		"host":                c.Node,
		"creatorName":         "Administrator",
	}
	if c.DBTables != nil {
		fields["dbTablesUsed"] = c.DBTables
	}
	return fields
}
