// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
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
	go func() { done <- serve(ctx, writer, sandbox.New(), "127.0.0.1:0", time.Millisecond) }()

	lines := bufio.NewScanner(reader)
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
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/status", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if !lines.Scan() || !strings.Contains(lines.Text(), "wpengine  status") {
		t.Errorf("the request is printed as %q, want its system and operation", lines.Text())
	}
	stop()
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	if err := <-done; err != nil {
		t.Errorf("serve returned %s", err)
	}
}

func TestInvalidListenAddress(t *testing.T) {
	t.Parallel()
	if err := serve(t.Context(), io.Discard, sandbox.New(), "nowhere", time.Second); err == nil {
		t.Error("no error for an invalid address")
	}
}
