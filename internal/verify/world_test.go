// SPDX-License-Identifier: MPL-2.0

package verify_test

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
	"github.com/cachepurge/terraform-provider-purge/internal/verify"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

// base is the address of the edge.
const base = "http://localhost"

// world is an edge with an origin, a client, and the network between them, in
// virtual time. It keeps the received requests.
type world struct {
	*verifytest.Edge
	*clienttest.Bubble
	client *verify.Client

	mu       sync.Mutex
	requests []request
}

type request struct {
	at     time.Duration
	uri    string
	header http.Header
}

// inWorld runs a test in virtual time. At the end, the test fails if a connection
// is open.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	edge := verifytest.NewEdge()
	w := &world{Edge: edge}
	edge.Around = func(_ string, next http.HandlerFunc) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			w.mu.Lock()
			w.requests = append(w.requests, request{w.Elapsed(), r.URL.RequestURI(), r.Header.Clone()})
			w.mu.Unlock()
			next(rw, r)
		}
	}
	clienttest.Run(t, edge, edge.Journal, func(b *clienttest.Bubble) {
		w.Bubble = b
		opts := b.Options()
		opts.UserAgent = "a visitor"
		w.client = verify.New(verify.Config{Transport: opts})
		test(b.T, w)
		b.End(edge, w.client.Close)
	})
}

// verify verifies an item with a timeout. Defaults: base and /a.
func (w *world) verify(limit time.Duration, item verify.Item) error {
	ctx, cancel := context.WithTimeout(w.T.Context(), limit)
	defer cancel()
	if item.BaseURL == "" {
		item.BaseURL = base
	}
	if item.Path == "" {
		item.Path = "/a"
	}
	err := w.client.Verify(ctx, item)
	w.Show(err)
	return err
}

// put changes the file /a at the origin immediately.
func (w *world) put(body string) { w.Origin.Put("/a", verifytest.File{Body: body}, 0) }

// visit fetches /a as visitors do, which stores both variants on the edge.
func (w *world) visit() {
	w.T.Helper()
	if err := w.verify(time.Second, verify.Item{Gone: hexMD5("nowhere")}); err != nil {
		w.T.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = nil
}

// times returns the times of the requests without Accept-Encoding.
func (w *world) times() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []time.Duration
	for _, r := range w.requests {
		if r.header.Get("Accept-Encoding") == "" {
			all = append(all, r.at)
		}
	}
	return all
}

func hexMD5(body string) string { return fmt.Sprintf("%x", md5.Sum([]byte(body))) }

// errorFields contains the fields of an error that the tests compare.
type errorFields struct {
	Verdict  verify.Verdict
	Outcome  string
	Attempts int
}

func fieldsOf(t *testing.T, err error) errorFields {
	t.Helper()
	var e *verify.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *verify.Error", err)
	}
	return errorFields{e.Verdict, e.Outcome(), e.Attempts}
}

func wantProven(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("not proven: %s", err)
	}
}

// Shared with the clients.
var (
	diff    = clienttest.Diff
	respond = clienttest.Respond
)
