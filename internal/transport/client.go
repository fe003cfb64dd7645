// SPDX-License-Identifier: MPL-2.0

// Package transport contains the code that the API clients share to send requests:
// deadlines, retries, credentials, redaction, body limits, and errors. It never
// follows redirects.
package transport

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Options configures a Client. The zero value of each field means its default.
type Options struct {
	// UserAgent is the User-Agent header of every request.
	UserAgent string
	// RequestTimeout is the timeout of one attempt, from dialing to the end of
	// the body. It does not include waiting for the quota or for a login. The
	// default is 30 seconds.
	RequestTimeout time.Duration
	// MaxRetries is the maximum number of retries per request after the API fails
	// (408, 500). Waits for an outage or a rate limit do not count. Negative
	// means no retries. The default is 4.
	MaxRetries int
	// Unanswered is how long a request waits for a host that has not responded
	// yet, most likely because its address is wrong. UnansweredLookup is the same
	// for a request with Lookup set. The defaults are 2 minutes and 30 seconds.
	Unanswered, UnansweredLookup time.Duration
	// RootCAs are the trusted certificate authorities, as Authorities returns
	// them. If nil, the client uses those of the operating system.
	RootCAs *x509.CertPool
	// DisableCompression omits Accept-Encoding from requests that do not set it
	// and leaves response bodies encoded.
	DisableCompression bool
	// Certificate is the client certificate to present to servers that request
	// one. If nil, the client presents none.
	Certificate *tls.Certificate
	// Header is sent with every request, logins included. Its values are secrets.
	// Secrets are further secrets to redact, which are part of the connection's
	// configuration but never sent in a request.
	Header  http.Header
	Secrets []string
	// Suspect is a sentence about credentials that look mistyped. It is added to
	// errors about rejected credentials.
	Suspect string
	// Pages reports that the system returns HTML pages, so a page does not
	// hint at a proxy or a login page.
	Pages bool
	// Proxies are the proxies to use. If nil, the client reads them from the
	// environment.
	Proxies *Proxies
	// Log receives one message per attempt. The fields contain no credentials.
	Log func(ctx context.Context, message string, fields map[string]any)
	// Observe receives what a request waits for and the earliest time at which
	// the wait can end.
	Observe func(ctx context.Context, what string, until time.Time)

	// Dial, Backoff, and ProbePause replace the network, the random wait before a
	// retry (numbered from 1), and the wait before the next probe of a host that
	// is down. They are for tests.
	Dial       func(ctx context.Context, network, address string) (net.Conn, error)
	Backoff    func(retry int) time.Duration
	ProbePause func(down time.Duration) time.Duration
}

const (
	defaultRequestTimeout   = 30 * time.Second
	defaultMaxRetries       = 4
	defaultUnanswered       = 2 * time.Minute
	defaultUnansweredLookup = 30 * time.Second
)

// dialGrace is how much longer than an attempt a dial may take. http.Transport
// continues a dial after its request has ended, and without a limit the server
// decides how long it takes.
const dialGrace = time.Second

// Client sends requests to one API.
type Client struct {
	system   string
	options  Options
	http     *proxiedTransport
	scrubber *Scrubber

	mu    sync.Mutex
	hosts map[string]*host // by base URL
}

// New returns a client for an API. Messages contain system as its name.
func New(system string, o Options) *Client {
	o.setDefaults()
	c := &Client{
		system:  system,
		options: o,
		http: newProxiedTransport(&http.Transport{
			DialContext:            o.Dial,
			TLSClientConfig:        tlsConfig(o),
			TLSHandshakeTimeout:    o.RequestTimeout + dialGrace,
			ForceAttemptHTTP2:      true,
			DisableCompression:     o.DisableCompression,
			MaxIdleConnsPerHost:    maxConnections,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 256 << 10,
			HTTP2:                  pings(o.RequestTimeout),
		}, o.Proxies),
		scrubber: &Scrubber{},
		hosts:    make(map[string]*host),
	}
	c.Hide(secretsOf(o.Header)...)
	c.Hide(o.Secrets...)
	c.Hide(o.Proxies.http.secrets...)
	c.Hide(o.Proxies.https.secrets...)
	return c
}

func (o *Options) setDefaults() {
	o.RequestTimeout = cmp.Or(o.RequestTimeout, defaultRequestTimeout)
	o.MaxRetries = cmp.Or(o.MaxRetries, defaultMaxRetries)
	o.Unanswered = cmp.Or(o.Unanswered, defaultUnanswered)
	o.UnansweredLookup = cmp.Or(o.UnansweredLookup, defaultUnansweredLookup)
	if o.Backoff == nil {
		o.Backoff = fullJitter
	}
	if o.ProbePause == nil {
		o.ProbePause = defaultProbePause
	}
	if o.Log == nil {
		o.Log = func(context.Context, string, map[string]any) {}
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: o.RequestTimeout + dialGrace, KeepAlive: 30 * time.Second}).DialContext
	}
	if o.Proxies == nil {
		o.Proxies = NewProxies(os.Getenv)
	}
}

// Hide redacts secrets from everything that this client returns or logs.
func (c *Client) Hide(secrets ...string) { c.scrubber.Add(secrets...) }

// Backoff returns the wait before a retry, numbered from 1.
func (c *Client) Backoff(retry int) time.Duration { return c.options.Backoff(retry) }

// Line makes text from the API fit to be shown: one line of at most 500
// characters, without secrets.
func (c *Client) Line(text string) string { return c.scrubber.Line(text) }

// Close closes the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Slot is the permission to send one request under a quota. Call Send right
// before the request is sent, and then exactly one of the other methods.
// Package quota implements it.
type Slot interface {
	Send() error
	Unsent()
	Passed()
	Failed(err error)
	RateLimited(wait time.Duration, err error)
}

// Request describes one request and how to read its response.
type Request struct {
	// Doing describes the request in messages: "purging /a.css of service …".
	Doing string
	// Method is the HTTP method. Path is appended to Base or, with Auth, to the
	// base URL of the credentials. It is already escaped and may have a query.
	Method, Path string
	Base         string
	Header       http.Header
	// Host is the Host header. If empty, it is the host of the address.
	Host string
	// Body is JSON. If nil, the request has no body.
	Body []byte
	// Expect lists the statuses that mean success.
	Expect []int
	// Into receives the body as one JSON value. If nil, the body is not decoded.
	Into any
	// Allowance limits what is decoded into Into. If nil, the request has an
	// allowance of its own.
	Allowance *Allowance
	// Once disables retries. It is for logins, which a Session retries, and for
	// logouts, which do not wait for a host that is down.
	Once bool
	// Login marks a request that contains a password. Such a request is never the
	// probe of a host that is down.
	Login bool
	// Lookup marks a request that Terraform may send during a plan.
	Lookup bool
	// Quota waits for a slot. If nil, the request has no quota.
	Quota func(context.Context) (Slot, error)
	// Sending is called in each attempt after all waits and right before the
	// request is sent. It may change Doing and Path. It is for a request that
	// other callers can join until then (quota.Callers).
	Sending func(*Request)
	// Auth provides credentials. If nil, the request is sent without any.
	Auth Auth
	// Check returns an error if a response with an expected status is not a
	// success.
	Check func(*Response) error
	// Explain reads the API's error from a response into an Error that already
	// has the status and its usual kind.
	Explain func(*Response, *Error)
}

// Response is a response with its body, or with the first part of a body that
// is too large.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// Cut reports that Body is incomplete, because the body was too large, too
	// slow, or cut off.
	Cut bool

	request  string // "DELETE https://host/path"
	scrubber *Scrubber
}

// Line makes a part of the response fit to be shown: one line of at most 500
// characters, without secrets. Clients use it for everything that they copy
// from a response into an Error. They do not use it for texts of the provider,
// because a redacted word in a known sentence would reveal the secret.
func (r *Response) Line(text string) string { return r.scrubber.Line(text) }
