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

// process is the process of a cache.
type process struct {
	cancel context.CancelFunc
	ended  chan struct{}
	log    string // file with the output
}

// Starting takes about a second, because Varnish compiles its configuration. A
// process that does not end in time is killed.
const (
	startTime = 30 * time.Second
	endTime   = 5 * time.Second
)

func start(dir string, command []string) (*process, error) {
	p := &process{ended: make(chan struct{}), log: filepath.Join(dir, "output.log")}
	// A file, because a pipe must be read until all child processes have ended.
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	// Not the context of the test, which ends before the cleanup that stops the
	// cache.
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the commands of this package
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endTime
	if err := cmd.Start(); err != nil {
		p.cancel()
		return nil, err
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // only the output matters
	}()
	return p, nil
}

func (p *process) stop() {
	p.cancel()
	<-p.ended
}

// await waits until the cache accepts connections.
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
			return fmt.Errorf("the process ended: %s", p.output())
		case <-ctx.Done():
			return fmt.Errorf("nothing listens on %s after %s: %s", address, startTime, p.output())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// output returns the output of the process.
func (p *process) output() string {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(content))
}
