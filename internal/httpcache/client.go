// SPDX-License-Identifier: MPL-2.0

// Package httpcache is a client for caches that delete an object when they
// receive a PURGE request for it: Varnish, nginx, Squid, Apache Traffic Server,
// Fastly, and others.
//
// Sources: https://varnish-cache.org/docs/7.1/users-guide/purging.html,
// https://github.com/FRiCKLE/ngx_cache_purge,
// https://wiki.squid-cache.org/SquidFaq/OperatingSquid (purging an object),
// https://docs.trafficserver.apache.org/en/9.2.x/admin-guide/configuration/cache-basics.en.html,
// https://www.fastly.com/documentation/reference/api/purging/, and the four
// servers themselves.
package httpcache

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// System is the name of these caches in messages.
const System = "HTTP cache"

// DefaultMethod is the method of a purge.
const DefaultMethod = "PURGE"

// Config contains the options of a client.
type Config struct {
	// Endpoints are the base URLs of all instances, without a trailing slash.
	Endpoints []string
	// Method is the method of a purge. Default DefaultMethod.
	Method string
	// PathPrefix precedes the path of the content. It is encoded and has no trailing
	// slash.
	PathPrefix string
	// RequestsPerSecond is the maximum number of requests to one endpoint in any
	// second. 0 is unlimited.
	RequestsPerSecond int
	// Transport contains the options of the connections. Compression is always disabled,
	// because a purge chooses the variant with Accept-Encoding.
	Transport transport.Options
}

// Client purges the instances of one cluster. It is safe for concurrent use.
type Client struct {
	config    Config
	instances map[string]*instance
}

// instance is the state for one endpoint. Endpoints share nothing, so a failed one
// does not delay the others.
type instance struct {
	base      string
	transport *transport.Client
	auth      *transport.Fixed
	window    *quota.Window
	group     quota.Group
}

// New returns a client. It sends nothing before the first purge.
func New(config Config) *Client {
	config.Method = cmp.Or(config.Method, DefaultMethod)
	config.Transport.DisableCompression, config.Transport.Pages, config.Transport.Observe = true, true, quota.Observe
	c := &Client{config: config, instances: make(map[string]*instance)}
	for _, base := range config.Endpoints {
		limiter := quota.Limiter{}
		c.instances[base] = &instance{
			base: base, transport: transport.New(System, config.Transport),
			auth:   transport.NewFixed(&transport.Credential{Base: base}),
			window: limiter.Window("", quota.Limit{Requests: config.RequestsPerSecond, Window: time.Second}),
		}
	}
	return c
}

// Endpoints returns the base URLs of all instances.
func (c *Client) Endpoints() []string { return slices.Clone(c.config.Endpoints) }

// RequestsPerSecond returns the limit of Config.
func (c *Client) RequestsPerSecond() int { return c.config.RequestsPerSecond }

// Close closes the idle connections. There is no session to end.
func (c *Client) Close(context.Context) error {
	for _, i := range c.instances {
		i.transport.Close()
	}
	return nil
}

// RequestsPerPurge is the number of requests for a purge of one path at one
// endpoint. Squid and nginx keep an object for each Accept-Encoding, and a purge
// deletes only the one that a GET with the same headers would get.
const RequestsPerPurge = 2

// Purge purges one path at one of the endpoints. The host is the Host header of
// the content, and the path is encoded and includes the query. Purge returns nil
// when the cache has deleted both the plain and the gzip variant, or has neither.
// Identical purges are coalesced while they wait. An error is a *transport.Error,
// unless the endpoint is not in Config.
func (c *Client) Purge(ctx context.Context, endpoint, host, path string) error {
	i := c.instances[endpoint]
	if i == nil {
		return fmt.Errorf("%s is not an endpoint of this client", endpoint)
	}
	_, err := quota.Do(ctx, &i.group, host+path, func(ctx context.Context) (struct{}, error) {
		if err := c.send(ctx, i, host, path, ""); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, c.send(quota.Underway(ctx), i, host, path, "gzip")
	})
	return err
}

func (c *Client) send(ctx context.Context, i *instance, host, path, encoding string) error {
	what := path
	header := http.Header{"Accept": {"*/*"}} // as browsers send it, in case the content varies by it
	if encoding != "" {
		header["Accept-Encoding"] = []string{encoding}
		what = "the " + encoding + " variant of " + path
	}
	_, err := i.transport.Do(ctx, &transport.Request{
		Doing:  fmt.Sprintf("purging %s of %s at %s", what, host, i.base),
		Method: c.config.Method, Path: c.config.PathPrefix + path, Host: host, Header: header,
		Expect: []int{http.StatusOK, http.StatusAccepted, http.StatusNoContent, http.StatusNotFound},
		Check:  check, Explain: explain, Auth: i.auth,
		Quota: func(ctx context.Context) (transport.Slot, error) { return i.window.Acquire(ctx) },
	})
	return err
}
