// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var aMinute = Limit{Requests: 1, Window: time.Minute}

const (
	canceled = "context canceled"
	timedOut = "context deadline exceeded"
)

func TestIdenticalPurgesThatWaitAreCoalesced(t *testing.T) {
	t.Parallel()
	s := time.Second
	ten := slices.Repeat([]call{{key: "a", at: 500 * time.Millisecond}}, 10)
	for name, tt := range map[string]struct {
		set   func(*sender)
		calls []call
		sent  []time.Duration
		want  []outcome
	}{
		"ten that come while one is in flight need one more request": {
			calls: append([]call{{key: "a"}}, ten...),
			sent:  []time.Duration{0, 61 * s},
			want:  append([]outcome{{0, "", s}}, slices.Repeat([]outcome{{1, "", 62 * s}}, 10)...),
		},
		"other keys have requests of their own": {
			calls: []call{{key: "a"}, {key: "b", at: 1}, {key: "c", at: 2}, {key: "b", at: 3}},
			sent:  []time.Duration{0, 61 * s, 122 * s},
			want:  []outcome{{0, "", s}, {1, "", 62 * s}, {2, "", 123 * s}, {1, "", 62 * s}},
		},
		"a caller that leaves does not cancel the others": {
			calls: []call{{key: "x"}, {key: "a", at: 1, leaves: 30 * s}, {key: "a", at: 2}, {key: "a", at: 3, timeout: 20*s - 3}},
			sent:  []time.Duration{0, 61 * s},
			want:  []outcome{{0, "", s}, {-1, canceled, 30*s + 1}, {1, "", 62 * s}, {-1, timedOut, 20 * s}},
		},
		"a caller that leaves in flight does not cancel the others": {
			calls: []call{{key: "x"}, {key: "a", at: 1, leaves: 61*s + s/2}, {key: "a", at: 2}},
			sent:  []time.Duration{0, 61 * s},
			want:  []outcome{{0, "", s}, {-1, canceled, 61*s + s/2 + 1}, {1, "", 62 * s}},
		},
		"the last caller to leave frees the slot": {
			calls: []call{{key: "x"}, {key: "a", at: 1, leaves: 30 * s}, {key: "a", at: 2, leaves: 40 * s}, {key: "b", at: 3}},
			sent:  []time.Duration{0, 61 * s},
			want:  []outcome{{0, "", s}, {-1, canceled, 30*s + 1}, {-1, canceled, 40*s + 2}, {1, "", 62 * s}},
		},
		"the last caller to leave in flight cancels the request": {
			calls: []call{{key: "a", leaves: s / 2}, {key: "b", at: 1}},
			sent:  []time.Duration{0, 60*s + s/2},
			want:  []outcome{{-1, canceled, s / 2}, {1, "", 61*s + s/2}},
		},
		"nobody joins an abandoned purge": {
			calls: []call{{key: "x"}, {key: "a", at: 1, leaves: 30 * s}, {key: "a", at: 30*s + 2}},
			sent:  []time.Duration{0, 61 * s},
			want:  []outcome{{0, "", s}, {-1, canceled, 30*s + 1}, {1, "", 62 * s}},
		},
		"a caller that leaves early receives the last error": {
			set: func(w *sender) { w.fail = failFirst(9) },
			calls: []call{
				{key: "a", leaves: 70 * s},
				{key: "a", at: s + 1, leaves: 80 * s}, // joins for the second request
			},
			sent: []time.Duration{0, 61 * s},
			want: []outcome{
				{-1, canceled + "\n" + errServer.Error(), 70 * s},
				{-1, canceled + "\n" + errServer.Error(), 81*s + 1},
			},
		},
		"the latest deadline counts": {
			set: func(w *sender) { w.latency = 10 * s },
			calls: []call{
				{key: "x"},
				{key: "a", at: 1, timeout: 75*s - 1},
				{key: "a", at: 2, timeout: 100 * s},
				{key: "a", at: 3, timeout: 50*s - 3},
			},
			sent: []time.Duration{0, 70 * s},
			want: []outcome{{0, "", 10 * s}, {-1, timedOut, 75 * s}, {1, "", 80 * s}, {-1, timedOut, 50 * s}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newSender(aMinute)
				if tt.set != nil {
					tt.set(w)
				}
				got := w.run(tt.calls...)
				if diff := cmp.Diff(tt.sent, w.sent); diff != "" {
					t.Error("sent:\n" + diff)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error("outcomes:\n" + diff)
				}
				if len(w.group.waiting) != 0 {
					t.Error("a purge is still waiting in the group")
				}
			})
		})
	}
}

func TestAFailedPurgeAndAnIdenticalOne(t *testing.T) {
	t.Parallel()
	s := time.Second
	for name, tt := range map[string]struct {
		limit   Limit
		backoff time.Duration
		held    bool // see holdUp
		calls   []call
		sent    []time.Duration
		want    []outcome
	}{
		"that waits: the failed one joins it and has its place in the queue": {
			limit:   aMinute,
			backoff: 5 * s,
			calls:   []call{{key: "a"}, {key: "a", at: s / 2}, {key: "b", at: s}, {key: "c", at: 2 * s}},
			sent:    []time.Duration{0, 61 * s, 122 * s, 183 * s},
			want:    []outcome{{1, "", 62 * s}, {1, "", 62 * s}, {2, "", 123 * s}, {3, "", 184 * s}},
		},
		"that is in flight: the failed one is sent separately": {
			backoff: s / 2,
			calls:   []call{{key: "a"}, {key: "a", at: 3 * s / 4}},
			sent:    []time.Duration{0, 3 * s / 4, 3 * s / 2},
			want:    []outcome{{2, "", 5 * s / 2}, {1, "", 7 * s / 4}},
		},
		"that is not in the queue yet: it joins the failed one": {
			limit:   Limit{Requests: 1, Window: 10 * s},
			backoff: 2 * s,
			held:    true,
			calls:   []call{{key: "a"}, {key: "a", at: s}, {key: "a", at: 4 * s}},
			sent:    []time.Duration{0, 11 * s},
			want:    []outcome{{1, "", 12 * s}, {1, "", 12 * s}, {1, "", 12 * s}},
		},
		"that never comes to the queue, and whose callers leave": {
			limit:   Limit{Requests: 1, Window: 10 * s},
			backoff: 2 * s,
			held:    true,
			calls:   []call{{key: "a"}, {key: "a", at: s, leaves: s}, {key: "a", at: s + 1, leaves: 3 * s}},
			sent:    []time.Duration{0, 11 * s},
			want:    []outcome{{1, "", 12 * s}, {-1, canceled, 2 * s}, {-1, canceled + "\n" + errServer.Error(), 4*s + 1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newSender(tt.limit)
				w.fail, w.backoff = failFirst(1), tt.backoff
				if tt.held {
					w.before = w.holdUp
				}
				got := w.run(tt.calls...)
				if diff := cmp.Diff(tt.sent, w.sent); diff != "" {
					t.Error("sent:\n" + diff)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error("outcomes:\n" + diff)
				}
				if len(w.group.waiting) != 0 {
					t.Error("a purge is still waiting in the group")
				}
			})
		})
	}
}

func TestDoReturnsWhatSendReturns(t *testing.T) {
	t.Parallel()
	type returned struct {
		Value string
		Err   error
	}
	for name, want := range map[string]returned{
		"a value":   {"v", nil},
		"an error":  {"", errServer},
		"even both": {"v", errServer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var g Group
				for n := range 2 { // the first is over before the second
					value, err := Do(t.Context(), &g, "a", func(context.Context) (string, error) { return want.Value, want.Err })
					if value != want.Value || !errors.Is(err, want.Err) {
						t.Errorf("call %d: %q and %v", n, value, err)
					}
				}
			})
		})
	}
}

func TestDoReturnsTheCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("interrupted")
	for name, after := range map[string]time.Duration{"ended before the call": 0, "ends while it waits": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newSender(aMinute)
				w.run(call{key: "x"})
				ctx, cancel := context.WithCancelCause(t.Context())
				if after == 0 {
					cancel(cause)
				}
				time.AfterFunc(after, func() { cancel(cause) })
				if _, err := w.purge(ctx, "a"); !errors.Is(err, cause) {
					t.Errorf("error %v, want the cause", err)
				}
			})
		})
	}
}

type valueKey struct{}

func TestTheContextOfAPurge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSender(aMinute)
		w.run(call{key: "x"})
		first, leave := context.WithTimeout(context.WithValue(t.Context(), valueKey{}, "first"), 20*time.Second)
		defer leave()
		second, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		endless, endlessLeaves := context.WithCancel(t.Context())
		var purge context.Context
		w.before = func(ctx context.Context) error {
			purge = ctx
			return nil
		}
		var wg sync.WaitGroup
		join := func(ctx context.Context) {
			wg.Go(func() { _, _ = w.purge(ctx, "a") })
			synctest.Wait()
		}
		deadline := func() time.Duration {
			d, ok := purge.Deadline()
			if !ok {
				return never
			}
			return time.Until(d)
		}
		join(first)
		alone := deadline()
		join(second)
		both := deadline()
		join(endless)
		all := deadline()
		endlessLeaves()
		synctest.Wait()
		want := []time.Duration{20 * time.Second, 40 * time.Second, never, 40 * time.Second}
		if diff := cmp.Diff(want, []time.Duration{alone, both, all, deadline()}); diff != "" {
			t.Error("deadlines:\n" + diff)
		}
		if got := purge.Value(valueKey{}); got != "first" {
			t.Errorf("value %v, want the first caller's", got)
		}
		leave()
		synctest.Wait()
		if purge.Err() != nil {
			t.Error("ended with the first caller")
		}
		cancel()
		wg.Wait()
		if !errors.Is(context.Cause(purge), context.Canceled) {
			t.Errorf("did not end with the last caller: %v", context.Cause(purge))
		}
	})
}

func TestNobodyJoinsAnAbandonedPurge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var served int
		var err error
		_, abandoned := Do(ctx, &g, "a", func(ctx context.Context) (int, error) {
			<-ctx.Done()
			served, err = Do(t.Context(), &g, "a", func(context.Context) (int, error) { return 7, nil })
			return 0, context.Cause(ctx)
		})
		if served != 7 || err != nil || !errors.Is(abandoned, context.DeadlineExceeded) {
			t.Errorf("%d and %v, and the first caller receives %v", served, err, abandoned)
		}
	})
}

// A caller with more time must not receive the error of callers with less.
func TestNobodyJoinsAPurgeThatEndsTooEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSender(Limit{})
		acquire(t, w.window).RateLimited(time.Hour, errServer)
		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var served int
		var err error
		rejected := make(chan struct{})
		first := true
		_, closedErr := Do(short, &w.group, "a", func(ctx context.Context) (int, error) {
			n, sendErr := w.send(ctx)
			if first { // between the rejection and its return
				first = false
				go func() {
					defer close(rejected)
					served, err = w.purge(context.WithoutCancel(t.Context()), "a")
				}()
				synctest.Wait()
			}
			return n, sendErr
		})
		closed := (*ClosedError)(nil)
		if !errors.As(closedErr, &closed) {
			t.Errorf("error %v, want a ClosedError", closedErr)
		}
		<-rejected
		if err != nil || served != 0 || time.Since(w.at) != time.Hour+w.latency {
			t.Errorf("request %d, error %v, after %s", served, err, time.Since(w.at))
		}
	})
}

// A purge of several requests reads the content with its first one. A later call
// may be for a change since then.
func TestNobodyJoinsAPurgeThatIsUnderway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSender(Limit{Requests: 1, Window: 10 * time.Second})
		purge := func(requests int) (int, error) {
			return Do(t.Context(), &w.group, "a", func(ctx context.Context) (n int, err error) {
				for range requests {
					if n, err = w.send(ctx); err != nil {
						return n, err
					}
					ctx = Underway(ctx)
				}
				return n, nil
			})
		}
		var wg sync.WaitGroup
		var served [2]int
		wg.Go(func() { served[0], _ = purge(2) })
		time.Sleep(5 * time.Second) // its second request waits
		wg.Go(func() { served[1], _ = purge(1) })
		wg.Wait()
		if diff := cmp.Diff([2]int{1, 2}, served); diff != "" {
			t.Error("served by request:\n" + diff)
		}
		if diff := cmp.Diff([]time.Duration{0, 11 * time.Second, 22 * time.Second}, w.sent); diff != "" {
			t.Error("sent:\n" + diff)
		}
	})
}
