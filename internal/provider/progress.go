// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// progress logs the progress of a long run: at most every 30 seconds, and only if
// another tenth of the requests was accepted.
type progress struct {
	doing    string
	total    int
	began    time.Time
	lastAt   time.Time
	lastDone int
}

// logProgress returns a function that logs the progress. A run calls it with the
// number of accepted requests.
func logProgress(ctx context.Context, doing string, total int) func(done int) {
	now := time.Now()
	p := &progress{doing: doing, total: total, began: now, lastAt: now}
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
	tflog.Info(ctx, p.doing, map[string]any{"done": done, "total": p.total, "time_left": left.Round(time.Second).String()})
}
