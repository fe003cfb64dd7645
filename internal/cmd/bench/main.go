// SPDX-License-Identifier: MPL-2.0

// Command bench measures the provider and prints tables in Markdown. Each ratio
// compares runs that alternate on the same machine, because times depend mostly on
// the machine. The APIs are the fakes of the sandbox, without rate limits.
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
	runs := flag.Int("runs", 5, "number of runs of each measurement; the tables show the median")
	only := flag.String("only", "", "measure only tables whose title contains this text")
	large := flag.Bool("large", true, "also measure 100,000 assets and 1,000 resources, which take most of the time")
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

// measure prints each table immediately, because all of them take about half an hour.
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
		b.clients, verifications, b.process, b.counts, b.verificationRequests, b.contents, finishing, sharing, outages, changed, b.comparisons,
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

// ratio returns the median of the ratios of the runs.
func ratio(ours, theirs []float64) string {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / theirs[i]
	}
	return fmt.Sprintf("%.2f", median(ratios))
}
