// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

// needTerraform skips the test if the suite runs without a real terraform.
func needTerraform(t *testing.T) {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("set TF_ACC=1 to run the demo with a real terraform")
	}
}

func checkEmpty(t *testing.T, temp string) {
	t.Helper()
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("the demo left %s behind", left)
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	needTerraform(t)
	temp := t.TempDir()
	var out bytes.Buffer
	if err := run(t.Context(), &out, temp, ""); err != nil {
		t.Errorf("the demo failed: %s\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "Error: WP Engine denied permission") {
		t.Errorf("the output does not contain the error of WP Engine:\n%s", out.String())
	}
	if !strings.Contains(out.String(), "   service   ") || !strings.Contains(out.String(), `"service"`) {
		t.Errorf("the output does not explain the operation service, or has no such request:\n%s", out.String())
	}
	checkEmpty(t, temp)
	checkScreenshots(t, out.String())
}

// varying matches the text that differs from run to run.
var varying = regexp.MustCompile(`after \d+s|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// checkScreenshots checks that the output of the demo contains the changes, results,
// and errors in the README's screenshots.
func checkScreenshots(t *testing.T, output string) {
	t.Helper()
	line := func(l string) string { return varying.ReplaceAllString(strings.TrimSpace(l), "") }
	shown := make(map[string]bool)
	for l := range strings.Lines(output) {
		shown[line(l)] = true
	}
	for _, name := range []string{"apply.svg", "error.svg"} {
		lines := 0
		for l := range strings.Lines(textOf(t, "../../../.github/screenshots/"+name)) {
			if essentials(l) == "" && !strings.HasPrefix(l, "│") {
				continue
			}
			lines++
			if !shown[line(l)] {
				t.Errorf("%s contains %q, but the output does not: run make screenshots", name, l)
			}
		}
		if lines == 0 {
			t.Errorf("%s contains no lines to compare", name)
		}
	}
}

// textOf returns the lines of a screenshot.
func textOf(t *testing.T, file string) string {
	t.Helper()
	screenshot, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer screenshot.Close()
	var text strings.Builder
	for decoder := xml.NewDecoder(screenshot); ; {
		token, err := decoder.Token()
		switch token := token.(type) {
		case xml.CharData:
			text.Write(token)
		case xml.EndElement:
			if token.Name.Local == "text" {
				text.WriteString("\n")
			}
		}
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// interrupter cancels a context when a text is written.
type interrupter struct {
	text   string
	cancel context.CancelFunc
}

func (i interrupter) Write(p []byte) (int, error) {
	if strings.Contains(string(p), i.text) {
		i.cancel()
	}
	return len(p), nil
}

func TestInterruptedDemo(t *testing.T) {
	t.Parallel()
	needTerraform(t)
	temp := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	err := run(ctx, interrupter{"1. The first apply", cancel}, temp, "")
	if err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("got error %v, want interrupted", err)
	}
	checkEmpty(t, temp)
}
