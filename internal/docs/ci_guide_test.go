// SPDX-License-Identifier: MPL-2.0

package docs

import (
	"strings"
	"testing"
)

// TestAPlanWithPlaceholders plans the configuration for jobs without credentials in the guide "Purge after a deploy in CI".
func TestAPlanWithPlaceholders(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(read(t, "docs/guides/deploy-in-ci.md"), "\n## Plan in one job, apply in another\n")
	found := blocksOf("docs/guides/deploy-in-ci.md", section)
	if len(found) == 0 || !strings.Contains(section, "RAX_USERNAME=placeholder RAX_API_KEY=placeholder terraform plan -lock=false") {
		t.Fatal("the guide lacks the configuration or the command that this test requires")
	}
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{nil, "Rackspace CDN is not configured"},
		{map[string]string{"RAX_USERNAME": "placeholder", "RAX_API_KEY": "placeholder", "RAX_IDENTITY_URL": "https://127.0.0.1:1/v2.0"}, ""},
	} {
		tf := newTerraform(t, c.env)
		tf.write(t, "main.tf", found[0].code)
		tf.write(t, "completion.tf", completion(found[0].code))
		_, err := tf.Run(t.Context(), "plan", "-lock=false", "-input=false", "-no-color", "-var=release=1")
		if failed := err != nil; failed != (c.want != "") || failed && !strings.Contains(err.Error(), c.want) {
			t.Errorf("a plan with %v: %v, want %q", c.env, err, c.want)
		}
	}
}

// TestADestroyWhoseLookupFails destroys a purge of an install that its data source no longer finds.
func TestADestroyWhoseLookupFails(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.write(t, "main.tf", requirement+`
variable "install" {}

data "purge_wpengine_install" "blog" {
  name = var.install
}

resource "purge_wpengine_cache" "blog" {
  install_id = data.purge_wpengine_install.blog.id
  cache_type = "page"
}
`)
	s.apply(t, "an apply", []string{"wpengine " + s.WPEngine.Install("acmeprod").ID + "/page 202"}, "install=acmeprod")
	destroy := []string{"destroy", "-auto-approve", "-input=false", "-no-color", "-var=install=gone"}
	if _, err := s.Run(t.Context(), destroy...); err == nil || !strings.Contains(err.Error(), "No WP Engine install has this name") {
		t.Errorf("a destroy: %v, want the error of the data source", err)
	}
	s.mustRun(t, append(destroy, "-refresh=false")...)
	if left := s.mustRun(t, "state", "list"); left != "" {
		t.Errorf("after a destroy without a refresh, the state has %q", left)
	}
}
