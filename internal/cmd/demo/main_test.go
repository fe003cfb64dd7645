package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
)

// needTerraform skips where the suite runs without a real terraform.
func needTerraform(t *testing.T) {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("set TF_ACC=1 to run the demo with a real terraform")
	}
}

func nothingLeft(t *testing.T, temp string) {
	t.Helper()
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("the demo left %s behind", left)
	}
}

func TestDemoIsAsItShouldBe(t *testing.T) {
	t.Parallel()
	needTerraform(t)
	temp := t.TempDir()
	var out bytes.Buffer
	if err := demo(t.Context(), &out, temp); err != nil {
		t.Errorf("the demo failed: %s\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "Error: WP Engine denied the permission") {
		t.Errorf("the demo does not show the error of WP Engine:\n%s", out.String())
	}
	nothingLeft(t, temp)
}

// interrupter ends a context as soon as a text is written.
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

func TestInterruptedDemoLeavesNothing(t *testing.T) {
	t.Parallel()
	needTerraform(t)
	temp := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	err := demo(ctx, interrupter{"1. The first apply", cancel}, temp)
	if err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("the error is %v, want one that says interrupted", err)
	}
	nothingLeft(t, temp)
}
