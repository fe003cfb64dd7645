// SPDX-License-Identifier: MPL-2.0

package verify_test

import (
	"context"
	"crypto/md5"
	"crypto/x509"
	"encoding/hex"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/verify"
)

var block [64 << 10]byte

// large is a body of 64 MiB of zeros and a final 1.
type large struct{}

func (large) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for range 64 << 4 {
		n, err := w.Write(block[:])
		if written += int64(n); err != nil {
			return written, err
		}
	}
	n, err := io.WriteString(w, "1")
	return written + int64(n), err
}

func TestBodiesAreNotKeptInMemory(t *testing.T) { //nolint:paralleltest // it measures the allocations of the process
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"1"`)
		_, _ = large{}.WriteTo(w)
	}))
	defer server.Close()
	client := verify.New(verify.Config{})
	defer func() { _ = client.Close(t.Context()) }()
	digest := md5.New()
	_, _ = large{}.WriteTo(digest)
	for name, item := range map[string]verify.Item{
		"a digest": {Want: hex.EncodeToString(digest.Sum(nil))},
		"an ETag":  {Want: `"1"`},
		"a text":   {Contains: "1"},
		"removed":  {Gone: hexMD5(content)},
	} {
		item.BaseURL, item.Path = server.URL, "/"
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := client.Verify(t.Context(), item); err != nil {
			t.Errorf("%s: %s", name, err)
		}
		runtime.ReadMemStats(&after)
		// The server allocates a few buffers.
		if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 8 {
			t.Errorf("%s: %d MiB were allocated", name, used)
		}
	}
}

func TestCACertificateOfTheProvider(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, content) }))
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	for name, test := range map[string]struct {
		transport transport.Options
		ok        bool
	}{
		"with ca_certificate": {transport.Options{RootCAs: pool}, true},
		"without":             {transport.Options{}, false},
	} {
		client := verify.New(verify.Config{Transport: test.transport})
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		err := client.Verify(ctx, verify.Item{BaseURL: server.URL, Path: "/a", Want: hexMD5(content)})
		cancel()
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		_ = client.Close(t.Context())
	}
}
