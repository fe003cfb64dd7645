package provider

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"golang.org/x/sync/errgroup"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// fate is what became of a task.
type fate int

const (
	fateUntried  fate = iota // not sent, or nobody can tell
	fateFailed               // the API answered with an error
	fateAccepted             // the API accepted it
	fateDropped              // the API rejected it for good, and the configuration no longer has it
)

func (f fate) settled() bool { return f == fateAccepted || f == fateDropped }

func (f fate) open() bool { return !f.settled() }

// failure is an error that concerned one task only.
type failure struct {
	task task
	err  error
}

// outcome is what became of tasks.
type outcome struct {
	fates    []fate // by the index of the task
	accepted int
	latest   time.Time // when the latest was accepted
	warnings []string  // each once
	dropped  []failure
	failures []failure
	err      error // why the run stopped, if it did
}

// complete tells whether nothing is left to send.
func (o *outcome) complete() bool { return o.err == nil && len(o.failures) == 0 }

// add joins what became of the tasks that were sent after these.
func (o *outcome) add(next *outcome) {
	o.fates = append(o.fates, next.fates...)
	o.accepted += next.accepted
	if next.accepted > 0 {
		o.latest = next.latest
	}
	for _, warning := range next.warnings {
		o.warn(warning)
	}
	o.dropped = append(o.dropped, next.dropped...)
	o.failures = append(o.failures, next.failures...)
	o.err = next.err
}

// warn keeps each warning once.
func (o *outcome) warn(warning string) {
	if warning != "" && !slices.Contains(o.warnings, warning) {
		o.warnings = append(o.warnings, warning)
	}
}

func (o *outcome) purgedAt() types.String {
	return types.StringValue(o.latest.UTC().Format(time.RFC3339))
}

// batch is tasks that are sent in the same way.
type batch struct {
	tasks    []task
	parallel int
	send     func(ctx context.Context, name string) (receipt, error)
	// rejectable is the input of a request that concerns one task alone, in the
	// API's own word. If the API rejects it, the others go on. Empty if a
	// rejection concerns all.
	rejectable string
	// report is called with the number of accepted tasks when it grows.
	report func(accepted int)
}

// maxServerErrors is after how many errors of the server in a row a run stops.
const maxServerErrors = 3

// runner is a batch that is being sent. Tasks are taken from the front, until
// the server fails repeatedly; then from the other end, because neighbors fail
// for the same reason.
type runner struct {
	batch
	halt func()

	mu          sync.Mutex
	front, back int // what is between them was not taken yet
	fromBack    bool
	streak      int // errors of the server in a row
	outcome     *outcome
}

// run sends a batch. An error that concerns one task only does not stop the
// others. After any other, nothing new is sent and the requests in flight are
// waited for, unless the context ends.
func run(ctx context.Context, b batch) *outcome {
	stop, halt := context.WithCancel(context.Background())
	defer halt()
	ctx = quota.WithStop(ctx, stop)

	r := &runner{batch: b, halt: halt, back: len(b.tasks), outcome: &outcome{fates: make([]fate, len(b.tasks))}}
	var group errgroup.Group
	for range min(max(b.parallel, 1), len(b.tasks)) {
		group.Go(func() error {
			for i, ok := r.take(stop); ok; i, ok = r.take(stop) {
				got, err := r.send(ctx, r.tasks[i].name)
				r.note(i, got, err)
			}
			return nil
		})
	}
	_ = group.Wait() // failures are in the outcome
	return r.outcome
}

// take returns the index of the next task, false if there is none.
func (r *runner) take(stop context.Context) (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case stop.Err() != nil || r.front == r.back:
		return 0, false
	case r.fromBack:
		r.back--
		return r.back, true
	default:
		r.front++
		return r.front - 1, true
	}
}

// note records what became of one task, in the order of arrival.
func (r *runner) note(i int, got receipt, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.outcome
	if err == nil {
		r.streak = 0
		o.fates[i] = fateAccepted
		o.accepted++
		if got.at.After(o.latest) {
			o.latest = got.at
		}
		o.warn(got.warning)
		r.report(o.accepted)
		return
	}
	switch e := verdict(err); {
	case e == nil:
		r.stop(err)
	case r.rejected(e) && r.tasks[i].reason == reasonRemoved:
		r.streak = 0
		o.fates[i] = fateDropped
		o.dropped = append(o.dropped, failure{r.tasks[i], err})
	case r.rejected(e):
		r.streak = 0
		o.fates[i] = fateFailed
		o.failures = append(o.failures, failure{r.tasks[i], err})
	case e.Kind == transport.KindServer:
		o.fates[i] = fateFailed
		o.failures = append(o.failures, failure{r.tasks[i], err})
		r.serverFailed(err)
	case e.Kind == transport.KindInvalid:
		o.fates[i] = fateFailed
		r.stop(err)
	default:
		r.stop(err)
	}
}

// verdict returns the API's error about a request; nil if the request was
// stopped, so that the error, if any, is not about it.
func verdict(err error) *transport.Error {
	var e *transport.Error
	if errors.Is(err, quota.ErrStopped) || errors.Is(err, context.Canceled) || !errors.As(err, &e) {
		return nil
	}
	return e
}

// rejected tells whether an error concerns nothing but the task.
func (r *runner) rejected(e *transport.Error) bool {
	return r.rejectable != "" && e.Kind == transport.KindInvalid && (e.Input == "" || e.Input == r.rejectable)
}

func (r *runner) serverFailed(err error) {
	r.streak++
	switch {
	case r.streak >= maxServerErrors:
		r.stop(err)
	case r.streak == maxServerErrors-1:
		r.fromBack = !r.fromBack
	}
}

// stop ends the run. That others were stopped is a consequence; the first error
// is the reason.
func (r *runner) stop(err error) {
	if r.outcome.err == nil || errors.Is(r.outcome.err, quota.ErrStopped) {
		r.outcome.err = err
	}
	r.halt()
}
