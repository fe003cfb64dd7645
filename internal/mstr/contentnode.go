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
	pageSize  = 1000 // the most that the API allows
	maxPages  = 1000 // of one list, so that one without an end is an error
	batchSize = 100  // invalidations in one request
	// resendAfter is how long the server may take before the purge sends its
	// invalidations again. One is lost if a node restarts. And lastUpdateTime
	// has no fractions of a second, so a cache that was made again within the
	// same second looks like the old one, and nothing else would end the wait.
	resendAfter = time.Minute
)

// nodePurge is the part of a purge that concerns one node.
type nodePurge struct {
	*contentPurge
	name, display string
}

// caches are content caches by their combined ID: when each was last updated.
type caches map[string]string

// run invalidates the chosen caches of the node. It returns when none of them is
// ready any more.
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
		// The server also rejects a batch because one of its caches is gone.
		send = slices.DeleteFunc(slices.Clone(rejected), func(id string) bool { return !left.has(id) })
		switch {
		case len(send) > 0 && len(send) == len(rejected):
			return rejection
		case len(send) > 0 || len(left) == 0 || !n.pause(ctx, interval):
			continue // once the context has ended, the next list returns its error
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

// pause waits, and reports whether the context lasted.
func (n *nodePurge) pause(ctx context.Context, interval time.Duration) bool {
	quota.Observe(ctx, "the content caches to become invalid", time.Time{})
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// choose lists the ready caches, returns those to invalidate, and notes which
// of the tables the others use, too.
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

// stillReady returns which of some caches the server has not invalidated yet.
// What users made again since then has a later lastUpdateTime, and is new.
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

// list visits the ready caches of the project on the node, some of them more
// than once. The server has no snapshots: when caches leave the list while it is
// read, those behind them move to offsets that were read before, and the total
// does not show it if others come. So each page repeats the last cache of the
// page before. If it begins with an unknown one, list goes back.
func (n *nodePurge) list(ctx context.Context, doing string, visit func(id string, e *cacheEntry)) error {
	doing = fmt.Sprintf("%s of project %s on node %s", doing, n.project, n.display)
	var before []string // the IDs of the page before
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
	_, err := n.client.wire.Do(ctx, &transport.Request{
		Doing: doing, Method: http.MethodGet, Path: "/api/monitors/caches/contents?" + query.Encode(),
		Expect: []int{http.StatusOK}, Into: page, Auth: n.client.session, Pace: n.client.pace, Explain: explainContent,
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

// invalidate asks the server to invalidate caches, in batches:
// PATCH /api/v2/monitors/caches/contents. It returns those whose batch the
// server rejected as wrong, with the first such error. After any other error it
// returns none.
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
		_, err = n.client.wire.Do(ctx, &transport.Request{
			Doing:  fmt.Sprintf("invalidating content caches of project %s on node %s", n.project, n.display),
			Method: http.MethodPatch, Path: "/api/v2/monitors/caches/contents?" + url.Values{"clusterNode": {n.name}}.Encode(),
			Body: body, Expect: []int{http.StatusOK, http.StatusAccepted},
			Auth: n.client.session, Pace: n.client.pace, Explain: explainInvalidation, Check: transport.AcceptedBody,
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
