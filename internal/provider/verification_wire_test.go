// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

// lookAt creates a verification of a file, with a provider that has this block and
// environment, and no system.
func lookAt(t *testing.T, base string, block object, env map[string]string) []string {
	t.Helper()
	w := &world{provider: New(Options{Getenv: func(name string) string { return env[name] }})}
	p := w.speak(t)
	configured, err := p.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: p.pack(p.schemas.Provider.ValueType(), block)})
	p.must(err)
	p.succeeds("configuring", configured.Diagnostics)
	config := siteOf(object{"/a": digestOf("a1")}, object{"base_url": base, "timeouts": object{"create": "1s"}})
	planned, reported := p.plan(verification, nil, config)
	wantReported(t, "the plan", reported)
	_, reported = p.apply(verification, nil, planned, config)
	if err := w.provider.Close(t.Context()); err != nil {
		t.Error(err)
	}
	return reported
}

func TestAVerificationUsesTheCACertificate(t *testing.T) {
	t.Parallel()
	edge := verifytest.NewEdge()
	edge.Origin.Put("/a", verifytest.File{Body: "a1"}, 0)
	server := httptest.NewTLSServer(edge)
	defer server.Close()
	bundle := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	wantReported(t, "with ca_certificate", lookAt(t, server.URL, object{"ca_certificate": bundle}, nil))
	reported := lookAt(t, server.URL, object{}, nil)
	if len(reported) != 1 || !strings.Contains(reported[0], "set ca_certificate in the provider block") {
		t.Errorf("without ca_certificate: %q", reported)
	}
}

// TestAVerificationUsesTheProxy verifies a host that only the proxy can resolve.
func TestAVerificationUsesTheProxy(t *testing.T) {
	t.Parallel()
	edge := verifytest.NewEdge()
	edge.Origin.Put("/a", verifytest.File{Body: "a1"}, 0)
	site := httptest.NewServer(edge)
	defer site.Close()
	hosts := make(chan string, 2)
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		hosts <- r.In.URL.Host
		r.Out.URL.Host = strings.TrimPrefix(site.URL, "http://")
		r.Out.URL.Scheme, r.Out.Header["Accept-Encoding"] = "http", r.In.Header["Accept-Encoding"]
	}, Transport: &http.Transport{DisableCompression: true}})
	defer proxy.Close()
	wantReported(t, "with a proxy", lookAt(t, "http://www.example.test", object{}, map[string]string{"HTTP_PROXY": proxy.URL}))
	close(hosts)
	received := 0
	for host := range hosts {
		received++
		if host != "www.example.test" {
			t.Errorf("the proxy receives a request for %q", host)
		}
	}
	if received != 2 {
		t.Errorf("the proxy receives %d requests, want 2", received)
	}
}
