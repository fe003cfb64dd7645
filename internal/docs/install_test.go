// SPDX-License-Identifier: MPL-2.0

package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/tfcli"
)

// home returns a separate home directory with a sandbox. Its terraform has no CLI
// configuration, so it finds providers only in the implied local mirror.
func home(t *testing.T) *site {
	t.Helper()
	s := newSite(t, "")
	s.Env = slices.DeleteFunc(s.Env, func(variable string) bool { return strings.HasPrefix(variable, "TF_CLI_CONFIG_FILE=") })
	return s
}

// make runs make in the repository with this home directory.
func (s *site) make(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"--no-print-directory"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(cmd.Environ(), "HOME="+s.Path, "MAKEFLAGS=") // of the make that runs the tests
	// Keep the directories of Go, or make would download all modules and compile everything again.
	for _, name := range []string{"GOPATH", "GOMODCACHE", "GOCACHE", "GOENV"} {
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(value)))
	}
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("make %s: %s\n%s", strings.Join(args, " "), err, output)
	}
	return string(output)
}

// installBare puts a second provider into the local mirror and returns its directory.
func (s *site) installBare(t *testing.T) string {
	t.Helper()
	host := "registry.terraform.io"
	if s.Tofu {
		host = "registry.opentofu.org"
	}
	bare := filepath.Join(s.Path, ".terraform.d", "plugins", host, "cachepurge", "bare")
	dir := filepath.Join(bare, "1.0.0", runtime.GOOS+"_"+runtime.GOARCH)
	if _, err := tfcli.Build(t.Context(), "registry.terraform.io/cachepurge/bare", filepath.Join(root, "internal", "cmd", "bench", "bare"), dir); err != nil {
		t.Fatal(err)
	}
	return bare
}

// lockedPurge is the provider's block in a lock file.
var lockedPurge = regexp.MustCompile(`(?s)provider "[^"]*/cachepurge/purge" \{.*?\n\}\n`)

// TestInstallBesideAnotherProvider follows the first steps of docs/index.md with a second provider in the configuration,
// and the steps after a second installation of the same version.
func TestInstallBesideAnotherProvider(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the local mirror is in APPDATA there")
	}
	s := home(t)
	var page string
	for _, b := range blocksOf("docs/index.md", read(t, "docs/index.md")) {
		if strings.Contains(b.code, `version = "~> 0.1"`) && strings.Contains(b.code, "purge_cdn_asset") {
			page = b.code
		}
	}
	const requirement = "  required_providers {\n"
	if !strings.Contains(page, requirement) {
		t.Fatalf("docs/index.md lacks the first configuration, or required_providers in it:\n%s", page)
	}
	s.write(t, "main.tf", strings.Replace(page, requirement, requirement+"    bare = {\n      source = \"cachepurge/bare\"\n    }\n", 1)+
		"\nresource \"bare_data\" \"beside\" {\n  input = { release = var.release }\n}\n")

	const advice = "If you installed this version before, remove the cachepurge/purge block from .terraform.lock.hcl, then run terraform init\n"
	if said := s.make(t, "install"); !strings.HasSuffix(said, advice) {
		t.Errorf("make install prints %q at the end, want %q", said, advice)
	}
	bare := s.installBare(t)
	s.mustRun(t, "init", "-input=false", "-no-color")
	sent := func(path string) []string {
		return []string{"cdn 96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0 " + path + " hard=true 202"}
	}
	s.apply(t, "an apply beside another provider", sent("/index.html"), "release=1")

	s.make(t, "install", "LDFLAGS=-s -w -X main.version=rebuilt")
	if _, err := s.Run(t.Context(), "plan", "-input=false", "-no-color", "-var=release=1"); err == nil || !strings.Contains(err.Error(), "checksums") {
		t.Errorf("a plan with another build of the same version: %v, want an error about checksums", err)
	}
	lock, err := os.ReadFile(filepath.Join(s.Path, ".terraform.lock.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	if !lockedPurge.Match(lock) {
		t.Fatalf("the lock file has no block of the provider:\n%s", lock)
	}
	s.write(t, ".terraform.lock.hcl", lockedPurge.ReplaceAllString(string(lock), ""))
	s.mustRun(t, "init", "-input=false", "-no-color")
	s.apply(t, "an apply with another build", sent("/index.html"), "release=2")

	if output := s.make(t, "uninstall"); !strings.HasPrefix(output, "Removed cachepurge/purge from ") {
		t.Errorf("make uninstall prints %q, want what it removed", output)
	}
	if output := s.make(t, "uninstall"); !strings.HasPrefix(output, "Nothing to remove: ") {
		t.Errorf("a second make uninstall prints %q, want that there is nothing to remove", output)
	}
	left, err := filepath.Glob(filepath.Join(s.Path, ".terraform.d", "plugins", "*", "*", "*"))
	if want := []string{bare}; err != nil || !slices.Equal(want, left) {
		t.Errorf("after make uninstall, %q are in the mirror (%v), want %q", left, err, want)
	}
}
