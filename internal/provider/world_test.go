// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
)

// world is a sandbox, with a provider that uses it.
type world struct {
	*sandbox.Sandbox
	provider *Provider
	env      map[string]string
}

// newWorld starts a sandbox on a loopback port. The provider reads the environment
// of the world instead of the process, so tests can run in parallel. The CDN
// deploys immediately and does not limit purges, unless the test changes that.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{}
	w.open(t, (*httptest.Server).Start)
	return w
}

// newTLSWorld returns a world with a self-signed certificate.
func newTLSWorld(t *testing.T) (*world, *x509.Certificate) {
	t.Helper()
	w := &world{}
	return w, w.open(t, (*httptest.Server).StartTLS).Certificate()
}

func (w *world) open(t *testing.T, start func(*httptest.Server)) *httptest.Server {
	t.Helper()
	w.Sandbox = sandbox.New()
	w.CDN.DeployTime = time.Millisecond
	w.CDN.PurgesPerMinute = 0
	server := httptest.NewUnstartedServer(w)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes fail on purpose
	start(server)
	t.Cleanup(server.Close)
	w.env = w.SetAddress(server.URL)
	w.provider = New(Options{Version: "test", Getenv: func(name string) string { return w.env[name] }})
	t.Cleanup(func() { w.endSessions(t) })
	return server
}

// endSessions does what the provider's process does at its end.
func (w *world) endSessions(t *testing.T) {
	t.Helper()
	if err := w.provider.Close(context.Background()); err != nil {
		t.Errorf("closing sessions: %s", err)
	}
	if open := w.MSTR.OpenSessions(); open != 0 {
		t.Errorf("%d MicroStrategy sessions are open at the end, want none", open)
	}
}

func (w *world) factories() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"purge": func() (tfprotov6.ProviderServer, error) { return newServer(w.provider), nil },
	}
}

// purges returns the subjects of the purges that reached the sandbox since the last
// call.
func (w *world) purges() []string {
	var subjects []string
	for _, e := range w.Journal.Entries() {
		if subject, ok := purgeIn(e); ok {
			subjects = append(subjects, subject)
		}
	}
	w.Journal.Reset()
	return subjects
}

// purgeIn returns the subject of the purge in a journal entry. A purge of content
// caches is represented by its first request, for the list of nodes.
func purgeIn(e fake.Entry) (subject string, ok bool) {
	switch e.Operation {
	case "purge":
		return e.Subject, true
	case "nodes":
		return e.Subject + "/content", true
	default:
		return "", false
	}
}

// step is one apply of a play.
type step struct {
	// name describes the step in messages.
	name string
	// before breaks or repairs the world.
	before    func()
	config    string
	variables config.Variables
	destroy   bool
	// fails matches the expected error. If it is nil, the step succeeds, and a plan
	// after it is empty.
	fails *regexp.Regexp
	plan  []plancheck.PlanCheck
	state []statecheck.StateCheck
	// sent contains the purges that reach the APIs, in any order, with their
	// statuses: "mstr <project>/<type> 204".
	sent []string
}

// play runs steps with a real terraform and then destroys what they created. After
// each step it compares the requests, including those of all plans, and checks that
// no system had a second login.
func (w *world) play(t *testing.T, steps ...step) { w.playFrom(t, nil, steps...) }

// playFrom is play with a minimum version of Terraform.
func (w *world) playFrom(t *testing.T, lowest []tfversion.TerraformVersionCheck, steps ...step) {
	t.Helper()
	test := resource.TestCase{ProtoV6ProviderFactories: w.factories(), TerraformVersionChecks: lowest}
	played, ran := 0, false
	settle := func() {
		if played > 0 {
			w.compareSent(t, steps[played-1])
		}
	}
	for _, s := range steps {
		test.Steps = append(test.Steps, resource.TestStep{
			PreConfig: func() {
				settle()
				played, ran = played+1, true
				w.endSessions(t)
				if s.before != nil {
					s.before()
				}
			},
			Config: s.config, ConfigVariables: s.variables, Destroy: s.destroy, ExpectError: s.fails,
			ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: s.plan},
			ConfigStateChecks: s.state,
		})
	}
	resource.Test(t, test)
	if ran { // unless the test was skipped
		settle()
	}
}

func (w *world) compareSent(t *testing.T, s step) {
	t.Helper()
	var got []string
	logins := make(map[string]int)
	for _, e := range w.Journal.Entries() {
		if subject, ok := purgeIn(e); ok {
			got = append(got, fmt.Sprintf("%s %s %d", e.System, subject, e.Status))
		}
		if e.Operation == "login" {
			logins[e.System]++
			if logins[e.System] > 1 {
				t.Errorf("%s: login %d at %s, want one for all", s.name, logins[e.System], e.System)
			}
		}
	}
	w.Journal.Reset()
	want := slices.Sorted(slices.Values(s.sent))
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: purges (-want +got):\n%s", s.name, diff)
	}
}

// containing matches texts in the output of terraform, which wraps lines and draws a
// frame around them.
func containing(words ...string) *regexp.Regexp {
	var patterns []string
	for _, phrase := range words {
		fields := strings.Fields(phrase)
		for i := range fields {
			fields[i] = regexp.QuoteMeta(fields[i])
		}
		patterns = append(patterns, strings.Join(fields, `[\s│╷╵|]+`))
	}
	return regexp.MustCompile(`(?s)` + strings.Join(patterns, `.*`))
}
