// SPDX-License-Identifier: MPL-2.0

// Package cdn is a client for Rackspace CDN, which is OpenStack Poppy behind
// Rackspace's gateway and Identity service. It purges and invalidates assets and
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

// System is the name of Rackspace CDN in messages.
const System = "Rackspace CDN"

// Defaults.
const (
	DefaultIdentityURL       = "https://identity.api.rackspacecloud.com/v2.0"
	DefaultRequestsPerMinute = 20
)

// Config contains the addresses, the credentials, and the limits of a Client.
type Config struct {
	// Username with either APIKey or Password.
	Username, APIKey, Password string
	// AuthToken is a token obtained elsewhere, used instead of a login. It requires
	// ProjectID and Endpoint.
	AuthToken, ProjectID string
	// IdentityURL ends in /v2.0.
	IdentityURL string
	// Endpoint ends in /v1.0 or /v1.0/<project ID>. If it is empty, the endpoint
	// in the service catalog of the login is used.
	Endpoint string
	// AllowInsecure permits an http:// endpoint in the service catalog.
	AllowInsecure bool
	// RequestsPerMinute is the maximum number of purges in any minute.
	RequestsPerMinute int
	// PollInterval is the longest time between two requests for the status of a
	// service that is being deployed. The default is 10 s.
	PollInterval time.Duration
	// Rand adds jitter to the purges of an account that other processes also use,
	// see quota.Limiter.
	Rand func() float64
	// Transport contains the options of the connection.
	Transport transport.Options
}

// Client uses one Rackspace account. It is safe for concurrent use.
type Client struct {
	config    Config
	transport *transport.Client
	auth      transport.Auth
	close     func(context.Context) error
	group     quota.Group
	window    *quota.Window

	mu       sync.Mutex
	services map[string]*service
}

// New returns a client. It sends nothing.
func New(config Config) *Client {
	if config.PollInterval == 0 {
		config.PollInterval = 10 * time.Second
	}
	config.Transport.Observe = quota.Observe
	c := &Client{
		config: config, transport: transport.New(System, config.Transport), services: make(map[string]*service),
		window: (&quota.Limiter{Rand: config.Rand}).Window("", quota.Limit{Requests: config.RequestsPerMinute, Window: time.Minute}),
	}
	c.transport.Hide(config.APIKey, config.Password, config.AuthToken)
	if config.AuthToken != "" {
		c.auth = transport.NewFixed(c.credential(config.AuthToken, config.ProjectID, config.Endpoint))
		c.close = func(context.Context) error { return nil }
		return c
	}
	c.transport.Name(config.IdentityURL, IdentitySystem)
	session := &transport.Session{
		Login: c.login, Timeout: 2*config.Transport.RequestTimeout + time.Minute, Backoff: c.transport.Backoff,
		Reach: func(ctx context.Context) error { return c.transport.Reach(ctx, config.IdentityURL) },
	}
	c.auth, c.close = session, session.Close
	return c
}

// Close waits for a login in flight and closes the connections. It sends nothing,
// because a token is not a session.
func (c *Client) Close(ctx context.Context) error {
	defer c.transport.Close()
	return c.close(ctx)
}

// Purge deletes one asset from the edge (a hard purge), which takes about ten
// minutes. It returns when the CDN has accepted the purge. Hard purges of one
// service run in parallel. Identical purges that wait are coalesced. The service
// is a UUID in lower case, and the path is a result of EncodePath.
func (c *Client) Purge(ctx context.Context, service, path string) error {
	if path == "" {
		return errEmptyPath
	}
	_, err := quota.Do(ctx, &c.group, service+" hard "+path, func(ctx context.Context) (struct{}, error) {
		p := &purge{Client: c, service: c.service(service), weight: 1, request: func(context.Context) (string, string) {
			return fmt.Sprintf("purging %s on service %s", path, service), assets(service, path, true)
		}}
		return struct{}{}, p.do(ctx, func() {})
	})
	return err
}

var errEmptyPath = errors.New("a purge without a path purges everything")

// assets returns the path and the query of a purge. It always contains hard,
// because its default has changed once.
func assets(service, path string, hard bool) string {
	return fmt.Sprintf("/services/%s/assets?url=%s&hard=%t", url.PathEscape(service), url.QueryEscape(path), hard)
}

// purge is one purge, for one or more callers.
type purge struct {
	*Client
	service *service
	weight  int64 // in service.gate
	// request returns a description of the purge, and the path that requests it.
	// Both may change until the request is in flight.
	request func(context.Context) (doing, path string)
}

// do waits for conflicting purges of the same service and sends the purge. It
// calls accepted before the next purge can start.
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

// maxStateErrors limits how often a purge is rejected because the service is not
// deployed, although its status is deployed. Each attempt uses up quota.
const maxStateErrors = 3

// unseenDeployment is the time between two attempts to purge a service whose
// status hides the deployment. It is about the time of a deployment.
const unseenDeployment = time.Minute

// sendWhenDeployed sends a purge. If the service is not deployed because another
// client changes it, sendWhenDeployed polls the status before it retries, because
// GET requests use up no quota. Later purges of the service wait too.
func (p *purge) sendWhenDeployed(ctx context.Context) error {
	for failures := 1; ; failures++ {
		err := p.send(ctx)
		var e *transport.Error
		if !errors.As(err, &e) || e.Kind != transport.KindState || failures > maxStateErrors {
			return err
		}
		d := p.follow(p.service.id)
		p.service.setPending(d)
		err = d.Wait(ctx)
		if errors.Is(err, ErrDisabled) {
			failures = 0 // its status is not deployed
			err = unseen(ctx, e)
		}
		if err != nil {
			return p.waiting(ctx, waitingForDeployment, err)
		}
	}
}

// unseen waits for a deployment that the status hides.
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
	_, err := p.transport.Do(ctx, &transport.Request{
		Doing: doing, Method: http.MethodDelete, Path: path,
		Expect: []int{http.StatusAccepted}, Check: transport.AcceptedBody, Auth: p.auth, Explain: explainPurge,
		Quota:   func(ctx context.Context) (transport.Slot, error) { return p.window.Acquire(ctx) },
		Sending: func(r *transport.Request) { r.Doing, r.Path = p.request(ctx) },
	})
	return err
}
