// SPDX-License-Identifier: MPL-2.0

package mstr

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// ContentResult is the result of a purge of content caches.
type ContentResult struct {
	// Invalidated is the number of caches that it invalidated, on all nodes.
	Invalidated int
	// UnusedTables are the tables of the filter that no listed cache uses, sorted,
	// in the spelling of the filter.
	UnusedTables []string
}

// PurgeContent invalidates the cached results of reports, documents, and
// dashboards of a project (32 hexadecimal digits in upper case) that match the
// filter, on every running node on which the project is loaded. It returns when
// none of these results is ready. It keeps results that users create meanwhile,
// and never touches cubes. If one node fails, PurgeContent still invalidates the
// caches of the other nodes, and the error names the node. Identical purges are
// coalesced while they wait.
func (c *Client) PurgeContent(ctx context.Context, project string, f ContentFilter) (ContentResult, error) {
	if err := f.check(); err != nil {
		return ContentResult{}, err
	}
	p, err := quota.Do(ctx, &c.group, project+"/content "+f.Key(), func(ctx context.Context) (*contentPurge, error) {
		p := &contentPurge{client: c, project: project, tables: setOf(f.WarehouseTables), contents: setOf(f.ContentIDs), used: make(set)}
		err := p.run(ctx)
		return p, err
	})
	if err != nil {
		return ContentResult{}, err
	}
	result := ContentResult{Invalidated: p.invalidated}
	for _, table := range f.WarehouseTables {
		if !p.used.contains(table) {
			result.UnusedTables = append(result.UnusedTables, table)
		}
	}
	slices.Sort(result.UnusedTables)
	result.UnusedTables = slices.Compact(result.UnusedTables)
	return result, nil
}

// contentPurge is one purge of content caches, on behalf of all of its callers.
type contentPurge struct {
	client           *Client
	project          string
	tables, contents set

	mu          sync.Mutex
	invalidated int
	used        set // the tables of the filter that a listed cache uses
}

// nodesAtOnce bounds how many nodes are purged in parallel.
const nodesAtOnce = 8

func (p *contentPurge) run(ctx context.Context) error {
	nodes, err := p.nodes(ctx)
	if err != nil {
		return err
	}
	ctx = quota.Underway(ctx) // a later caller may need caches that the lists do not contain
	errs := make([]error, len(nodes))
	var all errgroup.Group
	all.SetLimit(nodesAtOnce)
	for i, name := range nodes {
		all.Go(func() error {
			errs[i] = (&nodePurge{contentPurge: p, name: name, display: p.client.transport.Line(name)}).run(ctx)
			return nil // an error would cancel the other nodes
		})
	}
	_ = all.Wait()
	return p.failure(nodes, errs)
}

// clusterNode is an element of the list of nodes.
type clusterNode struct {
	Name     string `json:"name"`
	Status   string `json:"status"`
	Projects []struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	} `json:"projects"`
}

// has reports whether the node serves caches of a project. Idle projects are
// loaded, and so is a project that is being unloaded until its users leave.
func (n *clusterNode) has(project string) bool {
	if !strings.EqualFold(n.Status, "running") {
		return false
	}
	for _, p := range n.Projects {
		if strings.EqualFold(p.ID, project) {
			return !strings.EqualFold(p.Status, "unloaded")
		}
	}
	return false
}

// nodes returns the names of the running nodes on which the project is loaded:
// GET /api/monitors/iServer/nodes. There is at least one.
func (p *contentPurge) nodes(ctx context.Context) ([]string, error) {
	var list struct {
		Nodes []clusterNode `json:"nodes"`
	}
	var names []string
	_, err := p.client.transport.Do(ctx, &transport.Request{
		Doing:  "listing the nodes of project " + p.project,
		Method: http.MethodGet, Path: "/api/monitors/iServer/nodes?" + url.Values{"projects.id": {p.project}}.Encode(),
		Expect: []int{http.StatusOK}, Into: &list, Auth: p.client.session, Quota: p.client.acquire,
		Explain: explainNodes,
		Check: func(*transport.Response) error {
			if list.Nodes == nil {
				return errors.New("the list of nodes is missing")
			}
			names = nil
			for _, n := range list.Nodes {
				if n.Name == "" {
					return errors.New("a node has no name")
				}
				if n.has(p.project) {
					names = append(names, n.Name)
				}
			}
			if names == nil {
				return &transport.Error{
					Kind: transport.KindState, Input: inputProject,
					Message: "the project does not exist or is not loaded on any running node", Advice: notLoadedAdvice,
				}
			}
			return nil
		},
	})
	return names, err
}

// failure returns the error of the first failed node, and adds the names of the
// other failed nodes.
func (p *contentPurge) failure(nodes []string, errs []error) error {
	var first *transport.Error
	var failed []string
	for i, err := range errs {
		var e *transport.Error
		if !errors.As(err, &e) {
			continue
		}
		if first == nil {
			own := *e
			first = &own
			continue
		}
		failed = append(failed, p.client.transport.Line(nodes[i]))
	}
	if first == nil {
		return errors.Join(errs...)
	}
	if len(failed) > 0 {
		first.Doing += fmt.Sprintf(" (also failed: %s)", strings.Join(failed, ", "))
	}
	return first
}
