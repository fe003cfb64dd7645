// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAProbeGoesFirst(t *testing.T) {
	t.Parallel()
	// The window is closed at 0 for a minute, and five callers wait. The first one
	// ends its slot a second after it was granted.
	for name, tt := range map[string]struct {
		probe func(*Slot)
		want  []time.Duration // when slots were granted
	}{
		"passed: the others follow": {
			(*Slot).Passed,
			[]time.Duration{60 * time.Second, 61 * time.Second, 61 * time.Second, 61 * time.Second, 61 * time.Second},
		},
		"failed: the next goes first": {
			func(s *Slot) { s.Failed(errServer) },
			[]time.Duration{60 * time.Second, 61 * time.Second, 62 * time.Second, 62 * time.Second, 62 * time.Second},
		},
		"not sent: the next goes first": {
			(*Slot).Unsent,
			[]time.Duration{60 * time.Second, 61 * time.Second, 62 * time.Second, 62 * time.Second, 62 * time.Second},
		},
		"rate-limited: closed again": {
			func(s *Slot) { s.RateLimited(time.Minute, errServer) },
			[]time.Duration{60 * time.Second, 121 * time.Second, 122 * time.Second, 122 * time.Second, 122 * time.Second},
		},
		"rate-limited for no time: the next goes first": {
			func(s *Slot) { s.RateLimited(0, errServer) },
			[]time.Duration{60 * time.Second, 61 * time.Second, 62 * time.Second, 62 * time.Second, 62 * time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, j := &Window{}, newJournal()
				acquire(t, w).RateLimited(time.Minute, errServer)
				var wg sync.WaitGroup
				var once sync.Once
				for range 5 {
					wg.Go(func() {
						s := acquire(t, w)
						j.stamp()
						time.Sleep(time.Second)
						end := (*Slot).Passed
						once.Do(func() { end = tt.probe })
						end(s)
					})
				}
				wg.Wait()
				if diff := cmp.Diff(tt.want, j.sorted()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestAnotherProbeFollowsOneThatLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &Window{}
		acquire(t, w).RateLimited(time.Minute, errServer)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		probe, err := w.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := probe.Send(); !errors.Is(err, context.Canceled) {
			t.Errorf("sent for no caller: %v", err)
		}
		probe.Unsent()
		acquire(t, w).Passed()
	})
}

func TestARequestFromBeforeAClosureDoesNotEndTheProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &Window{}
		early, limited := acquire(t, w), acquire(t, w)
		limited.RateLimited(time.Minute, errServer)
		probe := acquire(t, w)
		early.Passed()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := w.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("sent together with the probe: %v", err)
		}
		probe.Passed()
		acquire(t, w).Passed()
	})
}

func TestAProbeFromBeforeAnotherClosureDoesNotCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &Window{}
		early, limited := acquire(t, w), acquire(t, w)
		limited.RateLimited(time.Minute, errServer)
		probe := acquire(t, w)
		if err := probe.Send(); err != nil {
			t.Fatal(err)
		}
		early.RateLimited(time.Minute, errServer)
		probe.Passed()
		began := time.Now()
		acquire(t, w)
		if waited := time.Since(began); waited != time.Minute {
			t.Errorf("waited %s, want a minute", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := w.Acquire(ctx); err == nil {
			t.Error("sent together with the second probe")
		}
	})
}

// The probe may need a connection that a caller in Send holds.
func TestAProbeWaitsForASlotFromBeforeTheClosure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &Window{}
		early, limited := acquire(t, w), acquire(t, w)
		limited.RateLimited(time.Minute, errServer)
		probe := acquire(t, w)
		if err := early.Send(); err != nil {
			t.Fatal(err)
		}
		sent := make(chan error, 1)
		go func() { sent <- probe.Send() }()
		synctest.Wait()
		select {
		case err := <-sent:
			t.Fatalf("two requests at the same time (%v)", err)
		default:
		}
		early.Passed()
		if err := <-sent; err != nil {
			t.Error(err)
		}
		probe.Passed()
	})
}
