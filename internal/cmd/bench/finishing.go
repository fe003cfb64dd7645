// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
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
		line(out, r.name, r.finished.String(), r.optimum.String(), r.ratio())
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
		line(out, r.name, r.finished.String(), r.optimum.String(), r.ratio(), r.limited)
	}
	return nil
}

// measured is the result of one row of a test.
type measured struct {
	name              string
	finished, optimum time.Duration
	limited           string // number of rate-limited responses
}

func (m measured) ratio() string {
	if m.finished == m.optimum {
		return "1.00"
	}
	return fmt.Sprintf("%.2f", m.finished.Seconds()/m.optimum.Seconds())
}

// measuredBy runs a test that measures virtual time, which only a test can use. The
// test reports each row as attributes.
func measuredBy(ctx context.Context, test, pkg string) ([]measured, error) {
	output, err := exec.CommandContext(ctx, "go", "test", "-run", "^"+test+"$", "-count=1", "-v", pkg).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, output)
	}
	var rows []measured
	for text := range strings.Lines(string(output)) {
		fields := strings.Fields(text)
		if len(fields) != 5 || fields[1] != "ATTR" {
			continue
		}
		_, name, _ := strings.Cut(fields[2], "/")
		name = strings.ReplaceAll(name, "_", " ")
		if len(rows) == 0 || rows[len(rows)-1].name != name {
			rows = append(rows, measured{name: name})
		}
		row := &rows[len(rows)-1]
		switch fields[3] {
		case "finished":
			row.finished, err = time.ParseDuration(fields[4])
		case "optimum":
			row.optimum, err = time.ParseDuration(fields[4])
		case "limited":
			row.limited = fields[4]
		}
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}
