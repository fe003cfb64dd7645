// SPDX-License-Identifier: MPL-2.0

// Package wpengine is a client for the WP Engine API: it purges the caches of
// an install and lists the installs.
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

// System is what WP Engine is called in messages.
const System = "WP Engine"

// DefaultBaseURL is the public API.
const DefaultBaseURL = "https://api.wpengineapi.com/v1"

// OwnHeaders carry the credentials, so no configuration sets them.
var OwnHeaders = []string{"Authorization"}

// Config says where and as whom.
type Config struct {
	// BaseURL is the API's root with its version, without a slash at the end.
	BaseURL string
	// Username and Password of API access, sent as HTTP Basic.
	Username, Password string
	// Rand adds jitter to the purges of an install that other processes also purge,
	// see quota.Limiter.
	Rand func() float64
	// Wire is the options for the connection.
	Wire transport.Options
}

// Client talks to one WP Engine account. It is safe for concurrent use.
type Client struct {
	wire    *transport.Client
	auth    *transport.Fixed
	group   quota.Group
	limiter quota.Limiter
}

// New returns a client. Nothing is sent before the first request needs it.
func New(config Config) *Client {
	config.Wire.Observe = quota.Observe
	pair := config.Username + ":" + config.Password
	basic := base64.StdEncoding.EncodeToString([]byte(pair))
	c := &Client{
		wire: transport.New(System, config.Wire), limiter: quota.Limiter{Rand: config.Rand},
		auth: transport.NewFixed(&transport.Credential{Base: config.BaseURL, Header: http.Header{"Authorization": {"Basic " + basic}}}),
	}
	c.wire.Hide(config.Password, pair, basic)
	return c
}

// Close gives up the idle connections. There is no session to end.
func (c *Client) Close(context.Context) error {
	c.wire.Close()
	return nil
}

// CacheTypes are what can be purged.
var CacheTypes = []string{"object", "page", "cdn", "all"}

// Purge asks for the purge of one cache of an install, a UUID in lower case. It
// returns when WP Engine has accepted, which is before all of its edge has
// dropped the content. Equal purges that wait are sent once.
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
	_, err = c.wire.Do(ctx, &transport.Request{
		Doing:  fmt.Sprintf("purging %s of install %s", inWords(cacheType), install),
		Method: http.MethodPost, Path: "/installs/" + url.PathEscape(install) + "/purge_cache", Body: body,
		Expect: []int{http.StatusAccepted, http.StatusOK}, Check: transport.AcceptedBody,
		Auth: c.auth, Explain: explainPurge,
		Pace: func(ctx context.Context) (transport.Slot, error) { return c.window(install, cacheType).Acquire(ctx) },
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

// objectLimit is documented: one purge of the object cache of an install in 60
// seconds. How "all" counts is not, so it is taken for one.
var objectLimit = quota.Limit{Requests: 1, Window: time.Minute}

func (c *Client) window(install, cacheType string) *quota.Window {
	switch cacheType {
	case "object", "all":
		return c.limiter.Window(install, objectLimit)
	default:
		return c.limiter.Window(install+"/"+cacheType, quota.Limit{})
	}
}
