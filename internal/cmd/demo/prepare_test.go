package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNothingOfTheCallersAccountsReachesTheProvider(t *testing.T) {
	t.Parallel()
	got := environment(
		[]string{"PATH=/bin", "RAX_CDN_ENDPOINT=https://real.example.com/v1.0", "WPE_API_PASSWORD=real", "MSTR_API_TOKEN=real", "TF_CLI_ARGS=-destroy", "HOME=/root"},
		map[string]string{"RAX_USERNAME": "fake", "HOME": "/tmp"})
	slices.Sort(got)
	if diff := cmp.Diff([]string{"HOME=/tmp", "PATH=/bin", "RAX_USERNAME=fake"}, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestOnlyTheConfigurationIsCopied(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "work")
	if err := os.Mkdir(filepath.Join(from, siteDir), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"main.tf", "variables.tf", "terraform.tfstate", "secret.auto.tfvars", "site/index.html"} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyConfiguration(from, to); err != nil {
		t.Fatal(err)
	}
	var copied []string
	err := fs.WalkDir(os.DirFS(to), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			copied = append(copied, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"main.tf", "site/index.html", "variables.tf"}, copied); diff != "" {
		t.Errorf("copied files (-want +got):\n%s", diff)
	}
	if err := copyConfiguration(t.TempDir(), to); err == nil {
		t.Error("no error for a directory without a configuration")
	}
}

func TestATerraformThatIsNamedMustBeThere(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "terraform")
	_, err := findTerraform(t.Context(), io.Discard, func(string) string { return missing }, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("the error is %v, want one that names %s", err, missing)
	}
}
