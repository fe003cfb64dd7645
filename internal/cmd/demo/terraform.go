// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"regexp"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/tfcli"
)

// terraform runs terraform in one directory.
type terraform struct{ *tfcli.Dir }

// result is the result of one run of terraform. Only terminal contains colors.
type result struct {
	exit                     int
	stdout, stderr, terminal string
}

// color matches a control sequence that changes the color of a terminal.
var color = regexp.MustCompile("\x1b\\[[0-9;]*m")

// run returns an error if terraform does not start or does not end by itself. If
// ctx is done, it sends no signal, because a terminal sends Ctrl-C to terraform as
// well, and a second signal makes terraform abandon the provider.
func (t *terraform) run(ctx context.Context, args ...string) (result, error) {
	var stdout, stderr bytes.Buffer
	cmd := t.Command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Cancel = func() error { return nil }
	cmd.WaitDelay = 20 * time.Second
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() && ctx.Err() == nil {
		err = nil
	}
	r := result{
		stdout: color.ReplaceAllString(stdout.String(), ""), stderr: color.ReplaceAllString(stderr.String(), ""),
		terminal: stdout.String() + stderr.String(),
	}
	if cmd.ProcessState != nil {
		r.exit = cmd.ProcessState.ExitCode()
	}
	return r, err
}
