// SPDX-License-Identifier: MPL-2.0

package cdn

import (
	"context"
	"fmt"
	"slices"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
)

// Invalidation is a soft purge that the CDN has accepted.
type Invalidation struct {
	// Pattern is what was sent. It covers all paths of the caller, and may be
	// wider than Cover of these.
	Pattern string
	// Deployment is what brings it to the edge, for all callers that it serves.
	*Deployment
}

// Invalidate lets all paths expire with one soft purge, in about a minute and a
// deployment of the service, which takes no other purge meanwhile. It returns
// when the CDN has accepted the purge; Wait of the result returns when it is
// deployed. The service is a UUID in lower case, and the paths are as EncodePath
// returns them for a soft purge.
//
// The edge has one rule for the soft purges of a service, and each one replaces
// the rule of the one before. What no visitor has requested by then is not
// invalidated. Therefore, the pattern of a soft purge also covers what this
// client has invalidated on the service before, and soft purges of one service
// that wait at the same time are sent as one, which is accepted or fails for all
// of their callers. A caller that leaves while it waits takes its paths with it.
func (c *Client) Invalidate(ctx context.Context, service string, paths ...string) (*Invalidation, error) {
	if len(paths) == 0 || slices.Contains(paths, "") {
		return nil, errEmptyPath
	}
	inv, err := quota.Do(context.WithValue(ctx, pathsKey{}, paths), &c.group, service+" soft", func(ctx context.Context) (*Invalidation, error) {
		return c.invalidate(ctx, c.service(service))
	})
	if err == nil && inv.Pattern != Cover(paths...) && c.config.Wire.Log != nil {
		c.config.Wire.Log(ctx, "The invalidation is wider, because a soft purge replaces the rules of earlier soft purges on its service",
			map[string]any{"service": service, "pattern": inv.Pattern, "own_pattern": Cover(paths...)})
	}
	return inv, err
}

type pathsKey struct{}

func (c *Client) invalidate(ctx context.Context, s *service) (*Invalidation, error) {
	inv := &Invalidation{}
	p := &purge{Client: c, service: s, places: allPlaces, request: func(ctx context.Context) (doing, path string) {
		// After the last call nobody joins any more.
		inv.Pattern = s.pattern(ctx)
		return fmt.Sprintf("invalidating %s on service %s", inv.Pattern, s.id), assets(s.id, inv.Pattern, false)
	}}
	err := p.do(ctx, func() { inv.Deployment = s.accepted(ctx, inv.Pattern, c.follow(s.id)) })
	return inv, err
}

// pattern covers the paths of all callers of a soft purge, and what was
// invalidated before.
func (s *service) pattern(ctx context.Context) string {
	var all []string
	for _, caller := range quota.Callers(ctx) {
		paths, _ := caller.Value(pathsKey{}).([]string)
		all = append(all, paths...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return Cover(append(all, s.invalidated...)...)
}

// accepted notes that a soft purge was accepted: who comes next waits for its
// deployment.
func (s *service) accepted(ctx context.Context, pattern string, d *Deployment) *Deployment {
	d.patience, _ = ctx.Deadline()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.invalidated, s.pending = []string{pattern}, d
	return d
}
