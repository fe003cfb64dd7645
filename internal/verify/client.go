// SPDX-License-Identifier: MPL-2.0

// Package verify proves that a site serves what it should, as a visitor sees
// it: it sends the requests that a visitor sends, and compares what comes back.
// It purges nothing and has no credentials.
//
// A cache may keep one variant of an object for each Accept-Encoding, so a path
// is fetched plainly and with gzip. The request has no query of its own, no
// Cache-Control, and no cookie: each of these returns new content while
// visitors still get the old. Variants for br and zstd are not looked at.
package verify

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

// maxRequests bounds the requests in parallel, of all calls together.
const maxRequests = 16

// Config contains the options of a client.
type Config struct {
	// Wire is the options for the connection. MaxRetries and Backoff have no
	// effect: looking again is what the client is for. RequestTimeout is the
	// longest time without a byte of the response.
	Wire transport.Options
}

// Client looks at sites. It is safe for concurrent use, by any number of
// callers: it bounds its requests itself, so a path that stays old does not
// have to hold up others.
type Client struct {
	wire    *transport.Client
	timeout time.Duration
	agent   string
	log     func(ctx context.Context, message string, fields map[string]any)
	slots   *semaphore.Weighted

	mu    sync.Mutex
	hosts map[string]*host
}

// New returns a client. It sends nothing before the first Verify.
func New(config Config) *Client {
	wire := config.Wire
	wire.DisableCompression = true
	return &Client{
		wire:    transport.New("the site", wire),
		timeout: cmp.Or(wire.RequestTimeout, 30*time.Second),
		agent:   wire.UserAgent,
		log:     wire.Log,
		slots:   semaphore.NewWeighted(maxRequests),
		hosts:   make(map[string]*host),
	}
}

// Close closes the idle connections.
func (c *Client) Close(context.Context) error {
	c.wire.Close()
	return nil
}

// Item is one path and what a visitor should get there. Exactly one of Want,
// Contains, and Gone is set.
type Item struct {
	// BaseURL is the site, as BaseURL returns it.
	BaseURL string
	// Path is a path as urlpath.Encode accepts it.
	Path string
	// Want is the fingerprint of the content, as CheckFingerprint accepts it.
	Want string
	// Contains is a text that the content contains.
	Contains string
	// Gone is the fingerprint of content that must not be served any more.
	Gone string
	// PurgedAt is when the edge was purged. Zero: no purge is known.
	PurgedAt time.Time
}

// BaseURL checks the address of a site and returns it without slashes at its
// end. The text of the error follows the argument's name.
func BaseURL(address string) (string, error) {
	return transport.BaseURL(address, true) // there are no credentials to protect
}

// target is an item that is ready to be looked at.
type target struct {
	Item
	url    *url.URL
	expect expectation
	host   *host
}

func (c *Client) prepare(item Item) (*target, error) {
	path, err := urlpath.Encode(item.Path)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(item.BaseURL + path)
	if err != nil {
		return nil, err
	}
	expect, err := newExpectation(item)
	if err != nil {
		return nil, err
	}
	return &target{Item: item, url: u, expect: expect, host: c.host(u)}, nil
}

func (c *Client) host(u *url.URL) *host {
	name := strings.ToLower(u.Hostname())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hosts[name] == nil {
		c.hosts[name] = newHost(name)
	}
	return c.hosts[name]
}

// request is what a visitor sends. encoding is its Accept-Encoding, if any.
func (c *Client) request(ctx context.Context, u *url.URL, encoding string) *http.Request {
	req := (&http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: make(http.Header, 3)}).WithContext(ctx)
	req.Header.Set("Accept", "*/*")
	if c.agent != "" {
		req.Header.Set("User-Agent", c.agent)
	}
	if encoding != "" {
		req.Header.Set("Accept-Encoding", encoding)
	}
	return req
}
