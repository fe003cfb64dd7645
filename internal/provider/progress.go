// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// watchRun runs send and reports its progress: when another tenth is done, when it
// waits for another reason, and at least every 25 seconds. say is called from the
// same goroutine, because an action can report progress only from there.
func watchRun(ctx context.Context, total int, noun func(int) string, say func(string), send func(context.Context, *watch) *outcome) *outcome {
	w := &watch{total: total, noun: noun, news: make(chan struct{}, 1)}
	finished := make(chan *outcome, 1)
	go func() { finished <- send(quota.WithObserver(ctx, w.waiting), w) }()
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case o := <-finished:
			return o
		case <-ticker.C:
			say(w.String())
		case <-w.news:
			say(w.String())
		}
	}
}

// progressInterval is shorter than the 30 seconds that the documentation
// guarantees.
const progressInterval = 25 * time.Second

// logProgress reports the progress of a resource. Terraform shows no other.
func logProgress(ctx context.Context) func(string) {
	return func(message string) { tflog.Info(ctx, message) }
}

// watch is the progress of a run and the reason for its current wait.
type watch struct {
	total int
	noun  func(int) string // "3 purges"
	// news has a buffer of one, because a report contains the latest state.
	news chan struct{}

	mu    sync.Mutex
	done  int
	what  string    // the reason for the wait, empty if there is none
	since time.Time // when the wait began
	until time.Time // when the wait ends, if that is known
}

// accepted is called after each purge. It reports every tenth of the total.
func (w *watch) accepted(done int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = done
	if !w.until.After(time.Now()) {
		w.what = "" // otherwise, other requests are still waiting
	}
	if done < w.total && 10*done/w.total > 10*(done-1)/w.total {
		w.notify()
	}
}

// waiting is called by each request that waits. It reports only a new reason.
func (w *watch) waiting(what string, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.until = until
	if w.what != what {
		w.what, w.since = what, time.Now()
		w.notify()
	}
}

func (w *watch) notify() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

func (w *watch) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	message := fmt.Sprintf("%d of %s done", w.done, w.noun(w.total))
	if w.what == "" {
		return message
	}
	message += ", waiting for " + w.what
	if left := time.Until(w.until).Round(time.Second); left > 0 {
		return message + fmt.Sprintf(" (%s left)", transport.FormatDuration(left))
	}
	if passed := time.Since(w.since).Round(time.Second); passed > 0 {
		message += fmt.Sprintf(" (for %s)", transport.FormatDuration(passed))
	}
	return message
}
