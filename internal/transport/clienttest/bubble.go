// SPDX-License-Identifier: MPL-2.0

// Package clienttest contains the code that the clients' tests share: virtual
// time, a network in memory between a client and its fake, and checks of the
// texts that users see.
package clienttest

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// Bubble is a testing/synctest bubble with a network.
type Bubble struct {
	T       *testing.T
	Network *wiretest.Network
	// Latency is how long a request takes to reach the fake.
	Latency time.Duration

	Began time.Time

	journal *fake.Journal

	mu          sync.Mutex
	shown       []string         // errors and log messages
	instead     http.HandlerFunc // handles requests instead of the fake
	chance      func() bool      // whether instead handles the next request; nil means always
	diverts     int              // number of requests that instead handled
	inFlight    int
	maxInFlight int // requests in flight at a time
}

// Fake is the fake of an API.
type Fake interface {
	http.Handler
	Secrets() []string
}

// Run runs a test in a bubble in which every host name reaches the fake.
func Run(t *testing.T, f Fake, journal *fake.Journal, test func(*Bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &Bubble{T: t, Network: wiretest.Listen(), journal: journal, Began: time.Now()}
		b.Network.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b.serve(w, r, f)
		}))
		test(b)
	})
}

func (b *Bubble) serve(w http.ResponseWriter, r *http.Request, f Fake) {
	b.mu.Lock()
	b.inFlight++
	b.maxInFlight = max(b.maxInFlight, b.inFlight)
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.inFlight--
	}()
	if b.Latency > 0 {
		<-time.After(b.Latency)
	}
	b.mu.Lock()
	instead := b.instead
	if instead == nil || b.chance != nil && !b.chance() {
		instead = f.ServeHTTP
	} else {
		b.diverts++
	}
	b.mu.Unlock()
	instead(w, r)
}

// Divert makes h handle all further requests instead of the fake. If h is nil,
// the fake handles them again.
func (b *Bubble) Divert(h http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.instead, b.chance = h, nil
}

// Sometimes makes h handle a request instead of the fake if chance returns
// true.
func (b *Bubble) Sometimes(chance func() bool, h http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.instead, b.chance = h, chance
}

// Options returns options for a client in the bubble.
func (b *Bubble) Options() transport.Options {
	return transport.Options{
		RequestTimeout: 30 * time.Second, Dial: b.Network.Dial,
		Backoff: func(int) time.Duration { return time.Second }, Log: b.log,
		ProbePause: func(down time.Duration) time.Duration { return min(max(down, time.Second/2), 30*time.Second) },
	}
}

// End closes a client. It fails the test if a connection is still open, or if
// an error or log message contains a secret of the fake.
func (b *Bubble) End(f Fake, closeClient func(context.Context) error) {
	b.T.Helper()
	if err := closeClient(context.Background()); err != nil {
		b.T.Errorf("closing the client: %s", err)
	}
	// The goroutine that reads from a connection closes it.
	synctest.Wait()
	if n := b.Network.Open(); n != 0 {
		b.T.Errorf("%d connections are open at the end, want 0", n)
	}
	b.Network.Close()
	<-time.After(2 * b.Latency) // until the handlers of canceled requests have ended
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, secret := range f.Secrets() {
		if strings.Contains(strings.Join(b.shown, "\n"), secret) {
			b.T.Errorf("an error or log message contains the secret %q", secret)
		}
	}
}

// Show records an error for the search for secrets.
func (b *Bubble) Show(err error) {
	if err != nil {
		b.show(err.Error())
	}
}

func (b *Bubble) log(_ context.Context, message string, fields map[string]any) {
	for name, value := range fields {
		if text, ok := value.(string); ok {
			message += " " + name + "=" + text
		}
	}
	b.show(message)
}

func (b *Bubble) show(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shown = append(b.shown, text)
}

// Statuses returns the statuses of the requests of one operation, in order of
// arrival.
func (b *Bubble) Statuses(operation string) []int {
	var all []int
	for _, e := range b.journal.Select(operation) {
		all = append(all, e.Status)
	}
	return all
}

// Count returns the number of requests of one operation.
func (b *Bubble) Count(operation string) int { return len(b.journal.Select(operation)) }

// Elapsed returns the virtual time since the start.
func (b *Bubble) Elapsed() time.Duration { return time.Since(b.Began) }

// Diff fails the test if two values differ. what is the name of the value.
func Diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// Together calls f from n goroutines at the same time and returns the errors.
func Together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errs
}

// Respond returns a fault that sends the same response to each request.
func Respond(status int, header http.Header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}
