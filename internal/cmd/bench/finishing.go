// SPDX-License-Identifier: MPL-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// finishing compares the duration of bursts with the theoretical minimum.
func finishing(ctx context.Context, out io.Writer, o options) error {
	const title = "the quota"
	if !o.wants(title) {
		return nil
	}
	rows, err := measuredBy(ctx, "TestFinishingTime", "./internal/quota/")
	if err != nil {
		return err
	}
	header(out, "The quota, in virtual time", title, "finished after", "theoretical minimum", "ratio")
	for _, r := range rows {
		line(out, r.name, r.finished.String(), r.minimum.String(), r.ratio())
	}
	return nil
}

// outages measures 1,000 purges with an outage in their middle.
func outages(ctx context.Context, out io.Writer, o options) error {
	const title = "an outage in the middle of 1,000 purges"
	if !o.wants(title) {
		return nil
	}
	rows, err := measuredBy(ctx, "TestOutages/in_the_middle", "./internal/mstr/")
	if err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b measured) int {
		return cmp.Or(cmp.Compare(a.minimum, b.minimum), cmp.Compare(a.name, b.name))
	})
	header(out, "An outage in the middle of 1,000 purges, in virtual time", "the host is down", "attempts meanwhile", "finished after", "usual time plus outage", "ratio")
	for _, r := range rows {
		line(out, r.name, r.requests, r.finished.String(), r.minimum.String(), r.ratio())
	}
	return nil
}

// changed measures the purge of many changed assets of one service.
func changed(ctx context.Context, out io.Writer, o options) error {
	const title = "200 changed assets"
	if !o.wants(title) {
		return nil
	}
	rows, err := measuredBy(ctx, "TestChangedAssets", "./internal/cdn/")
	if err != nil {
		return err
	}
	header(out, "200 changed assets of one service, in virtual time", title, "requests", "finished after")
	for _, r := range rows {
		line(out, r.name, r.requests, r.finished.String())
	}
	return nil
}

// sharing measures processes that use one account at the same time.
func sharing(ctx context.Context, out io.Writer, o options) error {
	const title = "processes that share 20 purges per minute"
	if !o.wants(title) {
		return nil
	}
	rows, err := measuredBy(ctx, "TestSharing", "./internal/cdn/")
	if err != nil {
		return err
	}
	header(out, strings.ToUpper(title[:1])+title[1:]+", in virtual time", "processes", "finished after", "theoretical minimum", "ratio", "rate-limited responses")
	for _, r := range rows {
		line(out, r.name, r.finished.String(), r.minimum.String(), r.ratio(), r.limited)
	}
	return nil
}

// measured is the result of one row of a test.
type measured struct {
	name              string
	finished, minimum time.Duration
	requests, limited string // their numbers: all, and those with a rate-limited response
}

func (m measured) ratio() string {
	if m.finished == m.minimum {
		return "1.00"
	}
	return fmt.Sprintf("%.2f", m.finished.Seconds()/m.minimum.Seconds())
}

// measuredBy runs a test that measures virtual time, which only a test can use. The
// test reports each row as attributes.
func measuredBy(ctx context.Context, test, pkg string) ([]measured, error) {
	output, err := exec.CommandContext(ctx, "go", "test", "-run", "^"+strings.ReplaceAll(test, "/", "$/^")+"$", "-count=1", "-v", pkg).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, output)
	}
	var rows []measured
	for text := range strings.Lines(string(output)) {
		fields := strings.Fields(text)
		if len(fields) != 5 || fields[1] != "ATTR" {
			continue
		}
		name := strings.ReplaceAll(fields[2][strings.LastIndex(fields[2], "/")+1:], "_", " ")
		i := slices.IndexFunc(rows, func(r measured) bool { return r.name == name }) // parallel tests alternate
		if i < 0 {
			i, rows = len(rows), append(rows, measured{name: name})
		}
		row := &rows[i]
		switch fields[3] {
		case "finished":
			row.finished, err = time.ParseDuration(fields[4])
		case "minimum":
			row.minimum, err = time.ParseDuration(fields[4])
		case "limited":
			row.limited = fields[4]
		case "requests":
			row.requests = fields[4]
		}
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}
