package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// prepare builds the provider, finds a terraform and copies the example into
// dir. The returned terraform runs there, with env and nothing of the caller's
// own settings.
func prepare(ctx context.Context, out io.Writer, dir string, env map[string]string) (*terraform, error) {
	binary, err := findTerraform(ctx, out, os.Getenv, filepath.Join(dir, "terraform"))
	if err != nil {
		return nil, err
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return nil, err
	}
	plugins, work := filepath.Join(dir, "plugins"), filepath.Join(dir, "work")
	if err := build(ctx, root, plugins); err != nil {
		return nil, err
	}
	if err := copyConfiguration(filepath.Join(root, "examples", "complete"), work); err != nil {
		return nil, err
	}
	cli := filepath.Join(dir, "cli.tfrc")
	if err := os.WriteFile(cli, []byte(cliConfiguration(plugins)), 0o600); err != nil {
		return nil, err
	}
	env["TF_CLI_CONFIG_FILE"] = cli
	env["CHECKPOINT_DISABLE"] = "1" // asks nobody for a newer version
	tf := &terraform{binary: binary, dir: work, env: environment(os.Environ(), env)}
	version, err := tf.run(ctx, "version")
	if err != nil {
		return nil, err
	}
	line, _, _ := strings.Cut(version.stdout, "\n")
	fmt.Fprintf(out, "%s (%s) applies examples/complete with the provider built from %s.\n", line, binary, root)
	return tf, nil
}

func moduleRoot(ctx context.Context) (string, error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	path := strings.TrimSpace(string(mod))
	if err == nil && filepath.Base(path) != "go.mod" {
		err = errors.New("the demo runs inside the repository, which this is not")
	}
	return filepath.Dir(path), err
}

// build puts the provider where dev_overrides looks for it.
func build(ctx context.Context, root, into string) error {
	name := "terraform-provider-purge"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(into, name), ".")
	cmd.Dir = root
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the provider: %w\n%s", err, output)
	}
	return nil
}

// copyConfiguration copies the configuration with its site, and nothing that an
// apply by hand may have left beside it.
func copyConfiguration(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "*.tf"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no configuration is in %s", from)
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
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), content, 0o600); err != nil { //nolint:gosec // both directories are our own
			return err
		}
	}
	return nil
}

// siteDir is the static site beside the configuration.
const siteDir = "site"

// cliConfiguration makes terraform take the provider from a directory. It needs
// no terraform init then.
func cliConfiguration(plugins string) string {
	return fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"cachepurge/purge\" = %q\n  }\n  direct {}\n}\n", plugins)
}

// ours begin the names of variables that decide what terraform or the provider
// does.
var ours = []string{"TF_", "TOFU_", "MSTR_", "RAX_", "WPE_"}

// environment is the inherited one without the caller's settings for terraform
// and the real upstream systems, and with those of the demo.
func environment(inherited []string, set map[string]string) []string {
	var env []string
	for _, variable := range inherited {
		name, _, _ := strings.Cut(variable, "=")
		_, replaced := set[name]
		for _, prefix := range ours {
			replaced = replaced || strings.HasPrefix(name, prefix)
		}
		if !replaced {
			env = append(env, variable)
		}
	}
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	return env
}
