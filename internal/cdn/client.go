// SPDX-License-Identifier: MPL-2.0

// Package cdn is a client for Rackspace CDN, which is OpenStack Poppy behind
// Rackspace's gateway and Identity service: it purges and invalidates assets and
// reads services.
//
// Source: Rackspace's CDN and Identity developer guides, and Poppy.
package cdn

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// System is what Rackspace CDN is called in messages.
const System = "Rackspace CDN"

// Defaults.
const (
	DefaultIdentityURL       = "https://identity.api.rackspacecloud.com/v2.0"
	DefaultRequestsPerMinute = 20
)

// Config says where and as whom.
type Config struct {
	// Username with either APIKey or Password.
	Username, APIKey, Password string
	// AuthToken and ProjectID are a token obtained elsewhere, in place of a
	// login. Endpoint is needed with them.
	AuthToken, ProjectID string
	// IdentityURL ends in /v2.0.
	IdentityURL string
	// Endpoint ends in /v1.0 or in /v1.0/<project id>. Empty: the login's
	// service catalog says it.
	Endpoint string
	// AllowInsecure permits a service catalog that says http.
	AllowInsecure bool
	// RequestsPerMinute is the purges that the account may send in any minute.
	RequestsPerMinute int
	// PollInterval is the longest time between two looks at a service that is
	// being deployed. Default 10 s.
	PollInterval time.Duration
	// Rand adds jitter to the purges of an account that other processes also use,
	// see quota.Limiter.
	Rand func() float64
	// Wire is the options for the connection.
	Wire transport.Options
}

// Client talks to one Rackspace account. It is safe for concurrent use.
type Client struct {
	config Config
	wire   *transport.Client
	auth   transport.Auth
	close  func(context.Context) error
	group  quota.Group
	window *quota.Window

	mu       sync.Mutex
	services map[string]*service
}

// New returns a client. Nothing is sent before the first request needs it.
func New(config Config) *Client {
	if config.PollInterval == 0 {
		config.PollInterval = 10 * time.Second
	}
	config.Wire.Observe = quota.Observe
	c := &Client{
		config: config, wire: transport.New(System, config.Wire), services: make(map[string]*service),
		window: (&quota.Limiter{Rand: config.Rand}).Window("", quota.Limit{Requests: config.RequestsPerMinute, Window: time.Minute}),
	}
	c.wire.Hide(config.APIKey, config.Password, config.AuthToken)
	if config.AuthToken != "" {
		c.auth = transport.NewFixed(c.credential(config.AuthToken, config.ProjectID, config.Endpoint))
		c.close = func(context.Context) error { return nil }
		return c
	}
	c.wire.Name(config.IdentityURL, IdentitySystem)
	session := &transport.Session{
		Login: c.login, Timeout: 2*config.Wire.RequestTimeout + time.Minute, Backoff: c.wire.Backoff,
		Reach: func(ctx context.Context) error { return c.wire.Reach(ctx, config.IdentityURL) },
	}
	c.auth, c.close = session, session.Close
	return c
}

// Close waits for a login that is under way and gives up the connections. A
// token is not a session: there is nothing to end at the server.
func (c *Client) Close(ctx context.Context) error {
	defer c.wire.Close()
	return c.close(ctx)
}

// Purge deletes one asset from the edge, in about ten minutes (a hard purge). It
// returns when the CDN has accepted it. Hard purges of one service run in
// parallel; identical ones that wait are sent once. The service is a UUID in
// lower case, and the path is as EncodePath returns it.
func (c *Client) Purge(ctx context.Context, service, path string) error {
	if path == "" {
		return errEmptyPath
	}
	_, err := quota.Do(ctx, &c.group, service+" hard "+path, func(ctx context.Context) (struct{}, error) {
		p := &purge{Client: c, service: c.service(service), places: 1, request: func(context.Context) (string, string) {
			return fmt.Sprintf("purging %s on service %s", path, service), assets(service, path, true)
		}}
		return struct{}{}, p.do(ctx, func() {})
	})
	return err
}

var errEmptyPath = errors.New("a purge without a path purges everything")

// assets is the path and the query of a purge. What hard means if it is missing
// has changed once, so it is always sent.
func assets(service, path string, hard bool) string {
	return fmt.Sprintf("/services/%s/assets?url=%s&hard=%t", url.PathEscape(service), url.QueryEscape(path), hard)
}

// purge is one purge on its way, of one caller or of several.
type purge struct {
	*Client
	service *service
	places  int64
	// request returns the purge in words, and the path that requests it. Both may
	// change until the request is in flight.
	request func(context.Context) (doing, path string)
}

// do waits for the purges of the same service that are in the way, and sends the
// purge. It calls accepted before it lets the next ones in.
func (p *purge) do(ctx context.Context, accepted func()) error {
	leave, err := p.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := p.sendWhenDeployed(ctx); err != nil {
		return err
	}
	accepted()
	return nil
}

// maxStateRefusals bounds how often a service may say that it is deployed and
// then refuse a purge because it is not: each costs a place in the quota.
const maxStateRefusals = 3

// unseenDeployment is the time between two requests for a purge of a service
// whose deployment cannot be seen: about as long as one takes.
const unseenDeployment = time.Minute

// sendWhenDeployed sends a purge, and when the service turns out to be changed
// by somebody else, waits for it with GET, which costs nothing, in place of
// repeating the DELETE. So do those who come after it.
func (p *purge) sendWhenDeployed(ctx context.Context) error {
	for refusals := 1; ; refusals++ {
		err := p.send(ctx)
		var e *transport.Error
		if !errors.As(err, &e) || e.Kind != transport.KindState || refusals > maxStateRefusals {
			return err
		}
		d := p.follow(p.service.id)
		p.service.setPending(d)
		err = d.Wait(ctx)
		if errors.Is(err, ErrDisabled) {
			refusals = 0 // it does not say that it is deployed
			err = unseen(ctx, e)
		}
		if err != nil {
			return p.waiting(ctx, waitingForDeployment, err)
		}
	}
}

// unseen waits for as long as a deployment may take that cannot be seen.
func unseen(ctx context.Context, last *transport.Error) error {
	select {
	case <-time.After(unseenDeployment):
		return nil
	case <-ctx.Done():
		return ended(ctx, last)
	}
}

func (p *purge) send(ctx context.Context) error {
	doing, path := p.request(ctx)
	_, err := p.wire.Do(ctx, &transport.Request{
		Doing: doing, Method: http.MethodDelete, Path: path,
		Expect: []int{http.StatusAccepted}, Check: transport.AcceptedBody, Auth: p.auth, Explain: explainPurge,
		Pace:    func(ctx context.Context) (transport.Slot, error) { return p.window.Acquire(ctx) },
		Sending: func(r *transport.Request) { r.Doing, r.Path = p.request(ctx) },
	})
	return err
}
