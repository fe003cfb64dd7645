// SPDX-License-Identifier: MPL-2.0

package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

// site is a sandbox and a directory with a configuration for it.
type site struct {
	*sandbox.Sandbox
	*terraform
}

// newSite starts a sandbox whose CDN deploys immediately and has no rate limit. It
// copies an example into the directory, unless the name is empty.
func newSite(t *testing.T, example string) *site {
	t.Helper()
	s := &site{Sandbox: sandbox.New()}
	s.CDN.DeployTime = time.Millisecond
	s.CDN.PurgesPerMinute = 0
	env, stop, err := s.Start(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s.terraform = newTerraform(t, env)
	if example != "" {
		s.copyExample(t, example)
	}
	return s
}

// apply applies with variables and compares the purges that the fakes received.
// The next plan must be empty and send no purge. It returns the output of the apply.
func (s *site) apply(t *testing.T, doing string, want []string, variables ...string) string {
	t.Helper()
	args := []string{"-input=false", "-no-color"}
	for _, v := range variables {
		args = append(args, "-var", v)
	}
	output := s.mustRun(t, append([]string{"apply", "-auto-approve"}, args...)...)
	s.compare(t, doing, want)
	s.mustRun(t, append([]string{"plan", "-detailed-exitcode"}, args...)...) // 2 would be a change
	s.compare(t, "the plan after "+doing, nil)
	return output
}

func (s *site) compare(t *testing.T, doing string, want []string) {
	t.Helper()
	var got []string
	for _, e := range s.TakeEntries() {
		switch e.Operation {
		case "purge":
			got = append(got, fmt.Sprintf("%s %s %d", e.System, e.Subject, e.Status))
		case "nodes": // the first request of a purge of content caches
			got = append(got, fmt.Sprintf("%s %s/content %d", e.System, e.Subject, e.Status))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: purges (-want +got):\n%s", doing, diff)
	}
	if open := s.MSTR.OpenSessions(); open != 0 {
		t.Errorf("%s: %d MicroStrategy sessions are left open", doing, open)
	}
}

func TestExampleComplete(t *testing.T) {
	t.Parallel()
	s := newSite(t, "complete")
	var variables, want []string
	for name, value := range s.Inputs() {
		variables = append(variables, name+"="+value)
	}
	in := s.Inputs()
	want = []string{
		"cdn " + in["cdn_service_id"] + " /css/site.css hard=true 202",
		"cdn " + in["cdn_service_id"] + " /images/* hard=false 202",
		"cdn " + in["cdn_service_id"] + " /index.html hard=true 202",
		"mstr " + in["mstr_project_id"] + "/element 204",
		"mstr " + in["mstr_project_id"] + "/object 204",
		"wpengine " + in["wpengine_install_id"] + "/page 202",
	}
	first := slices.Clone(want)
	for _, file := range []string{"css/site.css", "index.html", "old.html"} {
		first = append(first, "cdn "+in["cdn_service_id"]+" /handbook/"+file+" hard=true 202")
	}
	s.apply(t, "the first release", first, append(variables, "release=1")...)
	s.apply(t, "the same release", nil, append(variables, "release=1")...)
	s.apply(t, "the next release", want, append(variables, "release=2")...)

	for _, file := range []string{"css/site.css", "index.html", "old.html"} {
		s.Site.Origin.Put("/handbook/"+file, verifytest.File{Body: read(t, "examples/complete/site/"+file)}, 0)
	}
	verified := []string{"release=2", "handbook_origin=" + s.OriginURL, "handbook_url=" + s.SiteURL}
	s.apply(t, "verifications", nil, append(variables, verified...)...)
	for _, name := range []string{"purge_verification.handbook_origin[0]", "purge_verification.handbook[0]"} {
		if state := s.mustRun(t, "state", "list"); !strings.Contains(state, name) {
			t.Errorf("%s is not in the state:\n%s", name, state)
		}
	}
}

func TestExampleStaticSite(t *testing.T) {
	t.Parallel()
	s := newSite(t, "static-site")
	s.skipTooOld(t, read(t, "examples/static-site/main.tf"))
	variables := []string{"service_name=website", "requests_per_minute=6000"}
	purges := func(paths ...string) (all []string) {
		for _, p := range paths {
			all = append(all, "cdn "+cdntest.DeployedID+" "+p+" hard=true 202")
		}
		return all
	}
	s.apply(t, "the first deploy",
		purges("/", "/404.html", "/css/site.css", "/images/logo.svg", "/index.html", "/press%20kit.txt"), variables...)
	s.apply(t, "a deploy without changes", nil, variables...)

	s.write(t, "dist/index.html", "<h1>New</h1>\n")
	s.write(t, "dist/news.html", "<h1>News</h1>\n")
	s.remove(t, "dist/404.html")
	s.apply(t, "a deploy of changed files", purges("/", "/404.html", "/index.html", "/news.html"), variables...)

	const want = "1 added, 2 changed, 1 removed; 4 purges" // after the time of the previous apply
	if got := s.mustRun(t, "output", "-raw", "summary"); !strings.HasSuffix(got, ": "+want) {
		t.Errorf("the output is %s, want %s", got, want)
	}

	variables = append(variables, "origin_url="+s.OriginURL, "site_url="+s.SiteURL)
	s.upload(t, "dist")
	s.apply(t, "verifications", nil, variables...)
	s.write(t, "dist/index.html", "<h1>Newer</h1>\n")
	s.upload(t, "dist")
	s.apply(t, "a deploy that is verified", purges("/", "/index.html"), variables...)
}

// upload puts the files of a directory on the origin of the site. The origin also
// serves index.html for its directory.
func (s *site) upload(t *testing.T, dir string) {
	t.Helper()
	root := os.DirFS(filepath.Join(s.Path, dir))
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(root, name)
		for _, p := range []string{"/" + name, strings.TrimSuffix("/"+name, "index.html")} {
			s.Site.Origin.Put(p, verifytest.File{Body: string(body)}, 0)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSitePathsAndTheOlderExpression checks that the function and the expression for
// older versions send the same requests, and that changing from one to the other
// sends nothing.
func TestSitePathsAndTheOlderExpression(t *testing.T) {
	t.Parallel()
	const example = "examples/functions/site_paths/"
	older := read(t, example+"older.tf")
	files, _, found := strings.Cut(older, "  paths = ")
	function := files + "  assets = provider::purge::site_paths(local.files)\n}\n"
	if !found || !strings.Contains(read(t, example+"function.tf"), "assets     = provider::purge::site_paths(local.files)") {
		t.Fatal("the examples lack the expressions that this test requires")
	}
	resource := requirement + "resource \"purge_cdn_asset\" \"site\" {\n  service_id = \"" + cdntest.DeployedID + "\"\n  assets = local.assets\n}\n"
	want := []string{
		"/", "/index.html", "/posts/foo/", "/posts/foo/index.html", "/posts/foo/index.html.txt", "/posts/my-index.html",
		"/C%23/", "/C%23/index.html", "/100%25%20what%3F.txt", "/%2541%252F.txt", "/%C3%BCber/uns%20+%20&%20;.txt", "/%22%3C%3E%5E%60%7B%7D'[]|~.txt",
	}
	for i := range want {
		want[i] = "cdn " + cdntest.DeployedID + " " + want[i] + " hard=true 202"
	}
	for first, second := range map[string]string{function: older, older: function} {
		s := newSite(t, "")
		s.skipTooOld(t, function)
		for _, name := range []string{
			"index.html", "posts/foo/index.html", "posts/foo/index.html.txt", "posts/my-index.html",
			"C#/index.html", "100% what?.txt", "%41%2F.txt", "über/uns + & ;.txt", "\"<>^`{}'[]|~.txt",
		} {
			s.write(t, "dist/"+name, name)
		}
		s.write(t, "main.tf", first+resource)
		s.apply(t, "the first apply", slices.Clone(want))
		s.write(t, "main.tf", second+resource)
		s.mustRun(t, "apply", "-auto-approve", "-input=false", "-no-color")
		s.compare(t, "an apply with the other expression", nil)
	}
}

func TestExampleWordPress(t *testing.T) {
	t.Parallel()
	s := newSite(t, "wordpress")
	variables := []string{"staging_install=acmestage", "production_install=acmeprod"}
	stage := "wpengine " + s.WPEngine.Install("acmestage").ID + "/all 202"
	prod := "wpengine " + s.WPEngine.Install("acmeprod").ID + "/all 202"
	s.apply(t, "a release on staging", []string{stage}, append(variables, "release=1")...)
	s.apply(t, "the same on production", []string{prod}, append(variables, "release=1", "production=true")...)
	s.apply(t, "production left out", nil, append(variables, "release=1")...)

	swapped := []string{"-var", "staging_install=acmeprod", "-var", "production_install=acmestage", "-var", "release=2"}
	_, err := s.Run(t.Context(), append([]string{"apply", "-auto-approve", "-input=false", "-no-color"}, swapped...)...)
	if err == nil || !strings.Contains(err.Error(), "The install acmeprod is not a staging install.") {
		t.Errorf("swapped installs: %v, want the message of the precondition", err)
	}
	s.compare(t, "swapped installs", nil)
}

func TestExampleWarehouseLoad(t *testing.T) {
	t.Parallel()
	s := newSite(t, "warehouse-load")
	project := s.MSTR.Projects[0]
	projects := fmt.Sprintf("projects=[%q]", project.Name)
	want := []string{"mstr " + project.ID + "/element 204", "mstr " + project.ID + "/content 200"}
	s.apply(t, "a load", slices.Clone(want), projects, `tables=["F_SALES","D_STORE"]`, "load_id=1")
	if got := s.mustRun(t, "output", "-json", "invalidated"); !strings.Contains(got, `"`+project.Name+`":4`) {
		t.Errorf("the output is %s, want 4 results", got)
	}
	s.apply(t, "the next load, of all tables", want, projects, "load_id=2")
	if got := s.mustRun(t, "output", "-json", "invalidated"); !strings.Contains(got, `"`+project.Name+`":2`) {
		t.Errorf("the output is %s, want the 2 remaining results", got)
	}

	_, err := s.Run(t.Context(), "apply", "-auto-approve", "-input=false", "-no-color", "-var", `projects=["Archive"]`, "-var", "load_id=3")
	if err == nil || !strings.Contains(err.Error(), "The project Archive is not loaded.") {
		t.Errorf("a project that is not loaded: %v, want the message of the precondition", err)
	}
	s.compare(t, "a project that is not loaded", nil)
}

// TestExampleInTheReadme applies the first example of README.md, with the IDs and the environment of the sandbox.
func TestExampleInTheReadme(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.Populate()
	s.write(t, "main.tf", blocksOf("README.md", read(t, "README.md"))[0].code)
	in := s.Inputs()
	want := []string{
		"cdn " + in["cdn_service_id"] + " /index.html hard=true 202",
		"http_cache shop.example.com/ 200",
		"mstr " + in["mstr_project_id"] + "/element 204",
		"mstr " + in["mstr_project_id"] + "/content 200",
		"wpengine " + in["wpengine_install_id"] + "/page 202",
	}
	s.apply(t, "the first release", slices.Clone(want), "release=1")
	if output := s.apply(t, "the next release", want, "release=2"); strings.Contains(output, "Warning: No cached result") {
		t.Errorf("the reports have no new results at the next release:\n%s", output)
	}
}

// TestExampleModuleTests runs the tests of a module without credentials, and checks that they fail for a module with a
// mistake.
func TestExampleModuleTests(t *testing.T) {
	t.Parallel()
	tf := newTerraform(t, nil)
	if !tf.AtLeast("1.7.0", "1.8.0") {
		t.Skipf("%s has no mock_provider", tf)
	}
	tf.copyExample(t, "module-tests")
	if output := tf.mustRun(t, "test", "-no-color"); !strings.Contains(output, "2 passed, 0 failed.") {
		t.Errorf("terraform test:\n%s", output)
	}
	module := read(t, "examples/module-tests/main.tf")
	for mistake, words := range map[string][3]string{
		"no precondition":     {`.environment == "staging"`, `.environment != ""`, "Missing expected failure"},
		"no trigger":          {`{ release = var.release }`, `{ release = "v1" }`, "The module does not purge with each release."},
		"a malformed install": {`data.purge_wpengine_install.site.id`, `var.install`, "Invalid install_id"},
	} {
		wrong := strings.Replace(module, words[0], words[1], 1)
		tf.write(t, "main.tf", wrong)
		if _, err := tf.Run(t.Context(), "test", "-no-color"); wrong == module || err == nil || !strings.Contains(err.Error(), words[2]) {
			t.Errorf("%s: %v, want %q", mistake, err, words[2])
		}
	}
}

// TestExamplesAreKnown checks that a test covers each directory of examples.
func TestExamplesAreKnown(t *testing.T) {
	t.Parallel()
	known := append([]string{"actions", "ci", "data-sources", "functions", "provider", "resources"}, complete...)
	for _, name := range files(t, "examples", "") {
		if dir := strings.Split(name, "/")[1]; !slices.Contains(known, dir) {
			t.Errorf("%s: no test applies examples/%s; add it to complete, and a test for it", name, dir)
		}
	}
}
