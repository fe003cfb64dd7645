// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// sender sends purges of a group through a window and retries them until they are
// accepted, like a client with its transport.
type sender struct {
	group  Group
	window *Window

	latency time.Duration
	backoff time.Duration
	fail    func(n int) error // the result of request n, counted from 0
	before  func(context.Context) error

	mu   sync.Mutex
	sent []time.Duration
	at   time.Time
}

func newSender(limit Limit) *sender {
	return &sender{
		window: &Window{limit: limit}, latency: time.Second, backoff: 5 * time.Second, at: time.Now(),
		fail:   func(int) error { return nil },
		before: func(context.Context) error { return nil },
	}
}

// purge returns the number of the request that was accepted.
func (w *sender) purge(ctx context.Context, key string) (int, error) {
	return Do(ctx, &w.group, key, w.send)
}

func (w *sender) send(ctx context.Context) (int, error) {
	if err := w.before(ctx); err != nil {
		return -1, err
	}
	var last error
	for {
		n, err := w.try(ctx)
		if n < 0 && last != nil {
			return n, errors.Join(err, last)
		}
		if n < 0 || err == nil {
			return n, err
		}
		last = err
		if !sleep(ctx, w.backoff) {
			return -1, errors.Join(context.Cause(ctx), err)
		}
	}
}

func (w *sender) try(ctx context.Context) (int, error) {
	s, err := w.window.Acquire(ctx)
	if err != nil {
		return -1, err
	}
	if err := s.Send(); err != nil {
		s.Unsent()
		return -1, err
	}
	w.mu.Lock()
	n := len(w.sent)
	w.sent = append(w.sent, time.Since(w.at))
	w.mu.Unlock()
	err = w.fail(n)
	if !sleep(ctx, w.latency) {
		err = context.Cause(ctx)
		s.Failed(err)
		return -1, err
	}
	if err != nil {
		s.Failed(err)
		return n, err
	}
	s.Passed()
	return n, nil
}

// sleep reports whether it slept for d, before the context ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// call is one call of Do.
type call struct {
	key     string
	at      time.Duration
	timeout time.Duration // 0 is none
	leaves  time.Duration // after at; 0 is never
	stop    context.Context
}

// outcome is the result of a call.
type outcome struct {
	Served int // the number of the request, or -1
	Err    string
	At     time.Duration
}

// run runs the calls and returns their outcomes in the same order.
func (w *sender) run(calls ...call) []outcome {
	outcomes := make([]outcome, len(calls))
	var wg sync.WaitGroup
	for i, c := range calls {
		wg.Go(func() {
			time.Sleep(c.at)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if c.timeout > 0 {
				ctx, cancel = WithTimeout(ctx, c.timeout)
				defer cancel()
			}
			if c.leaves > 0 {
				time.AfterFunc(c.leaves, cancel)
			}
			if c.stop != nil {
				ctx = WithStop(ctx, c.stop)
			}
			n, err := w.purge(ctx, c.key)
			outcomes[i] = outcome{Served: n, At: time.Since(w.at)}
			if err != nil {
				outcomes[i].Served, outcomes[i].Err = -1, fmt.Sprint(err)
			}
		})
	}
	wg.Wait()
	return outcomes
}

// failFirst fails the first n requests.
func failFirst(n int) func(int) error {
	return func(i int) error {
		if i < n {
			return errServer
		}
		return nil
	}
}

// holdUp keeps the purges that start after the first second out of the queue.
func (w *sender) holdUp(ctx context.Context) error {
	if time.Since(w.at) < time.Second || sleep(ctx, time.Hour) {
		return nil
	}
	return context.Cause(ctx)
}
