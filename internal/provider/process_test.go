// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/cachepurge/terraform-provider-purge/internal/tfcli"
)

// terraform is a directory with a configuration and a real binary, which starts the
// provider as a separate process. plugin-testing instead serves the provider in the
// process of the test, so it does not test main.
type terraform struct{ *tfcli.Dir }

// installed is a directory that contains this test binary under the name of the
// provider, and a CLI configuration that makes terraform use it.
var installed struct {
	once     sync.Once
	dir, cli string
	err      error
}

func installProvider() (cli string, err error) {
	installed.once.Do(func() {
		var self string
		if self, installed.err = os.Executable(); installed.err != nil {
			return
		}
		if installed.dir, installed.err = os.MkdirTemp("", "purge-provider"); installed.err != nil {
			return
		}
		if installed.err = os.Symlink(self, filepath.Join(installed.dir, "terraform-provider-purge")); installed.err != nil {
			return
		}
		installed.cli, installed.err = tfcli.Override(installed.dir, Address)
	})
	return installed.cli, installed.err
}

// found is a real terraform or tofu.
var found = sync.OnceValues(func() (*tfcli.Binary, error) { return tfcli.Find(context.Background()) })

// newTerraform writes a configuration that uses the world.
func newTerraform(t *testing.T, w *world, config string) *terraform {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("Acceptance tests skipped unless env 'TF_ACC' set")
	}
	binary, err := found()
	if err != nil {
		t.Skip(err)
	}
	cli, err := installProvider()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	env := map[string]string{
		"HOME": dir, "TF_IN_AUTOMATION": "1", "TF_CLI_CONFIG_FILE": cli,
		"GORACE": "atexit_sleep_ms=0 log_path=" + filepath.Join(dir, "race"),
	}
	maps.Copy(env, w.env)
	tf := &terraform{binary.In(dir, env)}
	tf.write(t, "versions.tf", "terraform {\n  required_providers {\n    purge = {\n      source = \"cachepurge/purge\"\n    }\n  }\n}\n")
	tf.write(t, "main.tf", config)
	t.Cleanup(func() {
		races, _ := filepath.Glob(filepath.Join(dir, "race.*"))
		for _, race := range races {
			report, _ := os.ReadFile(race)
			t.Errorf("a data race in the provider's process:\n%s", report)
		}
	})
	return tf
}

func (tf *terraform) write(t *testing.T, name, content string) {
	t.Helper()
	if err := tf.Write(name, content); err != nil {
		t.Fatal(err)
	}
}

func (tf *terraform) command(args ...string) *exec.Cmd {
	return tf.Command(context.Background(), args...)
}

// run returns the output of terraform.
func (tf *terraform) run(args ...string) (string, error) {
	output, err := tf.command(args...).CombinedOutput()
	return string(output), err
}

func (tf *terraform) mustRun(t *testing.T, args ...string) string {
	t.Helper()
	output, err := tf.run(args...)
	if err != nil {
		t.Fatalf("terraform %s: %s\n%s", strings.Join(args, " "), err, output)
	}
	return output
}

// skipBelow skips a test that requires these versions, named as in
// tfcli.Binary.AtLeast.
func (tf *terraform) skipBelow(t *testing.T, terraform, tofu string) {
	t.Helper()
	if !tf.AtLeast(terraform, tofu) {
		t.Skipf("needs Terraform %s or OpenTofu %q, and finds %s", terraform, tofu, tf)
	}
}

// trouble is an error as terraform shows it: the address, the block, and the line
// of the configuration, and the texts.
type trouble struct{ Address, Context, Line, Summary, Detail string }

// troubles runs a command with -json and returns its errors.
func (tf *terraform) troubles(t *testing.T, args ...string) []trouble {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := tf.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var all []trouble
	for decoder := json.NewDecoder(&stdout); decoder.More(); {
		var line struct {
			Diagnostics []diagnosticJSON // of validate
			Diagnostic  *diagnosticJSON  // of plan and apply, one per line
		}
		if err := decoder.Decode(&line); err != nil {
			t.Fatalf("terraform %s: %s\n%s", strings.Join(args, " "), err, stderr.String())
		}
		if line.Diagnostic != nil {
			line.Diagnostics = append(line.Diagnostics, *line.Diagnostic)
		}
		for _, d := range line.Diagnostics {
			if d.Severity == tfjson.DiagnosticSeverityError {
				all = append(all, d.trouble())
			}
		}
	}
	if err == nil && len(all) > 0 {
		t.Errorf("terraform %s succeeded and shows errors", strings.Join(args, " "))
	}
	return all
}

type diagnosticJSON struct {
	tfjson.Diagnostic
	Address string `json:"address"`
}

func (d diagnosticJSON) trouble() trouble {
	t := trouble{Address: d.Address, Summary: d.Summary, Detail: d.Detail}
	if strings.HasPrefix(t.Address, "provider[") {
		t.Address = "" // not in all messages, and with another host
	}
	if d.Snippet != nil {
		t.Line = strings.TrimSpace(d.Snippet.Code)
		if d.Snippet.Context != nil {
			t.Context = *d.Snippet.Context
		}
	}
	return t
}

// openSessions checks that the last command logged in to the MicroStrategy server
// and left no session open.
func (w *world) openSessions(t *testing.T, after string, wantLogins int) {
	t.Helper()
	if got := w.MSTR.OpenSessions(); got != 0 {
		t.Errorf("after %s %d MicroStrategy sessions are open, want none", after, got)
	}
	var operations []string
	for _, e := range w.Journal.Entries() {
		if e.System == "mstr" && (e.Operation == "login" || e.Operation == "logout") {
			operations = append(operations, e.Operation)
		}
	}
	w.Journal.Reset()
	var want []string
	for range wantLogins {
		want = append(want, "login", "logout")
	}
	if diff := cmp.Diff(want, operations); diff != "" {
		t.Errorf("logins and logouts of %s (-want +got):\n%s", after, diff)
	}
}

func TestTheProcessClosesItsSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.fixture(t, mstrCache)
	tf := newTerraform(t, w, f.config(f.here, release("1")))

	tf.mustRun(t, "plan")
	w.openSessions(t, "a plan", 0)

	tf.mustRun(t, "apply", "-auto-approve")
	w.openSessions(t, "an apply", 1)

	f.deny()
	tf.write(t, "main.tf", f.config(f.here, release("2")))
	if output, err := tf.run("apply", "-auto-approve"); err == nil {
		t.Errorf("the API denied the purge, and terraform succeeded:\n%s", output)
	}
	w.openSessions(t, "a failed apply", 1)
}

func TestTheProcessClosesItsSessionsWhenInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.fixture(t, mstrCache)
	arrived, over := make(chan struct{}), make(chan struct{})
	defer close(over)
	w.MSTR.Fail("purge", 1, func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-over // never responds
	})
	tf := newTerraform(t, w, f.config(f.here, release("1")))
	var output bytes.Buffer
	cmd := tf.command("apply", "-auto-approve", "-no-color")
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-arrived:
	case err := <-ended:
		t.Fatalf("terraform ended before the purge: %v\n%s", err, output.String())
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("terraform was interrupted and succeeded")
	}
	if !containing("Interrupted before MicroStrategy accepted the purge").Match(output.Bytes()) {
		t.Errorf("the output does not report that the purge was interrupted:\n%s", output.String())
	}
	w.openSessions(t, "an interrupted apply", 1)

	if got := tf.mustRun(t, "plan", "-no-color"); !strings.Contains(got, "1 to add") {
		t.Errorf("the next plan does not create it again:\n%s", got)
	}
	tf.mustRun(t, "apply", "-auto-approve")
	w.openSessions(t, "the next apply", 1)
}

func TestAProxyFromTheEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	library, err := url.Parse(w.env["MSTR_BASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	w.env = w.SetAddress("http://api.invalid") // which only the proxy can reach
	w.env["HTTP_PROXY"] = "http://" + library.Host
	config := "provider \"purge\" {\n  allow_insecure_http = true\n}\n"
	var sent []string
	for _, target := range targets {
		f := w.fixture(t, target)
		config += f.config(f.here)
		sent = append(sent, f.purgedHere)
	}
	newTerraform(t, w, config).mustRun(t, "apply", "-auto-approve")
	w.compareSent(t, step{name: "an apply through a proxy", sent: sent})
}
