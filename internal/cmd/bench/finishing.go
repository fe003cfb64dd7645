package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// finishing compares when bursts finish with when they could: minutes of virtual
// time, which only a test can have, so a test measures it.
func finishing(ctx context.Context, out io.Writer, o options) error {
	const title = "the quota"
	if !o.wants(title) {
		return nil
	}
	output, err := exec.CommandContext(ctx, "go", "test", "-run", "^TestFinishingTime$", "-count=1", "-v", "./internal/quota/").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	var names []string
	times := make(map[string]map[string]time.Duration)
	for text := range strings.Lines(string(output)) {
		fields := strings.Fields(text)
		if len(fields) != 5 || fields[1] != "ATTR" {
			continue
		}
		_, name, _ := strings.Cut(fields[2], "/")
		if times[name] == nil {
			times[name] = make(map[string]time.Duration)
			names = append(names, name)
		}
		if times[name][fields[3]], err = time.ParseDuration(fields[4]); err != nil {
			return err
		}
	}
	header(out, "The quota, in virtual time", title, "finished after", "optimum", "ratio")
	for _, name := range names {
		finished, optimum := times[name]["finished"], times[name]["optimum"]
		ratio := "1.00"
		if finished != optimum {
			ratio = fmt.Sprintf("%.2f", finished.Seconds()/optimum.Seconds())
		}
		line(out, strings.ReplaceAll(name, "_", " "), finished.String(), optimum.String(), ratio)
	}
	return nil
}
