// SPDX-License-Identifier: MPL-2.0

package mstr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

const (
	pageSize  = 1000 // the maximum of the API
	maxPages  = 1000 // of one list; a list without an end is an error
	batchSize = 100  // invalidations in one request
	// resendAfter is how long a purge waits before it sends its invalidations again.
	// A node that restarts loses them. Also, lastUpdateTime has whole seconds, so a
	// cache that is recreated within the same second looks like the old one, and
	// only another invalidation ends the wait.
	resendAfter = time.Minute
)

// nodePurge is the part of a purge that concerns one node.
type nodePurge struct {
	*contentPurge
	name, display string
}

// caches maps the combined IDs of content caches to their lastUpdateTime.
type caches map[string]string

// run invalidates the chosen caches of the node. It returns when none of them is
// ready.
func (n *nodePurge) run(ctx context.Context) error {
	left, err := n.choose(ctx)
	if err != nil {
		return err
	}
	total, sent := len(left), time.Now()
	send := slices.Sorted(maps.Keys(left))
	interval := max(n.client.config.PollInterval/16, time.Millisecond)
	for len(left) > 0 {
		rejected, rejection := n.invalidate(ctx, send)
		if rejection != nil && rejected == nil {
			return rejection
		}
		if left, err = n.stillReady(ctx, left, total); err != nil {
			return err
		}
		// The server also rejects a batch if one of its caches no longer exists.
		send = slices.DeleteFunc(slices.Clone(rejected), func(id string) bool { return !left.has(id) })
		switch {
		case len(send) > 0 && len(send) == len(rejected):
			return rejection
		case len(send) > 0 || len(left) == 0 || !n.pause(ctx, interval):
			continue // if the context is done, the next list returns the error
		}
		interval = min(2*interval, n.client.config.PollInterval)
		if time.Since(sent) >= resendAfter {
			send, sent = slices.Sorted(maps.Keys(left)), time.Now()
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.invalidated += total
	return nil
}

func (c caches) has(id string) bool {
	_, ok := c[id]
	return ok
}

// pause waits. It reports false if the context is done.
func (n *nodePurge) pause(ctx context.Context, interval time.Duration) bool {
	quota.Observe(ctx, "the content caches to become invalid", time.Time{})
	return transport.Sleep(ctx, interval) == nil
}

// choose lists the ready caches and returns those to invalidate. It records which
// tables of the filter any of the listed caches use.
func (n *nodePurge) choose(ctx context.Context) (caches, error) {
	chosen, used := make(caches), make(set)
	err := n.list(ctx, "listing the content caches", func(id string, e *cacheEntry) {
		uses := n.tables == nil
		for _, table := range e.tables() {
			if _, ok := n.tables[fold(table)]; ok {
				uses, used[fold(table)] = true, struct{}{}
			}
		}
		if uses && !e.isCube() && n.contents.contains(e.Source.ID) {
			chosen[id] = string(e.LastUpdate)
		}
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.Copy(n.used, used)
	return chosen, err
}

// stillReady returns the caches among some that the server has not invalidated
// yet. A cache that a user has recreated has a later lastUpdateTime.
func (n *nodePurge) stillReady(ctx context.Context, some caches, total int) (caches, error) {
	left := make(caches)
	err := n.list(ctx, "checking the invalidated content caches", func(id string, e *cacheEntry) {
		if updated, ok := some[id]; ok && updated == string(e.LastUpdate) {
			left[id] = updated
		}
	})
	var e *transport.Error
	if errors.As(err, &e) && ctx.Err() != nil {
		own := *e
		own.Waiting = fmt.Sprintf("waiting for %d of %d content caches to become invalid", len(some), total)
		return nil, &own
	}
	return left, err
}

// list visits the ready caches of the project on the node, some of them more than
// once. The server has no snapshots: if a cache leaves the list during the read,
// the caches after it move to offsets that were already read, and the total stays
// the same if another cache is added. Therefore, each page repeats the last cache
// of the page before. If a page begins with an unknown cache, list goes back.
func (n *nodePurge) list(ctx context.Context, doing string, visit func(id string, e *cacheEntry)) error {
	doing = fmt.Sprintf("%s of project %s on node %s", doing, n.project, n.display)
	var before []string // the IDs of the previous page
	offset := 0
	for range maxPages {
		page, err := n.page(ctx, doing, offset, func(id string, e *cacheEntry) {
			if e.ready() && (e.ProjectID == "" || strings.EqualFold(e.ProjectID, n.project)) {
				visit(id, e)
			}
		})
		if err != nil {
			return err
		}
		ids := page.Caches.ids
		switch {
		case offset > 0 && (len(ids) == 0 || !slices.Contains(before, ids[0])):
			offset = max(0, offset-pageSize/2)
		case offset+len(ids) >= *page.Total:
			return nil
		default:
			offset += max(1, len(ids)-1)
			before = ids
		}
	}
	return &transport.Error{
		System: System, Doing: doing, Kind: transport.KindUnexpected, Status: http.StatusOK,
		Message: fmt.Sprintf("the list of content caches has more than %d pages, or changes too fast to be read", maxPages),
	}
}

// page reads one page: GET /api/monitors/caches/contents.
func (n *nodePurge) page(ctx context.Context, doing string, offset int, visit func(id string, e *cacheEntry)) (*cachePage, error) {
	page := &cachePage{Caches: entries{visit: visit}}
	query := url.Values{
		"clusterNode": {n.name}, "projectId": {n.project}, "status": {"ready"},
		"offset": {strconv.Itoa(offset)}, "limit": {strconv.Itoa(pageSize)},
	}
	_, err := n.client.transport.Do(ctx, &transport.Request{
		Doing: doing, Method: http.MethodGet, Path: "/api/monitors/caches/contents?" + query.Encode(),
		Expect: []int{http.StatusOK}, Into: page, Auth: n.client.session, Quota: n.client.acquire, Explain: explainContent,
		Check: func(*transport.Response) error { return page.check(offset) },
	})
	return page, err
}

// operation is an element of a request that changes caches.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value bool   `json:"value"`
}

// invalidate invalidates caches in batches:
// PATCH /api/v2/monitors/caches/contents. It returns the IDs in the batches that
// the server rejected as invalid, and the first such error. After any other error
// it returns no IDs.
func (n *nodePurge) invalidate(ctx context.Context, ids []string) (rejected []string, rejection error) {
	for batch := range slices.Chunk(ids, batchSize) {
		operations := make([]operation, len(batch))
		for i, id := range batch {
			operations[i] = operation{"replace", "/contentCaches/" + id + "/status/invalid", true}
		}
		body, err := json.Marshal(map[string]any{"operationList": operations})
		if err != nil {
			return nil, err
		}
		_, err = n.client.transport.Do(ctx, &transport.Request{
			Doing:  fmt.Sprintf("invalidating content caches of project %s on node %s", n.project, n.display),
			Method: http.MethodPatch, Path: "/api/v2/monitors/caches/contents?" + url.Values{"clusterNode": {n.name}}.Encode(),
			Body: body, Expect: []int{http.StatusOK, http.StatusAccepted},
			Auth: n.client.session, Quota: n.client.acquire, Explain: explainInvalidation, Check: transport.AcceptedBody,
		})
		var e *transport.Error
		switch {
		case err == nil:
		case errors.As(err, &e) && (e.Kind == transport.KindInvalid || e.Kind == transport.KindNotFound):
			rejected = append(rejected, batch...)
			if rejection == nil {
				rejection = err
			}
		default:
			return nil, err
		}
	}
	return rejected, rejection
}
