// SPDX-License-Identifier: MPL-2.0

// Package wpengine is a client for the WP Engine API. It purges the caches of an
// install and lists installs.
//
// Source: WP Engine's OpenAPI document, versions 1.6 to 1.17.
package wpengine

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// System is the name of WP Engine in messages.
const System = "WP Engine"

// DefaultBaseURL is the address of the public API.
const DefaultBaseURL = "https://api.wpengineapi.com/v1"

// OwnHeaders lists the headers that contain the credentials. A configuration must
// not set them.
var OwnHeaders = []string{"Authorization"}

// Config contains the address and the credentials of a Client.
type Config struct {
	// BaseURL is the root of the API with its version, without a trailing slash.
	BaseURL string
	// Username and Password are the credentials of API access, for HTTP Basic
	// authentication.
	Username, Password string
	// Rand adds jitter to the purges of an install that other processes also purge,
	// see quota.Limiter.
	Rand func() float64
	// Transport contains the options of the connection.
	Transport transport.Options
}

// Client uses one WP Engine API user. It is safe for concurrent use.
type Client struct {
	transport *transport.Client
	auth      *transport.Fixed
	group     quota.Group
	limiter   quota.Limiter
}

// New returns a client. It sends nothing.
func New(config Config) *Client {
	config.Transport.Observe = quota.Observe
	pair := config.Username + ":" + config.Password
	basic := base64.StdEncoding.EncodeToString([]byte(pair))
	c := &Client{
		transport: transport.New(System, config.Transport), limiter: quota.Limiter{Rand: config.Rand},
		auth: transport.NewFixed(&transport.Credential{Base: config.BaseURL, Header: http.Header{"Authorization": {"Basic " + basic}}}),
	}
	c.transport.Hide(config.Password, pair, basic)
	return c
}

// Close closes the idle connections. There is no session to end.
func (c *Client) Close(context.Context) error {
	c.transport.Close()
	return nil
}

// CacheTypes lists the caches that Purge accepts.
var CacheTypes = []string{"object", "page", "cdn", "all"}

// Purge purges one cache of an install, which is a UUID in lower case. It returns
// when WP Engine has accepted the purge, before all edge servers have deleted the
// content. Identical purges that wait are coalesced.
func (c *Client) Purge(ctx context.Context, install, cacheType string) error {
	_, err := quota.Do(ctx, &c.group, install+"/"+cacheType, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, c.purge(ctx, install, cacheType)
	})
	return err
}

func (c *Client) purge(ctx context.Context, install, cacheType string) error {
	body, err := json.Marshal(map[string]string{"type": cacheType})
	if err != nil {
		return err
	}
	_, err = c.transport.Do(ctx, &transport.Request{
		Doing:  fmt.Sprintf("purging %s of install %s", inWords(cacheType), install),
		Method: http.MethodPost, Path: "/installs/" + url.PathEscape(install) + "/purge_cache", Body: body,
		Expect: []int{http.StatusAccepted, http.StatusOK}, Check: transport.AcceptedBody,
		Auth: c.auth, Explain: explainPurge(cacheType),
		Quota: func(ctx context.Context) (transport.Slot, error) { return c.window(install, cacheType).Acquire(ctx) },
	})
	return err
}

// inWords returns the description of a cache type.
func inWords(cacheType string) string {
	if cacheType == "all" {
		return "all caches"
	}
	return "the " + cacheType + " cache"
}

// objectLimit is the documented limit for purges of the object cache of an
// install. It is not documented whether "all" counts, so the client counts it.
var objectLimit = quota.Limit{Requests: 1, Window: time.Minute}

func (c *Client) window(install, cacheType string) *quota.Window {
	if objectLimited(cacheType) {
		return c.limiter.Window(install, objectLimit)
	}
	return c.limiter.Window(install+"/"+cacheType, quota.Limit{})
}

func objectLimited(cacheType string) bool { return cacheType == "object" || cacheType == "all" }
