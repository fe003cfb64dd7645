// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/cachepurge/terraform-provider-purge/internal/provider"
	"github.com/cachepurge/terraform-provider-purge/internal/tfcli"
)

// version is the version of the provider in the mirror. Terraform does not install
// 0.0.0.
const version = "0.1.0"

// prepare builds the provider, finds a terraform, copies the example into dir, and
// initializes it from a mirror that contains only the provider. The returned
// terraform runs there, with env and without the caller's own settings.
func prepare(ctx context.Context, out io.Writer, dir string, env map[string]string) (*terraform, error) {
	binary, err := tfcli.Find(ctx)
	if err != nil {
		return nil, err
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return nil, err
	}
	work, mirror := filepath.Join(dir, "work"), filepath.Join(dir, "mirror")
	built, err := tfcli.Build(ctx, provider.Address, root, dir)
	if err != nil {
		return nil, err
	}
	if env["TF_CLI_CONFIG_FILE"], err = binary.Mirror(provider.Address, built, version, mirror); err != nil {
		return nil, err
	}
	if err := copyConfiguration(filepath.Join(root, "examples", "complete"), work); err != nil {
		return nil, err
	}
	tf := &terraform{binary.In(work, env)}
	if _, err := tf.Run(ctx, "init", "-no-color"); err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "%s (%s) applies examples/complete with the provider built from %s.\n", tf, binary.Path, root)
	return tf, nil
}

func moduleRoot(ctx context.Context) (string, error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	path := strings.TrimSpace(string(mod))
	if err == nil && filepath.Base(path) != "go.mod" {
		err = errors.New("run the demo in a clone of the repository")
	}
	return filepath.Dir(path), err
}

// copyConfiguration copies the configuration and its site, but no state or
// variables of a manual apply.
func copyConfiguration(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "*.tf"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s contains no configuration", from)
	}
	if err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(to, siteDir), os.DirFS(filepath.Join(from, siteDir))); err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), content, 0o600); err != nil { //nolint:gosec // both directories are the demo's own
			return err
		}
	}
	return nil
}

// siteDir is the directory of the static site, relative to the configuration.
const siteDir = "site"
