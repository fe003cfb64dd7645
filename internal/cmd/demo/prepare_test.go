// SPDX-License-Identifier: MPL-2.0

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCopyConfiguration(t *testing.T) {
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
