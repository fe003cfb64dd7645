// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// The effects of Terraform's own commands and blocks on a resource that purges.

func TestReplaceWithPurgeOnDestroyPurgesTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, all := w.oneOfEach(t, arguments{"purge_on_destroy": "true"})
	tf := newTerraform(t, w, config)
	tf.mustRun(t, "apply", "-auto-approve")
	w.compareSent(t, step{name: "the first apply", sent: purgesHere(all)})

	replace := append([]string{"apply", "-auto-approve"}, each(all, func(f fixture) string { return "-replace=" + f.address() })...)
	tf.mustRun(t, replace...)
	// As documented, the purge is sent twice: for the destroy and for the create.
	w.compareSent(t, step{name: "-replace with purge_on_destroy", sent: append(purgesHere(all), purgesHere(all)...)})

	config, _ = w.oneOfEach(t)
	tf.write(t, "main.tf", config)
	tf.mustRun(t, replace...)
	w.compareSent(t, step{name: "-replace with purge_on_destroy in the state only", sent: append(purgesHere(all), purgesHere(all)...)})
	tf.mustRun(t, replace...)
	w.compareSent(t, step{name: "-replace without purge_on_destroy", sent: purgesHere(all)})
}

func TestStateMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, all := w.oneOfEach(t, release("1"), arguments{"purge_on_destroy": "true"})
	tf := newTerraform(t, w, config)
	tf.mustRun(t, "apply", "-auto-approve")
	w.compareSent(t, step{name: "the first apply", sent: purgesHere(all)})

	tf.mustRun(t, "apply", "-refresh-only", "-auto-approve")
	w.compareSent(t, step{name: "-refresh-only"})
	tf.planEmpty(t, "after -refresh-only")

	for _, f := range all {
		tf.mustRun(t, "state", "mv", f.address(), f.kind()+".that")
	}
	tf.write(t, "main.tf", strings.ReplaceAll(config, `"it"`, `"that"`))
	tf.planEmpty(t, "after state mv")

	tf.skipBelow(t, "1.7.0", "1.10.0") // removed blocks that keep the object
	removed := strings.Join(each(all, func(f fixture) string {
		return fmt.Sprintf("removed {\n  from = %s.that\n  lifecycle {\n    destroy = false\n  }\n}\n", f.kind())
	}), "")
	tf.write(t, "main.tf", removed)
	tf.mustRun(t, "apply", "-auto-approve")
	tf.planEmpty(t, "after removed {}")
	w.compareSent(t, step{name: "state mv, and removed {} of a resource with purge_on_destroy"})

	// A forgotten object can be imported again, under another address.
	tf.write(t, "main.tf", config+strings.Join(each(all, func(f fixture) string { return f.importBlock(fmt.Sprintf("id = %q", f.hereID)) }), ""))
	tf.mustRun(t, "apply", "-auto-approve")
	tf.planEmpty(t, "after it was imported again")
	w.compareSent(t, step{name: "an import of the forgotten object"})
}

func TestEachWorkspacePurgesSeparately(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, all := w.oneOfEach(t, release("1"))
	tf := newTerraform(t, w, config)
	tf.mustRun(t, "apply", "-auto-approve")
	w.compareSent(t, step{name: "the default workspace", sent: purgesHere(all)})
	tf.mustRun(t, "workspace", "new", "staging")
	tf.mustRun(t, "apply", "-auto-approve")
	w.compareSent(t, step{name: "another workspace", sent: purgesHere(all)})
	tf.mustRun(t, "workspace", "select", "default")
	tf.planEmpty(t, "in the default workspace")
	w.compareSent(t, step{name: "back in the default workspace"})
}

// A module that purges can be tested without any API, because Terraform does not
// configure a mocked provider.
func TestAModuleIsTestedWithAMockOfTheProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clear(w.env)
	config, all := w.oneOfEach(t, release("1"))
	config += "data \"purge_wpengine_install\" \"it\" {\n  name = \"acmeprod\"\n}\n"
	tf := newTerraform(t, w, config)
	tf.skipBelow(t, "1.7.0", "1.8.0") // mocks
	asserts := strings.Join(each(all, func(f fixture) string {
		return fmt.Sprintf("  assert {\n    condition     = %[1]s.triggers.release == \"1\" && %[1]s.last_purged_at != null\n    error_message = \"not purged\"\n  }\n", f.address())
	}), "")
	tf.write(t, "purge.tftest.hcl", `mock_provider "purge" {
  mock_data "purge_wpengine_install" {
    defaults = { environment = "staging" }
  }
}
run "plan" {
  command = plan
}
run "apply" {
`+asserts+`
  assert {
    condition     = data.purge_wpengine_install.it.environment == "staging"
    error_message = "not staging"
  }
}
`)
	if output := tf.mustRun(t, "test", "-no-color"); !strings.Contains(output, "2 passed, 0 failed") {
		t.Errorf("terraform test:\n%s", output)
	}
	w.compareSent(t, step{name: "a test with a mock"})
}

func TestAliasesAreSeparate(t *testing.T) {
	t.Parallel()
	one, two := newWorld(t), newWorld(t)
	two.changeSecrets()
	block := func(alias string, w *world) string {
		return fmt.Sprintf("provider \"purge\" {\n  %s\n%s}\n", alias, providerArguments(t, w.env, func(variable string) string { return fmt.Sprintf("%q", w.env[variable]) }))
	}
	config, all := one.oneOfEach(t)
	other, _ := two.oneOfEach(t, arguments{"provider": "purge.two"})
	tf := newTerraform(t, one, block("", one)+block(`alias = "two"`, two)+config+strings.ReplaceAll(other, `"it"`, `"other"`))
	tf.mustRun(t, "apply", "-auto-approve")
	for name, w := range map[string]*world{"the default": one, "the alias": two} {
		if logins := w.MSTR.Logins(); logins != 1 || w.MSTR.OpenSessions() != 0 {
			t.Errorf("%s: %d logins at MicroStrategy, %d sessions left open", name, logins, w.MSTR.OpenSessions())
		}
		w.compareSent(t, step{name: name, sent: purgesHere(all)})
	}
	tf.planEmpty(t, "with an alias")
}

// changeSecrets gives the world secrets that differ from those of a new world.
func (w *world) changeSecrets() {
	for _, row := range accesses {
		for _, secret := range row.secrets {
			value := secret.in(w.Sandbox)
			w.env[secret.variable] = strings.ReplaceAll(w.env[secret.variable], *value, "another")
			*value = "another"
		}
	}
}

// Two accounts do not share a quota, so their purges of the first minute are all
// sent immediately.
func TestEachAliasHasItsOwnRateLimit(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world, _ *wiretest.Network) {
		w.CDN.PurgesPerMinute = 0 // of both accounts together
		other := &world{Sandbox: w.Sandbox, env: w.env, provider: New(w.provider.options)}
		var urls []string
		for i := range 20 {
			urls = append(urls, fmt.Sprintf("/%d.css", i))
		}
		began := time.Now()
		for _, p := range []*protocol{w.speak(t), other.speak(t)} {
			_, reported := p.invoke(t.Context(), "purge_cdn_asset", object{"service_id": cdntest.DeployedID, "urls": texts(urls...)})
			if took := time.Since(began); took != 0 || len(reported) > 0 {
				t.Errorf("20 purges took %s and report %q", took, reported)
			}
		}
		other.endSessions(t)
		if n := len(w.purges()); n != 40 {
			t.Errorf("%d purges were sent, want 40", n)
		}
	})
}

func TestAnIDThatIsUnknownForADataSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := func(gate, service string) string {
		return fmt.Sprintf(`
resource "terraform_data" "gate" {
  input = %q
}
data "purge_cdn_service" "it" {
  name       = %q
  depends_on = [terraform_data.gate]
}
resource "purge_cdn_asset" "it" {
  service_id = data.purge_cdn_service.it.id
  assets     = { "/a.css" = "1", "/b.css" = "1" }
}
`, gate, service)
	}
	tf := newTerraform(t, w, config("1", "website"))
	const purged, changed = "purge_cdn_asset.it", "terraform_data.gate"
	for _, c := range []struct {
		name, gate, service string
		changes             []string
		sentTo              string // the ID of the target, empty if nothing is sent
	}{
		{"a create purges", "1", "website", []string{"create " + purged, "create " + changed}, cdntest.DeployedID},
		{"an id that turns out unchanged sends nothing", "2", "website", []string{"update " + purged, "update " + changed}, ""},
		{"one that turns out another purges", "3", "images", []string{"update " + purged, "update " + changed}, cdntest.OtherID},
	} {
		tf.write(t, "main.tf", config(c.gate, c.service))
		if diff := cmp.Diff(shown{Changes: c.changes}, tf.show(t, "apply", "-auto-approve")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		var want []string
		if c.sentTo != "" {
			want = []string{c.sentTo + " /a.css hard=true", c.sentTo + " /b.css hard=true"}
		}
		got := w.purges()
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("%s: sent %q, want %q", c.name, got, want)
		}
		tf.planEmpty(t, c.name+", and after it")
	}
}
