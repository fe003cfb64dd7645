// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func (a *authority) pem() string { return pemOf("CERTIFICATE", a.cert.Raw) }

// indented returns a PEM text as in an indented heredoc.
func indented(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }

func TestAuthorities(t *testing.T) {
	t.Parallel()
	a, b := newAuthority(t), newAuthority(t)
	system, err := x509.SystemCertPool()
	if err != nil {
		t.Fatal(err)
	}
	const bom = "\uFEFF"
	cut := b.pem()[:len(b.pem())-40]
	damaged := strings.Replace(b.pem(), "MII", "M!!", 1)
	garbled := pemOf("CERTIFICATE", []byte("hunter22"))
	for name, row := range map[string]struct {
		bundle string
		want   []*authority
		err    string
	}{
		"one":                                  {a.pem(), []*authority{a}, ""},
		"two":                                  {a.pem() + b.pem(), []*authority{a, b}, ""},
		"a byte order mark before it":          {bom + a.pem(), []*authority{a}, ""},
		"a byte order mark before each":        {bom + a.pem() + bom + b.pem(), []*authority{a, b}, ""},
		"line breaks of Windows":               {strings.ReplaceAll(a.pem()+b.pem(), "\n", "\r\n"), []*authority{a, b}, ""},
		"an indented heredoc":                  {indented(a.pem() + b.pem()), []*authority{a, b}, ""},
		"comments between":                     {"# a\n" + a.pem() + "\nsubject: b\n" + b.pem() + "# end", []*authority{a, b}, ""},
		"no line break between":                {strings.TrimSpace(a.pem()) + b.pem(), []*authority{a, b}, ""},
		"no line break at the end":             {strings.TrimSpace(a.pem()), []*authority{a}, ""},
		"the second block is cut off":          {a.pem() + cut, nil, "cannot be decoded in block 2 of 2: the block is damaged or cut off"},
		"the first block is cut off":           {cut + a.pem(), nil, "cannot be decoded in block 1 of 2: the block is damaged or cut off"},
		"the second block of three is damaged": {a.pem() + damaged + a.pem(), nil, "cannot be decoded in block 2 of 3: the block is damaged or cut off"},
		"a block with other content":           {a.pem() + garbled, nil, "contains something other than a certificate in block 2 of 2"},
		"a private key":                        {pemOf("PRIVATE KEY", a.cert.Raw), nil, "contains something other than a certificate in block 1 of 1"},
		"a path":                               {"/etc/ssl/hunter22.pem", nil, "is not PEM (-----BEGIN …). Set the content of the file, not its path, for example with file(\"name.pem\")"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool, err := Authorities(row.bundle)
			same(t, "error", row.err, textOf(err))
			if row.want == nil {
				return
			}
			want := system.Clone()
			for _, authority := range row.want {
				want.AddCert(authority.cert)
			}
			if pool == nil || !pool.Equal(want) {
				t.Error("the pool does not contain the authorities of the system and of the bundle")
			}
		})
	}
}

const systemVariable = "PURGE_TEST_SYSTEM_AUTHORITY"

// TestAuthoritiesAreAdded checks that Authorities keeps those of the operating
// system. It runs the test below in a process of its own, because a process reads
// those only once.
func TestAuthoritiesAreAdded(t *testing.T) {
	t.Parallel()
	public, private := newAuthority(t), newAuthority(t)
	file := filepath.Join(t.TempDir(), "system.pem")
	if err := os.WriteFile(file, []byte(public.pem()), 0o600); err != nil {
		t.Fatal(err)
	}
	soon := time.Now().Add(time.Hour)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAuthoritiesAreAddedChild$", "-test.v")
	child.Env = append(os.Environ(), "SSL_CERT_FILE="+file, "SSL_CERT_DIR="+t.TempDir(), systemVariable+"="+strings.Join([]string{
		public.server(t, "127.0.0.1", soon, 0).URL, private.server(t, "127.0.0.1", soon, 0).URL, private.pem(),
	}, " | "))
	out, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestAuthoritiesAreAddedChild") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAuthoritiesAreAddedChild(t *testing.T) { //nolint:paralleltest // runs in its own process
	given := strings.Split(os.Getenv(systemVariable), " | ")
	if len(given) != 3 {
		t.Skip("run by TestAuthoritiesAreAdded")
	}
	pool, err := Authorities(given[2])
	if err != nil {
		t.Fatal(err)
	}
	c := New("Example", Options{RootCAs: pool, MaxRetries: -1})
	defer c.Close()
	for name, address := range map[string]string{"of the system": given[0], "of the bundle": given[1]} {
		req := purge()
		req.Base = address
		if _, err := c.Do(t.Context(), req); err != nil {
			t.Errorf("the authority %s is not trusted: %s", name, err)
		}
	}
}

// client is a client certificate and its key, as PEM.
type client struct{ certificate, key, encrypted string }

func (a *authority) client(t *testing.T) client {
	t.Helper()
	cert, key := a.sign(t, &x509.Certificate{NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return client{pemOf("CERTIFICATE", cert.Raw), pemOf("PRIVATE KEY", der), pemOf("ENCRYPTED PRIVATE KEY", der)}
}

func TestClientCertificate(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	mine, other := a.client(t), a.client(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	const notPEM = "is not PEM (-----BEGIN …). Set the content of the file, not its path, for example with file(\"name.pem\")"
	const mismatch = "does not belong to the certificate, or is not a private key that TLS supports"
	for name, row := range map[string]struct {
		certificate, key string
		chain            int
		ofKey            bool
		err              string
	}{
		"a pair":                             {mine.certificate, mine.key, 1, false, ""},
		"with a chain":                       {mine.certificate + a.pem(), mine.key, 2, false, ""},
		"with byte order marks":              {"\uFEFF" + mine.certificate, "\uFEFF" + mine.key, 1, false, ""},
		"parameters before the key":          {mine.certificate, pemOf("EC PARAMETERS", []byte{6, 8}) + mine.key, 1, false, ""},
		"certificate and key in one text":    {mine.certificate, mine.certificate + mine.key, 1, false, ""},
		"the key of another certificate":     {mine.certificate, other.key, 0, true, mismatch},
		"a SEC 1 key of another certificate": {mine.certificate, pemOf("EC PRIVATE KEY", sec1), 0, true, mismatch},
		"no key":                             {mine.certificate, mine.certificate, 0, true, "contains no private key"},
		"a key with a passphrase":            {mine.certificate, mine.encrypted, 0, true, "is encrypted with a passphrase. Use the decrypted key"},
		"a key that is a path":               {mine.certificate, "/etc/ssl/hunter22.key", 0, true, notPEM},
		"a key that is cut off":              {mine.certificate, mine.key[:100], 0, true, "cannot be decoded in block 1 of 1: the block is damaged or cut off"},
		"a certificate that is a path":       {"/etc/ssl/hunter22.pem", mine.key, 0, false, notPEM},
		"certificate and key swapped":        {mine.key, mine.certificate, 0, false, "contains something other than a certificate in block 1 of 1"},
		"a chain with an invalid block":      {mine.certificate + pemOf("CERTIFICATE", []byte("hunter22")), mine.key, 0, false, "contains something other than a certificate in block 2 of 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pair, ofKey, err := ClientCertificate(row.certificate, row.key)
			same(t, "error", row.err, textOf(err))
			same(t, "error of the key", row.ofKey, ofKey)
			if row.err == "" {
				same(t, "certificates", row.chain, len(pair.Certificate))
			}
		})
	}
}

// TestServersThatRequireACertificate checks TLS 1.2, whose handshake fails, and TLS
// 1.3, whose first response fails.
func TestServersThatRequireACertificate(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	mine, strange := ours.client(t), theirs.client(t)
	pair := func(c client) *tls.Certificate {
		pair, _, err := ClientCertificate(c.certificate, c.key)
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	const failure = "If the server requires a client certificate, set client_certificate and client_key of this system"
	const advice = "The server rejected the client's certificate, or requires one. Check client_certificate and client_key"
	for name, row := range map[string]struct {
		certificate *tls.Certificate
		version     uint16
		hints       bool // the server lists the authority
		kind        Kind
		advice      string
	}{
		"the right one, TLS 1.3":        {pair(mine), tls.VersionTLS13, true, accepted, ""},
		"the right one, TLS 1.2":        {pair(mine), tls.VersionTLS12, true, accepted, ""},
		"none, TLS 1.3":                 {nil, tls.VersionTLS13, true, KindTLS, advice},
		"none, TLS 1.2":                 {nil, tls.VersionTLS12, true, KindTLS, failure},
		"of another authority, TLS 1.3": {pair(strange), tls.VersionTLS13, true, KindTLS, advice},
		"of another authority, TLS 1.2": {pair(strange), tls.VersionTLS12, true, KindTLS, advice},
		"the right one, unlisted":       {pair(mine), tls.VersionTLS13, false, accepted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var served atomic.Int64
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				served.Add(1)
				w.WriteHeader(http.StatusAccepted)
			}))
			cert, key := ours.sign(t, &x509.Certificate{NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}})
			pool, named := x509.NewCertPool(), x509.NewCertPool()
			pool.AddCert(ours.cert)
			named.AddCert(theirs.cert)
			server.TLS = &tls.Config{
				Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
				ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: row.version, MaxVersion: row.version,
			}
			if !row.hints {
				server.TLS.ClientAuth, server.TLS.ClientCAs = tls.RequireAnyClientCert, named
			}
			server.EnableHTTP2 = true
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			t.Cleanup(server.Close)
			c := New("Example", Options{RootCAs: pool, Certificate: row.certificate, Backoff: func(int) time.Duration { return 0 }})
			defer c.Close()
			req := purge()
			req.Base = server.URL
			_, err := c.Do(t.Context(), req)
			same(t, "kind", row.kind, kindOf(err))
			if err != nil && !strings.HasPrefix(err.(*Error).Advice, row.advice) { //nolint:errorlint,forcetypeassert // Do promises it
				t.Errorf("the advice is %q: %s", err.(*Error).Advice, err) //nolint:errorlint,forcetypeassert // as above
			}
			if err == nil && served.Load() != 1 {
				t.Errorf("served %d requests", served.Load())
			}
		})
	}
}
