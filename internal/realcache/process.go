// SPDX-License-Identifier: MPL-2.0

package realcache

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is a cache's.
type process struct {
	cancel context.CancelFunc
	ended  chan struct{}
	log    string // the file with what it wrote
}

// Starting takes a second or so: Varnish compiles its configuration. Ending is
// asked for, and forced if it takes too long.
const (
	startTime = 30 * time.Second
	endTime   = 5 * time.Second
)

func start(dir string, command []string) (*process, error) {
	p := &process{ended: make(chan struct{}), log: filepath.Join(dir, "output.log")}
	// A file, because a pipe would have to be read until the children have ended.
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	// Not the test's context: it ends before the cleanup, which stops the cache.
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // it is there to start them
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endTime
	if err := cmd.Start(); err != nil {
		p.cancel()
		return nil, err
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // how it ended does not matter; what it wrote does
	}()
	return p, nil
}

func (p *process) stop() {
	p.cancel()
	<-p.ended
}

// await waits until a cache takes connections.
func (p *process) await(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return fmt.Errorf("it ended at once: %s", p.output())
		case <-ctx.Done():
			return fmt.Errorf("nothing listens on %s after %s: %s", address, startTime, p.output())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// output is what the process wrote.
func (p *process) output() string {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(content))
}
