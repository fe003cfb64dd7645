// SPDX-License-Identifier: MPL-2.0

// Package mstr is a client for the MicroStrategy REST API. It purges the caches of
// a project, invalidates content caches, and lists the projects.
//
// Sources: the vendor's REST API documentation, and the OpenAPI document that a
// Library server publishes under /api-docs.
package mstr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// System is the name of MicroStrategy in messages.
const System = "MicroStrategy"

// LoginMode is how MicroStrategy authenticates a user. SAML and OIDC require a
// browser, so the client does not support them.
type LoginMode int

// The login modes, with the numbers of the API.
const (
	LoginStandard LoginMode = 1
	LoginLDAP     LoginMode = 16
	loginAPIToken LoginMode = 4096
)

// Config contains the options of a client.
type Config struct {
	// BaseURL is the address of the Library, as BaseURL returns it.
	BaseURL string
	// Username and Password log in with LoginMode. 0 is LoginStandard.
	Username, Password string
	LoginMode          LoginMode
	// APIToken, if not empty, is used instead of Username and Password.
	APIToken string
	// PollInterval is the longest time between two lists of content caches that
	// the server is invalidating. Default 10 seconds.
	PollInterval time.Duration
	// Transport contains the options of the connection.
	Transport transport.Options
}

// Client uses one session on one Library server. It is safe for concurrent use.
type Client struct {
	config    Config
	transport *transport.Client
	session   *transport.Session
	group     quota.Group
	limiter   quota.Limiter
	// singular is set if the server has only the older spelling of the path of a
	// purge.
	singular atomic.Bool
}

// New returns a client. It sends nothing before the first call.
func New(config Config) *Client {
	if config.PollInterval == 0 {
		config.PollInterval = 10 * time.Second
	}
	config.Transport.Observe = quota.Observe
	c := &Client{config: config, transport: transport.New(System, config.Transport)}
	c.transport.Hide(config.Password, config.APIToken)
	c.session = &transport.Session{
		Login: c.login, Logout: c.logout, Timeout: loginTimeout(config.Transport), Backoff: c.transport.Backoff,
		Reach: func(ctx context.Context) error { return c.transport.Reach(ctx, config.BaseURL) },
	}
	return c
}

// loginTimeout includes the time before the first attempt, such as a probe.
func loginTimeout(o transport.Options) time.Duration { return 2*o.RequestTimeout + time.Minute }

// BaseURL checks the address of a Library and returns it without a trailing slash
// or /api. The text of the error follows the name of the argument.
func BaseURL(address string, insecure bool) (string, error) {
	base, err := transport.BaseURL(address, insecure)
	return strings.TrimRight(strings.TrimSuffix(base, "/api"), "/"), err
}

// Close ends the session, if one is open.
func (c *Client) Close(ctx context.Context) error {
	defer c.transport.Close()
	return c.session.Close(ctx)
}

// OwnHeaders contain the credentials. A configuration must not set them.
var OwnHeaders = []string{tokenHeader, "Cookie"}

const tokenHeader = "X-Mstr-Authtoken" //nolint:gosec // the canonical form of X-MSTR-AuthToken

// login opens a session: POST /api/auth/login. The token is in a header, and the
// session also requires the cookies of the response.
func (c *Client) login(ctx context.Context) (*transport.Credential, error) {
	body := map[string]any{"username": c.config.Username, "password": c.config.Password, "loginMode": max(c.config.LoginMode, LoginStandard)}
	if c.config.APIToken != "" {
		body = map[string]any{"username": c.config.APIToken, "loginMode": loginAPIToken}
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	resp, err := c.transport.Do(ctx, &transport.Request{
		Doing: "logging in to MicroStrategy", Method: http.MethodPost, Base: c.config.BaseURL, Path: "/api/auth/login",
		Body: encoded, Expect: []int{http.StatusNoContent, http.StatusOK}, Once: true, Login: true,
		Check: oneToken, Explain: c.explainLogin,
	})
	if err != nil {
		return nil, err
	}
	token := resp.Header.Get(tokenHeader)
	c.transport.Hide(token)
	cred := &transport.Credential{Base: c.config.BaseURL, Header: http.Header{tokenHeader: {token}}, Cookies: true}
	c.transport.Keep(cred, resp)
	return cred, nil
}

// oneToken returns an error unless a login response contains exactly one valid
// token.
func oneToken(resp *transport.Response) error {
	tokens := resp.Header.Values(tokenHeader)
	if len(tokens) != 1 {
		return fmt.Errorf("the login response contains %d tokens in X-MSTR-AuthToken instead of one", len(tokens))
	}
	if tokens[0] == "" || len(tokens[0]) > transport.MaxToken || strings.ContainsFunc(tokens[0], func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("the login response contains an invalid token in X-MSTR-AuthToken")
	}
	return nil
}

// logout closes a session: POST /api/auth/logout.
func (c *Client) logout(ctx context.Context, cred *transport.Credential) error {
	_, err := c.transport.Do(ctx, &transport.Request{
		Doing: "logging out of MicroStrategy", Method: http.MethodPost, Path: "/api/auth/logout", Auth: cred,
		Expect: []int{http.StatusNoContent, http.StatusOK}, Once: true, Explain: explain,
	})
	return err
}

// CacheTypes are the types of caches. Servers before 2021 Update 8 purge none, and
// later ones only "element" and "object". They return 400 for any other type.
var CacheTypes = []string{"element", "object", "report", "all"}

// Purge purges one cache of a project (32 hexadecimal digits in upper case). It
// returns nil when the server has accepted the purge. Identical purges are
// coalesced while they wait. An error is a *transport.Error.
func (c *Client) Purge(ctx context.Context, project, cacheType string) error {
	_, err := quota.Do(ctx, &c.group, project+"/"+cacheType, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, c.purge(ctx, project, cacheType)
	})
	return err
}

// purge uses the documented spelling of the path, and then the older one if the
// server does not have the first route.
func (c *Client) purge(ctx context.Context, project, cacheType string) error {
	spellings := []string{"caches", "cache"}
	if c.singular.Load() {
		slices.Reverse(spellings)
	}
	err := c.send(ctx, spellings[0], project, cacheType)
	if !noRoute(err) {
		return err
	}
	second := c.send(ctx, spellings[1], project, cacheType)
	if noRoute(second) {
		return err
	}
	if e := (*transport.Error)(nil); !errors.As(second, &e) || e.Status != 0 && e.Status < 500 {
		c.singular.Store(spellings[1] == "cache") // whatever the result, the route exists
	}
	return second
}

func (c *Client) send(ctx context.Context, spelling, project, cacheType string) error {
	_, err := c.transport.Do(ctx, &transport.Request{
		Doing:  fmt.Sprintf("purging %s of project %s", describeCache(cacheType), project),
		Method: http.MethodDelete,
		Path:   fmt.Sprintf("/api/monitors/projects/%s/%s/%s", url.PathEscape(project), spelling, url.PathEscape(cacheType)),
		Expect: []int{http.StatusNoContent}, Auth: c.session, Quota: c.acquire, Explain: explainPurge,
	})
	return err
}

// describeCache returns the name of a cache type in messages.
func describeCache(cacheType string) string {
	if cacheType == "all" {
		return "all caches"
	}
	return "the " + cacheType + " cache"
}

// acquire waits for a slot. There is no limit until the server returns a rate
// limit, because none is documented.
func (c *Client) acquire(ctx context.Context) (transport.Slot, error) {
	return c.limiter.Window("", quota.Limit{}).Acquire(ctx)
}
