// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
)

// The variables in error messages are those in the schema.
func TestErrorsNameTheVariablesOfTheSchema(t *testing.T) {
	t.Parallel()
	var resp provider.SchemaResponse
	New(Options{}).Schema(t.Context(), provider.SchemaRequest{}, &resp)
	want := make(map[string]string)
	variable := regexp.MustCompile("Environment variable: `(\\w+)`")
	for system, block := range resp.Schema.Attributes {
		nested, ok := block.(schema.SingleNestedAttribute)
		if !ok {
			continue
		}
		for name, a := range nested.Attributes {
			if m := variable.FindStringSubmatch(a.GetMarkdownDescription()); m != nil {
				want[system+"."+name] = m[1]
			}
		}
	}
	if diff := cmp.Diff(want, environment); diff != "" {
		t.Errorf("variables (-schema +errors):\n%s", diff)
	}
}

// A target or a system that no longer exists must not block the destruction of a
// resource forever.
func TestTheErrorOfADestroyNamesTheAlternatives(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		keeps := f.config(f.here, arguments{"purge_on_destroy": "true"})
		tf := newTerraform(t, w, keeps)
		tf.mustRun(t, "apply", "-auto-approve")
		w.compareSent(t, step{name: "the first apply", sent: []string{f.purgedHere}})

		f.deny()
		output, err := tf.run("destroy", "-auto-approve", "-no-color")
		if err == nil || !containing("The purge_"+f.target.name+" with the ID", f.hereID, "Terraform destroys it only after the API accepts this purge",
			"set purge_on_destroy = false (restore the resource first if you removed it from the configuration), apply, and then destroy",
			"terraform state rm").MatchString(output) {
			t.Errorf("the error does not name the alternatives (%v):\n%s", err, output)
		}
		w.Journal.Reset()

		tf.write(t, "main.tf", strings.Replace(keeps, "purge_on_destroy = true", "purge_on_destroy = false", 1))
		tf.mustRun(t, "apply", "-auto-approve")
		tf.mustRun(t, "destroy", "-auto-approve")
		w.compareSent(t, step{name: "the destroy without a purge"})
	})
}
