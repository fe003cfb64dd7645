// SPDX-License-Identifier: MPL-2.0

// Package tfcli runs a real terraform or tofu with the provider of this
// repository, for the demo, the benchmark, and tests.
package tfcli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/hashicorp/go-version"
)

// Binary is a terraform or tofu executable.
type Binary struct {
	Path    string // absolute
	Tofu    bool
	Version *version.Version
}

// variable is the environment variable that names the binary.
const variable = "TF_ACC_TERRAFORM_PATH"

// Find returns the binary that TF_ACC_TERRAFORM_PATH names, or else the first
// terraform or tofu on PATH. If there is none, the error says how to install
// one.
func Find(ctx context.Context) (*Binary, error) {
	path, err := locate()
	if err != nil {
		return nil, err
	}
	b := &Binary{Path: path}
	output, err := b.In("", nil).Command(ctx, "version").Output()
	if err != nil {
		return nil, fmt.Errorf("%s version: %w", path, err)
	}
	// Not version -json, which does not contain the name of the binary.
	line, _, _ := strings.Cut(string(output), "\n")
	name, number, _ := strings.Cut(strings.TrimSpace(line), " ")
	b.Tofu = name == "OpenTofu"
	if b.Version, err = version.NewVersion(number); err != nil {
		return nil, fmt.Errorf("%s version returned %q: %w", path, line, err)
	}
	return b, nil
}

func locate() (string, error) {
	if named := os.Getenv(variable); named != "" {
		found, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("%s is %s, which cannot be run", variable, named)
		}
		return filepath.Abs(found)
	}
	for _, name := range []string{"terraform", "tofu"} {
		if found, err := exec.LookPath(name); err == nil {
			return filepath.Abs(found)
		}
	}
	return "", errors.New("terraform and tofu are not on PATH: install Terraform (https://developer.hashicorp.com/terraform/install) " +
		"or OpenTofu (https://opentofu.org/docs/intro/install/), or set " + variable)
}

// String returns the name and the version.
func (b *Binary) String() string {
	if b.Tofu {
		return "OpenTofu " + b.Version.String()
	}
	return "Terraform " + b.Version.String()
}

// AtLeast reports whether the binary has at least the given version: terraform
// for Terraform, tofu for OpenTofu. A prerelease counts as its release. If the
// version is empty, no version is sufficient.
func (b *Binary) AtLeast(terraform, tofu string) bool {
	least := terraform
	if b.Tofu {
		least = tofu
	}
	return least != "" && b.Version.Core().GreaterThanOrEqual(version.Must(version.NewVersion(least)))
}

// ownPrefixes are the prefixes of variables that configure Terraform or
// OpenTofu.
var ownPrefixes = []string{"TF_", "TOFU_", "CHECKPOINT_"}

// In returns the binary in a directory with an environment. It inherits the
// environment of the process, except for variables of Terraform and OpenTofu
// and of the APIs that env configures.
func (b *Binary) In(dir string, env map[string]string) *Dir {
	return &Dir{Binary: b, Path: dir, Env: environment(os.Environ(), env)}
}

func environment(inherited []string, set map[string]string) []string {
	env := []string{"CHECKPOINT_DISABLE=1"} // no check for a newer version
	replaced := prefixes(set)
	for _, variable := range inherited {
		name, _, _ := strings.Cut(variable, "=")
		_, twice := set[name]
		if !twice && !slices.ContainsFunc(replaced, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			env = append(env, variable)
		}
	}
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	return env
}

// prefixes returns the prefixes of variables that are not inherited. The
// variables of an API have the text before the first underscore in common. If
// env sets one of them, the others must not come from the user's own account.
func prefixes(set map[string]string) []string {
	all := slices.Clone(ownPrefixes)
	for name := range set {
		if system, _, ok := strings.Cut(name, "_"); ok {
			all = append(all, system+"_")
		}
	}
	return all
}

// Dir is a directory with a configuration, and the binary to run in it.
type Dir struct {
	*Binary
	Path string
	Env  []string
}

// Command returns the command that runs the binary with args.
func (d *Dir) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, d.Binary.Path, args...)
	cmd.Dir, cmd.Env = d.Path, d.Env
	return cmd
}

// Run runs the binary and returns its standard output. The error contains its
// standard output and standard error.
func (d *Dir) Run(ctx context.Context, args ...string) (string, error) {
	var stdout, stderr strings.Builder
	cmd := d.Command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(d.Binary.Path), strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), err
}

// Write writes a file and creates its directory.
func (d *Dir) Write(name, content string) error {
	file := filepath.Join(d.Path, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(content), 0o600)
}

// executable returns the name of a provider's binary, without a version or
// .exe.
func executable(address string) string { return "terraform-provider-" + path.Base(address) }

// Build builds the provider with this address from the package in source, with
// additional arguments for go build. It returns the path of the binary in dir.
func Build(ctx context.Context, address, source, dir string, args ...string) (string, error) {
	file := filepath.Join(dir, executable(address))
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"build"}, args...), "-o", file, ".")...)
	cmd.Dir = source
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", executable(address), err, output)
	}
	return file, nil
}

// Override writes a CLI configuration into dir that makes a binary load the
// providers with these addresses from dir, without init and with a warning. It
// returns the path of the file.
func Override(dir string, addresses ...string) (string, error) {
	var overrides strings.Builder
	for _, address := range addresses {
		fmt.Fprintf(&overrides, "    %q = %q\n", source(address), dir)
	}
	return configure(dir, fmt.Sprintf("dev_overrides {\n%s  }\n  direct {}", overrides.String()))
}

// Mirror moves a built provider into dir and writes a CLI configuration that
// makes init install it from there instead of a registry. version is the
// version that init finds. Mirror returns the path of the file.
func (b *Binary) Mirror(address, built, version, dir string) (string, error) {
	host, _, _ := strings.Cut(address, "/")
	if b.Tofu {
		host = "registry.opentofu.org"
	}
	into := filepath.Join(dir, host, filepath.FromSlash(source(address)), version, runtime.GOOS+"_"+runtime.GOARCH)
	if err := os.MkdirAll(into, 0o700); err != nil {
		return "", err
	}
	if err := os.Rename(built, filepath.Join(into, executable(address)+"_v"+version+filepath.Ext(built))); err != nil {
		return "", err
	}
	return configure(dir, fmt.Sprintf("filesystem_mirror {\n    path = %q\n  }", dir))
}

// source returns an address without its host, because each binary has a default
// host.
func source(address string) string {
	return path.Join(path.Base(path.Dir(address)), path.Base(address))
}

func configure(dir, installation string) (string, error) {
	file := filepath.Join(dir, "cli.tfrc")
	return file, os.WriteFile(file, fmt.Appendf(nil, "provider_installation {\n  %s\n}\n", installation), 0o600)
}
