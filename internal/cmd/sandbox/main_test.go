// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
)

func TestOutput(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	s := sandbox.New()
	s.Populate()
	go func() { done <- serve(ctx, writer, s, "127.0.0.1:0", time.Millisecond) }()

	lines := bufio.NewScanner(reader)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "# In a second terminal,") {
		t.Errorf("the output begins with %q, want what to do with it", lines.Text())
	}
	var base string
	for lines.Scan() && strings.HasPrefix(lines.Text(), "export ") {
		if value, ok := strings.CutPrefix(lines.Text(), "export WPE_API_BASE_URL="); ok {
			base = strings.Trim(value, "'")
		}
	}
	if base == "" {
		t.Fatal("the output contains no address of WP Engine")
	}
	var contents strings.Builder
	for !strings.HasSuffix(lines.Text(), "Requests:") {
		contents.WriteString(lines.Text() + "\n")
		if !strings.HasPrefix(lines.Text(), "#") || !lines.Scan() {
			t.Fatalf("a line after the environment is not a comment, or the output ends:\n%s", contents.String())
		}
	}
	for _, name := range []string{"website.example.com", "MicroStrategy Tutorial", "acmestage", "acmeprod"} {
		if !strings.Contains(contents.String(), name) {
			t.Errorf("the contents do not list %s:\n%s", name, contents.String())
		}
	}
	get(t, base+"/status")
	if !lines.Scan() || !strings.Contains(lines.Text(), "wpengine  status") {
		t.Errorf("the request is printed as %q, want its system and operation", lines.Text())
	}
	advice := regexp.MustCompile(`base_url = "(.*)", urls = \["(.*)"\], contains = "(.*)"\n`).FindStringSubmatch(contents.String())
	if advice == nil {
		t.Fatalf("the contents lack the arguments of a verification:\n%s", contents.String())
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	if page := get(t, advice[1]+advice[2]); !strings.Contains(page, advice[3]) {
		t.Errorf("the page of the site is %q, want %q in it", page, advice[3])
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("serve returned %s", err)
	}
}

// get returns the body of a response.
func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestInvalidListenAddress(t *testing.T) {
	t.Parallel()
	if err := serve(t.Context(), io.Discard, sandbox.New(), "nowhere", time.Second); err == nil {
		t.Error("no error for an invalid address")
	}
}
