// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// ending is the result of a request that was sent during an outage.
type ending struct {
	Kind Kind
	Took time.Duration
	Down time.Duration
}

func endingOf(began time.Time, err error) ending {
	end := ending{Kind: kindOf(err), Took: time.Since(began)}
	if e := (*Error)(nil); errors.As(err, &e) {
		end.Down = e.Down
	}
	return end
}

// TestHostThatNeverResponded checks how long a request waits for a host that never
// responded, most likely because its address is wrong.
func TestHostThatNeverResponded(t *testing.T) {
	t.Parallel()
	for sentence, row := range map[string]struct {
		fault             wiretest.Fault
		lookup, responded bool
		want              ending
		dials             int
	}{
		"2 minutes, and a last probe":                {wiretest.Refuse, false, false, ending{KindNoResponse, 2 * time.Minute, 2 * time.Minute}, 11},
		"30 seconds for a lookup":                    {wiretest.Refuse, true, false, ending{KindNoResponse, 30 * time.Second, 30 * time.Second}, 8},
		"an unknown host is final":                   {wiretest.UnknownHost, false, false, ending{Kind: KindUnknownHost}, 1},
		"an unknown host that responded before":      {wiretest.UnknownHost, false, true, ending{KindOutage, 20 * time.Minute, 20 * time.Minute}, 46},
		"a host that responded before":               {wiretest.Refuse, false, true, ending{KindOutage, 20 * time.Minute, 20 * time.Minute}, 46},
		"a host that responded before, for a lookup": {wiretest.Refuse, true, true, ending{KindOutage, 20 * time.Minute, 20 * time.Minute}, 46},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Options{}, respond(202, ""), func(t *testing.T, r *rig) {
				if row.responded {
					if _, err := r.Do(t.Context(), purge()); err != nil {
						t.Fatal(err)
					}
					r.network.Break()
					synctest.Wait()
				}
				r.network.Set(row.fault)
				before, began, req := len(r.network.Dialed()), time.Now(), purge()
				req.Lookup = row.lookup
				_, err := r.Do(within(t, 20*time.Minute), req)
				same(t, "ending", row.want, endingOf(began, err))
				same(t, "dials", row.dials, len(r.network.Dialed())-before)
			})
		})
	}
}

// TestAnOutageLastsForOneTimeout checks that a request fails immediately if the
// host has been down for its timeout, unless a probe is due.
func TestAnOutageLastsForOneTimeout(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, respond(202, ""), func(t *testing.T, r *rig) {
		if _, err := r.Do(t.Context(), purge()); err != nil {
			t.Fatal(err)
		}
		r.network.Break()
		synctest.Wait()
		r.network.Set(wiretest.Refuse)
		const timeout = 10 * time.Minute
		var pace func(context.Context) (Slot, error)
		send := func() ending {
			began, req := time.Now(), purge()
			req.Quota = pace
			_, err := r.Do(within(t, timeout), req)
			return endingOf(began, err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { same(t, "from the beginning", ending{KindOutage, timeout, timeout}, send()) })
		<-time.After(4 * time.Minute)
		wg.Go(func() { same(t, "from the middle", ending{KindOutage, 6 * time.Minute, timeout}, send()) })
		wg.Wait()
		<-time.After(time.Second)
		dials := len(r.network.Dialed())
		same(t, "after the end", ending{KindOutage, 0, timeout + time.Second}, send())
		pace = neverYourTurn
		same(t, "without waiting for a slot", ending{KindOutage, 0, timeout + time.Second}, send())
		pace = nil
		same(t, "dials for that", 0, len(r.network.Dialed())-dials)
		<-time.After(29 * time.Second)
		same(t, "when a probe is due", ending{KindOutage, 0, timeout + 30*time.Second}, send())
		same(t, "dials for that", 1, len(r.network.Dialed())-dials)
		<-time.After(2 * time.Minute)
		same(t, "after 2 minutes without a request", ending{KindOutage, timeout, timeout}, send())
	})
}

// TestFailuresThatAreNotTheHosts checks that a request that fails while others
// succeed does not delay them.
func TestFailuresThatAreNotTheHosts(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		<-time.After(time.Second)
		w.WriteHeader(map[string]int{"/base/bad": 503}[r.URL.Path] + map[string]int{"/base/a": 202}[r.URL.Path])
	}, func(t *testing.T, r *rig) {
		var wg sync.WaitGroup
		wg.Go(func() {
			bad := purge()
			bad.Path = "/bad"
			_, err := r.Do(within(t, 100*time.Second), bad)
			same(t, "kind", KindTimeout, kindOf(err))
		})
		for range 4 {
			wg.Go(func() {
				for range 100 {
					began := time.Now()
					if _, err := r.Do(t.Context(), purge()); err != nil {
						t.Error(err)
					}
					same(t, "took", time.Second, time.Since(began))
					<-time.After(300 * time.Millisecond)
				}
			})
		}
		wg.Wait()
	})
}

// TestALoginIsNeverTheProbe also checks that a logout does not wait for the host.
func TestALoginIsNeverTheProbe(t *testing.T) {
	t.Parallel()
	down := false
	inBubble(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(map[bool]int{true: 503, false: 202}[down])
	}, func(t *testing.T, r *rig) {
		_, err := r.Do(t.Context(), purge())
		same(t, "up", "", textOf(err))
		down = true
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, _ = r.Do(ctx, purge())
		<-time.After(10 * time.Second) // a probe is due
		before := r.requests()
		login, logout := purge(), purge()
		login.Once, login.Login, logout.Once = true, true, true
		_, err = r.Do(t.Context(), login)
		same(t, "kind", KindOutage, kindOf(err))
		same(t, "requests for the login", 0, r.requests()-before)
		_, _ = r.Do(t.Context(), logout)
		same(t, "requests for the logout", 1, r.requests()-before)
	})
}

// TestTwoThatFailAtTheSameTime checks that two requests that fail in parallel do
// not delay a third one that succeeds.
func TestTwoThatFailAtTheSameTime(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/base/bad" {
			<-time.After(300 * time.Millisecond)
			w.WriteHeader(503)
			return
		}
		<-time.After(100 * time.Millisecond)
		w.WriteHeader(202)
	}, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithCancel(t.Context())
		var bad, good sync.WaitGroup
		for range 2 {
			bad.Go(func() {
				req := purge()
				req.Path = "/bad"
				_, err := r.Do(ctx, req)
				same(t, "kind", KindCanceled, kindOf(err))
			})
		}
		good.Go(func() {
			for range 500 { // one at a time, while the bad ones are in flight
				began := time.Now()
				if _, err := r.Do(t.Context(), purge()); err != nil {
					t.Error(err)
				}
				same(t, "took", 100*time.Millisecond, time.Since(began))
			}
		})
		good.Wait()
		cancel()
		bad.Wait()
	})
}

// TestProbes checks that the pause after a probe is as long as the host had been
// down when the probe was sent. It does not depend on the duration of the probe.
func TestProbes(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var sent []time.Duration
	began := time.Now()
	inBubble(t, Options{RequestTimeout: 4 * time.Second}, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		sent = append(sent, time.Since(began))
		mu.Unlock()
		<-r.Context().Done()
	}, func(t *testing.T, r *rig) {
		began = time.Now()
		_, _ = r.Do(within(t, 40*time.Second), purge())
		mu.Lock()
		defer mu.Unlock()
		const s = time.Second
		same(t, "probes", []time.Duration{0, 9 * s / 2, 13 * s, 30 * s}, sent)
	})
}

// TestAProbeThatWaitsForItsWindow checks that a request that waits for its quota
// loses its turn to probe.
func TestAProbeThatWaitsForItsWindow(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, respond(202, ""), func(t *testing.T, r *rig) {
		if _, err := r.Do(t.Context(), purge()); err != nil {
			t.Fatal(err)
		}
		r.network.Break()
		synctest.Wait()
		// Two requests fail together and then as probes. The third one probes at 2 s.
		r.network.Set(wiretest.Times(4, wiretest.Refuse))
		began := time.Now()
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				req := purge()
				if i == 2 {
					<-time.After(10 * time.Millisecond)
					req.Quota = func(context.Context) (Slot, error) { return slow{}, nil }
				}
				if _, err := r.Do(within(t, 20*time.Minute), req); err != nil {
					t.Error(err)
				}
				same(t, fmt.Sprintf("request %d took", i), []time.Duration{3 * time.Second, 3 * time.Second, 62 * time.Second}[i], time.Since(began))
			})
		}
		wg.Wait()
	})
}

// slow is a slot whose window is closed for a minute.
type slow struct{ freeSlot }

func (slow) Send() error {
	<-time.After(time.Minute)
	return nil
}

// TestObserve checks what an observer receives while a request waits for a host.
func TestObserve(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	observed := make(map[string]int)
	o := Options{Observe: func(_ context.Context, what string, until time.Time) {
		mu.Lock()
		defer mu.Unlock()
		if !until.After(time.Now()) {
			t.Errorf("the wait ended at %s", until)
		}
		observed[what]++
	}}
	inBubble(t, o, respond(202, ""), func(t *testing.T, r *rig) {
		r.network.Set(wiretest.Times(2, wiretest.Refuse))
		_, err := r.Do(within(t, time.Minute), purge())
		same(t, "error", "", textOf(err))
		same(t, "observed", map[string]int{"Example, which does not respond": 2}, observed)
	})
}

func TestDefaultProbePause(t *testing.T) {
	t.Parallel()
	for down, want := range map[time.Duration][2]time.Duration{
		0:                {500 * time.Millisecond, 500 * time.Millisecond},
		time.Second:      {500 * time.Millisecond, time.Second},
		20 * time.Second: {10 * time.Second, 20 * time.Second},
		time.Hour:        {15 * time.Second, 30 * time.Second},
	} {
		var longest time.Duration
		for range 1000 {
			pause := defaultProbePause(down)
			if pause < want[0] || pause > want[1] {
				t.Fatalf("down for %s: %s is not between %s and %s", down, pause, want[0], want[1])
			}
			longest = max(longest, pause)
		}
		if longest < want[1]*9/10 {
			t.Errorf("down for %s: of 1000 pauses none was near %s", down, want[1])
		}
	}
}
