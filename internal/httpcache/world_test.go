// SPDX-License-Identifier: MPL-2.0

package httpcache_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/httpcache"
	"github.com/cachepurge/terraform-provider-purge/internal/httpcache/httpcachetest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
)

const (
	endpoint = "http://10.0.0.11:6081"
	host     = "www.example.com"
)

// world is a fake, its client, and the network between them. Every address leads
// to the fake. At the end, the test fails if a connection is open or a secret was
// logged.
type world struct {
	*httpcachetest.Server
	*clienttest.Bubble
	config httpcache.Config
	// connect creates the client with the first call, so tests can change the
	// configuration before.
	connect func() *httpcache.Client
}

// inWorld runs a test in virtual time.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	f := httpcachetest.New()
	clienttest.Run(t, f, f.Journal, func(b *clienttest.Bubble) {
		w := &world{Server: f, Bubble: b, config: httpcache.Config{Endpoints: []string{endpoint}, Transport: b.Options()}}
		w.config.Transport.Header = http.Header{w.KeyHeader: {w.Key}}
		w.connect = sync.OnceValue(func() *httpcache.Client { return httpcache.New(w.config) })
		test(b.T, w)
		b.End(f, func(ctx context.Context) error { return w.connect().Close(ctx) })
	})
}

// runs sets the software of the fake, and the matching options of the client.
func (w *world) runs(s *httpcachetest.Software) {
	w.Software, w.config.Method, w.config.PathPrefix = s, s.Method, s.PathPrefix
}

func (w *world) purge(path string) error { return w.purgeAt(endpoint, path) }

func (w *world) purgeAt(endpoint, path string) error {
	err := w.connect().Purge(w.T.Context(), endpoint, host, path)
	w.Show(err)
	return err
}

// visit returns the response body for a visitor.
func (w *world) visit(path, encoding string) string {
	w.T.Helper()
	req, err := http.NewRequestWithContext(w.T.Context(), http.MethodGet, endpoint+path, http.NoBody)
	if err != nil {
		w.T.Fatal(err)
	}
	req.Host = host
	if encoding != "" {
		req.Header.Set("Accept-Encoding", encoding)
	}
	visitor := &http.Transport{DialContext: w.Network.Dial, DisableKeepAlives: true, DisableCompression: true}
	resp, err := visitor.RoundTrip(req)
	if err != nil {
		w.T.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.T.Fatal(err)
	}
	return string(body)
}

// errorFields contains the fields of an error that the tests compare.
type errorFields struct {
	Kind        transport.Kind
	Status      int
	Message, ID string
	Input       string
	Advice      string
	Doing       string
	Err         string
}

// Shared with the other clients.
var (
	diff         = clienttest.Diff
	together     = clienttest.Together
	respond      = clienttest.Respond
	fieldsOf     = clienttest.ErrorFields[errorFields]
	wantError    = clienttest.WantError[errorFields]
	wantNoErrors = clienttest.WantNoErrors
)
