// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// arguments contains the attributes of a resource as HCL expressions.
type arguments map[string]string

// with returns the arguments with others added or replaced.
func (a arguments) with(more ...arguments) arguments {
	all := maps.Clone(a)
	for _, m := range more {
		maps.Copy(all, m)
	}
	return all
}

func (a arguments) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(a)) {
		fmt.Fprintf(&b, "  %s = %s\n", name, a[name])
	}
	return b.String()
}

// object returns the arguments as one HCL object.
func (a arguments) object() string { return "{\n" + a.String() + "}" }

// fixture describes a target for the tests that loop over all targets.
type fixture struct {
	target *target
	// here and there are two purges. respelled is here in another spelling.
	here, there, respelled arguments
	hereID, thereID        string
	// how changes the purge mode, and quiet an argument that does not affect the
	// purge. Either can be nil.
	how, quiet arguments
	// malformed is here with an invalid ID, and a text of the error.
	malformed arguments
	complaint string
	// purgedHere and purgedThere are the journal entries of accepted purges, and
	// purgedSo the entry of here with how.
	purgedHere, purgedThere, purgedSo string
	// deny makes the API deny the next purge with a 403. deniedHere is its
	// journal entry.
	deny       func()
	deniedHere string
	// many returns n purges and their journal entries.
	many func(n int) (things []arguments, sent []string)
	// needs contains the arguments that an error names as missing.
	needs []string
}

// fixtures contains one for each target. The tests that loop over the targets fail
// for a target without one.
var fixtures = map[string]func(*world) fixture{
	"mstr_cache":         mstrFixture,
	"mstr_content_cache": mstrContentFixture,
	"cdn_asset":          cdnFixture,
	"wpengine_cache":     wpengineFixture,
	"http_cache":         httpCacheFixture,
}

func (w *world) fixture(t *testing.T, target *target) fixture {
	t.Helper()
	of := fixtures[target.name]
	if of == nil {
		t.Fatalf("the target %s has no fixture: add one to fixtures in fixture_test.go, and all tests of targets cover it", target.name)
	}
	f := of(w)
	f.target = target
	for name := range f.here {
		if f.there[name] == "" {
			t.Fatalf("the fixture of %s does not set %s in there, as it does in here: write null if it is to be left out", target.name, name)
		}
	}
	return f
}

// forEachTarget runs a test with a separate world for each target.
func forEachTarget(t *testing.T, test func(t *testing.T, w *world, f fixture)) {
	t.Helper()
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			test(t, w, w.fixture(t, target))
		})
	}
}

// address returns the address of the resource that config declares.
func (f fixture) address() string { return f.kind() + ".it" }

func (f fixture) kind() string { return "purge_" + f.target.name }

// config declares one resource.
func (f fixture) config(a ...arguments) string {
	return fmt.Sprintf("resource %q \"it\" {\n%s}\n", f.kind(), arguments{}.with(a...))
}

// release returns triggers with one value.
func release(value string) arguments {
	return arguments{"triggers": fmt.Sprintf("{ release = %q }", value)}
}

const (
	projectHex   = "B7CA92F04B9FAE8D941C3E9B7E0CD754"
	educationHex = "B19DEDCC11D4E0EFC000EB9495D0F44F"
)

func mstrFixture(w *world) fixture {
	w.MSTR.Projects = append(w.MSTR.Projects, mstrtest.Project{ID: educationHex, Name: "Another"})
	return fixture{
		here:      arguments{"project_id": `"` + strings.ToLower(projectHex) + `"`, "cache_type": `"element"`},
		respelled: arguments{"project_id": `"` + projectHex + `"`, "cache_type": `"element"`},
		there:     arguments{"project_id": `"` + educationHex + `"`, "cache_type": `"object"`},
		hereID:    projectHex + "/element", thereID: educationHex + "/object",
		malformed:  arguments{"project_id": `"B7CA92F0-4B9F-AE8D-941C-3E9B7E0CD754"`},
		complaint:  "Invalid project_id",
		purgedHere: "mstr " + projectHex + "/element 204", purgedThere: "mstr " + educationHex + "/object 204",
		deny:       func() { w.MSTR.Fail("purge", 1, mstrtest.Error(http.StatusForbidden, "ERR014", "", "no privilege")) },
		deniedHere: "mstr " + projectHex + "/element 403",
		many: func(n int) (things []arguments, sent []string) {
			for i := range n {
				id := fmt.Sprintf("A%031X", i)
				w.MSTR.Projects = append(w.MSTR.Projects, mstrtest.Project{ID: id, Name: id})
				things = append(things, arguments{"project_id": `"` + id + `"`, "cache_type": `"report"`})
				sent = append(sent, "mstr "+id+"/report 204")
			}
			return things, sent
		},
		needs: []string{"MicroStrategy is not configured", "mstr.base_url (or MSTR_BASE_URL)"},
	}
}

func mstrContentFixture(w *world) fixture {
	w.MSTR.Projects = append(w.MSTR.Projects, mstrtest.Project{ID: educationHex, Name: "Another"})
	// A filter by tables warns if it is used twice, because no results are left the
	// second time.
	const one, two = "0123456789ABCDEF0123456789ABCDEF", "FEDCBA9876543210FEDCBA9876543210"
	ids := func(all ...string) string { return `["` + strings.Join(all, `", "`) + `"]` }
	return fixture{
		here:      arguments{"project_id": `"` + strings.ToLower(projectHex) + `"`, "content_ids": ids(one, two)},
		respelled: arguments{"project_id": `"` + projectHex + `"`, "content_ids": ids(two, strings.ToLower(one), two)},
		there:     arguments{"project_id": `"` + educationHex + `"`, "content_ids": "null"},
		hereID:    projectHex + "/content", thereID: educationHex + "/content",
		how:        arguments{"warehouse_tables": `["F_SALES"]`},
		malformed:  arguments{"project_id": `"B7CA92F0-4B9F-AE8D-941C-3E9B7E0CD754"`},
		complaint:  "Invalid project_id",
		purgedHere: "mstr " + projectHex + "/content 200", purgedThere: "mstr " + educationHex + "/content 200",
		purgedSo:   "mstr " + projectHex + "/content 200",
		deny:       func() { w.MSTR.Fail("nodes", 1, mstrtest.Error(http.StatusForbidden, "ERR014", "", "no privilege")) },
		deniedHere: "mstr " + projectHex + "/content 403",
		many: func(n int) (things []arguments, sent []string) {
			for i := range n {
				id := fmt.Sprintf("C%031X", i)
				w.MSTR.Projects = append(w.MSTR.Projects, mstrtest.Project{ID: id, Name: id})
				things = append(things, arguments{"project_id": `"` + id + `"`})
				sent = append(sent, "mstr "+id+"/content 200")
			}
			return things, sent
		},
		needs: []string{"MicroStrategy is not configured", "mstr.base_url (or MSTR_BASE_URL)"},
	}
}

func cdnFixture(w *world) fixture {
	journal := func(id, path string, hard bool, status int) string {
		return fmt.Sprintf("cdn %s %s hard=%t %d", id, path, hard, status)
	}
	return fixture{
		here:      arguments{"service_id": `"` + cdntest.DeployedID + `"`, "url": `"/images/the logo ü.png"`},
		respelled: arguments{"service_id": `"` + strings.ToUpper(cdntest.DeployedID) + `"`, "url": `"/images/the%20logo%20%c3%bc.png"`},
		there:     arguments{"service_id": `"` + cdntest.OtherID + `"`, "url": `"/css/site.css"`},
		hereID:    cdntest.DeployedID + "/images/the logo ü.png", thereID: cdntest.OtherID + "/css/site.css",
		how:         arguments{"hard": "false"},
		quiet:       arguments{"wait_until_deployed": "false"},
		malformed:   arguments{"service_id": `"96737ae3cfc14c72be885d0e7cc9a3f0"`},
		complaint:   "Invalid service_id",
		purgedHere:  journal(cdntest.DeployedID, "/images/the%20logo%20%C3%BC.png", true, 202),
		purgedSo:    journal(cdntest.DeployedID, "/images/the%20logo%20%C3%BC.png", false, 202),
		purgedThere: journal(cdntest.OtherID, "/css/site.css", true, 202),
		deny:        func() { w.CDN.Fail("purge", 1, cdntest.HTML(http.StatusForbidden)) },
		deniedHere:  journal(cdntest.DeployedID, "/images/the%20logo%20%C3%BC.png", true, 403),
		many: func(n int) (things []arguments, sent []string) {
			for i := range n {
				path := fmt.Sprintf("/file-%d.css", i)
				things = append(things, arguments{"service_id": `"` + cdntest.DeployedID + `"`, "url": `"` + path + `"`})
				sent = append(sent, journal(cdntest.DeployedID, path, true, 202))
			}
			return things, sent
		},
		needs: []string{"Rackspace CDN is not configured", "cdn.username (or RAX_USERNAME)", "cdn.api_key (or RAX_API_KEY)"},
	}
}

func wpengineFixture(w *world) fixture {
	here, there := w.WPEngine.Install("acmeprod").ID, w.WPEngine.Install("acmestage").ID
	return fixture{
		here:      arguments{"install_id": `"` + here + `"`, "cache_type": `"page"`},
		respelled: arguments{"install_id": `"` + strings.ToUpper(here) + `"`, "cache_type": `"page"`},
		there:     arguments{"install_id": `"` + there + `"`, "cache_type": `"cdn"`},
		hereID:    here + "/page", thereID: there + "/cdn",
		malformed:  arguments{"install_id": `"acmeprod"`},
		complaint:  "Invalid install_id",
		purgedHere: "wpengine " + here + "/page 202", purgedThere: "wpengine " + there + "/cdn 202",
		deny:       func() { w.WPEngine.Fail("purge", 1, wpenginetest.Error(http.StatusForbidden, "no access")) },
		deniedHere: "wpengine " + here + "/page 403",
		many: func(n int) (things []arguments, sent []string) {
			for _, install := range w.WPEngine.Installs[:n] {
				things = append(things, arguments{"install_id": `"` + install.ID + `"`, "cache_type": `"all"`})
				sent = append(sent, "wpengine "+install.ID+"/all 202")
			}
			return things, sent
		},
		needs: []string{"WP Engine is not configured", "wpengine.username (or WPE_API_USER_ID)", "wpengine.password (or WPE_API_PASSWORD)"},
	}
}
