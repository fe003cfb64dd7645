// SPDX-License-Identifier: MPL-2.0

package cdn_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
)

// world is a fake, its client, and the network between them. At the end, the test
// fails if a connection is open or a secret was shown.
type world struct {
	*cdntest.Server
	*clienttest.Bubble
	config cdn.Config
	// connect creates the client in its first call, after the test has changed the
	// configuration.
	connect func() *cdn.Client
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
			Transport:         b.Options(),
		}
		w.connect = sync.OnceValue(func() *cdn.Client { return cdn.New(w.config) })
		test(b.T, w)
		b.End(f, func(ctx context.Context) error { return w.connect().Close(ctx) })
	})
}

// purge is a purge of one path.
type purge struct {
	service string
	path    string
	hard    bool
}

func hard(path string) purge { return purge{cdntest.DeployedID, path, true} }
func soft(path string) purge { return purge{cdntest.DeployedID, path, false} }

func (w *world) purge(p purge) error {
	ctx, cancel := context.WithTimeout(w.T.Context(), 20*time.Minute)
	defer cancel()
	_, err := w.purgeUnder(ctx, p)
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

// errorFields contains the fields of an error that the tests compare.
type errorFields struct {
	System             string
	Kind               transport.Kind
	Status             int
	Message, Input, ID string
	Advice, Waiting    string
	Wait               time.Duration
	Err                string
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
