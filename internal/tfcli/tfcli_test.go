// SPDX-License-Identifier: MPL-2.0

package tfcli

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-version"
)

func TestEnvironmentOmitsTheUsersAccounts(t *testing.T) {
	t.Parallel()
	got := environment(
		[]string{"PATH=/bin", "RAX_CDN_ENDPOINT=https://real.example.com/v1.0", "WPE_API_PASSWORD=real", "MSTR_API_TOKEN=real", "TF_CLI_ARGS=-destroy", "HOME=/root"},
		map[string]string{"RAX_USERNAME": "fake", "WPE_API_USER_ID": "fake", "MSTR_BASE_URL": "fake", "HOME": "/tmp"})
	slices.Sort(got)
	want := []string{"CHECKPOINT_DISABLE=1", "HOME=/tmp", "MSTR_BASE_URL=fake", "PATH=/bin", "RAX_USERNAME=fake", "WPE_API_USER_ID=fake"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestFindErrors(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "terraform")
	t.Setenv(variable, missing)
	if _, err := Find(t.Context()); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("the error is %v, want one with %s", err, missing)
	}
	t.Setenv(variable, "")
	t.Setenv("PATH", t.TempDir())
	if _, err := Find(t.Context()); err == nil || !strings.Contains(err.Error(), "install Terraform") {
		t.Errorf("the error is %v, want one with instructions", err)
	}
}

func TestAtLeast(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		have            string
		tofu            bool
		terraform, open string
		want            bool
	}{
		{have: "1.14.0", terraform: "1.14.0", want: true},
		{have: "1.14.0-rc1", terraform: "1.14.0", want: true},
		{have: "1.9.8", terraform: "1.14.0"},
		{have: "1.12.6", tofu: true, terraform: "1.14.0", open: "1.12.0", want: true},
		{have: "1.12.6", tofu: true, terraform: "1.10.0"},
	} {
		b := &Binary{Tofu: c.tofu, Version: version.Must(version.NewVersion(c.have))}
		if got := b.AtLeast(c.terraform, c.open); got != c.want {
			t.Errorf("%s is at least Terraform %q or OpenTofu %q: %t", b, c.terraform, c.open, got)
		}
	}
}
