// SPDX-License-Identifier: MPL-2.0

package main

import (
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

func TestExports(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	for name, value := range map[string]string{
		"all characters that a shell expands": "mstr-p@ss/word+&=% $HOME `id` $(id) \\ \"x\" !",
		"a quote":                             "it's '' a quote",
		"a line break":                        "two\nlines",
		"empty":                               "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script := exports(map[string]string{"VALUE": value}) + `printf %s "$VALUE"`
			got, err := exec.CommandContext(t.Context(), shell, "-c", script).Output()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(value, string(got)); diff != "" {
				t.Errorf("value in the shell (-want +got):\n%s", diff)
			}
		})
	}
}

func TestComments(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 3, 1, 12, 30, 15, 0, time.UTC)
	got := comments([]fake.Entry{
		{Time: at, System: "mstr", Operation: "login", Status: http.StatusNoContent},
		{Time: at, System: "cdn", Operation: "purge", Subject: "s /a.css hard=true", Status: http.StatusAccepted},
		{Time: at, System: "mstr", Operation: "unknown", Subject: "GET /\nrm -rf /\r\x1b[2J", Status: http.StatusNotFound},
	})
	want := "# 12:30:15  mstr      login     204 No Content\n" +
		"# 12:30:15  cdn       purge     202 Accepted  s /a.css hard=true\n" +
		"# 12:30:15  mstr      unknown   404 Not Found  GET /�rm -rf /��[2J\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("comments (-want +got):\n%s", diff)
	}
}
