// SPDX-License-Identifier: MPL-2.0

// Package mstr is a client for the MicroStrategy REST API: it purges the caches
// of a project, invalidates content caches, and lists the projects.
//
// Source: the vendor's REST API documentation and the OpenAPI document that a
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

// System is what MicroStrategy is called in messages.
const System = "MicroStrategy"

// LoginMode is how MicroStrategy checks a user. SAML and OIDC need a browser
// and can't be used here.
type LoginMode int

// The login modes, by the numbers of the API.
const (
	LoginStandard LoginMode = 1
	LoginLDAP     LoginMode = 16
	loginAPIToken LoginMode = 4096
)

// Config says where and as whom.
type Config struct {
	// BaseURL is the Library root as BaseURL returns it.
	BaseURL string
	// Username and Password, checked as LoginMode says (0 is LoginStandard).
	Username, Password string
	LoginMode          LoginMode
	// APIToken is used in place of Username and Password where it is not empty.
	APIToken string
	// PollInterval is the longest time between two looks at content caches that
	// the server invalidates. Default 10 s.
	PollInterval time.Duration
	// Wire is the options for the connection.
	Wire transport.Options
}

// Client is one session with one Library server. It is safe for concurrent use.
type Client struct {
	config  Config
	wire    *transport.Client
	session *transport.Session
	group   quota.Group
	limiter quota.Limiter
	// singular is set when the server turned out to know only the older
	// spelling of the purge's path.
	singular atomic.Bool
}

// New returns a client. Nothing is sent before the first request needs it.
func New(config Config) *Client {
	if config.PollInterval == 0 {
		config.PollInterval = 10 * time.Second
	}
	config.Wire.Observe = quota.Observe
	c := &Client{config: config, wire: transport.New(System, config.Wire)}
	c.wire.Hide(config.Password, config.APIToken)
	c.session = &transport.Session{
		Login: c.login, Logout: c.logout, Timeout: loginTimeout(config.Wire), Backoff: c.wire.Backoff,
		Reach: func(ctx context.Context) error { return c.wire.Reach(ctx, config.BaseURL) },
	}
	return c
}

// loginTimeout leaves room for what precedes the attempt itself.
func loginTimeout(o transport.Options) time.Duration { return 2*o.RequestTimeout + time.Minute }

// BaseURL checks the address of a Library root and brings it to the form that
// Config wants: a trailing slash or /api is accepted.
func BaseURL(address string, insecure bool) (string, error) {
	base, err := transport.BaseURL(address, insecure)
	return strings.TrimRight(strings.TrimSuffix(base, "/api"), "/"), err
}

// Close ends the session, if one is open.
func (c *Client) Close(ctx context.Context) error {
	defer c.wire.Close()
	return c.session.Close(ctx)
}

// OwnHeaders carry the credentials, so no configuration sets them.
var OwnHeaders = []string{tokenHeader, "Cookie"}

const tokenHeader = "X-Mstr-Authtoken" //nolint:gosec // canonical form of X-MSTR-AuthToken

// login opens a session: POST /api/auth/login. The token comes in a header, and
// the cookies belong to it.
func (c *Client) login(ctx context.Context) (*transport.Credential, error) {
	body := map[string]any{"username": c.config.Username, "password": c.config.Password, "loginMode": max(c.config.LoginMode, LoginStandard)}
	if c.config.APIToken != "" {
		body = map[string]any{"username": c.config.APIToken, "loginMode": loginAPIToken}
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	resp, err := c.wire.Do(ctx, &transport.Request{
		Doing: "logging in to MicroStrategy", Method: http.MethodPost, Base: c.config.BaseURL, Path: "/api/auth/login",
		Body: encoded, Expect: []int{http.StatusNoContent, http.StatusOK}, Once: true, Login: true,
		Check: oneToken, Explain: c.explainLogin,
	})
	if err != nil {
		return nil, err
	}
	token := resp.Header.Get(tokenHeader)
	c.wire.Hide(token)
	cred := &transport.Credential{Base: c.config.BaseURL, Header: http.Header{tokenHeader: {token}}, Cookies: true}
	c.wire.Keep(cred, resp)
	return cred, nil
}

// oneToken refuses a login whose reply does not hold exactly one usable token.
func oneToken(resp *transport.Response) error {
	tokens := resp.Header.Values(tokenHeader)
	if len(tokens) != 1 {
		return fmt.Errorf("the answer to the login holds %d tokens in X-MSTR-AuthToken in place of one", len(tokens))
	}
	if tokens[0] == "" || len(tokens[0]) > transport.MaxToken || strings.ContainsFunc(tokens[0], func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("the answer to the login holds an unusable token in X-MSTR-AuthToken")
	}
	return nil
}

// logout closes a session: POST /api/auth/logout.
func (c *Client) logout(ctx context.Context, cred *transport.Credential) error {
	_, err := c.wire.Do(ctx, &transport.Request{
		Doing: "logging out of MicroStrategy", Method: http.MethodPost, Path: "/api/auth/logout", Auth: cred,
		Expect: []int{http.StatusNoContent, http.StatusOK}, Once: true, Explain: explain,
	})
	return err
}

// CacheTypes are what can be purged. Older servers (before 2021 Update 8 none,
// later "element" and "object" only) answer 400 for those they don't know.
var CacheTypes = []string{"element", "object", "report", "all"}

// Purge triggers the purge of one cache of a project. The project is 32 hex
// digits in upper case. It returns when the server has accepted; equal purges
// that wait are sent once.
func (c *Client) Purge(ctx context.Context, project, cacheType string) error {
	_, err := quota.Do(ctx, &c.group, project+"/"+cacheType, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, c.purge(ctx, project, cacheType)
	})
	return err
}

// purge tries the documented spelling of the path, and the older one where the
// route of the first does not exist.
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
		c.singular.Store(spellings[1] == "cache") // whatever it said, the route is there
	}
	return second
}

func (c *Client) send(ctx context.Context, spelling, project, cacheType string) error {
	_, err := c.wire.Do(ctx, &transport.Request{
		Doing:  fmt.Sprintf("purging %s of project %s", inWords(cacheType), project),
		Method: http.MethodDelete,
		Path:   fmt.Sprintf("/api/monitors/projects/%s/%s/%s", url.PathEscape(project), spelling, url.PathEscape(cacheType)),
		Expect: []int{http.StatusNoContent}, Auth: c.session, Pace: c.pace, Explain: explainPurge,
	})
	return err
}

// inWords is what a cache type stands for.
func inWords(cacheType string) string {
	if cacheType == "all" {
		return "all caches"
	}
	return "the " + cacheType + " cache"
}

// pace knows no limit until the server refuses: none is documented.
func (c *Client) pace(ctx context.Context) (transport.Slot, error) {
	return c.limiter.Window("", quota.Limit{}).Acquire(ctx)
}
