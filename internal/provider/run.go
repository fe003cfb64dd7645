package provider

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"
	"golang.org/x/sync/errgroup"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
)

// outcome is what became of jobs.
type outcome struct {
	done     []bool // by the index of the job
	accepted int
	latest   time.Time // when the latest was accepted
	warnings []string  // each once
	err      error     // why not all are done
}

// run sends jobs, side by side as far as that is useful. After a failure nothing
// new is sent; what is on the wire is waited for, unless the context ends.
func run(ctx context.Context, c *clients, jobs []job, p pace, accepted func(done int)) *outcome {
	stop, halt := context.WithCancel(context.Background())
	defer halt()
	ctx = quota.WithStop(ctx, stop)

	o := &outcome{done: make([]bool, len(jobs))}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(max(p.sideBySide, 1))
	for i, j := range jobs {
		group.Go(func() error {
			if stop.Err() != nil {
				return nil // it waited for its turn, which a failure gave it
			}
			got, err := j.model.send(ctx, c, j.name)
			mu.Lock()
			defer mu.Unlock()
			o.note(i, got, err)
			if err != nil {
				halt()
				return nil
			}
			accepted(o.accepted)
			return nil
		})
	}
	_ = group.Wait() // failures are in the outcome
	return o
}

// note adds what became of one job.
func (o *outcome) note(i int, got receipt, err error) {
	if err != nil {
		// That others were stopped is a consequence, the first failure the reason.
		if o.err == nil || errors.Is(o.err, quota.ErrStopped) {
			o.err = err
		}
		return
	}
	o.done[i] = true
	o.accepted++
	if got.at.After(o.latest) {
		o.latest = got.at
	}
	o.warn(got.warning)
}

// add joins what became of the jobs that were sent after these.
func (o *outcome) add(next *outcome) {
	o.done = append(o.done, next.done...)
	o.accepted += next.accepted
	if next.accepted > 0 {
		o.latest = next.latest
	}
	for _, warning := range next.warnings {
		o.warn(warning)
	}
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

// progress writes the state of a long run to the log: every 30 seconds or every
// tenth, whichever is rarer.
type progress struct {
	total    int
	began    time.Time
	lastAt   time.Time
	lastDone int
}

// logProgress returns what run is to call when one more of total is accepted.
func logProgress(ctx context.Context, total int) func(done int) {
	now := time.Now()
	p := &progress{total: total, began: now, lastAt: now}
	return func(done int) { p.report(ctx, done) }
}

const progressInterval = 30 * time.Second

func (p *progress) report(ctx context.Context, done int) {
	now := time.Now()
	if now.Sub(p.lastAt) < progressInterval || (done-p.lastDone)*10 < p.total || done == 0 {
		return
	}
	p.lastAt, p.lastDone = now, done
	left := now.Sub(p.began) / time.Duration(done) * time.Duration(p.total-done)
	tflog.Info(ctx, "Purging", map[string]any{"done": done, "total": p.total, "time_left": left.Round(time.Second).String()})
}
