// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// stateOf returns a resource or data source in the state of terraform.
func (tf *terraform) stateOf(t *testing.T, kind, name string) map[string]any {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(tf.Path, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Resources []struct {
			Type, Name string
			Instances  []struct{ Attributes map[string]any }
		}
	}
	if err := json.Unmarshal(content, &state); err != nil {
		t.Fatal(err)
	}
	for _, r := range state.Resources {
		if r.Type == kind && r.Name == name {
			return r.Instances[0].Attributes
		}
	}
	return nil
}

func TestLookups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.WPEngine.Installs[0].IsMultisite = true
	prod, stage := w.WPEngine.Install("acmeprod"), w.WPEngine.Install("acmestage")
	tf := newTerraform(t, w, fmt.Sprintf(`
data "purge_mstr_project" "by_name" { name = "MicroStrategy Tutorial" }
data "purge_mstr_project" "by_id" { id = %[1]q }
data "purge_mstr_project" "offline" { name = "Archive" }
data "purge_mstr_projects" "all" {}
data "purge_cdn_service" "by_name" { name = "broken" }
data "purge_cdn_service" "by_id" { id = %[2]q }
data "purge_cdn_service" "by_domain" { domain = "SECURE-website.example.com" }
data "purge_cdn_services" "all" {}
data "purge_wpengine_install" "by_name" { name = "acmeprod" }
data "purge_wpengine_install" "by_id" { id = %[3]q }
data "purge_wpengine_install" "second_page" { name = "acmenew" }
data "purge_wpengine_install" "without_environment" { name = "acmelegacy" }
data "purge_wpengine_installs" "all" {}
data "purge_wpengine_installs" "filtered" {
  account_id  = %[4]q
  environment = "development"
}
resource "purge_wpengine_cache" "stage" {
  install_id = %[5]q
  cache_type = "page"
}
`, strings.ToLower(projectHex), strings.ToUpper(cdntest.DeployedID), strings.ToUpper(prod.ID), strings.ToUpper(prod.Account.ID), stage.ID))
	tf.mustRun(t, "apply", "-auto-approve")
	compare := func(kind, name string, want map[string]any) {
		t.Helper()
		if diff := cmp.Diff(want, tf.stateOf(t, "purge_"+kind, name)); diff != "" {
			t.Errorf("purge_%s.%s (-want +got):\n%s", kind, name, diff)
		}
	}

	project := map[string]any{
		"id": projectHex, "name": "MicroStrategy Tutorial", "alias": nil, "description": "Electronics, Books, Movies and Music",
		"status": "active", "status_code": 0.0, "loaded": true, "acg": 255.0,
		"date_created": "2015-06-30T21:55:35.000+0000", "date_modified": "2022-06-25T12:48:15.000+0000",
		"owner": map[string]any{"id": "54F3D26011D2896560009A8E67019608", "name": "Administrator"},
	}
	compare("mstr_project", "by_name", project)
	compare("mstr_project", "by_id", project)
	offline := tf.stateOf(t, "purge_mstr_project", "offline")
	if offline["status"] != "offline" || offline["status_code"] != -1.0 || offline["loaded"] != false {
		t.Errorf("the project that is offline: %v", offline)
	}
	compareNames(t, tf, "mstr_projects", "projects", []string{"MicroStrategy Tutorial", "Consolidated Education Project", "Archive", "Consolidated Education Project"})

	service := map[string]any{
		"id": cdntest.FailedID, "name": "broken", "domain": nil, "status": "failed", "flavor_id": "cdn",
		"domains": []any{map[string]any{"domain": "broken.example.com", "protocol": "http"}, map[string]any{"domain": "secure-broken.example.com", "protocol": "https"}},
		"origins": []any{map[string]any{"origin": "origin.example.com", "port": 80.0, "ssl": false}},
		"caching": []any{map[string]any{"name": "default", "ttl": 3600.0}, map[string]any{"name": "images", "ttl": 86400.0}},
		"errors":  []any{"Policy failed to deploy"},
	}
	compare("cdn_service", "by_name", service)
	for _, name := range []string{"by_id", "by_domain"} {
		if got := tf.stateOf(t, "purge_cdn_service", name); got["id"] != cdntest.DeployedID || got["name"] != "website" {
			t.Errorf("%s: %v", name, got)
		}
	}
	var services []string
	for _, s := range w.CDN.Services {
		services = append(services, s.Name)
	}
	compareNames(t, tf, "cdn_services", "services", nil, services...)

	install := map[string]any{
		"id": prod.ID, "name": "acmeprod", "account_id": prod.Account.ID, "site_id": prod.Site.ID, "environment": "production",
		"cname": "acmeprod.wpengine.com", "primary_domain": "acmeprod.wpengine.com", "php_version": "8.2", "status": "active",
		"is_multisite": true, "created_at": "2024-03-01T12:00:00Z",
	}
	compare("wpengine_install", "by_name", install)
	compare("wpengine_install", "by_id", install)
	if got := tf.stateOf(t, "purge_wpengine_install", "second_page"); got["status"] != "pending" {
		t.Errorf("an install on the second page: %v", got)
	}
	if got := tf.stateOf(t, "purge_wpengine_install", "without_environment"); got["environment"] != nil {
		t.Errorf("an install without an environment: %v", got)
	}
	var installs []string
	for _, i := range w.WPEngine.Installs {
		installs = append(installs, i.Name)
	}
	compareNames(t, tf, "wpengine_installs", "installs", installs)
	filtered, _ := tf.stateOf(t, "purge_wpengine_installs", "filtered")["installs"].([]any)
	if len(filtered) != 2 {
		t.Errorf("%d installs pass the filters, want acmedev and acmenew", len(filtered))
	}

	// Data sources send no purges. The only purge is that of the new resource.
	w.compareSent(t, step{name: "all lookups", sent: []string{"wpengine " + stage.ID + "/page 202"}})
}

// compareNames compares the names in a list, in order or, with anyOrder, in any
// order.
func compareNames(t *testing.T, tf *terraform, kind, attribute string, inOrder []string, anyOrder ...string) {
	t.Helper()
	items, _ := tf.stateOf(t, "purge_"+kind, "all")[attribute].([]any)
	var got []string
	count := make(map[string]int)
	for _, item := range items {
		o, _ := item.(map[string]any)
		name, _ := o["name"].(string)
		got = append(got, name)
		count[name]++
	}
	if anyOrder == nil {
		if diff := cmp.Diff(inOrder, got); diff != "" {
			t.Errorf("purge_%s (-want +got):\n%s", kind, diff)
		}
		return
	}
	want := make(map[string]int)
	for _, name := range anyOrder {
		want[name]++
	}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("purge_%s (-want +got):\n%s", kind, diff)
	}
}

// lookUp reads a data source.
func (p *protocol) lookUp(name string, config object) (found object, reported []string) {
	p.t.Helper()
	kind := p.schemas.DataSourceSchemas[name].ValueType()
	validated, err := p.ValidateDataResourceConfig(p.t.Context(), &tfprotov6.ValidateDataResourceConfigRequest{TypeName: name, Config: p.pack(kind, config)})
	p.must(err)
	if len(validated.Diagnostics) > 0 {
		return nil, diagnosticLines(validated.Diagnostics)
	}
	resp, err := p.ReadDataSource(p.t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: name, Config: p.pack(kind, config)})
	p.must(err)
	return p.unpack(kind, resp.State), diagnosticLines(resp.Diagnostics)
}

func TestLookupsThatFindNoneOrSeveral(t *testing.T) {
	t.Parallel()
	const education = "Consolidated Education Project"
	install := wpenginetest.New().Install("acmeprod")
	for sentence, c := range map[string]struct {
		name   string
		config object
		want   string
		longer bool // the message is longer than want
	}{
		"two with the same name": {
			"purge_mstr_project",
			object{"name": education},
			`error at AttributeName("name"): Several projects match: 2 MicroStrategy projects have this name: ` +
				`Consolidated Education Project (CE52831411E696C8BD2F0080EFD5AF44), Consolidated Education Project (0D5E7F9A4B3C2D1E8F7A6B5C4D3E2F1A). Set id to the ID of one of them.`, false,
		},
		"a name in another case is a near miss": {
			"purge_mstr_project",
			object{"name": "microstrategy tutorial"},
			`error at AttributeName("name"): No such project: No MicroStrategy project has this name. ` +
				`Similar projects: MicroStrategy Tutorial (B7CA92F04B9FAE8D941C3E9B7E0CD754).`, false,
		},
		"no similar name": {
			"purge_mstr_project",
			object{"name": "Sales"},
			`error at AttributeName("name"): No such project: No MicroStrategy project has this name. Existing projects (4): MicroStrategy Tutorial (B7CA92F04B9FAE8D941C3E9B7E0CD754), `, true,
		},
		"an ID that no project has": {
			"purge_mstr_project",
			object{"id": educationHex},
			`error at AttributeName("id"): No such project: No MicroStrategy project has this id. Existing projects (4): `, true,
		},
		"a part of a name": {
			"purge_wpengine_install",
			object{"name": "stage"},
			`error at AttributeName("name"): No such install: No WP Engine install has this name. Similar installs: acmestage (`, true,
		},
		"a similar domain": {
			"purge_cdn_service",
			object{"domain": "website.example.org"},
			`error at AttributeName("domain"): No such service: No Rackspace CDN service has this domain. ` +
				`Similar services: website (` + cdntest.DeployedID + `; website.example.com, secure-website.example.com)`, true,
		},
		"services on two pages": {
			"purge_cdn_service",
			object{"name": cdntest.TwinName},
			`error at AttributeName("name"): Several services match: 2 Rackspace CDN services have this name: twin (00c1d2e3-f4a5-4b6c-8d7e-9f0a1b2c3d4e; twin.example.com, `, true,
		},
		"an ID that no service has": {
			"purge_cdn_service",
			object{"id": cdntest.MissingID},
			`error at AttributeName("id"): No such service: No Rackspace CDN service has this id. Existing services (23): `, true,
		},
		"installs in two accounts": {
			"purge_wpengine_install",
			object{"name": "acmetwin"},
			`error at AttributeName("name"): Several installs match: 2 WP Engine installs have this name: acmetwin (`, true,
		},
		"no argument": {
			"purge_cdn_service",
			object{},
			`error: Exactly one argument is needed: Set exactly one of name, id, and domain.`, false,
		},
		"two arguments": {
			"purge_cdn_service",
			object{"name": "website", "domain": "x"},
			`error: Exactly one argument is needed: Set exactly one of name, id, and domain.`, false,
		},
		"an empty name": {
			"purge_wpengine_install",
			object{"name": ""},
			`error at AttributeName("name"): Empty name: name is empty, so it finds nothing.`, false,
		},
		"a name as the ID": {
			"purge_wpengine_install",
			object{"id": "acmeprod"},
			`error at AttributeName("id"): Invalid id: id must be a UUID such as`, true,
		},
		"a project ID with hyphens": {
			"purge_mstr_project",
			object{"id": "B7CA92F0-4B9F-AE8D-941C-3E9B7E0CD754"},
			`error at AttributeName("id"): Invalid id: id must be 32 hexadecimal digits, without hyphens`, true,
		},
		"an account by its name": {
			"purge_wpengine_installs",
			object{"account_id": "acme"},
			`error at AttributeName("account_id"): Invalid account_id: account_id must be a UUID`, true,
		},
		"an environment that does not exist": {
			"purge_wpengine_installs",
			object{"account_id": install.Account.ID, "environment": "prod"},
			`error at AttributeName("environment"): Invalid environment: environment must be one of production, staging, or development.`, false,
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, reported := newWorld(t).speak(t).lookUp(c.name, c.config)
			if len(reported) != 1 || !strings.HasPrefix(reported[0], c.want) || !c.longer && reported[0] != c.want {
				t.Errorf("diagnostics: %q, want %q", reported, c.want)
			}
		})
	}
}

func TestAnErrorListsTenCandidates(t *testing.T) {
	t.Parallel()
	_, reported := newWorld(t).speak(t).lookUp("purge_wpengine_install", object{"name": "site"})
	if len(reported) != 1 {
		t.Fatalf("diagnostics: %q", reported)
	}
	if named := strings.Count(reported[0], " ("); named != 10 || !strings.HasSuffix(reported[0], ", and 113 more.") {
		t.Errorf("%d candidates are named: %s", named, reported[0])
	}
}

func TestTheHintAboutAnEmptyList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.WPEngine.AccessOff = true
	w.MSTR.Projects, w.CDN.Services = nil, nil
	p := w.speak(t)
	for name, words := range map[string]string{
		"wpengine_install": "API access is disabled for the account", "mstr_project": "access to at least one project", "cdn_service": "Check that cdn.project_id is the project of the services.",
	} {
		_, reported := p.lookUp("purge_"+name, object{"name": "x"})
		if len(reported) != 1 || !strings.HasPrefix(reported[0], "error at ") || !containing("The credentials do not give access to any ", words).MatchString(reported[0]) {
			t.Errorf("one %s: %q", name, reported)
		}
		found, reported := p.lookUp("purge_"+name+"s", object{})
		if len(reported) != 1 || !strings.HasPrefix(reported[0], "warning: No ") || !strings.Contains(reported[0], words) {
			t.Errorf("many: %q", reported)
		}
		for attribute, list := range found {
			if items, ok := list.([]any); !ok || len(items) != 0 {
				t.Errorf("%s of %ss: %v, want an empty list", attribute, name, list)
			}
		}
	}
	_, reported := p.lookUp("purge_wpengine_installs", object{"account_id": w.WPEngine.Installs[0].Account.ID, "environment": "development"})
	if len(reported) != 1 || !strings.HasPrefix(reported[0], "warning: No installs: No WP Engine install that the credentials give access to matches account_id and environment. WP Engine also") {
		t.Errorf("many, with filters: %q", reported)
	}
	// If only the filters exclude everything, there is no hint.
	w.WPEngine.AccessOff = false
	if _, reported := p.lookUp("purge_wpengine_installs", object{"account_id": w.WPEngine.Installs[len(w.WPEngine.Installs)-1].Account.ID, "environment": "development"}); len(reported) > 0 {
		t.Errorf("diagnostics: %q", reported)
	}
}

func TestLookupsReadAllPages(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world, network *wiretest.Network) {
		p := w.speak(t)
		for _, name := range []string{"purge_wpengine_installs", "purge_cdn_services"} {
			if _, reported := p.lookUp(name, object{}); len(reported) > 0 {
				t.Errorf("%s: %q", name, reported)
			}
		}
		// The links to the next page point to another host, which must not get the
		// credentials.
		for _, address := range network.Dialed() {
			if address != "localhost:80" {
				t.Errorf("dialed %s", address)
			}
		}
		var got []string
		for _, e := range w.Journal.Entries() {
			got = append(got, e.Operation+" "+e.Subject)
		}
		want := []string{"installs ", "installs ", "login ", "services limit=20", "services limit=20&marker=" + lastOfFirstPage(w)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

// lastOfFirstPage returns the ID of the 20th service, in the order of IDs.
func lastOfFirstPage(w *world) string {
	var ids []string
	for _, s := range w.CDN.Services {
		ids = append(ids, s.ID)
	}
	slices.Sort(ids)
	return ids[19]
}

func TestLookupsThatFail(t *testing.T) {
	t.Parallel()
	later := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "86400")
		wpenginetest.Error(http.StatusTooManyRequests, "slow down")(w, r)
	}
	for sentence, c := range map[string]struct {
		name string
		set  func(*world)
		want []string
		took time.Duration
	}{
		"rejected credentials": {"purge_wpengine_installs", func(w *world) { w.WPEngine.Password = "another" }, []string{"error: WP Engine rejected the credentials", "While listing the installs, WP Engine returned", "Bad Credentials"}, 0},
		"a missing permission": {"purge_mstr_projects", func(w *world) { w.MSTR.Fail("projects", 1, mstrtest.Error(403, "ERR014", "", "no privilege")) }, []string{"error: MicroStrategy denied permission", "While listing the projects, MicroStrategy returned"}, 0},
		"a wrong address":      {"purge_mstr_projects", func(w *world) { w.env["MSTR_BASE_URL"] += "x" }, []string{"error: MicroStrategy cannot be used as configured", "Check mstr.base_url"}, 0},
		"a response that is not a list": {"purge_mstr_projects", func(w *world) {
			w.MSTR.Fail("projects", 1, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) })
		}, []string{"error: Unexpected response from MicroStrategy"}, 0},
		"a service without an ID": {"purge_cdn_services", func(w *world) {
			w.CDN.Fail("services", 1, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"services":[{"name":"x"}]}`) })
		}, []string{"error: Unexpected response from Rackspace CDN", "a service has no ID or no name"}, 0},
		"an endless list":       {"purge_wpengine_installs", func(w *world) { w.WPEngine.Fail("installs", -1, samePage) }, []string{"error: WP Engine lookup failed", "repeats a page"}, 0},
		"a server that fails":   {"purge_cdn_services", func(w *world) { w.CDN.Fail("services", -1, cdntest.Error(500, "boom")) }, []string{"error: Rackspace CDN returned a server error", "The provider tried 5 times"}, 4 * time.Second},
		"a rate limit of a day": {"purge_wpengine_installs", func(w *world) { w.WPEngine.Fail("installs", -1, later) }, []string{"error: WP Engine rate limit exceeded", "requires a wait of 24 hours, which is longer"}, 0},
		"a rate limit that ends": {"purge_wpengine_installs", func(w *world) {
			w.WPEngine.Fail("installs", 1, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "30")
				wpenginetest.Error(http.StatusTooManyRequests, "slow down")(w, r)
			})
		}, nil, 30 * time.Second},
		"no response": {"purge_cdn_services", func(w *world) {
			w.CDN.Fail("services", -1, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		}, []string{"error: No complete response from Rackspace CDN"}, 60*time.Second + 500*time.Millisecond},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *world, _ *wiretest.Network) {
				c.set(w)
				p := w.speak(t)
				began := time.Now()
				_, reported := p.lookUp(c.name, object{})
				if took := time.Since(began); took != c.took {
					t.Errorf("took %s, want %s", took, c.took)
				}
				if c.want == nil && len(reported) == 0 {
					return
				}
				if len(reported) != 1 || !containing(c.want...).MatchString(reported[0]) {
					t.Errorf("diagnostics: %q, want %q", reported, c.want)
				}
				if len(reported) == 1 && strings.Contains(reported[0], "purge ") {
					t.Errorf("a lookup sends a purge: %q", reported)
				}
			})
		})
	}
}

func samePage(w http.ResponseWriter, _ *http.Request) {
	one, _ := json.Marshal(wpenginetest.DefaultInstalls()[:100])
	fmt.Fprintf(w, `{"results":%s}`, one)
}

func TestALookupWhoseServiceIsNotConfigured(t *testing.T) {
	t.Parallel()
	lookUps := map[string][]string{"mstr": {"purge_mstr_project", "purge_mstr_projects"}, "cdn": {"purge_cdn_service", "purge_cdn_services"}, "wpengine": {"purge_wpengine_install", "purge_wpengine_installs"}}
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		w.withoutService(t, f.target.service)
		p := w.speak(t)
		for i, name := range lookUps[f.target.service] {
			config := []object{{"name": "x"}, {}}[i]
			if _, reported := p.lookUp(name, config); len(reported) != 1 || !containing(f.needs...).MatchString(reported[0]) || !strings.Contains(reported[0], name+" requires") {
				t.Errorf("%s: %q", name, reported)
			}
		}
	})
}

// An unknown argument is not an error, because Terraform reads only when it is
// known.
func TestALookupByAnUnknownValue(t *testing.T) {
	t.Parallel()
	p := newWorld(t).speak(t)
	kind := p.schemas.DataSourceSchemas["purge_cdn_service"].ValueType()
	for _, config := range []object{{"name": unknown{}}, {"id": unknown{}, "name": unknown{}}} {
		resp, err := p.ValidateDataResourceConfig(t.Context(), &tfprotov6.ValidateDataResourceConfigRequest{TypeName: "purge_cdn_service", Config: p.pack(kind, config)})
		p.must(err)
		if len(resp.Diagnostics) > 0 {
			t.Errorf("%v: %q", config, diagnosticLines(resp.Diagnostics))
		}
	}
}

func TestAGuardAgainstProduction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := func(name, release string) string {
		return fmt.Sprintf(`
data "purge_wpengine_install" "it" {
  name = %q
}
resource "purge_wpengine_cache" "it" {
  install_id = data.purge_wpengine_install.it.id
  cache_type = "page"
  triggers   = { release = %q }
  lifecycle {
    precondition {
      condition     = data.purge_wpengine_install.it.environment != "production"
      error_message = "${data.purge_wpengine_install.it.name} is production."
    }
  }
}
`, name, release)
	}
	w.play(
		t,
		step{name: "staging", config: config("acmestage", "1"), sent: []string{"wpengine " + w.WPEngine.Install("acmestage").ID + "/page 202"}},
		step{name: "production", config: config("acmeprod", "2"), fails: containing("Resource precondition failed", "acmeprod is production.")},
		step{name: "an install without an environment", config: config("acmelegacy", "2"), sent: []string{"wpengine " + w.WPEngine.Install("acmelegacy").ID + "/page 202"}},
	)
}
