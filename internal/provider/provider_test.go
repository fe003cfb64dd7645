package provider

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
)

// world is a sandbox and a provider that is pointed at it.
type world struct {
	*sandbox.Sandbox
	provider *Provider
	env      map[string]string
}

// newWorld starts a sandbox on a loopback port. The provider reads the world's
// environment and not that of the process, so that tests run side by side. The
// CDN deploys at once and takes any number of purges, unless the test changes it.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Sandbox: sandbox.New()}
	w.CDN.DeployTime = time.Millisecond
	w.CDN.PurgesPerMinute = 0
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.env = w.Reach(server.URL)
	w.provider = New(Options{Version: "test", Getenv: func(name string) string { return w.env[name] }})
	t.Cleanup(func() {
		if err := w.provider.Close(context.Background()); err != nil {
			t.Errorf("closing sessions: %s", err)
		}
		if open := w.MSTR.OpenSessions(); open != 0 {
			t.Errorf("%d MicroStrategy sessions are open at the end, want none", open)
		}
	})
	return w
}

func (w *world) factories() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"purge": providerserver.NewProtocol6WithError(w.provider),
	}
}

// test runs steps with the real terraform.
func (w *world) test(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: w.factories(), Steps: steps})
}

// purges returns the subjects of the purges that reached the sandbox since the
// last call.
func (w *world) purges() []string {
	var subjects []string
	for _, e := range w.Journal.Select("purge") {
		subjects = append(subjects, e.Subject)
	}
	w.Journal.Reset()
	return subjects
}

var _ = fake.Entry{}

const projectHex = "B7CA92F04B9FAE8D941C3E9B7E0CD754"

func TestThreeSystemsFromOneApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := func(release string) string {
		return fmt.Sprintf(`
resource "purge_mstr_cache" "c" {
  project_id = %[2]q
  cache_type = "object"
  triggers   = { release = %[1]q }
}
resource "purge_cdn_asset" "a" {
  service_id = %[3]q
  url        = "/images/logo.png"
  triggers   = { release = %[1]q }
}
resource "purge_wpengine_cache" "w" {
  install_id = %[4]q
  cache_type = "page"
  triggers   = { release = %[1]q }
}
`, release, strings.ToLower(projectHex), strings.ToUpper(cdntest.DeployedID), w.WPEngine.Install("acmeprod").ID)
	}
	w.test(t,
		resource.TestStep{Config: config("1")},
		resource.TestStep{Config: config("1"), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
		resource.TestStep{Config: config("2")},
	)
	for _, e := range w.Journal.Entries() {
		t.Log(e)
	}
}
