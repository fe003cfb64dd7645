// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/http/httpproxy"
)

// Proxies are the proxies that the environment names. Clients that share a
// value do not send credentials again that a proxy rejected.
type Proxies struct {
	forURL func(*url.URL) (*url.URL, error)
	http   *proxy
	https  *proxy
}

// proxy is the proxy that one environment variable names.
type proxy struct {
	variable  string
	url       *url.URL
	configErr error
	secrets   []string

	// Until the proxy has accepted a request, requests are sent one at a time, so
	// wrong credentials are sent only once.
	turn       chan struct{}
	accepted   chan struct{}
	acceptOnce sync.Once

	mu       sync.Mutex
	rejected *proxyError
}

// NewProxies reads HTTPS_PROXY, HTTP_PROXY, and NO_PROXY, or their lowercase
// names, as net/http does. An invalid address is an error of every request that
// would use the proxy. In contrast, net/http ignores the address and sends the
// request directly.
func NewProxies(getenv func(string) string) *Proxies {
	p := &Proxies{http: newProxy(getenv, "HTTP_PROXY"), https: newProxy(getenv, "HTTPS_PROXY")}
	_, exceptions := variable(getenv, "NO_PROXY")
	p.forURL = (&httpproxy.Config{HTTPProxy: p.http.address(), HTTPSProxy: p.https.address(), NoProxy: exceptions}).ProxyFunc()
	return p
}

func variable(getenv func(string) string, name string) (used, value string) {
	for _, used := range []string{name, strings.ToLower(name)} {
		if value := strings.TrimSpace(getenv(used)); value != "" {
			return used, value
		}
	}
	return name, ""
}

func newProxy(getenv func(string) string, name string) *proxy {
	p := &proxy{turn: make(chan struct{}, 1), accepted: make(chan struct{})}
	var value string
	if p.variable, value = variable(getenv, name); value == "" {
		return p
	}
	p.secrets = userinfo(value)
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err == nil {
		err = checkPort(u)
	}
	switch {
	case err != nil || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || strings.Contains(u.Host, " "):
		p.configErr = errors.New(p.variable + " is not the address of a proxy, such as http://proxy.example.com:3128. " +
			"Special characters in a username or password must be percent-encoded.")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h":
		p.configErr = errors.New(p.variable + " must start with http://, https://, socks5://, or socks5h://.")
	default:
		p.url = u
	}
	return p
}

// userinfo returns the secret part of a proxy address: the password, or all of
// the text before the host if there is no password, because it is then a token.
// The address may be invalid.
func userinfo(value string) []string {
	_, rest, found := strings.Cut(value, "://")
	if !found {
		rest = value
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return nil
	}
	secret := rest[:at]
	if _, password, ok := strings.Cut(secret, ":"); ok && password != "" {
		secret = password
	}
	plain, err := url.PathUnescape(secret)
	if err != nil {
		plain = secret
	}
	return []string{secret, plain}
}

// address returns the address for httpproxy. An invalid proxy has one too, so
// NO_PROXY decides which requests receive its error.
func (p *proxy) address() string {
	switch {
	case p.configErr != nil:
		return "http://fault.invalid"
	case p.url != nil:
		return p.url.String()
	default:
		return ""
	}
}

// Check returns an error if the proxy for an address is configured incorrectly.
// The error is a whole sentence and contains no part of the proxy's address.
func (p *Proxies) Check(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return nil //nolint:nilerr // BaseURL reports it
	}
	if used := p.of(u); used != nil {
		return used.configErr
	}
	return nil
}

// of returns the proxy for an address, or nil if there is none.
func (p *Proxies) of(target *url.URL) *proxy {
	if u, err := p.forURL(target); err != nil || u == nil {
		return nil
	}
	if target.Scheme == "https" {
		return p.https
	}
	return p.http
}

// function is the Proxy function of an http.Transport.
func (p *Proxies) function(req *http.Request) (*url.URL, error) {
	used := p.of(req.URL)
	if used == nil {
		return nil, nil
	}
	return used.url, used.configErr
}

// name returns the name of the proxy in messages, without its user and
// password.
func (p *proxy) name() string { return p.url.Host + " (from " + p.variable + ")" }

// proxyError is a response of the proxy itself to a request for a connection.
type proxyError struct{ status int }

func (e *proxyError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the proxy returned %d %s", e.status, http.StatusText(e.status)))
}

// final reports whether the proxy would respond in the same way again. With
// 5xx, it reports a server that it cannot reach.
func (e *proxyError) final() bool {
	return e.status < http.StatusInternalServerError && e.status != http.StatusRequestTimeout && e.status != http.StatusTooManyRequests
}

// enter waits until a request may use the proxy. Call leave after the request.
func (p *proxy) enter(ctx context.Context) (leave func(), err error) {
	select {
	case <-p.accepted:
	default:
		select {
		case <-p.accepted:
		case p.turn <- struct{}{}:
			leave = func() { <-p.turn }
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if leave == nil {
		leave = func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rejected != nil {
		leave()
		return nil, p.rejected
	}
	return leave, nil
}

// received records a response of the proxy itself, or one that it forwarded.
func (p *proxy) received(status int) error {
	if status != http.StatusProxyAuthRequired {
		p.acceptOnce.Do(func() { close(p.accepted) })
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rejected = &proxyError{status}
	return p.rejected
}

// proxiedTransport is an http.Transport with the proxies of the environment.
type proxiedTransport struct {
	*http.Transport
	proxies *Proxies
}

func newProxiedTransport(t *http.Transport, proxies *Proxies) *proxiedTransport {
	t.Proxy = proxies.function
	t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
		if err := proxies.https.received(resp.StatusCode); err != nil || resp.StatusCode == http.StatusOK {
			return err
		}
		return &proxyError{resp.StatusCode}
	}
	return &proxiedTransport{t, proxies}
}

// RoundTrip sends a request, through a proxy if there is one for it.
func (w *proxiedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	p := w.proxies.of(req.URL)
	req = asWritten(req, p)
	if p == nil {
		return w.Transport.RoundTrip(req)
	}
	leave, err := p.enter(req.Context())
	if err != nil {
		return nil, err
	}
	defer leave()
	reply, err := w.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	status := reply.StatusCode
	if req.URL.Scheme == "https" {
		status = http.StatusOK // of the tunnel, because the response inside it is from the server
	}
	if err := p.received(status); err != nil {
		_ = reply.Body.Close()
		return nil, err
	}
	return reply, nil
}

// asWritten returns a request that is sent with its path unchanged. By default,
// net/url encodes a "|". Clients send it unencoded, so a cache would look up a
// different object than it serves to them.
func asWritten(req *http.Request, p *proxy) *http.Request {
	path := req.URL.RawPath
	if path == "" || path == req.URL.EscapedPath() || strings.HasPrefix(path, "//") {
		return req
	}
	u := *req.URL
	u.Opaque = path
	if u.Scheme == "http" && p != nil && p.url != nil && strings.HasPrefix(p.url.Scheme, "http") {
		u.Opaque = "//" + u.Host + path // such a proxy requires the whole address
	}
	written := req.WithContext(req.Context())
	written.URL = &u
	return written
}

// atProxy reports whether a request failed before the proxy forwarded anything.
func atProxy(err error) bool {
	var own *proxyError
	var op *net.OpError
	return errors.As(err, &own) || errors.As(err, &op) && (op.Op == "proxyconnect" || op.Op == "socks connect")
}

// explain completes the error of a request that failed on its way through a
// proxy. The error names the proxy and the setting to fix.
func (p *proxy) explain(e *Error, err error) {
	e.Proxy = p.name()
	if !atProxy(err) {
		return
	}
	e.unsent, e.lost = true, false
	var own *proxyError
	if errors.As(err, &own) && !own.final() {
		return // the proxy works, but cannot reach the server
	}
	e.Kind = KindProxy
	switch {
	case own != nil && own.status == http.StatusProxyAuthRequired:
		e.Advice = "Check the username and password in " + p.variable + " (http://user:password@host:port). Special characters in them must be percent-encoded."
	case own != nil:
		e.Advice = "Ask the administrator of the proxy to permit connections to " + e.Host + ". If it can be reached without the proxy, add it to NO_PROXY."
	case speaksPlainHTTP(err):
		e.Advice = "The proxy speaks plain HTTP. Change " + p.variable + " to start with http://. Requests to https:// addresses stay encrypted."
	default:
		e.Advice = "Check " + p.variable + ". If " + e.Host + " can be reached without the proxy, add it to NO_PROXY."
	}
}

// checkPort returns an error for an invalid port. Package net/url accepts any
// number.
func checkPort(u *url.URL) error {
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errors.New("has a port that is not between 1 and 65535")
		}
	}
	return nil
}
