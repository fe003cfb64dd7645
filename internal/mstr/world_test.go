package mstr_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

const (
	tutorial = "B7CA92F04B9FAE8D941C3E9B7E0CD754"
	archive  = "A1B2C3D44E5F60718293A4B5C6D7E8F9" // not loaded
)

// world is a fake, a client of it, and the network between them. The world ends
// with the test: it fails when a session, a connection or a secret got out.
type world struct {
	*mstrtest.Server
	t       *testing.T
	network *wiretest.Network
	config  mstr.Config
	began   time.Time

	mu     sync.Mutex
	client *mstr.Client
	shown  []string // errors and log lines
}

// inWorld runs a test in virtual time.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{Server: mstrtest.New(), t: t, network: wiretest.Listen(), began: time.Now()}
		w.config = mstr.Config{
			BaseURL: "http://localhost" + w.ContextPath, Username: w.Username, Password: w.Password,
			Wire: transport.Options{
				RequestTimeout: 30 * time.Second, Dial: w.network.Dial,
				Backoff: func(int) time.Duration { return time.Second }, Log: w.log,
			},
		}
		w.network.Serve(w)
		test(t, w)
		w.end()
	})
}

func (w *world) end() {
	w.t.Helper()
	if err := w.connect().Close(context.Background()); err != nil {
		w.t.Errorf("closing the session: %s", err)
	}
	if n := w.OpenSessions(); n != 0 {
		w.t.Errorf("%d sessions are open at the end, want none", n)
	}
	if n := w.network.Open(); n != 0 {
		w.t.Errorf("%d connections are open at the end, want none", n)
	}
	w.network.Close()
	for _, secret := range w.Secrets() {
		if strings.Contains(strings.Join(w.shown, "\n"), secret) {
			w.t.Errorf("the secret %q is shown", secret)
		}
	}
}

// connect makes the client with the first call, so that tests can change the
// configuration before.
func (w *world) connect() *mstr.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.client == nil {
		w.client = mstr.New(w.config)
	}
	return w.client
}

func (w *world) purge(project, cacheType string) error {
	err := w.connect().Purge(w.t.Context(), project, cacheType)
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.shown = append(w.shown, err.Error())
	}
	return err
}

func (w *world) log(_ context.Context, message string, fields map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, value := range fields {
		if text, ok := value.(string); ok {
			message += " " + name + "=" + text
		}
	}
	w.shown = append(w.shown, message)
}

// request is what the tests compare of an entry in the journal.
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

func (w *world) count(operation string) int { return len(w.Journal.Select(operation)) }

// elapsed is the virtual time since the beginning.
func (w *world) elapsed() time.Duration { return time.Since(w.began) }

// said is what the tests compare of an error.
type said struct {
	Kind               transport.Kind
	Status             int
	Code, Message, ID  string
	Input, Advice, Err string
}

// hear takes an error apart. Of the advice, which the fault suite pins as a
// whole, only the words are compared that a test asks for.
func hear(err error) said {
	var e *transport.Error
	if !errors.As(err, &e) {
		if err == nil {
			return said{}
		}
		return said{Err: err.Error()}
	}
	return said{Kind: e.Kind, Status: e.Status, Code: e.Code, Message: e.Message, ID: e.ID, Input: e.Input, Advice: e.Advice}
}

// wantSaid compares an error. The advice has to contain the wanted one.
func wantSaid(t *testing.T, err error, want said) {
	t.Helper()
	got := hear(err)
	if strings.Contains(got.Advice, want.Advice) {
		got.Advice = want.Advice
	}
	diff(t, "the error", want, got)
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// together calls f from so many goroutines at once and returns the errors.
func together(n int, f func() error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errs
}

func answer(status int, header http.Header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}
