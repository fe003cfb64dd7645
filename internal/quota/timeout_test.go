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

// ends returns how long after began a context ended, and why.
func ends(ctx context.Context, began time.Time) (time.Duration, error) {
	<-ctx.Done()
	return time.Since(began), context.Cause(ctx)
}

func TestPausePausesTheTimeout(t *testing.T) {
	t.Parallel()
	s := time.Second
	// The timeout is a minute. Each step is at a time since the start.
	type step struct {
		at time.Duration
		do string // "pause" or "resume", of the pause with the number n
		n  int
	}
	for name, tt := range map[string]struct {
		steps []step
		want  time.Duration
	}{
		"no pause":                              {nil, 60 * s},
		"one pause":                             {[]step{{10 * s, "pause", 0}, {40 * s, "resume", 0}}, 90 * s},
		"two pauses, one after the other":       {[]step{{10 * s, "pause", 0}, {20 * s, "resume", 0}, {30 * s, "pause", 1}, {50 * s, "resume", 1}}, 90 * s},
		"two pauses that overlap":               {[]step{{10 * s, "pause", 0}, {20 * s, "pause", 1}, {30 * s, "resume", 0}, {40 * s, "resume", 1}}, 90 * s},
		"a pause in a pause":                    {[]step{{10 * s, "pause", 0}, {20 * s, "pause", 1}, {30 * s, "resume", 1}, {40 * s, "resume", 0}}, 90 * s},
		"a pause in a longer one":               {[]step{{10 * s, "pause", 0}, {20 * s, "pause", 1}, {30 * s, "resume", 1}, {100 * s, "resume", 0}}, 150 * s},
		"resumed twice counts once":             {[]step{{10 * s, "pause", 0}, {20 * s, "pause", 1}, {30 * s, "resume", 0}, {35 * s, "resume", 0}, {40 * s, "resume", 1}}, 90 * s},
		"a pause of no time":                    {[]step{{10 * s, "pause", 0}, {10 * s, "resume", 0}}, 60 * s},
		"a pause for longer than the timeout":   {[]step{{10 * s, "pause", 0}, {7200 * s, "resume", 0}}, 7250 * s},
		"a pause from the beginning":            {[]step{{0, "pause", 0}, {40 * s, "resume", 0}}, 100 * s},
		"a pause just before the time runs out": {[]step{{60*s - 1, "pause", 0}, {90 * s, "resume", 0}}, 90*s + 1},
		"a pause when the time has run out":     {[]step{{60*s + 1, "pause", 0}, {90 * s, "resume", 0}}, 60 * s},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				ctx, cancel := WithTimeout(t.Context(), 60*s)
				defer cancel()
				derived, stop := context.WithCancel(ctx) // Pause finds ctx behind it
				defer stop()
				go func() {
					resume := make(map[int]func())
					for _, step := range tt.steps {
						time.Sleep(step.at - time.Since(began))
						if step.do == "pause" {
							resume[step.n] = Pause(derived)
						} else {
							resume[step.n]()
						}
					}
				}()
				got, cause := ends(derived, began)
				if got != tt.want || !errors.Is(cause, context.DeadlineExceeded) {
					t.Errorf("ended after %s with %v, want %s", got, cause, tt.want)
				}
				time.Sleep(3 * time.Hour) // for the other steps
			})
		})
	}
}

// The order of the two is random, but the context always ends.
func TestAPauseInTheInstantOfExpiry(t *testing.T) {
	t.Parallel()
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			ctx, cancel := WithTimeout(t.Context(), time.Minute)
			defer cancel()
			time.AfterFunc(time.Minute, func() {
				resume := Pause(ctx)
				time.Sleep(time.Minute)
				resume()
			})
			got, cause := ends(ctx, began)
			if got != time.Minute && got != 2*time.Minute || !errors.Is(cause, context.DeadlineExceeded) {
				t.Errorf("ended after %s with %v", got, cause)
			}
			time.Sleep(time.Hour)
		})
	}
}

// The timer has fired, but expire runs after the pause began.
func TestAPauseBeforeTheFunctionOfTheTimer(t *testing.T) {
	t.Parallel()
	for name, pauses := range map[string]int{"one pause": 1, "a second pause": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := WithTimeout(t.Context(), time.Minute)
				defer cancel()
				c, ok := ctx.(*timeoutContext)
				if !ok {
					t.Fatal("not a *timeoutContext")
				}
				c.timer.Stop() // as if it had fired
				time.Sleep(time.Minute)
				resume := Pause(ctx)
				for range pauses - 1 {
					resume()
					resume = Pause(ctx)
				}
				c.expire()
				if ctx.Err() != nil {
					t.Error("ended in a pause")
				}
				time.Sleep(time.Minute)
				began := time.Now()
				resume()
				if got, _ := ends(ctx, began); got != 0 {
					t.Errorf("ended %s after the pause, want immediately", got)
				}
			})
		})
	}
}

func TestTheDeadlineOfATimeoutThatCanBePaused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		left := func(ctx context.Context) time.Duration {
			d, ok := ctx.Deadline()
			if !ok {
				return never
			}
			return d.Sub(began)
		}
		outer, cancelOuter := context.WithTimeout(t.Context(), time.Hour)
		defer cancelOuter()
		inner, cancel := WithTimeout(outer, time.Minute)
		defer cancel()
		alone, cancelAlone := WithTimeout(t.Context(), time.Minute)
		defer cancelAlone()
		long, cancelLong := WithTimeout(outer, 2*time.Hour)
		defer cancelLong()

		got := []time.Duration{left(inner), left(alone), left(long)}
		resumeInner, resumeAlone := Pause(inner), Pause(alone)
		got = append(got, left(inner), left(alone))
		time.Sleep(30 * time.Second)
		resumeInner()
		resumeAlone()
		got = append(got, left(inner), left(alone))
		want := []time.Duration{
			time.Minute, time.Minute, time.Hour,
			time.Hour, never,
			90 * time.Second, 90 * time.Second,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWithTimeoutEndsLikeAnyContext(t *testing.T) {
	t.Parallel()
	cause := errors.New("interrupted")
	for name, tt := range map[string]struct {
		end  func(parent context.CancelCauseFunc, own context.CancelFunc, resume func())
		want error
	}{
		"by its own cancel": {func(_ context.CancelCauseFunc, own context.CancelFunc, _ func()) { own() }, context.Canceled},
		"with its parent":   {func(parent context.CancelCauseFunc, _ context.CancelFunc, _ func()) { parent(cause) }, cause},
		"by its own cancel, before a resume": {func(_ context.CancelCauseFunc, own context.CancelFunc, resume func()) {
			own()
			resume()
		}, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				parent, cancelParent := context.WithCancelCause(t.Context())
				defer cancelParent(nil)
				ctx, cancel := WithTimeout(parent, time.Minute)
				defer cancel()
				resume := Pause(ctx)
				tt.end(cancelParent, cancel, resume)
				time.Sleep(time.Hour)
				if got, err := ends(ctx, time.Now()); got != 0 || !errors.Is(err, tt.want) {
					t.Errorf("ended with %v, want %v", err, tt.want)
				}
			})
		})
	}
}

func TestPauseWithoutATimeoutDoesNothing(t *testing.T) {
	t.Parallel()
	resume := Pause(t.Context())
	resume()
	resume()
}

// A purge that waits for other work pauses the timeouts of all of its callers.
func TestAPausedPurgePausesTheTimeoutsOfAllCallers(t *testing.T) {
	t.Parallel()
	s := time.Second
	// The purge is paused from 10 s to 40 s and never ends. Each caller has a
	// timeout of a minute.
	for name, tt := range map[string]struct {
		calls []call
		want  []time.Duration
	}{
		"the first caller":                 {[]call{{}}, []time.Duration{90 * s}},
		"a second caller":                  {[]call{{}, {at: 5 * s}}, []time.Duration{90 * s, 95 * s}},
		"a caller that joins in the pause": {[]call{{}, {at: 20 * s}}, []time.Duration{90 * s, 100 * s}},
		"a caller that joins after":        {[]call{{}, {at: 50 * s}}, []time.Duration{90 * s, 110 * s}},
		"a caller that leaves in the pause, and another": {
			[]call{{}, {at: 5 * s, leaves: 20 * s}},
			[]time.Duration{90 * s, 25 * s},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newSender(Limit{})
				w.before = func(ctx context.Context) error {
					sleep(ctx, 10*s)
					resume := Pause(ctx)
					nested := Pause(ctx)
					sleep(ctx, 15*s)
					nested()
					sleep(ctx, 15*s)
					resume()
					<-ctx.Done()
					return context.Cause(ctx)
				}
				for i := range tt.calls {
					tt.calls[i].timeout = 60 * s
				}
				var got []time.Duration
				for _, a := range w.run(tt.calls...) {
					got = append(got, a.At)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// Two identical purges are merged at 10 s, while one or both are paused. Their
// callers have a minute and receive no response.
func TestTheTimeoutsOfMergedPurges(t *testing.T) {
	t.Parallel()
	s := time.Second
	for name, tt := range map[string]struct {
		elder   bool // paused from 10 s to 40 s
		younger bool // paused from 5 s to 35 s
		queues  bool // the younger is in the queue, so the elder is merged into it
		want    []time.Duration
	}{
		"the elder continues":                        {false, false, false, []time.Duration{60 * s, 65 * s}},
		"the elder continues, it is paused":          {true, false, false, []time.Duration{90 * s, 95 * s}},
		"the elder continues, the other was paused":  {false, true, false, []time.Duration{60 * s, 70 * s}},
		"the elder continues, both are paused":       {true, true, false, []time.Duration{90 * s, 100 * s}},
		"the younger continues":                      {false, false, true, []time.Duration{60 * s, 65 * s}},
		"the younger continues, it is paused":        {false, true, true, []time.Duration{85 * s, 95 * s}},
		"the younger continues, the other is paused": {true, false, true, []time.Duration{60 * s, 65 * s}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var g Group
				w := &Window{limit: Limit{Requests: 1, Window: time.Hour}}
				elder := func(ctx context.Context) (int, error) {
					slot, err := w.Acquire(ctx)
					if err != nil {
						return 0, err
					}
					if err := slot.Send(); err != nil {
						return 0, err
					}
					sleep(ctx, 10*s)
					if tt.elder {
						time.AfterFunc(30*s, Pause(ctx))
					}
					slot.Failed(errServer)
					_, err = w.Acquire(ctx)
					return 0, err
				}
				younger := func(ctx context.Context) (int, error) {
					if tt.younger {
						time.AfterFunc(30*s, Pause(ctx))
					}
					if tt.queues {
						_, err := w.Acquire(ctx)
						return 0, err
					}
					<-ctx.Done()
					return 0, context.Cause(ctx)
				}
				began := time.Now()
				got := make([]time.Duration, 2)
				var wg sync.WaitGroup
				for i, send := range []func(context.Context) (int, error){elder, younger} {
					wg.Go(func() {
						time.Sleep(time.Duration(i) * 5 * s)
						ctx, cancel := WithTimeout(t.Context(), 60*s)
						defer cancel()
						if _, err := Do(ctx, &g, "a", send); !errors.Is(err, context.DeadlineExceeded) {
							t.Errorf("caller %d receives %v", i, err)
						}
						got[i] = time.Since(began)
					})
				}
				wg.Wait()
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
