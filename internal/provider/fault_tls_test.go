// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// certificate returns a self-signed certificate.
func certificate(t *testing.T, host string, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fault suite"}, DNSNames: []string{host},
		NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestTLSFaults runs over loopback sockets in real time, because none of its rows
// waits.
func TestTLSFaults(t *testing.T) {
	t.Parallel()
	tomorrow, yesterday := time.Now().Add(24*time.Hour), time.Now().Add(-24*time.Hour)
	rows := []struct {
		name    string
		host    string
		until   time.Time
		newest  uint16 // newest TLS version
		plain   bool
		trusted bool // by ca_certificate
		dials   int
	}{
		{name: "private CA that is not configured", host: "localhost", until: tomorrow, dials: 1},
		{name: "private CA that is configured", host: "localhost", until: tomorrow, trusted: true, dials: 1},
		{name: "certificate that has expired", host: "localhost", until: yesterday, trusted: true, dials: 1},
		{name: "certificate of another host", host: "other.example.com", until: tomorrow, trusted: true, dials: 1},
		{name: "TLS 1.0", host: "localhost", until: tomorrow, trusted: true, newest: tls.VersionTLS10, dials: 1},
		{name: "TLS 1.1", host: "localhost", until: tomorrow, trusted: true, newest: tls.VersionTLS11, dials: 1},
		{name: "plain text on the port", plain: true, dials: 1},
	}
	var records []record
	for _, target := range targets {
		for _, row := range rows {
			b := &bench{Sandbox: sandbox.New(), api: apiOf(t, target), t: t, target: target, began: time.Now()}
			b.MSTR.Projects[0].ID, b.WPEngine.Installs[0].ID = projectHex, install
			if b.prepare != nil {
				b.prepare(b)
			}
			server := httptest.NewUnstartedServer(b)
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			trusted := types.StringNull()
			if row.plain {
				server.Start()
			} else {
				own := certificate(t, row.host, row.until)
				server.TLS = &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS10, MaxVersion: row.newest}
				server.StartTLS()
				if row.trusted {
					trusted = types.StringValue(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})))
				}
			}
			var dials atomic.Int64
			var diags diag.Diagnostics
			env := b.SetAddress("https://localhost")
			options := Options{Version: "test", Getenv: func(name string) string { return env[name] }, Transport: transport.Options{
				Backoff: func(int) time.Duration { return time.Millisecond },
				Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
					dials.Add(1)
					return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
				},
			}}
			b.clients = options.configure(t.Context(), &providerModel{CACertificate: trusted}, &diags)
			if diags.HasError() {
				t.Fatal(diags)
			}
			result := purge(b.purge())(t.Context(), b)
			for _, c := range b.clients.open {
				if err := c.Close(t.Context()); err != nil {
					t.Errorf("%s, %s: closing: %s", target.name, row.name, err)
				}
			}
			server.Close()
			if n := int(dials.Load()); n != row.dials {
				t.Errorf("%s, %s: %d dials, want %d: an invalid certificate is not retried", target.name, row.name, n, row.dials)
			}
			// In real time, the elapsed time depends on the machine.
			shown := downFor.ReplaceAllString(normal(result.text()), "")
			records = append(records, record{at: "purge_" + target.name, fault: row.name, shown: shown, sent: b.sent()})
			_, _ = b.Write([]byte(result.text()))
			b.keepsSecrets()
		}
	}
	golden(t, "tls", "TLS", records)
}

var downFor = regexp.MustCompile(`; the host has been down for \w+`)
