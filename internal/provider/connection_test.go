// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
)

// clientPair returns a client certificate and its key, in PEM format.
func clientPair(t *testing.T) (public, private string) {
	t.Helper()
	pair := certificate(t, rand.Text(), time.Now().Add(time.Hour))
	pkcs8, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

// linesOfKey returns the secret lines of a key in PEM format.
func linesOfKey(key string) []string {
	var secret []string
	for _, line := range strings.Split(key, "\n") {
		if len(line) > 20 && !strings.Contains(line, "-----") {
			secret = append(secret, line)
		}
	}
	return secret
}

// guarded is the sandbox behind a gateway that requires a client certificate and a
// header.
type guarded struct {
	*world
	ca, certificate, key string
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{world: &world{Sandbox: sandbox.New()}}
	g.HTTPCache.Key = "" // the header of the gateway is enough
	g.certificate, g.key = clientPair(t)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM([]byte(g.certificate))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Gateway-Key") != "s3cret" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		g.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	g.ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	g.env = g.SetAddress(server.URL)
	return g
}

// TestAServerBehindAGateway checks that each system is reachable only with a client
// certificate and a header, from the provider block or from the environment.
func TestAServerBehindAGateway(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	otherCertificate, otherKey := clientPair(t)
	right := object{"client_certificate": g.certificate, "client_key": g.key, "headers": object{"x-gateway-key": "s3cret\n"}}
	for name, row := range map[string]struct {
		block object // in addition to the environment
		env   object
		fails bool
	}{
		"all from the block":                     {right, object{}, false},
		"all from the environment":               {object{}, right, false},
		"the key alone from the environment":     {without(right, "client_key"), object{"client_key": g.key}, false},
		"the block takes precedence":             {right, object{"client_certificate": "s3cret", "client_key": "s3cret", "headers": object{"X-Gateway-Key": "wrong"}}, false},
		"the environment replaces empty strings": {object{"client_certificate": "", "client_key": "\n", "headers": object{}}, right, false},
		"no certificate":                         {object{"headers": right["headers"]}, object{}, true},
		"another certificate":                    {object{"client_certificate": otherCertificate, "client_key": otherKey, "headers": right["headers"]}, object{}, true},
		"no header":                              {without(right, "headers"), object{}, true},
		"a wrong header in the block, and the correct one in the environment": {object{"headers": object{"X-Gateway-Key": "wrong"}}, right, true},
	} {
		for service := range accesses {
			purge := g.purgeAt(t, service)
			t.Run(service+", "+name, func(t *testing.T) {
				t.Parallel()
				env := maps.Clone(g.env)
				for argument, v := range row.env {
					text, ok := v.(string)
					if !ok {
						encoded, err := json.Marshal(v)
						if err != nil {
							t.Fatal(err)
						}
						text = string(encoded)
					}
					env[environment[service+"."+argument]] = text
				}
				c, faults := configure(t, env, object{"ca_certificate": g.ca, service: row.block})
				if len(faults) > 0 {
					t.Fatalf("errors: %q", faults)
				}
				err := purge(t.Context(), c)
				if (err != nil) != row.fails {
					t.Fatalf("error %v, want one: %t", err, row.fails)
				}
				if err != nil && strings.Contains(targetOf(t, service).diagnose(operationUpdate.voice(), err).Detail(), "s3cret") {
					t.Errorf("the header's value is shown: %s", err)
				}
			})
		}
	}
}

func without(o object, name string) object {
	o = maps.Clone(o)
	delete(o, name)
	return o
}

func TestInvalidConnectionSettings(t *testing.T) {
	t.Parallel()
	certificate, key := clientPair(t)
	_, otherKey := clientPair(t)
	own := map[string]string{"mstr": "Cookie", "cdn": "X-Auth-Token", "wpengine": "Authorization"}
	for service := range accesses {
		at := service + "."
		for name, row := range map[string]struct {
			block object
			want  string // diagnostic, "" for none
		}{
			"a pair":                         {object{"client_certificate": certificate, "client_key": key}, ""},
			"a certificate alone":            {object{"client_certificate": certificate}, "client_certificate requires " + at + "client_key, which is not set."},
			"a key alone":                    {object{"client_key": key}, "client_key requires " + at + "client_certificate, which is not set."},
			"an unknown key":                 {object{"client_certificate": certificate, "client_key": unknown{}}, ""},
			"unknown headers":                {object{"headers": unknown{}}, ""},
			"an unknown value":               {object{"headers": object{"X-Gateway-Key": unknown{}}}, ""},
			"the key of another certificate": {object{"client_certificate": certificate, "client_key": otherKey}, "client_key does not belong to the certificate, or is not a private key that TLS supports."},
			"a key that is not PEM":          {object{"client_certificate": certificate, "client_key": "s3cret"}, "client_key is not PEM (-----BEGIN …). Set the content of the file, not its path, for example with file(\"name.pem\")."},
			"a certificate that is not PEM":  {object{"client_certificate": "s3cret", "client_key": key}, "client_certificate is not PEM (-----BEGIN …). Set the content of the file, not its path, for example with file(\"name.pem\")."},
			"its own credentials":            {object{"headers": object{strings.ToLower(own[service]): "s3cret"}}, "headers must not contain " + own[service] + ", which carries the credentials of this system."},
			"a header of HTTP":               {object{"headers": object{"Transfer-Encoding": "s3cret"}}, "headers must not contain Transfer-Encoding, which the provider sets."},
			"an invalid name":                {object{"headers": object{"s3cret:": "v"}}, "headers contains an invalid HTTP header name."},
			"a line break in a value":        {object{"headers": object{"X-Gateway-Key": "s3cret\nX-Other: v"}}, "headers contains a value with a line break or another control character."},
		} {
			if name == "its own credentials" && own[service] == "" {
				continue
			}
			t.Run(service+", "+name, func(t *testing.T) {
				t.Parallel()
				_, got := configure(t, nil, object{service: row.block})
				var want []string
				if row.want != "" {
					argument, _, _ := strings.Cut(row.want, " ")
					want = []string{at + argument + ": Invalid " + at + argument + ": " + at + row.want}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("diagnostics (-want +got):\n%s", diff)
				}
			})
		}
	}
}
