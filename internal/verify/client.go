// SPDX-License-Identifier: MPL-2.0

// Package verify proves that a site serves the expected content. It sends the
// requests that a visitor sends, and compares the responses. It purges nothing
// and has no credentials.
//
// A cache may keep a variant of an object for each Accept-Encoding, so the client
// fetches a path without Accept-Encoding and with gzip, but not with br and zstd.
// The request has no additional query, no Cache-Control, and no cookie, because
// with each of these a cache can return new content while visitors get old
// content.
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

// maxRequests bounds the parallel requests of all calls.
const maxRequests = 16

// Config contains the options of a client.
type Config struct {
	// Transport contains the options of the connection. MaxRetries and Backoff have no
	// effect, because Verify fetches again anyway. RequestTimeout is the longest
	// time without a byte of the response.
	Transport transport.Options
}

// Client verifies sites. It is safe for concurrent use. Any number of callers may
// verify at the same time, because the client bounds its requests.
type Client struct {
	transport *transport.Client
	timeout   time.Duration
	agent     string
	log       func(ctx context.Context, message string, fields map[string]any)
	slots     *semaphore.Weighted

	mu    sync.Mutex
	hosts map[string]*host
}

// New returns a client. It sends nothing before the first Verify.
func New(config Config) *Client {
	opts := config.Transport
	opts.DisableCompression = true
	return &Client{
		transport: transport.New("the site", opts),
		timeout:   cmp.Or(opts.RequestTimeout, 30*time.Second),
		agent:     opts.UserAgent,
		log:       opts.Log,
		slots:     semaphore.NewWeighted(maxRequests),
		hosts:     make(map[string]*host),
	}
}

// Close closes the idle connections.
func (c *Client) Close(context.Context) error {
	c.transport.Close()
	return nil
}

// Item is one path and its expected content. Exactly one of Want, Contains, and
// Gone is set.
type Item struct {
	// BaseURL is the address of the site, as BaseURL returns it.
	BaseURL string
	// Path is a path that urlpath.Encode accepts.
	Path string
	// Want is the fingerprint of the content. CheckFingerprint accepts it.
	Want string
	// Contains is a text in the content.
	Contains string
	// Gone is the fingerprint of content that the site must no longer serve.
	Gone string
	// PurgedAt is when the edge was purged, or zero if no purge is known.
	PurgedAt time.Time
}

// BaseURL checks the address of a site and returns it without trailing slashes.
// The text of the error follows the name of the argument.
func BaseURL(address string) (string, error) {
	return transport.BaseURL(address, true) // there are no credentials to protect
}

// target is a valid item.
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

// request returns the request of a visitor. If encoding is not empty, it is the
// Accept-Encoding header.
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
