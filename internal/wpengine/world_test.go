package wpengine_test

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

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// world is a fake, a client of it, and the network between them. The world ends
// with the test: it fails when a connection or a secret got out.
type world struct {
	*wpenginetest.Server
	t       *testing.T
	network *wiretest.Network
	config  wpengine.Config
	began   time.Time

	mu     sync.Mutex
	client *wpengine.Client
	shown  []string // errors and log lines
}

// inWorld runs a test in virtual time.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{Server: wpenginetest.New(), t: t, network: wiretest.Listen(), began: time.Now()}
		w.config = wpengine.Config{
			BaseURL: "http://localhost" + w.BasePath, Username: w.Username, Password: w.Password,
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
		w.t.Errorf("closing the client: %s", err)
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
	return w.purgeUnder(w.t.Context(), install, cacheType)
}

func (w *world) purgeUnder(ctx context.Context, install, cacheType string) error {
	err := w.connect().Purge(ctx, install, cacheType)
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

// statuses are those of one operation's requests, in order of arrival.
func (w *world) statuses(operation string) []int {
	var all []int
	for _, e := range w.Journal.Select(operation) {
		all = append(all, e.Status)
	}
	return all
}

// elapsed is the virtual time since the beginning.
func (w *world) elapsed() time.Duration { return time.Since(w.began) }

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

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// together calls f from so many goroutines at once and returns the errors.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errs
}

func wantNone(t *testing.T, errs ...error) {
	t.Helper()
	for i, err := range errs {
		if err != nil {
			t.Errorf("purge %d: %s", i, err)
		}
	}
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
