// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// environment returns an argument for NewProxies, from names and values in turn.
func environment(pairs ...string) func(string) string {
	return func(name string) string {
		if i := slices.Index(pairs, name); i >= 0 && i%2 == 0 {
			return pairs[i+1]
		}
		return ""
	}
}

// TestProxySelection checks that NewProxies reads the environment like curl and
// net/http, except that an invalid address is an error.
func TestProxySelection(t *testing.T) {
	t.Parallel()
	const notAnAddress, scheme = " is not the address of a proxy, such as http://proxy.example.com:3128.", " must start with http://, https://, socks5://, or socks5h://."
	for name, row := range map[string]struct {
		env    []string
		target string
		dialed string
		fault  string // prefix of the error
	}{
		"none":                      {nil, "https://api.example", "api.example:443", ""},
		"for https":                 {[]string{"HTTPS_PROXY", "http://proxy.example:3128"}, "https://api.example", "proxy.example:3128", ""},
		"for https, in lower case":  {[]string{"https_proxy", "http://proxy.example:3128"}, "https://api.example", "proxy.example:3128", ""},
		"for http":                  {[]string{"HTTP_PROXY", "http://proxy.example"}, "http://api.example", "proxy.example:80", ""},
		"without a scheme":          {[]string{"HTTPS_PROXY", "proxy.example:3128"}, "https://api.example", "proxy.example:3128", ""},
		"with a user":               {[]string{"HTTPS_PROXY", "http://user:hunter22@proxy.example:3128"}, "https://api.example", "proxy.example:3128", ""},
		"with an @ in the password": {[]string{"HTTPS_PROXY", "http://user:hun@ter22@proxy.example:3128"}, "https://api.example", "proxy.example:3128", ""},
		"over TLS":                  {[]string{"HTTPS_PROXY", "https://proxy.example"}, "https://api.example", "proxy.example:443", ""},
		"socks":                     {[]string{"HTTPS_PROXY", "socks5://proxy.example"}, "https://api.example", "proxy.example:1080", ""},
		"with surrounding spaces":   {[]string{"HTTPS_PROXY", " http://proxy.example:3128\n"}, "https://api.example", "proxy.example:3128", ""},
		"for the other scheme":      {[]string{"HTTP_PROXY", "http://proxy.example:3128"}, "https://api.example", "api.example:443", ""},
		"not for this host":         {[]string{"HTTPS_PROXY", "http://proxy.example:3128", "NO_PROXY", ".example"}, "https://api.example", "api.example:443", ""},
		"not for this machine":      {[]string{"HTTPS_PROXY", "http://proxy.example:3128"}, "https://localhost", "localhost:443", ""},
		"a missing slash":           {[]string{"HTTPS_PROXY", "http:/proxy.example:3128"}, "https://api.example", "", "HTTPS_PROXY" + notAnAddress},
		"a % in the password":       {[]string{"HTTPS_PROXY", "http://user:hunter%zz22@proxy.example:3128"}, "https://api.example", "", "HTTPS_PROXY" + notAnAddress},
		"a # in the password":       {[]string{"https_proxy", "http://user:hunter#22@proxy.example:3128"}, "https://api.example", "", "https_proxy" + notAnAddress},
		"an invalid port":           {[]string{"HTTP_PROXY", "http://proxy.example:99999"}, "http://api.example", "", "HTTP_PROXY" + notAnAddress},
		"a port that is a word":     {[]string{"HTTPS_PROXY", "proxy.example:port"}, "https://api.example", "", "HTTPS_PROXY" + notAnAddress},
		"no host":                   {[]string{"HTTPS_PROXY", "http://"}, "https://api.example", "", "HTTPS_PROXY" + notAnAddress},
		"a host of two words":       {[]string{"HTTPS_PROXY", "no proxy"}, "https://api.example", "", "HTTPS_PROXY" + notAnAddress},
		"another scheme":            {[]string{"HTTPS_PROXY", "ftp://proxy.example"}, "https://api.example", "", "HTTPS_PROXY" + scheme},
		"an invalid proxy that NO_PROXY excludes": {[]string{"HTTPS_PROXY", "ftp://proxy.example", "NO_PROXY", "api.example"}, "https://api.example", "api.example:443", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network := wiretest.Listen()
			network.Set(wiretest.Refuse)
			proxies := NewProxies(environment(row.env...))
			fault := textOf(proxies.Check(row.target + "/base"))
			if !strings.HasPrefix(fault, row.fault) || row.fault == "" && fault != "" {
				t.Errorf("the error is %q, want %q", fault, row.fault)
			}
			c := New("Example", Options{MaxRetries: -1, Dial: network.Dial, Proxies: proxies})
			defer c.Close()
			slot := &recorder{}
			req := purge()
			req.Base, req.Quota, req.Once = row.target, slot.pace, true
			_, err := c.Do(t.Context(), req)
			same(t, "dialed", row.dialed, strings.Join(network.Dialed(), " "))
			same(t, "the quota was told", []string{"quota", "quota: send", "quota: unsent"}, slot.events)
			if row.fault != "" {
				same(t, "kind", KindConfig, kindOf(err))
			}
			if all := fault + strings.Join(everyText(err), " "); strings.Contains(all, "hun") {
				t.Errorf("%q contains the proxy's password", all)
			}
		})
	}
}

// gateway is a proxy and the server behind it.
type gateway struct {
	user, password string
	status         int // of each CONNECT; 0 opens the tunnel

	asked  atomic.Int64 // requests to the proxy
	server *httptest.Server
	proxy  *httptest.Server
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{user: "user", password: "hunter22"}
	g.server = newAuthority(t).server(t, "api.example", time.Now().Add(time.Hour), 0)
	g.proxy = httptest.NewServer(g)
	t.Cleanup(g.proxy.Close)
	return g
}

// dial connects every address to the proxy.
func (g *gateway) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, g.proxy.Listener.Addr().String())
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.asked.Add(1)
	sent := &http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
	user, password, _ := sent.BasicAuth()
	switch {
	case user != g.user || password != g.password:
		w.Header().Set("Proxy-Authenticate", "Basic")
		w.WriteHeader(http.StatusProxyAuthRequired)
	case g.status != 0:
		w.WriteHeader(g.status)
	case r.Method != http.MethodConnect:
		w.WriteHeader(http.StatusAccepted)
	default:
		g.tunnel(w, r)
	}
}

func (g *gateway) tunnel(w http.ResponseWriter, r *http.Request) {
	far, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", g.server.Listener.Addr().String())
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusOK)
	near, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	// The client may have sent its first bytes before Hijack.
	go func() { _, _ = io.Copy(far, buffered); _ = far.Close() }()
	_, _ = io.Copy(near, far)
	_ = near.Close()
}

// roots returns a pool that contains the certificate of the server.
func (g *gateway) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	cert, err := x509.ParseCertificate(g.server.TLS.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(cert)
	return pool
}

func TestProxy(t *testing.T) {
	t.Parallel()
	refused := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	unknown := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "proxy.example", IsNotFound: true}}
	}
	for name, row := range map[string]struct {
		env    []string
		target string
		change func(*gateway)
		dial   func(context.Context, string, string) (net.Conn, error)
		kind   Kind
		asked  int64 // by 20 parallel requests of two clients; -1 means any number
		advice string
	}{
		"a proxy that works": {[]string{"HTTPS_PROXY", "http://user:hunter22@proxy.example"}, "https://api.example", nil, nil, accepted, -1, ""},
		"a proxy that works without TLS": {
			[]string{"HTTP_PROXY", "http://user:hunter22@proxy.example"}, "http://api.example", nil, nil, accepted, 20, "",
		},
		"a wrong password is sent once": {
			[]string{"HTTPS_PROXY", "http://user:hunter23@proxy.example"},
			"https://api.example", nil, nil, KindProxy, 1,
			"Check the username and password in HTTPS_PROXY (http://user:password@host:port).",
		},
		"a wrong password is sent once without TLS": {
			[]string{"http_proxy", "http://user:hunter23@proxy.example"},
			"http://api.example", nil, nil, KindProxy, 1,
			"Check the username and password in http_proxy (http://user:password@host:port).",
		},
		"no password": {
			[]string{"HTTPS_PROXY", "http://proxy.example"},
			"https://api.example", nil, nil, KindProxy, 1,
			"Check the username and password in HTTPS_PROXY (http://user:password@host:port).",
		},
		"a proxy that does not permit the host": {
			[]string{"HTTPS_PROXY", "http://user:hunter22@proxy.example"},
			"https://api.example", func(g *gateway) { g.status = 403 }, nil, KindProxy, 20,
			"Ask the administrator of the proxy to permit connections to api.example.",
		},
		"a proxy that cannot reach the host": {
			[]string{"HTTPS_PROXY", "http://user:hunter22@proxy.example"}, "https://api.example", func(g *gateway) { g.status = 503 }, nil, KindNoResponse, -1, "",
		},
		"a proxy that is down": {
			[]string{"HTTPS_PROXY", "http://user:hunter22@proxy.example"},
			"https://api.example", nil, refused, KindProxy, 0,
			"Check HTTPS_PROXY. If api.example can be reached without the proxy, add it to NO_PROXY.",
		},
		"a proxy with an unknown name": {
			[]string{"HTTPS_PROXY", "http://proxy.example"}, "https://api.example", nil, unknown, KindProxy, 0, "Check HTTPS_PROXY.",
		},
		"a proxy that never responds": {
			[]string{"HTTPS_PROXY", "http://proxy.example"}, "https://api.example", nil, neverResponds(t), KindNoResponse, 0, "",
		},
		"https:// for a proxy with plain HTTP": {
			[]string{"HTTPS_PROXY", "https://user:hunter22@proxy.example"},
			"https://api.example", nil, nil, KindProxy, 0,
			"The proxy speaks plain HTTP. Change HTTPS_PROXY to start with http://.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			if row.change != nil {
				row.change(g)
			}
			if row.dial == nil {
				row.dial = g.dial
			}
			o := Options{
				Unanswered: 1, Dial: row.dial, RootCAs: g.roots(t), Proxies: NewProxies(environment(row.env...)),
				RequestTimeout: timeoutFor(name),
			}
			slot := &recorder{}
			var wg sync.WaitGroup
			for range 2 {
				c := New("Example", o)
				t.Cleanup(c.Close)
				for range 10 {
					wg.Go(func() {
						req := purge()
						req.Base, req.Quota = row.target, slot.pace
						_, err := c.Do(t.Context(), req)
						proxyIsBlamed(t, err, row.kind, row.advice)
					})
				}
			}
			wg.Wait()
			if asked := g.asked.Load(); row.asked >= 0 && asked != row.asked {
				t.Errorf("the proxy received %d requests, want %d", asked, row.asked)
			}
			if told := strings.Join(slot.events, ","); row.kind != accepted && (strings.Contains(told, "failed") || strings.Contains(told, "passed")) {
				t.Errorf("slots were used for requests that the proxy did not forward: %s", told)
			}
		})
	}
}

// neverResponds dials a proxy that reads requests and writes nothing.
func neverResponds(t *testing.T) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	address := silent(t).Listener.Addr().String()
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
}

func proxyIsBlamed(t *testing.T, err error, kind Kind, advice string) {
	t.Helper()
	same(t, "kind", kind, kindOf(err))
	if err == nil {
		return
	}
	var e *Error
	errors.As(err, &e)
	if !strings.HasPrefix(e.Proxy, "proxy.example (from ") || !strings.HasPrefix(e.Advice, advice) {
		t.Errorf("the proxy is %q, the advice %q", e.Proxy, e.Advice)
	}
	if all := e.Proxy + e.Advice + strings.Join(everyText(err), " "); strings.Contains(all, "hunter") {
		t.Errorf("%q contains the proxy's password", all)
	}
}
