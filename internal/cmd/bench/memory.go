// SPDX-License-Identifier: MPL-2.0

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// watchMemory returns a function that stops the measurement and returns the peak
// memory, in MB, of any process of the provider since the call. Without /proc, it
// returns 0.
func watchMemory() func() int {
	stop, result := make(chan struct{}), make(chan int)
	go func() {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		peak := 0
		for {
			select {
			case <-stop:
				result <- peak
				return
			case <-ticker.C:
				peak = max(peak, providerMemory())
			}
		}
	}()
	return func() int {
		close(stop)
		return <-result
	}
}

func providerMemory() int {
	peak := 0
	files, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, file := range files {
		status, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(status), "Name:\tterraform-provi") {
			continue
		}
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				kb, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
				peak = max(peak, kb/1024)
			}
		}
	}
	return peak
}
