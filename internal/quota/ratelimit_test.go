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

const latency = 50 * time.Millisecond

// gate is a server that rate-limits all requests until it opens.
type gate struct {
	mu       sync.Mutex
	opens    time.Time
	limited  int
	accepted []time.Duration // when each was sent, counted from opens
}

// send sends one request and reports whether it was accepted.
func (g *gate) send(s *Slot) bool {
	sent := time.Now()
	time.Sleep(latency)
	g.mu.Lock()
	wait := time.Until(g.opens)
	if wait > 0 {
		g.limited++
	} else {
		g.accepted = append(g.accepted, sent.Sub(g.opens))
	}
	g.mu.Unlock()
	if wait > 0 {
		s.RateLimited(wait, errServer)
		return false
	}
	s.Passed()
	return true
}

// count returns how many accepted requests were sent in [from, to).
func (g *gate) count(from, to time.Duration) int {
	n := 0
	for _, sent := range g.accepted {
		if sent >= from && sent < to {
			n++
		}
	}
	return n
}

func TestARateLimitClosesTheWindowForAll(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limit       Limit
		connections int
		limited     int // requests in flight at the same time as the first
		follow      int // requests sent as soon as the probe was accepted
	}{
		"no known limit, one connection": {Limit{}, 1, 1, 1},
		"no known limit, 16 connections": {Limit{}, 16, 16, 16},
		"20 a minute, one connection":    {Limit{Requests: 20, Window: time.Minute}, 1, 1, 1},
		"20 a minute, 16 connections":    {Limit{Requests: 20, Window: time.Minute}, 16, 16, 16},
		"20 a minute, 200 connections":   {Limit{Requests: 20, Window: time.Minute}, 200, 20, 19},
		"1 a minute":                     {Limit{Requests: 1, Window: time.Minute}, 16, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const callers = 200
				w := &Window{limit: tt.limit}
				g := &gate{opens: time.Now().Add(time.Minute)}
				connections := make(chan struct{}, tt.connections)
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() { deliver(t, w, connections, g.send) })
				}
				wg.Wait()
				if g.limited != tt.limited || len(g.accepted) != callers {
					t.Errorf("rate-limited %d, want %d; accepted %d, want %d", g.limited, tt.limited, len(g.accepted), callers)
				}
				if before := g.count(-time.Hour, 0); before != 0 {
					t.Errorf("%d were sent before the window reopened", before)
				}
				probed := g.accepted[0] + latency
				if first := g.count(0, probed); first != 1 {
					t.Errorf("%d were sent before the probe was accepted", first)
				}
				if follow := g.count(probed, probed+1); follow != tt.follow {
					t.Errorf("%d followed immediately, want %d", follow, tt.follow)
				}
			})
		})
	}
}

// deliver sends a request until it is accepted. Like the transport, it takes a
// connection between Acquire and Send.
func deliver(t *testing.T, w *Window, connections chan struct{}, send func(*Slot) bool) {
	t.Helper()
	for accepted := false; !accepted; {
		s, err := w.Acquire(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		connections <- struct{}{}
		if err := s.Send(); err != nil {
			t.Error(err)
			s.Unsent()
			return
		}
		accepted = send(s)
		<-connections
	}
}

func acquire(t *testing.T, w *Window) *Slot {
	t.Helper()
	s, err := w.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Between Acquire and Send, a request waits for a login and a connection.
func TestASlotFromBeforeAClosureIsNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &Window{limit: Limit{Requests: 4, Window: time.Minute}}
		limited, slow, slower := acquire(t, w), acquire(t, w), acquire(t, w)
		limited.RateLimited(90*time.Second, errServer)
		j := newJournal()
		var wg sync.WaitGroup
		for _, s := range []*Slot{slower, slow} {
			wg.Go(func() {
				if err := s.Send(); err != nil {
					t.Error(err)
				}
				j.stamp()
				time.Sleep(time.Second)
				s.Passed()
			})
		}
		wg.Wait()
		want := []time.Duration{90 * time.Second, 91 * time.Second}
		if diff := cmp.Diff(want, j.sorted()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSendFailsIfTheWindowStaysClosedForTooLong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		wait time.Duration
		ends time.Duration
		want func(error) bool
	}{
		"after the deadline: immediately": {time.Hour, 0, func(err error) bool {
			closed := (*ClosedError)(nil)
			return errors.As(err, &closed) && closed.Wait == time.Hour
		}},
		"interrupted while it waits": {time.Minute, time.Second, func(err error) bool { return errors.Is(err, context.Canceled) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				limit := Limit{Requests: 2, Window: time.Minute}
				w := &Window{limit: limit}
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
				defer cancel()
				s, err := w.Acquire(ctx)
				if err != nil {
					t.Fatal(err)
				}
				acquire(t, w).RateLimited(tt.wait, errServer)
				if tt.ends > 0 {
					time.AfterFunc(tt.ends, cancel)
				}
				began := time.Now()
				if err := s.Send(); !tt.want(err) {
					t.Errorf("error %v", err)
				}
				s.Unsent()
				if waited := time.Since(began); waited != tt.ends {
					t.Errorf("after %s, want %s", waited, tt.ends)
				}
				if err := lostSlots(w, limit); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestAWindowThatReopensTooLateRejectsImmediately(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		timeout time.Duration // from the closure; 0 is none
		want    *ClosedError
	}{
		"a second before it reopens": {59 * time.Second, &ClosedError{Wait: time.Minute}},
		"when it reopens":            {time.Minute, nil},
		"later":                      {time.Hour, nil},
		"no deadline":                {0, nil},
		"almost immediately":         {time.Nanosecond, &ClosedError{Wait: time.Minute}},
	} {
		for when, early := range map[string]bool{"waiting before": true, "coming after": false} {
			t.Run(name+", "+when, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := &Window{limit: Limit{Requests: 1, Window: time.Minute}}
					first := acquire(t, w)
					ctx, cancel := t.Context(), func() {}
					if tt.timeout > 0 {
						ctx, cancel = context.WithTimeout(ctx, tt.timeout)
					}
					defer cancel()
					if !early {
						first.RateLimited(time.Minute, errServer)
					}
					began := time.Now()
					result := make(chan error, 1)
					go func() {
						_, err := w.Acquire(ctx)
						result <- err
					}()
					synctest.Wait()
					if early {
						first.RateLimited(time.Minute, errServer)
					}
					err := <-result
					var got *ClosedError
					errors.As(err, &got)
					if diff := cmp.Diff(tt.want, got); diff != "" {
						t.Error(diff)
					}
					if tt.want != nil && time.Since(began) != 0 {
						t.Errorf("after %s, want immediately", time.Since(began))
					}
				})
			})
		}
	}
}

func TestClosedErrorText(t *testing.T) {
	t.Parallel()
	err := &ClosedError{Wait: 90*time.Second + time.Millisecond}
	if want := "the next request is allowed in 1m30s, which is after the timeout"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestAShorterWaitDoesNotShortenALongerOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &Window{}
		long, short := acquire(t, w), acquire(t, w)
		long.RateLimited(time.Minute, errServer)
		short.RateLimited(time.Second, errServer)
		began := time.Now()
		acquire(t, w).Passed()
		if waited := time.Since(began); waited != time.Minute {
			t.Errorf("reopened after %s, want a minute", waited)
		}
	})
}
