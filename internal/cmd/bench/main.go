// SPDX-License-Identifier: MPL-2.0

// Command bench measures the provider and prints ratios, each of which comes
// from runs side by side on the same machine: times alone say more of the
// machine than of the provider. The upstream systems are the sandbox's, without
// rate limits. What it prints is Markdown.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(out io.Writer) error {
	runs := flag.Int("runs", 5, "how often each figure is measured; the median counts")
	only := flag.String("only", "", "measure only the rows whose name contains this")
	large := flag.Bool("large", true, "also measure 100,000 assets and 1,000 resources, which takes most of the time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return measure(ctx, out, options{*runs, *only, *large})
}

type options struct {
	runs  int
	only  string
	large bool
}

func (o options) wants(name string) bool { return strings.Contains(name, o.only) }

// measure prints each row as it comes: all of them take about an hour.
func measure(ctx context.Context, out io.Writer, o options) (err error) {
	b, err := newBench(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if closed := b.close(); err == nil {
			err = closed
		}
	}()
	fmt.Fprintf(out, "Medians of %d runs, each with all variants in turn. A ratio is the median of the runs' ratios.\n", o.runs)
	for _, table := range []func(context.Context, io.Writer, options) error{
		b.clients, verifications, b.process, b.counts, b.looks, b.contents, finishing, sharing, b.contests,
	} {
		if err := table(ctx, out, o); err != nil {
			return err
		}
	}
	return nil
}

func header(out io.Writer, title string, columns ...string) {
	fmt.Fprintf(out, "\n### %s\n\n", title)
	line(out, columns...)
	fmt.Fprintln(out, "|---|"+strings.Repeat("---:|", len(columns)-1))
}

func line(out io.Writer, cells ...string) {
	fmt.Fprintln(out, "| "+strings.Join(cells, " | ")+" |")
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return 0
	}
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// ratio is the median of the ratios of each run.
func ratio(ours, theirs []float64) string {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / theirs[i]
	}
	return fmt.Sprintf("%.2f", median(ratios))
}
