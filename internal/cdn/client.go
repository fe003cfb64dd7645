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
	"strconv"
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
	c := &Client{
		config: config, wire: transport.New(System, config.Wire), services: make(map[string]*service),
		window: (&quota.Limiter{}).Window("", quota.Limit{Requests: config.RequestsPerMinute, Window: time.Minute}),
	}
	c.wire.Hide(config.APIKey, config.Password, config.AuthToken)
	if config.AuthToken != "" {
		c.auth = transport.NewFixed(c.credential(config.AuthToken, config.ProjectID, config.Endpoint))
		c.close = func(context.Context) error { return nil }
		return c
	}
	session := &transport.Session{Login: c.login, Timeout: 2*config.Wire.RequestTimeout + time.Minute}
	c.auth, c.close = session, session.Close
	return c
}

// Close waits for a login that is under way and gives up the connections. A
// token is not a session: there is nothing to end at the server.
func (c *Client) Close(ctx context.Context) error {
	defer c.wire.Close()
	return c.close(ctx)
}

// Purge is one asset to drop (Hard) or, with wildcards, assets to expire.
type Purge struct {
	// Service is a UUID in lower case.
	Service string
	// Path as urlpath.EncodePattern returns it.
	Path string
	// Hard drops the asset, in about ten minutes. Otherwise it is expired, in
	// about a minute and a deployment of the service, which takes no other
	// purge meanwhile.
	Hard bool
}

// Purge asks for a purge and returns when the CDN has accepted it. Purges of one
// service are put in the order that it takes them: hard ones side by side, soft
// ones alone. For a soft one the deployment can be waited for; for a hard one it
// is nil. Equal purges that wait are sent once.
func (c *Client) Purge(ctx context.Context, p Purge) (*Deployment, error) {
	if p.Path == "" {
		return nil, errors.New("a purge without a path would purge everything")
	}
	key := p.Service + " " + strconv.FormatBool(p.Hard) + " " + p.Path
	return quota.Do(ctx, &c.group, key, func(ctx context.Context) (*Deployment, error) {
		leave, err := c.enter(ctx, p)
		if err != nil {
			return nil, err
		}
		defer leave()
		if err := c.sendWhenDeployed(ctx, p); err != nil || p.Hard {
			return nil, err
		}
		return c.deploying(ctx, p.Service), nil
	})
}

// maxStateRefusals bounds how often a service may say that it is deployed and
// then refuse a purge because it is not: each costs a place in the quota.
const maxStateRefusals = 3

// sendWhenDeployed sends a purge, and when the service turns out to be changed
// by somebody else, waits for it with GET, which costs nothing, in place of
// repeating the DELETE. So do those who come after it.
func (c *Client) sendWhenDeployed(ctx context.Context, p Purge) error {
	for refusals := 1; ; refusals++ {
		err := c.send(ctx, p)
		var e *transport.Error
		if !errors.As(err, &e) || e.Kind != transport.KindState || refusals > maxStateRefusals {
			return err
		}
		d := c.follow(p.Service)
		c.service(p.Service).setPending(d)
		if err := d.Wait(ctx); err != nil {
			return waiting(ctx, p, "waiting for the service to be deployed", err)
		}
	}
}

// doing says in words what is tried.
func (p *Purge) doing() string {
	if p.Hard {
		return fmt.Sprintf("purging %s of service %s", p.Path, p.Service)
	}
	return fmt.Sprintf("invalidating %s of service %s", p.Path, p.Service)
}

func (c *Client) send(ctx context.Context, p Purge) error {
	_, err := c.wire.Do(ctx, &transport.Request{
		Doing: p.doing(), Method: http.MethodDelete,
		Path: fmt.Sprintf("/services/%s/assets?url=%s&hard=%t",
			url.PathEscape(p.Service), url.QueryEscape(p.Path), p.Hard),
		Expect: []int{http.StatusAccepted}, Check: transport.AcceptedBody, Auth: c.auth, Explain: explainPurge,
		Pace: func(ctx context.Context) (transport.Slot, error) { return c.window.Acquire(ctx) },
	})
	return err
}
