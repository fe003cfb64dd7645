// SPDX-License-Identifier: MPL-2.0

package docs

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// pattern is the block of HCL below a heading of the guide "Actions or resources".
func pattern(t *testing.T, heading string) string {
	t.Helper()
	const name = "docs/guides/actions-or-resources.md"
	_, section, _ := strings.Cut(read(t, name), "\n"+heading+"\n")
	if all := blocksOf(name, section); len(all) > 0 {
		return all[0].code
	}
	t.Fatalf("%s has no block below %q", name, heading)
	return ""
}

// playAction writes a pattern, unless the terraform that was found is too old for it.
func playAction(t *testing.T, heading, more string) *site {
	t.Helper()
	s := newSite(t, "")
	code := pattern(t, heading)
	s.skipTooOld(t, code)
	s.write(t, "main.tf", code)
	s.write(t, "completion.tf", completion(code)+more)
	return s
}

// fails is an apply that fails and sends the purges in want.
func (s *site) fails(t *testing.T, doing string, want []string, args ...string) {
	t.Helper()
	_, err := s.Run(t.Context(), append([]string{"apply", "-auto-approve", "-input=false", "-no-color"}, args...)...)
	if err == nil || !strings.Contains(err.Error(), "denied permission") {
		t.Errorf("%s: %v, want the denied purge", doing, err)
	}
	s.compare(t, doing, want)
}

// deny makes WP Engine reject the next purge.
func (s *site) deny() {
	s.WPEngine.Fail("purge", 1, wpenginetest.Error(http.StatusForbidden, "You do not have permission to access this install"))
}

// TestAFailedActionIsRetried has an action fail when its resource is created and when it changes, and looks for it in
// the next apply.
func TestAFailedActionIsRetried(t *testing.T) {
	t.Parallel()
	for _, heading := range []string{"### Before a marker", "### Taint the resource"} {
		t.Run(heading, func(t *testing.T) {
			t.Parallel()
			s := playAction(t, heading, "")
			page := "wpengine " + s.WPEngine.Install("acmeprod").ID + "/page "
			for _, release := range []string{"1", "2"} {
				s.deny()
				s.fails(t, "release "+release, []string{page + "403"}, "-var=release="+release)
				s.apply(t, "release "+release+" again", []string{page + "202"}, "release="+release)
			}
		})
	}
}

// TestAMarkerWaitsForTheDeploy has the action of a marker purge only what the deploy has brought before.
func TestAMarkerWaitsForTheDeploy(t *testing.T) {
	t.Parallel()
	s := playAction(t, "### Before a marker", "")
	code := pattern(t, "### Before a marker")
	const deploy = "  input = var.release # stands for your deploy\n"
	slow := strings.Replace(code, deploy, deploy+"\n  provisioner \"local-exec\" {\n    command = \"sleep 1; touch deployed\"\n  }\n", 1)
	if slow == code {
		t.Fatal("the pattern has no deploy")
	}
	s.write(t, "main.tf", slow)
	s.mustRun(t, "apply", "-auto-approve", "-input=false", "-no-color", "-var=release=1")
	deployed, err := os.Stat(filepath.Join(s.Path, "deployed"))
	if err != nil {
		t.Fatal(err)
	}
	purged := time.Time{}
	for _, e := range s.TakeEntries() {
		if e.Operation == "purge" {
			purged = e.Time
		}
	}
	if !purged.After(deployed.ModTime()) {
		t.Errorf("purged at %s, deployed at %s", purged, deployed.ModTime())
	}
}

// TestAnActionPurgesItsCaller changes one of three files, and adds and removes one.
func TestAnActionPurgesItsCaller(t *testing.T) {
	t.Parallel()
	s := playAction(t, "## One action for many objects", "")
	purges := func(paths ...string) (all []string) {
		for _, p := range paths {
			all = append(all, "cdn "+cdntest.DeployedID+" "+p+" hard=true 202")
		}
		return all
	}
	for _, name := range []string{"index.html", "css/site.css", "old.html"} {
		s.write(t, "dist/"+name, name)
	}
	s.apply(t, "the first upload", purges("/index.html", "/css/site.css", "/old.html"))
	s.write(t, "dist/index.html", "changed")
	s.write(t, "dist/new.html", "new")
	s.remove(t, "dist/old.html")
	s.apply(t, "the next upload", purges("/index.html", "/new.html"))
}

// TestAnActionAfterADestroyCanBeLost shows the two rows of the table "After a destroy".
func TestAnActionAfterADestroyCanBeLost(t *testing.T) {
	t.Parallel()
	const action = "action \"purge_wpengine_cache\" \"blog\" {\n  config {\n    install_id = \"a5b768f4-c7c4-46bd-88e6-157fd3d77e58\"\n    cache_type = \"page\"\n  }\n}\n"
	const resource = "resource \"terraform_data\" \"site\" {\n  for_each = var.sites\n  lifecycle {\n    action_trigger {\n" +
		"      events  = [after_destroy]\n      actions = [action.purge_wpengine_cache.blog]\n    }\n  }\n}\n"
	s := newSite(t, "")
	s.skipTooOld(t, resource)
	s.write(t, "main.tf", requirement+"variable \"sites\" {\n  type    = set(string)\n  default = [\"a\", \"b\"]\n}\n"+action+resource)
	page := "wpengine " + s.WPEngine.Install("acmeprod").ID + "/page "

	s.apply(t, "a create", nil)
	s.deny()
	s.fails(t, "a destroy whose purge is denied", []string{page + "403"}, `-var=sites=["b"]`)
	s.apply(t, "the next apply", nil, `sites=["b"]`)

	s.write(t, "main.tf", requirement+action)
	s.apply(t, "an apply without the block", nil)
}
