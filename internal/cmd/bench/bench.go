package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/provider"
	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
)

// bench is what all scenarios share: the provider's binary, the sandbox, and
// the environment for terraform.
type bench struct {
	dir       string
	terraform string
	sandbox   *sandbox.Sandbox
	stop      func()
	inputs    map[string]string
	endpoint  string
	env       []string
}

// requestsPerMinute is the most that the provider accepts, so that the pace
// does not count.
const requestsPerMinute = 6000

func newBench(ctx context.Context) (*bench, error) {
	b := &bench{sandbox: sandbox.New(), terraform: os.Getenv("TF_ACC_TERRAFORM_PATH")}
	if b.terraform == "" {
		b.terraform = "terraform"
	}
	dir, err := os.MkdirTemp("", "purge-bench-")
	if err != nil {
		return nil, err
	}
	b.dir = dir
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "terraform-provider-purge"), ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, errors.Join(fmt.Errorf("building the provider: %w", err), os.RemoveAll(dir))
	}
	b.sandbox.CDN.PurgesPerMinute = 0
	env, stop, err := b.sandbox.Start(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	b.stop, b.inputs = stop, b.sandbox.Inputs()
	b.endpoint = b.sandbox.CDN.PublicURL + "/v1.0/" + b.sandbox.CDN.ProjectID
	config := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    %q = %q\n  }\n  direct {}\n}\n", provider.Address, dir)
	cli := filepath.Join(dir, "cli.tfrc")
	b.env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+cli, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
	for name, value := range env {
		b.env = append(b.env, name+"="+value)
	}
	return b, os.WriteFile(cli, []byte(config), 0o600)
}

func (b *bench) close() error {
	b.stop()
	return os.RemoveAll(b.dir)
}

// run measures a scenario: each run does provider and floor in turn, so that
// what else goes on in the machine meets both.
func (b *bench) run(ctx context.Context, s scenario, runs int) (result, error) {
	r := result{name: s.name, atMost: s.atMost}
	for range runs {
		seconds, peak, err := b.once(ctx, s, providerBlock+s.provider(b))
		if err != nil {
			return r, err
		}
		r.provider, r.peak = append(r.provider, seconds), max(r.peak, peak)
		seconds, _, err = b.once(ctx, s, s.floor(b))
		if err != nil {
			return r, fmt.Errorf("floor: %w", err)
		}
		r.floor = append(r.floor, seconds)
	}
	return r, nil
}

var providerBlock = fmt.Sprintf(`
terraform {
  required_providers {
    purge = { source = %q }
  }
}
provider "purge" {
  cdn = { requests_per_minute = %d }
}
`, provider.Address, requestsPerMinute)

// once does all steps in a new directory and returns how long the last one took
// and the provider's peak memory in it.
func (b *bench) once(ctx context.Context, s scenario, config string) (seconds float64, peak int, err error) {
	dir, err := os.MkdirTemp(b.dir, "run-")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600); err != nil {
		return 0, 0, err
	}
	if !strings.Contains(config, "required_providers") {
		if err := b.exec(ctx, dir, "init", "-input=false"); err != nil {
			return 0, 0, err
		}
	}
	for _, step := range s.steps {
		if err := writeAssets(dir, s.assets, step.changed); err != nil {
			return 0, 0, err
		}
		memory := watchMemory()
		began := time.Now()
		args := []string{"apply", "-auto-approve", "-input=false", "-no-color"}
		if step.release > 0 {
			args = append(args, fmt.Sprintf("-var=release=%d", step.release))
		}
		if err := b.exec(ctx, dir, args...); err != nil {
			return 0, 0, err
		}
		seconds, peak = time.Since(began).Seconds(), memory()
	}
	return seconds, peak, nil
}

func (b *bench) exec(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, b.terraform, args...)
	cmd.Dir, cmd.Env = dir, b.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// writeAssets writes a map of n paths, of which the first few have a
// fingerprint of their own.
func writeAssets(dir string, n, changed int) error {
	assets := make(map[string]string, n)
	for i := range n {
		fingerprint := fmt.Sprintf("%032x", i)
		if i < changed {
			fingerprint = fmt.Sprintf("%032x", n+i)
		}
		assets[fmt.Sprintf("/assets/%02x/file-%06d.html", i%256, i)] = fingerprint
	}
	encoded, err := json.Marshal(assets)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "assets.json"), encoded, 0o600)
}

// watchMemory returns a function that ends the watch and returns the most
// memory, in MB, that a process of the provider has used meanwhile. Where there
// is no /proc it is 0.
func watchMemory() func() int {
	stop, result := make(chan struct{}), make(chan int)
	go func() {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		peak := 0
		for {
			select {
			case <-stop:
				result <- peak
				return
			case <-ticker.C:
				peak = max(peak, providerMemory())
			}
		}
	}()
	return func() int {
		close(stop)
		return <-result
	}
}

func providerMemory() int {
	peak := 0
	files, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, file := range files {
		status, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(status), "Name:\tterraform-provi") {
			continue
		}
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				kb, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
				peak = max(peak, kb/1024)
			}
		}
	}
	return peak
}
