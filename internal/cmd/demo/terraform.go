package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hashicorp/hc-install/product"
	"github.com/hashicorp/hc-install/releases"
)

// findTerraform returns the terraform or tofu that the caller names or has, and
// otherwise installs the latest terraform into a directory.
func findTerraform(ctx context.Context, out io.Writer, getenv func(string) string, dir string) (string, error) {
	if named := getenv("TF_ACC_TERRAFORM_PATH"); named != "" {
		found, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("TF_ACC_TERRAFORM_PATH names %s, which cannot be run", named)
		}
		return filepath.Abs(found)
	}
	for _, name := range []string{"terraform", "tofu"} {
		if found, err := exec.LookPath(name); err == nil {
			return filepath.Abs(found)
		}
	}
	fmt.Fprintln(out, "No terraform or tofu is on PATH. Installing the latest terraform for this run ...")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	const patience = 3 * time.Minute
	found, err := (&releases.LatestVersion{Product: product.Terraform, InstallDir: dir, Timeout: patience}).Install(ctx)
	if err != nil {
		return "", errors.New("install Terraform (https://developer.hashicorp.com/terraform/install) or OpenTofu " +
			"(https://opentofu.org/docs/intro/install/) and put it on PATH: it cannot be downloaded from here")
	}
	return found, nil
}

// terraform runs the binary in one directory.
type terraform struct {
	binary, dir string
	env         []string
}

// result is what one run of terraform came to.
type result struct {
	exit           int
	stdout, stderr string
}

// run returns an error only where terraform could not be run to its end. A
// terminal sends Ctrl-C to terraform as well, and a second one would make it
// abandon the provider, so it is left time to end by itself.
func (t *terraform) run(ctx context.Context, args ...string) (result, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, t.binary, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = t.dir, t.env, &stdout, &stderr
	cmd.Cancel = func() error { return nil }
	cmd.WaitDelay = 20 * time.Second
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() && ctx.Err() == nil {
		err = nil
	}
	r := result{stdout: stdout.String(), stderr: stderr.String()}
	if cmd.ProcessState != nil {
		r.exit = cmd.ProcessState.ExitCode()
	}
	return r, err
}
