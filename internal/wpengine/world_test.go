package wpengine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// world is a fake, a client of it, and the network between them. The world ends
// with the test: it fails when a connection or a secret got out.
type world struct {
	*wpenginetest.Server
	*clienttest.Bubble
	config wpengine.Config

	mu     sync.Mutex
	client *wpengine.Client
}

// inWorld runs a test in virtual time.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	f := wpenginetest.New()
	clienttest.Run(t, f, f.Journal, func(b *clienttest.Bubble) {
		w := &world{Server: f, Bubble: b}
		w.config = wpengine.Config{
			BaseURL: "http://localhost" + w.BasePath, Username: w.Username, Password: w.Password,
			Wire: b.Wire(),
		}
		test(b.T, w)
		b.End(f, func(ctx context.Context) error { return w.connect().Close(ctx) })
	})
}

// connect makes the client with the first call, so that tests can change the
// configuration before.
func (w *world) connect() *wpengine.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.client == nil {
		w.client = wpengine.New(w.config)
	}
	return w.client
}

func (w *world) prod() string { return w.Install("acmeprod").ID }

func (w *world) purge(install, cacheType string) error {
	return w.purgeUnder(w.T.Context(), install, cacheType)
}

func (w *world) purgeUnder(ctx context.Context, install, cacheType string) error {
	err := w.connect().Purge(ctx, install, cacheType)
	w.Show(err)
	return err
}

// said is what the tests compare of an error.
type said struct {
	Kind                transport.Kind
	Status              int
	Code, Message       string
	Input, Docs, Advice string
	Wait                time.Duration
	Lost                bool
	Err                 string
}

// hear takes an error apart.
func hear(err error) said {
	var e *transport.Error
	if !errors.As(err, &e) {
		if err == nil {
			return said{}
		}
		return said{Err: err.Error()}
	}
	return said{
		Kind: e.Kind, Status: e.Status, Code: e.Code, Message: e.Message, Input: e.Input, Docs: e.Docs,
		Advice: e.Advice, Wait: e.Wait, Lost: e.Lost,
	}
}

// wantSaid compares an error. The advice, which the fault suite pins as a whole,
// has to contain the wanted one.
func wantSaid(t *testing.T, err error, want said) {
	t.Helper()
	got := hear(err)
	if strings.Contains(got.Advice, want.Advice) {
		got.Advice = want.Advice
	}
	diff(t, "the error", want, got)
}

func wantNone(t *testing.T, errs ...error) {
	t.Helper()
	for i, err := range errs {
		if err != nil {
			t.Errorf("purge %d: %s", i, err)
		}
	}
}

// Shared with the other clients.
var (
	diff     = clienttest.Diff
	together = clienttest.Together
	answer   = clienttest.Answer
)
