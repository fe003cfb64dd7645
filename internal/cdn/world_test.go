package cdn_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
)

// world is a fake, a client of it, and the network between them. The world ends
// with the test: it fails when a connection or a secret got out.
type world struct {
	*cdntest.Server
	*clienttest.Bubble
	config cdn.Config

	mu     sync.Mutex
	client *cdn.Client
}

// inWorld runs a test in virtual time.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	f := cdntest.New()
	clienttest.Run(t, f, f.Journal, func(b *clienttest.Bubble) {
		w := &world{Server: f, Bubble: b}
		w.config = cdn.Config{
			IdentityURL: "http://localhost/v2.0", Username: w.Username, APIKey: w.APIKey,
			RequestsPerMinute: cdn.DefaultRequestsPerMinute,
			Wire:              b.Wire(),
		}
		test(b.T, w)
		b.End(f, func(ctx context.Context) error { return w.connect().Close(ctx) })
	})
}

// connect makes the client with the first call, so that tests can change the
// configuration before.
func (w *world) connect() *cdn.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.client == nil {
		w.client = cdn.New(w.config)
	}
	return w.client
}

// purge is a purge as the tests have it.
type purge struct {
	service string
	path    string
	hard    bool
}

func hard(path string) purge { return purge{cdntest.DeployedID, path, true} }
func soft(path string) purge { return purge{cdntest.DeployedID, path, false} }

func (w *world) purge(p purge) error {
	_, err := w.purgeUnder(w.T.Context(), p)
	return err
}

func (w *world) purgeUnder(ctx context.Context, p purge) (*cdn.Invalidation, error) {
	if p.hard {
		err := w.connect().Purge(ctx, p.service, p.path)
		w.Show(err)
		return nil, err
	}
	inv, err := w.connect().Invalidate(ctx, p.service, p.path)
	w.Show(err)
	return inv, err
}

// said is what the tests compare of an error.
type said struct {
	System             string
	Kind               transport.Kind
	Status             int
	Message, Input, ID string
	Advice, Waiting    string
	Wait               time.Duration
	Err                string
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
		System: e.System, Kind: e.Kind, Status: e.Status, Message: e.Message, ID: e.ID, Input: e.Input,
		Advice: e.Advice, Waiting: e.Waiting, Wait: e.Wait,
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

func wantNone(t *testing.T, errs []error) {
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
