// SPDX-License-Identifier: MPL-2.0

package wpengine_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// world is a fake, its client, and the network between them. At the end, the test
// fails if a connection is open or a secret was shown.
type world struct {
	*wpenginetest.Server
	*clienttest.Bubble
	config wpengine.Config
	// connect creates the client in its first call, after the test has changed the
	// configuration.
	connect func() *wpengine.Client
}

// inWorld runs a test in virtual time.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	f := wpenginetest.New()
	clienttest.Run(t, f, f.Journal, func(b *clienttest.Bubble) {
		w := &world{Server: f, Bubble: b}
		w.config = wpengine.Config{
			BaseURL: "http://localhost" + w.BasePath, Username: w.Username, Password: w.Password,
			Transport: b.Options(),
		}
		w.connect = sync.OnceValue(func() *wpengine.Client { return wpengine.New(w.config) })
		test(b.T, w)
		b.End(f, func(ctx context.Context) error { return w.connect().Close(ctx) })
	})
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

// errorFields contains the fields of an error that the tests compare.
type errorFields struct {
	Kind                transport.Kind
	Status              int
	Code, Message       string
	Input, Docs, Advice string
	Wait                time.Duration
	Lost                bool
	Err                 string
}

// Shared with the other clients.
var (
	diff         = clienttest.Diff
	together     = clienttest.Together
	respond      = clienttest.Respond
	wantError    = clienttest.WantError[errorFields]
	wantNoErrors = clienttest.WantNoErrors
)
