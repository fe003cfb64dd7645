// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"archive/zip"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

// The provider block with a real terraform. See config_test.go for each argument.

func TestAServiceThatIsNotConfigured(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		w.withoutService(t, f.target.service)
		later := arguments{"purge_on_create": "false"}
		w.play(
			t,
			step{
				name: "a use of it is an error during planning", config: f.config(f.here),
				fails: containing(append([]string{"Error running pre-apply plan"}, f.needs...)...),
			},
			step{name: "a resource that purges nothing needs no service", config: f.config(f.here, later)},
		)
	})
}

// TestVariablesThatDefaultToEmptyStrings uses a module that accepts credentials for all
// systems, without the credentials of one.
func TestVariablesThatDefaultToEmptyStrings(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		var services strings.Builder
		for _, a := range serviceArguments(t) {
			if a.service == f.target.service && a.variable != "" && a.name != "headers" {
				fmt.Fprintf(&services, "    %s = %s\n", a.name, a.decode("var.nothing"))
			}
		}
		w.withoutService(t, f.target.service)
		config := func(count string) string {
			return fmt.Sprintf("variable \"nothing\" {\n  default = \"\"\n}\nprovider \"purge\" {\n  %s = {\n%s  }\n}\n", f.target.service, services.String()) +
				f.config(f.here, arguments{"count": count})
		}
		w.play(
			t,
			step{name: "an unused service needs no credentials", config: config("0")},
			step{
				name: "a used service needs credentials", config: config("1"),
				fails: containing(append([]string{"Error running pre-apply plan"}, f.needs...)...),
			},
		)
	})
}

func TestAProviderBlockThatIsUnknownDuringPlanning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	values, services := arguments{}, providerArguments(t, w.env, func(variable string) string { return "terraform_data.account.output." + variable })
	for name, value := range w.env {
		values[name] = fmt.Sprintf("%q", value)
		w.env[name] = "what would be an error\n" // would cause an error if it were used
	}
	config := func(edition string) string {
		all := fmt.Sprintf(`
resource "terraform_data" "account" {
  input = %s
}
provider "purge" {
  %s}
`, values.with(arguments{"edition": fmt.Sprintf("%q", edition)}).object(), services)
		for _, target := range targets {
			f := w.fixture(t, target)
			all += f.config(f.here, release(edition))
		}
		return all
	}
	var sent []string
	var creates, updates []plancheck.PlanCheck
	for _, target := range targets {
		f := w.fixture(t, target)
		sent = append(sent, f.purgedHere)
		creates = append(creates, does(f.address(), plancheck.ResourceActionCreate))
		updates = append(updates, does(f.address(), plancheck.ResourceActionUpdate))
	}
	w.play(
		t,
		step{name: "on create", config: config("1"), plan: creates, sent: sent},
		step{name: "on update", config: config("2"), plan: updates, sent: sent},
	)
}

func TestAPrivateCertificateAuthority(t *testing.T) {
	t.Parallel()
	w, certificate := newTLSWorld(t)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
	var config strings.Builder
	var sent []string
	for _, target := range targets {
		f := w.fixture(t, target)
		config.WriteString(f.config(f.here))
		sent = append(sent, f.purgedHere)
	}
	w.play(
		t,
		step{
			name: "that is not trusted", config: config.String(),
			fails: containing("No trusted connection to", "set ca_certificate in the provider block"),
		},
		step{
			name: "that is trusted", config: fmt.Sprintf("provider \"purge\" {\n  ca_certificate = %q\n}\n", authority) + config.String(),
			sent: sent,
		},
	)
}

func TestInvalidSettingsAsTerraformShowsThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.fixture(t, mstrCache)
	tf := newTerraform(t, w, `
provider "purge" {
  max_retries = -1
}
`+f.config(f.here))
	want := []trouble{{Context: `provider "purge"`, Line: "max_retries = -1", Summary: "Invalid max_retries", Detail: "max_retries must be from 0 to 100."}}
	if diff := cmp.Diff(want, tf.troubles(t, "plan", "-json")); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	tf.write(t, "main.tf", `
provider "purge" {
  mstr = {
    password = "s3\ncret"
  }
}
`+f.config(f.here))
	got := tf.troubles(t, "plan", "-json")
	if len(got) != 1 || got[0].Summary != "Invalid mstr.password" || !strings.HasPrefix(got[0].Detail, "mstr.password must not contain control characters") {
		t.Errorf("errors: %+v", got)
	}
	if output, _ := tf.run("plan", "-no-color"); !containing("mstr.password must not contain control characters").MatchString(output) || strings.Contains(output, "plan is") {
		t.Errorf("the error does not name the argument in full:\n%s", output)
	}
}

func TestNoFileContainsCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secrets := secretsIn(t, w.env)
	var config strings.Builder
	var arguments []string
	for name, value := range secrets {
		fmt.Fprintf(&config, "variable %q {\n  type = string\n  sensitive = true\n  ephemeral = true\n}\n", name)
		arguments = append(arguments, "-var="+name+"="+value)
		delete(w.env, name)
	}
	config.WriteString("provider \"purge\" {\n" + providerArguments(t, secrets, func(variable string) string { return "var." + variable }) + "}\n")
	var sent []string
	for _, target := range targets {
		f := w.fixture(t, target)
		config.WriteString(f.config(f.here, release("1")))
		sent = append(sent, f.purgedHere)
	}
	tf := newTerraform(t, w, config.String())
	tf.skipBelow(t, "1.10.0", "1.11.0") // ephemeral variables
	output := tf.mustRun(t, append([]string{"plan", "-out=plan"}, arguments...)...)
	output += tf.mustRun(t, append(append([]string{"apply"}, arguments...), "plan")...)
	w.compareSent(t, step{name: "an apply with ephemeral credentials", sent: sent})
	files := tf.files(t)
	for _, name := range []string{"plan/tfplan", "terraform.tfstate"} {
		if files[name] == "" {
			t.Errorf("there is no %s to search", name)
		}
	}
	files["the output of terraform"] = output
	for _, secret := range append(w.Secrets(), kept(w.Sandbox)...) {
		for name, content := range files {
			if strings.Contains(content, secret) {
				t.Errorf("%s contains %q", name, secret)
			}
		}
	}
}

// files returns the content of all files in the directory, and of the files in zip
// archives such as plans.
func (tf *terraform) files(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	read := func(name string, open func() (io.ReadCloser, error)) {
		r, err := open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		_ = r.Close()
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(content)
	}
	err := filepath.WalkDir(tf.Path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		relative, err := filepath.Rel(tf.Path, name)
		if err != nil {
			return err
		}
		read(relative, func() (io.ReadCloser, error) { return os.Open(name) })
		archive, err := zip.OpenReader(name)
		if err != nil {
			return nil //nolint:nilerr // it is no archive
		}
		for _, file := range archive.File {
			read(relative+"/"+file.Name, file.Open)
		}
		return archive.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
