// SPDX-License-Identifier: MPL-2.0

// Package transport is what the API clients share on the wire: deadline, retry,
// credentials, redaction, body limits and errors. Redirects are never followed.
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

// Options are what the provider block says about the wire. The zero value of
// each field means its default.
type Options struct {
	// UserAgent is sent with every request.
	UserAgent string
	// RequestTimeout bounds one attempt, from the dial to the end of the body.
	// Waiting for the quota or a login does not count. Default 30 s.
	RequestTimeout time.Duration
	// MaxRetries is how often one request is repeated that the system itself
	// fails (408, 500). Outages and rate limits are waited out and do not count.
	// Negative means never. Default 4.
	MaxRetries int
	// Unanswered is how long a host is waited for that has answered nothing yet:
	// most likely its address is wrong. UnansweredLookup is the same for a
	// Lookup. Defaults 2 min and 30 s.
	Unanswered, UnansweredLookup time.Duration
	// RootCAs are the certificate authorities to trust, as Authorities returns
	// them. Nil: the system's.
	RootCAs *x509.CertPool
	// DisableCompression sends requests without Accept-Encoding, unless they
	// have one of their own, and leaves bodies as they come.
	DisableCompression bool
	// Certificate is presented to servers that ask for one. Nil: none is.
	Certificate *tls.Certificate
	// Header goes with each request, logins included. Its values are secrets,
	// and so are Secrets: what is configured for the connection and never sent.
	Header  http.Header
	Secrets []string
	// Suspect is a sentence about credentials that look mistyped, for errors
	// that say that they were rejected.
	Suspect string
	// Proxies are those that requests go through. Nil: those of the environment.
	Proxies *Proxies
	// Log receives one line per attempt. The fields hold no credentials.
	Log func(ctx context.Context, message string, fields map[string]any)
	// Observe receives what a request waits for, and until when at least.
	Observe func(ctx context.Context, what string, until time.Time)

	// Dial, Backoff, and ProbePause replace the network, the random wait before
	// a retry (numbered from 1), and the one before the next probe of a host
	// that is down. They are for tests.
	Dial       func(ctx context.Context, network, address string) (net.Conn, error)
	Backoff    func(retry int) time.Duration
	ProbePause func(down time.Duration) time.Duration
}

const (
	defaultUnanswered       = 2 * time.Minute
	defaultUnansweredLookup = 30 * time.Second
)

// leftBehind is how much longer than an attempt a dial may last. http.Transport
// goes on with one whose request has ended, and without a limit of its own it
// would last for as long as the server likes.
const leftBehind = time.Second

// Client sends requests to one upstream system.
type Client struct {
	system   string
	options  Options
	http     *wire
	scrubber *Scrubber

	mu    sync.Mutex
	hosts map[string]*host // by base URL
}

// New returns a client for the system of that name, which is how the system is
// called in messages.
func New(system string, o Options) *Client {
	if o.RequestTimeout == 0 {
		o.RequestTimeout = 30 * time.Second
	}
	if o.MaxRetries == 0 {
		o.MaxRetries = 4
	}
	if o.Backoff == nil {
		o.Backoff = fullJitter
	}
	if o.ProbePause == nil {
		o.ProbePause = halfToAll
	}
	o.Unanswered = cmp.Or(o.Unanswered, defaultUnanswered)
	o.UnansweredLookup = cmp.Or(o.UnansweredLookup, defaultUnansweredLookup)
	if o.Log == nil {
		o.Log = func(context.Context, string, map[string]any) {}
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: o.RequestTimeout + leftBehind, KeepAlive: 30 * time.Second}).DialContext
	}
	if o.Proxies == nil {
		o.Proxies = NewProxies(os.Getenv)
	}
	c := &Client{
		system:  system,
		options: o,
		http: newWire(&http.Transport{
			DialContext:            o.Dial,
			TLSClientConfig:        tlsConfig(o),
			TLSHandshakeTimeout:    o.RequestTimeout + leftBehind,
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

// Hide keeps secrets out of everything this client shows or logs.
func (c *Client) Hide(secrets ...string) { c.scrubber.Add(secrets...) }

// Backoff is the wait before a retry, numbered from 1.
func (c *Client) Backoff(retry int) time.Duration { return c.options.Backoff(retry) }

// Line makes text from the upstream fit to be shown: one line of at most 500
// characters, without secrets.
func (c *Client) Line(text string) string { return c.scrubber.Line(text) }

// Close gives up the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Slot is the permission to send one paced request: Send right before it goes
// on the wire, and then exactly one of the others. Package quota has one.
type Slot interface {
	Send() error
	Unsent()
	Passed()
	Failed(err error)
	RateLimited(wait time.Duration, err error)
}

// Request is one request and how its reply is to be read.
type Request struct {
	// Doing says in words what is tried: "purging /a.css of service …".
	Doing string
	// Method and Path; the path is appended to Base or, with Auth, to the base
	// of the credentials. It is escaped already and may have a query.
	Method, Path string
	Base         string
	Header       http.Header
	// Host is the Host header. Empty: the host of the address.
	Host string
	// Body is JSON; nil sends none.
	Body []byte
	// Expect is the statuses that mean success.
	Expect []int
	// Into receives the body as one JSON value. Nil: the body does not matter.
	Into any
	// Allowance bounds what is decoded into Into. Nil: there is one for this
	// request alone.
	Allowance *Allowance
	// Once is for what must not be repeated here: logins, which a Session
	// repeats, and logouts, which do not wait for a host that is down.
	Once bool
	// Login is for a request with a password in it: it is never what finds out
	// whether a host is up again.
	Login bool
	// Lookup is for a request that may be sent during a plan.
	Lookup bool
	// Pace waits for the quota. Nil: there is none.
	Pace func(context.Context) (Slot, error)
	// Sending is called at each attempt when it no longer waits for anything, and
	// may change Doing and Path. It is for a request that others may join until
	// then (quota.Callers).
	Sending func(*Request)
	// Auth provides credentials. Nil: the request needs none.
	Auth Auth
	// Check refuses a reply with an expected status that is not what it seems.
	Check func(*Response) error
	// Explain reads the upstream's error from a reply into an Error that has
	// the status and its usual kind already.
	Explain func(*Response, *Error)
}

// Response is a reply with its whole body, or the first part of one that is too
// large.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// Cut tells that Body is only what came of a body that was too large, too
	// slow, or broken off.
	Cut bool

	asked    string // "DELETE https://host/path"
	scrubber *Scrubber
}

// Line makes a part of the reply fit to be shown: one line of at most 500
// characters, without secrets. Whatever a client takes from a reply into an Error
// goes through it, and nothing else does: what is our own is not searched for
// secrets, because a gap in a known sentence would tell one.
func (r *Response) Line(text string) string { return r.scrubber.Line(text) }
