// Package docs holds no code but the tests of the documentation: that every
// block of HCL is valid, that every complete example does what it says, that
// links lead somewhere, and that what is stated is what the code does.
package docs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-version"
)

// root is the repository.
const root = "../.."

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// built is the provider, and the CLI configuration that makes terraform take it
// without init.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func cliConfig(t *testing.T) string {
	t.Helper()
	built.once.Do(func() { built.err = build() })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "cli.tfrc")
}

func build() error {
	var err error
	if built.dir, err = os.MkdirTemp("", "purge-docs"); err != nil {
		return err
	}
	name := "terraform-provider-purge"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(built.dir, name), ".")
	cmd.Dir = root
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the provider: %w\n%s", err, output)
	}
	content := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"cachepurge/purge\" = %q\n  }\n  direct {}\n}\n", built.dir)
	return os.WriteFile(filepath.Join(built.dir, "cli.tfrc"), []byte(content), 0o600)
}

// terraform is the real binary, in a directory of its own.
type terraform struct {
	binary, dir string
	env         []string
}

// newTerraform returns one whose provider finds nothing in its environment but
// env.
func newTerraform(t *testing.T, env map[string]string) *terraform {
	t.Helper()
	tf := &terraform{binary: binary(t), dir: t.TempDir()}
	tf.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + tf.dir, "TMPDIR=" + os.TempDir(),
		"CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_CONFIG_FILE=" + cliConfig(t),
	}
	for name, value := range env {
		tf.env = append(tf.env, name+"="+value)
	}
	return tf
}

func binary(t *testing.T) string {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("Acceptance tests skipped unless env 'TF_ACC' set")
	}
	if path := os.Getenv("TF_ACC_TERRAFORM_PATH"); path != "" {
		return path
	}
	path, err := exec.LookPath("terraform")
	if err != nil {
		t.Skipf("no terraform: set TF_ACC_TERRAFORM_PATH (%s)", err)
	}
	return path
}

func (tf *terraform) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(tf.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (tf *terraform) remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(tf.dir, name)); err != nil {
		t.Fatal(err)
	}
}

// run returns what terraform wrote on standard output, and an error that holds
// what it wrote on both.
func (tf *terraform) run(args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(tf.binary, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = tf.dir, tf.env, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.Bytes(), fmt.Errorf("terraform %s: %w\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.Bytes(), nil
}

func (tf *terraform) mustRun(t *testing.T, args ...string) string {
	t.Helper()
	output, err := tf.run(args...)
	if err != nil {
		t.Fatal(err)
	}
	return string(output)
}

// release says which terraform or tofu was found.
type release struct {
	tofu    bool
	version *version.Version
}

var found = sync.OnceValues(func() (release, error) {
	path := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if path == "" {
		path = "terraform"
	}
	cmd := exec.Command(path, "version", "-json")
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_CLI_CONFIG_FILE=") { // one that does not exist puts a warning before the JSON
			cmd.Env = append(cmd.Env, variable)
		}
	}
	output, err := cmd.Output()
	if err != nil {
		return release{}, err
	}
	var reply struct {
		Version string `json:"terraform_version"`
	}
	if err := json.Unmarshal(output, &reply); err != nil {
		return release{}, err
	}
	v, err := version.NewVersion(reply.Version)
	words, _ := exec.Command(path, "version").Output()
	return release{tofu: bytes.Contains(words, []byte("OpenTofu")), version: v}, err
})

// files are those below a directory of the repository that have an ending.
func files(t *testing.T, dir, ending string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == ".terraform" {
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ending) {
			name, _ := filepath.Rel(root, path)
			all = append(all, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatalf("no %s files are in %s", ending, dir)
	}
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// pages are the Markdown that people read: README and docs.
func pages(t *testing.T) []string {
	t.Helper()
	return append([]string{"README.md"}, files(t, "docs", ".md")...)
}
