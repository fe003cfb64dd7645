// SPDX-License-Identifier: MPL-2.0

// Package docs tests the documentation: every block of HCL is valid, every
// complete example works, links are not broken, and numbers and error messages
// match the code.
package docs

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/provider"
	"github.com/cachepurge/terraform-provider-purge/internal/tfcli"
)

// root is the root directory of the repository.
const root = "../.."

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// built is the provider binary, and the CLI configuration with which terraform uses
// it without init.
var built struct {
	once     sync.Once
	dir, cli string
	err      error
}

func cliConfig(t *testing.T) string {
	t.Helper()
	built.once.Do(build)
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.cli
}

func build() {
	if built.dir, built.err = os.MkdirTemp("", "purge-docs"); built.err != nil {
		return
	}
	if _, built.err = tfcli.Build(context.Background(), provider.Address, root, built.dir); built.err != nil {
		return
	}
	built.cli, built.err = tfcli.Override(built.dir, provider.Address)
}

// terraform is the real binary in a separate directory.
type terraform struct{ *tfcli.Dir }

// found returns the real terraform or tofu.
var found = sync.OnceValues(func() (*tfcli.Binary, error) { return tfcli.Find(context.Background()) })

// newTerraform returns a terraform with only env in the environment of the provider.
func newTerraform(t *testing.T, env map[string]string) *terraform {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("Acceptance tests skipped unless env 'TF_ACC' set")
	}
	binary, err := found()
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	all := map[string]string{"HOME": dir, "TF_IN_AUTOMATION": "1", "TF_CLI_CONFIG_FILE": cliConfig(t)}
	maps.Copy(all, env)
	return &terraform{binary.In(dir, all)}
}

func (tf *terraform) write(t *testing.T, name, content string) {
	t.Helper()
	if err := tf.Write(name, content); err != nil {
		t.Fatal(err)
	}
}

func (tf *terraform) remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(tf.Path, name)); err != nil {
		t.Fatal(err)
	}
}

func (tf *terraform) mustRun(t *testing.T, args ...string) string {
	t.Helper()
	output, err := tf.Run(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

// files returns the files in a directory of the repository whose names end in ending.
func files(t *testing.T, dir, ending string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == ".terraform" {
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ending) {
			name, _ := filepath.Rel(root, path)
			all = append(all, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatalf("no %s files are in %s", ending, dir)
	}
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// pages returns the Markdown files for users: README.md and docs.
func pages(t *testing.T) []string {
	t.Helper()
	return append([]string{"README.md"}, files(t, "docs", ".md")...)
}
