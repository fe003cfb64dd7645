// Command bench measures the provider against Terraform's own terraform_data
// with the same data, in the same run on the same machine, and prints ratios:
// times alone say more of the machine than of the provider. The upstream systems
// are the sandbox's, without rate limits.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	runs := flag.Int("runs", 5, "how often each figure is measured; the median counts")
	only := flag.String("only", "", "measure only the rows whose name contains this")
	large := flag.Bool("large", true, "also measure 100,000 assets and 1,000 instances, with at most 3 runs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return measure(ctx, *runs, *only, *large)
}

func measure(ctx context.Context, runs int, only string, large bool) (err error) {
	b, err := newBench(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if closed := b.close(); err == nil {
			err = closed
		}
	}()
	// Each row is printed as it comes: all of them take the better part of an hour.
	fmt.Printf(row, "what", "provider", "floor", "ratio", "at most", "peak memory")
	for _, s := range scenarios() {
		if !strings.Contains(s.name, only) || s.large && !large {
			continue
		}
		n := runs
		if s.large {
			n = min(n, 3)
		}
		r, err := b.run(ctx, s, n)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		r.print()
	}
	fmt.Println("\nTimes are medians. The floor is terraform_data with the same values, or local-exec with curl where it says so.")
	return nil
}

const row = "%-55s %9s %9s %6s %8s %12s\n"

// result is one row of the table. Times are in seconds, memory is in MB.
type result struct {
	name            string
	provider, floor []float64
	atMost          float64
	peak            int
}

func (r result) print() {
	p, f := median(r.provider), median(r.floor)
	atMost, peak := "", ""
	if r.atMost > 0 {
		atMost = fmt.Sprintf("%.1f", r.atMost)
	}
	if r.peak > 0 {
		peak = fmt.Sprintf("%d MB", r.peak)
	}
	fmt.Printf(row, r.name, fmt.Sprintf("%.2f s", p), fmt.Sprintf("%.2f s", f), fmt.Sprintf("%.2f", p/f), atMost, peak)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return 0
	}
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
