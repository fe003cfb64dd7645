// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// TestProxyFaults runs over loopback sockets in real time, because none of its rows
// waits. No request may bypass the proxy.
func TestProxyFaults(t *testing.T) {
	t.Parallel()
	const right = "http://user:hunter22@proxy.example.com:3128"
	rows := []struct {
		name, proxy string
		status      int            // of the proxy
		fault       wiretest.Fault // of the dial
	}{
		{"no proxy and an unknown host", "", 0, wiretest.UnknownHost},
		{"dead", right, 0, wiretest.Refuse},
		{"unknown", right, 0, wiretest.UnknownHost},
		{"https:// for a proxy without TLS", "https://user:hunter22@proxy.example.com:3128", 0, nil},
		{"wrong password", right, http.StatusProxyAuthRequired, nil},
		{"host that is not permitted", right, http.StatusForbidden, nil},
		{"host that the proxy cannot reach", right, http.StatusBadGateway, nil},
		{"invalid address", "http://user:hunter%22@proxy.example.com:port", 0, nil},
	}
	var records []record
	for _, target := range targets {
		for _, row := range rows {
			var asked atomic.Int64
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.WriteHeader(row.status)
			}))
			b := &bench{Sandbox: sandbox.New(), api: apiOf(t, target), t: t, target: target, began: time.Now()}
			b.MSTR.Projects[0].ID, b.WPEngine.Installs[0].ID = projectHex, install
			env := b.SetAddress("https://api.example.com")
			env["HTTPS_PROXY"] = row.proxy
			dial := func(ctx context.Context) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "tcp", proxy.Listener.Addr().String())
			}
			options := Options{Version: "test", Getenv: func(name string) string { return env[name] }, Transport: transport.Options{
				MaxRetries: -1, Unanswered: 1, UnansweredLookup: 1, Backoff: func(int) time.Duration { return time.Millisecond },
				Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
					if row.fault != nil {
						return row.fault(ctx, address, dial)
					}
					return dial(ctx)
				},
			}}
			var diags diag.Diagnostics
			b.clients = options.configure(t.Context(), &providerModel{}, &diags)
			if diags.HasError() {
				t.Fatal(diags)
			}
			result := purge(b.purge())(t.Context(), b)
			again := purge(b.purge())(t.Context(), b)
			for _, c := range b.clients.open {
				_ = c.Close(t.Context())
			}
			proxy.Close()
			if n := asked.Load(); row.status == http.StatusProxyAuthRequired && n != 1 {
				t.Errorf("%s, %s: the password was sent %d times, want once", target.name, row.name, n)
			}
			if shown := result.text() + again.text(); strings.Contains(shown, "hunter") {
				t.Errorf("%s, %s: the proxy's password is shown: %s", target.name, row.name, shown)
			}
			// In real time, either the login or the probe of its host fails first.
			shown := downFor.ReplaceAllString(strings.ReplaceAll(normal(result.text()), " while logging in", ""), "")
			records = append(records, record{at: "purge_" + target.name, fault: row.name, shown: shown, sent: b.sent()})
			_, _ = b.Write([]byte(result.text()))
			b.keepsSecrets()
		}
	}
	golden(t, "proxy", "the proxy", records)
}
