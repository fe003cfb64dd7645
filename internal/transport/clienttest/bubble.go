// SPDX-License-Identifier: MPL-2.0

// Package clienttest is what the tests of the clients share: virtual time, a
// network in memory between a client and its fake, and what is shown to people.
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

// Bubble is virtual time with a network in it.
type Bubble struct {
	T       *testing.T
	Network *wiretest.Network
	// Latency is how long a request needs to reach the fake.
	Latency time.Duration

	Began time.Time

	journal *fake.Journal

	mu      sync.Mutex
	shown   []string         // errors and log lines
	instead http.HandlerFunc // answers in the place of the fake
	chance  func() bool      // whether it answers this one; nil: each
	diverts int              // how many requests it answered
	flying  int
	most    int // requests in flight at a time
}

// Fake is a stand-in for an upstream system.
type Fake interface {
	http.Handler
	Secrets() []string
}

// Run runs a test in a bubble in which a fake is reached under any name.
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
	b.flying++
	b.most = max(b.most, b.flying)
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.flying--
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

// Divert makes h answer in the place of the fake from now on; nil: nothing does.
func (b *Bubble) Divert(h http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.instead, b.chance = h, nil
}

// Sometimes makes h answer in the place of the fake when chance says so.
func (b *Bubble) Sometimes(chance func() bool, h http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.instead, b.chance = h, chance
}

// Wire is the options of a client in the bubble.
func (b *Bubble) Wire() transport.Options {
	return transport.Options{
		RequestTimeout: 30 * time.Second, Dial: b.Network.Dial,
		Backoff: func(int) time.Duration { return time.Second }, Log: b.log,
		ProbePause: func(down time.Duration) time.Duration { return min(max(down, time.Second/2), 30*time.Second) },
	}
}

// End closes a client. It is an error when a connection or a secret of the fake
// got out.
func (b *Bubble) End(f Fake, closeClient func(context.Context) error) {
	b.T.Helper()
	if err := closeClient(context.Background()); err != nil {
		b.T.Errorf("closing the client: %s", err)
	}
	// A connection is closed by the goroutine that reads from it.
	synctest.Wait()
	if n := b.Network.Open(); n != 0 {
		b.T.Errorf("%d connections are open at the end, want none", n)
	}
	b.Network.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, secret := range f.Secrets() {
		if strings.Contains(strings.Join(b.shown, "\n"), secret) {
			b.T.Errorf("the secret %q is shown", secret)
		}
	}
}

// Show keeps what a person would see of an error, for the search for secrets.
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

// Statuses are those of one operation's requests, in order of arrival.
func (b *Bubble) Statuses(operation string) []int {
	var all []int
	for _, e := range b.journal.Select(operation) {
		all = append(all, e.Status)
	}
	return all
}

// Count is how many requests of one operation have arrived.
func (b *Bubble) Count(operation string) int { return len(b.journal.Select(operation)) }

// Elapsed is the virtual time since the beginning.
func (b *Bubble) Elapsed() time.Duration { return time.Since(b.Began) }

// Diff compares whole values.
func Diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// Together calls f from n goroutines at once and returns the errors.
func Together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errs
}

// Answer is a fault: the same reply to each request.
func Answer(status int, header http.Header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}
