// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStop(t *testing.T) {
	t.Parallel()
	s := time.Second
	stopped := ErrStopped.Error()
	afterFailure := stopped + "\n" + errServer.Error()
	for name, tt := range map[string]struct {
		after time.Duration // when the stop ends
		fails int
		calls []call // those with the key "a" have the stop
		sent  []time.Duration
		want  []outcome
	}{
		"before the call: nothing is sent": {
			after: s,
			calls: []call{{key: "a", at: 2 * s}},
			want:  []outcome{{-1, stopped, 2 * s}},
		},
		"in the queue: it returns immediately": {
			after: 30 * s,
			calls: []call{{key: "x"}, {key: "a", at: 1}, {key: "b", at: 2}},
			sent:  []time.Duration{0, 61 * s},
			want:  []outcome{{0, "", s}, {-1, stopped, 30 * s}, {1, "", 62 * s}},
		},
		"in flight: it returns after the response": {
			after: s / 2,
			calls: []call{{key: "a"}},
			sent:  []time.Duration{0},
			want:  []outcome{{0, "", s}},
		},
		"in flight, and the request fails: it is not retried": {
			after: s / 2, fails: 1,
			calls: []call{{key: "a"}, {key: "b", at: 1}},
			sent:  []time.Duration{0, 61 * s},
			want:  []outcome{{-1, afterFailure, s}, {1, "", 62 * s}},
		},
		"in the backoff after a failure: it returns immediately": {
			after: 3 * s, fails: 1,
			calls: []call{{key: "a"}},
			sent:  []time.Duration{0},
			want:  []outcome{{-1, afterFailure, 3 * s}},
		},
		"in the queue after a failure: it returns immediately": {
			after: 30 * s, fails: 1,
			calls: []call{{key: "a"}},
			sent:  []time.Duration{0},
			want:  []outcome{{-1, afterFailure, 30 * s}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				stop, halt := context.WithCancel(t.Context())
				time.AfterFunc(tt.after, halt)
				w := newSender(aMinute)
				w.fail = failFirst(tt.fails)
				for i := range tt.calls {
					if tt.calls[i].key == "a" {
						tt.calls[i].stop = stop
					}
				}
				got := w.run(tt.calls...)
				if diff := cmp.Diff(tt.sent, w.sent); diff != "" {
					t.Error("sent:\n" + diff)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error("outcomes:\n" + diff)
				}
				if len(w.group.waiting) != 0 {
					t.Error("a purge is left that others would join")
				}
			})
		})
	}
}

func TestAStopDoesNotStopTheOtherCallers(t *testing.T) {
	t.Parallel()
	s := time.Second
	for name, tt := range map[string]struct {
		after time.Duration
		fails int
		sent  []time.Duration
		want  []outcome
	}{
		"while it waits": {
			after: 30 * s,
			sent:  []time.Duration{0, 61 * s},
			want:  []outcome{{0, "", s}, {-1, ErrStopped.Error(), 30 * s}, {1, "", 62 * s}},
		},
		"in flight": {
			after: 61*s + s/2,
			sent:  []time.Duration{0, 61 * s},
			want:  []outcome{{0, "", s}, {1, "", 62 * s}, {1, "", 62 * s}},
		},
		"in flight, and the request fails": {
			after: 61*s + s/2, fails: 2,
			sent: []time.Duration{0, 61 * s, 122 * s, 183 * s},
			want: []outcome{{2, "", 123 * s}, {-1, ErrStopped.Error() + "\n" + errServer.Error(), 62 * s}, {3, "", 184 * s}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				stop, halt := context.WithCancel(t.Context())
				time.AfterFunc(tt.after, halt)
				w := newSender(aMinute)
				w.fail = failFirst(tt.fails)
				got := w.run(call{key: "x"}, call{key: "a", at: 1, stop: stop}, call{key: "a", at: 2})
				if diff := cmp.Diff(tt.sent, w.sent); diff != "" {
					t.Error("sent:\n" + diff)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error("outcomes:\n" + diff)
				}
			})
		})
	}
}

func TestNothingStartsAfterAStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop, halt := context.WithCancel(t.Context())
		halt()
		_, err := Do(WithStop(t.Context(), stop), &Group{}, "a", func(context.Context) (int, error) {
			t.Error("started")
			return 0, nil
		})
		if !errors.Is(err, ErrStopped) {
			t.Errorf("error %v, want ErrStopped", err)
		}
		synctest.Wait()
	})
}

// The stop ends between Acquire and Send.
func TestASlotIsNotSentAfterAStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w Window
		stop, halt := context.WithCancel(t.Context())
		var sendErr error
		_, err := Do(WithStop(t.Context(), stop), &Group{}, "a", func(ctx context.Context) (int, error) {
			s, err := w.Acquire(ctx)
			if err != nil {
				return 0, err
			}
			halt()
			sendErr = s.Send()
			s.Unsent()
			return 0, sendErr
		})
		if !errors.Is(sendErr, ErrStopped) || !errors.Is(err, ErrStopped) {
			t.Errorf("Send returned %v, Do %v, want ErrStopped", sendErr, err)
		}
	})
}
