// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// authority signs certificates for the servers of the tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key = a.sign(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour)})
	return a
}

func (a *authority) sign(t *testing.T, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.Subject = big.NewInt(1), pkix.Name{CommonName: rand.Text()}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// server starts a server whose response is 202 with the protocol. Its certificate
// is for name and expires at until. Without a name, the server uses plain HTTP.
func (a *authority) server(t *testing.T, name string, until time.Time, maxVersion uint16) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(202)
		_, _ = io.WriteString(w, r.Proto)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	t.Cleanup(server.Close)
	if name == "" {
		server.Start()
		return server
	}
	template := &x509.Certificate{NotBefore: until.Add(-2 * time.Hour), NotAfter: until, DNSNames: []string{name}, IPAddresses: []net.IP{net.ParseIP(name)}}
	if template.IPAddresses[0] == nil {
		template.IPAddresses = nil
	}
	cert, key := a.sign(t, template)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}, MaxVersion: maxVersion, MinVersion: tls.VersionTLS10}
	server.StartTLS()
	return server
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ours.cert)
	valid := time.Now().Add(time.Hour)
	for name, row := range map[string]struct {
		server *httptest.Server
		roots  *x509.CertPool
		kind   Kind
		text   string // part of the error
		dials  int64
	}{
		"a private authority that is trusted":             {ours.server(t, "127.0.0.1", valid, 0), pool, accepted, "", 1},
		"a private authority that is not":                 {theirs.server(t, "127.0.0.1", valid, 0), pool, KindTLS, "certificate signed by unknown authority", 1},
		"a private authority and the roots of the system": {ours.server(t, "127.0.0.1", valid, 0), nil, KindTLS, "certificate signed by unknown authority", 1},
		"a certificate that has expired":                  {ours.server(t, "127.0.0.1", time.Now().Add(-time.Hour), 0), pool, KindTLS, "certificate has expired", 1},
		"a certificate for another host":                  {ours.server(t, "other.example", valid, 0), pool, KindTLS, "cannot validate certificate for 127.0.0.1", 1},
		"a server with TLS 1.0 only":                      {ours.server(t, "127.0.0.1", valid, tls.VersionTLS10), pool, KindTLS, "protocol version not supported", 1},
		"a server with TLS 1.1 only":                      {ours.server(t, "127.0.0.1", valid, tls.VersionTLS11), pool, KindTLS, "protocol version not supported", 1},
		"plain HTTP on the port":                          {ours.server(t, "", valid, 0), pool, KindTLS, "first record does not look like a TLS handshake", 1},
		"a connection closed in the handshake":            {hangUp(t), pool, KindNoResponse, "no response from Example", 2},
		"a connection silent in the handshake":            {silent(t), pool, KindNoResponse, "the attempt exceeded the request timeout", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var dials atomic.Int64
			c := New("Example", Options{
				RootCAs: row.roots, RequestTimeout: timeoutFor(name), Unanswered: 1,
				Dial: counting(&dials),
			})
			defer c.Close()
			req := purge()
			req.Base = "https://" + row.server.Listener.Addr().String()
			resp, err := c.Do(t.Context(), req)
			same(t, "kind", row.kind, kindOf(err))
			if !strings.Contains(textOf(err), row.text) {
				t.Errorf("%q is not in %q", row.text, textOf(err))
			}
			same(t, "dials", row.dials, dials.Load())
			if err == nil {
				same(t, "protocol", "HTTP/2.0", string(resp.Body))
			}
			var e *Error
			if errors.As(err, &e) && strings.Contains(e.Advice, "speaks plain HTTP on this port") != strings.Contains(name, "plain HTTP") {
				t.Errorf("the advice is %q", e.Advice)
			}
		})
	}
}

// timeoutFor returns a short timeout if the test waits for it.
func timeoutFor(name string) time.Duration {
	if strings.Contains(name, "silent") || strings.Contains(name, "never responds") {
		return 50 * time.Millisecond
	}
	return time.Minute
}

func counting(dials *atomic.Int64) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
}

func hangUp(t *testing.T) *httptest.Server {
	t.Helper()
	return raw(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		_ = c.Close()
	})
}

func silent(t *testing.T) *httptest.Server {
	t.Helper()
	return raw(t, func(c net.Conn) {
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	})
}

// raw starts a server that does not speak HTTP.
func raw(t *testing.T, handle func(net.Conn)) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(func() { _ = server.Listener.Close() })
	go func() {
		for {
			conn, err := server.Listener.Accept()
			if err != nil {
				return
			}
			go handle(conn)
		}
	}()
	return server
}
