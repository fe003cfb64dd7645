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
	// Pattern is the pattern that was sent. It covers all paths of the caller and
	// may be wider than Cover of these paths.
	Pattern string
	// Deployment brings the rule to the edge, for all callers of the purge.
	*Deployment
}

// Invalidate invalidates all paths with one soft purge, which takes about a minute
// plus a deployment of the service. Meanwhile, the service accepts no other purge.
// Invalidate returns when the CDN has accepted the purge. Wait of the result
// returns when it is deployed. The service is a UUID in lower case, and the paths
// are results of EncodePath for a soft purge.
//
// The edge has one rule per service, and each soft purge replaces it. Assets that
// no visitor has requested by then are not invalidated. Therefore, the pattern of
// a soft purge also covers everything that this client has invalidated on the
// service before. Soft purges of one service that wait at the same time are sent
// as one, with one result for all of their callers. If a caller leaves before
// that, its paths are not sent.
func (c *Client) Invalidate(ctx context.Context, service string, paths ...string) (*Invalidation, error) {
	if len(paths) == 0 || slices.Contains(paths, "") {
		return nil, errEmptyPath
	}
	inv, err := quota.Do(context.WithValue(ctx, pathsKey{}, paths), &c.group, service+" soft", func(ctx context.Context) (*Invalidation, error) {
		return c.invalidate(ctx, c.service(service))
	})
	if err == nil && inv.Pattern != Cover(paths...) && c.config.Transport.Log != nil {
		c.config.Transport.Log(ctx, "The invalidation is wider, because a soft purge replaces the rules of earlier soft purges on its service",
			map[string]any{"service": service, "pattern": inv.Pattern, "own_pattern": Cover(paths...)})
	}
	return inv, err
}

type pathsKey struct{}

func (c *Client) invalidate(ctx context.Context, s *service) (*Invalidation, error) {
	inv := &Invalidation{}
	p := &purge{Client: c, service: s, weight: maxWeight, request: func(ctx context.Context) (doing, path string) {
		// After the last call, nobody joins the purge any more.
		inv.Pattern = s.pattern(ctx)
		return fmt.Sprintf("invalidating %s on service %s", inv.Pattern, s.id), assets(s.id, inv.Pattern, false)
	}}
	err := p.do(ctx, func() { inv.Deployment = s.accepted(ctx, inv.Pattern, c.follow(s.id)) })
	return inv, err
}

// pattern returns a pattern that covers the paths of all callers of a soft purge
// and everything that was invalidated before.
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

// accepted records that a soft purge was accepted. Later purges wait for its
// deployment.
func (s *service) accepted(ctx context.Context, pattern string, d *Deployment) *Deployment {
	d.deadline, _ = ctx.Deadline()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.invalidated, s.pending = []string{pattern}, d
	return d
}
