// SPDX-License-Identifier: MPL-2.0

package mstr_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
)

const (
	tutorial = "B7CA92F04B9FAE8D941C3E9B7E0CD754"
	archive  = "A1B2C3D44E5F60718293A4B5C6D7E8F9" // not loaded
)

// world is a fake, its client, and the network between them. At the end, the test
// fails if a session or a connection is open, or a secret was logged.
type world struct {
	*mstrtest.Server
	*clienttest.Bubble
	config mstr.Config
	// connect creates the client with the first call, so tests can change the
	// configuration before.
	connect func() *mstr.Client
}

// inWorld runs a test in virtual time.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	f := mstrtest.New()
	clienttest.Run(t, f, f.Journal, func(b *clienttest.Bubble) {
		w := &world{Server: f, Bubble: b}
		w.config = mstr.Config{
			BaseURL: "http://localhost" + w.ContextPath, Username: w.Username, Password: w.Password,
			Transport: b.Options(),
		}
		w.connect = sync.OnceValue(func() *mstr.Client { return mstr.New(w.config) })
		test(b.T, w)
		b.End(f, func(ctx context.Context) error { return w.connect().Close(ctx) })
		if n := w.OpenSessions(); n != 0 {
			t.Errorf("%d sessions are open at the end, want none", n)
		}
	})
}

func (w *world) purge(project, cacheType string) error {
	ctx, cancel := context.WithTimeout(w.T.Context(), 20*time.Minute)
	defer cancel()
	err := w.connect().Purge(ctx, project, cacheType)
	w.Show(err)
	return err
}

// request contains the fields of a journal entry that the tests compare.
type request struct {
	Operation, Subject string
	Status             int
}

func (w *world) requests() []request {
	var all []request
	for _, e := range w.Journal.Entries() {
		all = append(all, request{e.Operation, e.Subject, e.Status})
	}
	return all
}

// errorFields contains the fields of an error that the tests compare.
type errorFields struct {
	Kind               transport.Kind
	Status             int
	Code, Message, ID  string
	Input, Advice, Err string
}

// Shared with the other clients.
var (
	diff      = clienttest.Diff
	together  = clienttest.Together
	respond   = clienttest.Respond
	fieldsOf  = clienttest.ErrorFields[errorFields]
	wantError = clienttest.WantError[errorFields]
)
