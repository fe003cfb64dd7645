// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// texts returns a list of strings, for value.
func texts(items ...string) []tftypes.Value {
	list := []tftypes.Value{}
	for _, item := range items {
		list = append(list, tftypes.NewValue(tftypes.String, item))
	}
	return list
}

// asAction returns the arguments of the action that purges the same as a resource.
func (f fixture) asAction(t *testing.T, a arguments) object {
	t.Helper()
	o := a.inGo(t)
	_, several := f.target.actionOnly["urls"]
	if url, ok := o["url"].(string); ok && several {
		delete(o, "url")
		o["urls"] = texts(url)
	}
	return o
}

func (p *protocol) actionKind(name string) tftypes.Type {
	return p.schemas.ActionSchemas[name].Schema.ValueType()
}

// validateAction and planAction return the diagnostics for a configuration.
func (p *protocol) validateAction(name string, config object) []string {
	p.t.Helper()
	resp, err := p.ValidateActionConfig(p.t.Context(), &tfprotov6.ValidateActionConfigRequest{
		ActionType: name, Config: p.pack(p.actionKind(name), config),
	})
	p.must(err)
	return diagnosticLines(resp.Diagnostics)
}

func (p *protocol) planAction(name string, config object) []string {
	p.t.Helper()
	resp, err := p.PlanAction(p.t.Context(), &tfprotov6.PlanActionRequest{ActionType: name, Config: p.pack(p.actionKind(name), config)})
	p.must(err)
	return diagnosticLines(resp.Diagnostics)
}

// event is a message of an action, with its time.
type event struct {
	After   time.Duration
	Message string
}

// invoke runs an action until it ends.
func (p *protocol) invoke(ctx context.Context, name string, config object) (progress []event, reported []string) {
	p.t.Helper()
	began := time.Now()
	stream, err := p.InvokeAction(ctx, &tfprotov6.InvokeActionRequest{ActionType: name, Config: p.pack(p.actionKind(name), config)})
	p.must(err)
	completed := 0
	for e := range stream.Events {
		switch e := e.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			progress = append(progress, event{time.Since(began), e.Message})
		case tfprotov6.CompletedInvokeActionEventType:
			completed++
			reported = diagnosticLines(e.Diagnostics)
		}
	}
	if completed != 1 {
		p.t.Errorf("%s completed %d times", name, completed)
	}
	return progress, reported
}

func messages(events []event) []string {
	var all []string
	for _, e := range events {
		all = append(all, e.Message)
	}
	return all
}

func TestAnActionHasTheArgumentsOfItsResource(t *testing.T) {
	t.Parallel()
	p := newWorld(t).speak(t)
	type argument struct {
		Type     string
		Required bool
		About    string
	}
	type schema = map[string]argument
	describe := func(s *tfprotov6.Schema, only func(*tfprotov6.SchemaAttribute) bool) schema {
		described := schema{}
		for _, a := range s.Block.Attributes {
			if only(a) {
				described[a.Name] = argument{a.Type.String(), a.Required, a.Description}
			}
		}
		return described
	}
	all := func(*tfprotov6.SchemaAttribute) bool { return true }
	for _, target := range targets {
		name := "purge_" + target.name
		got := describe(p.schemas.ActionSchemas[name].Schema, all)
		for _, a := range p.schemas.ActionSchemas[name].Schema.Block.Attributes {
			if a.Computed || a.Sensitive || a.WriteOnly || a.Required == a.Optional || a.Description == "" {
				t.Errorf("%s.%s is computed, sensitive, write-only, neither required nor optional, or without a description", name, a.Name)
			}
		}
		want := describe(p.schemas.ResourceSchemas[name], func(a *tfprotov6.SchemaAttribute) bool {
			_, shared := target.arguments[a.Name]
			return shared
		})
		want["timeout"] = argument{"tftypes.String", false, "Timeout of the action, as a duration such as `30m`. " + target.timeoutNote}
		for name, a := range target.actionOnly {
			want[name] = argument{a.kind.TerraformType(t.Context()).String(), a.required, a.about}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	urls := []string{"hard", "service_id", "timeout", "urls", "wait_until_deployed"}
	var got []string
	for _, a := range p.schemas.ActionSchemas["purge_cdn_asset"].Schema.Block.Attributes {
		got = append(got, a.Name)
	}
	if diff := cmp.Diff(urls, got); diff != "" {
		t.Errorf("purge_cdn_asset (-want +got):\n%s", diff)
	}
}

func TestActionsAreCheckedBeforeTheyAreInvoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.speak(t)
	cdn := func(more object) object {
		o := object{"service_id": cdntest.DeployedID, "urls": texts("/a.css")}
		for name, v := range more {
			o[name] = v
		}
		return o
	}
	install := w.WPEngine.Install("acmeprod").ID
	for sentence, c := range map[string]struct {
		action string
		config object
		want   string // text of the diagnostic, empty if there is none
	}{
		"a project":                    {"purge_mstr_cache", object{"project_id": projectHex, "cache_type": "object", "timeout": "90s"}, ""},
		"unknown values":               {"purge_mstr_cache", object{"project_id": unknown{}, "cache_type": unknown{}, "timeout": unknown{}}, ""},
		"a project ID with hyphens":    {"purge_mstr_cache", object{"project_id": "B7CA92F0-4B9F-AE8D-941C-3E9B7E0CD754", "cache_type": "object"}, `error at AttributeName("project_id"): Invalid project_id: project_id must be 32 hexadecimal digits`},
		"an invalid cache type":        {"purge_mstr_cache", object{"project_id": projectHex, "cache_type": "page"}, `error at AttributeName("cache_type"): Invalid cache_type: cache_type must be one of element, object, report, or all`},
		"an install":                   {"purge_wpengine_cache", object{"install_id": strings.ToUpper(install), "cache_type": "all"}, ""},
		"an install by its name":       {"purge_wpengine_cache", object{"install_id": "acmeprod", "cache_type": "all"}, `error at AttributeName("install_id"): Invalid install_id: install_id must be a UUID`},
		"assets":                       {"purge_cdn_asset", cdn(object{"urls": texts("/a.css", "/ü b.css", "/a.css")}), ""},
		"wildcards":                    {"purge_cdn_asset", cdn(object{"urls": texts("/*"), "hard": false, "wait_until_deployed": false}), ""},
		"unknown urls":                 {"purge_cdn_asset", cdn(object{"urls": unknown{}, "hard": unknown{}}), ""},
		"a wildcard with hard = false": {"purge_cdn_asset", cdn(object{"urls": texts("/*"), "hard": unknown{}}), ""},
		"a wildcard with hard = true":  {"purge_cdn_asset", cdn(object{"urls": texts("/a.css", "/b*")}), `error at AttributeName("urls").ElementKeyInt(1): Invalid path of an asset: urls[1] must not contain a wildcard in a hard purge`},
		"a url with a host":            {"purge_cdn_asset", cdn(object{"urls": texts("https://www.example.com/a.css")}), `error at AttributeName("urls").ElementKeyInt(0): Invalid path of an asset: urls[0] must`},
		"a null url":                   {"purge_cdn_asset", cdn(object{"urls": []tftypes.Value{tftypes.NewValue(tftypes.String, nil)}}), `error at AttributeName("urls").ElementKeyInt(0): Null path: urls[0] is null`},
		"no urls":                      {"purge_cdn_asset", cdn(object{"urls": texts()}), `error at AttributeName("urls"): Nothing to purge: urls must contain at least one path.`},
		"a service by its name":        {"purge_cdn_asset", cdn(object{"service_id": "website"}), `error at AttributeName("service_id"): Invalid service_id: service_id must be a UUID`},
		"an invalid timeout":           {"purge_cdn_asset", cdn(object{"timeout": "20"}), `error at AttributeName("timeout"): Invalid timeout: timeout must be a duration greater than zero, such as "30m".`},
		"a timeout of zero":            {"purge_cdn_asset", cdn(object{"timeout": "0s"}), `error at AttributeName("timeout"): Invalid timeout`},
		"an empty timeout":             {"purge_cdn_asset", cdn(object{"timeout": ""}), `error at AttributeName("timeout"): Invalid timeout`},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			// Variables are unknown during validation, so a plan reports the same
			// error, and an apply does for values that are unknown until then.
			reported := map[string][]string{"validate": p.validateAction(c.action, c.config), "plan": p.planAction(c.action, c.config)}
			if c.want != "" {
				progress, errors := p.invoke(t.Context(), c.action, c.config)
				reported["invoke"] = append(messages(progress), errors...)
			}
			for command, lines := range reported {
				if c.want == "" && len(lines) == 0 {
					continue
				}
				if len(lines) != 1 || c.want == "" || !strings.HasPrefix(lines[0], c.want) {
					t.Errorf("%s: %q, want %q", command, lines, c.want)
				}
			}
		})
	}
	t.Cleanup(func() {
		if sent := w.purges(); len(sent) > 0 {
			t.Errorf("sent: %q", sent)
		}
	})
}

func TestAnActionWhoseServiceIsNotConfigured(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		w.withoutService(t, f.target.service)
		p, config := w.speak(t), f.asAction(t, f.here)
		if reported := p.validateAction(f.kind(), config); len(reported) > 0 {
			t.Errorf("validate: %q, want nothing: the provider is configured later", reported)
		}
		_, invoked := p.invoke(t.Context(), f.kind(), config)
		for command, reported := range map[string][]string{"plan": p.planAction(f.kind(), config), "invoke": invoked} {
			if len(reported) != 1 || !containing(f.needs...).MatchString(reported[0]) {
				t.Errorf("%s: %q, want one error with %q", command, reported, f.needs)
			}
		}
	})
}

func TestAnActionReportsItsProgress(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		progress, reported := w.speak(t).invoke(t.Context(), f.kind(), f.asAction(t, f.here))
		want := []string{"Sending 1 purge to " + f.target.title, f.target.title + " accepted 1 purge"}
		if diff := cmp.Diff(want, messages(progress)); diff != "" || len(reported) > 0 {
			t.Errorf("progress (-want +got):\n%s\nand %q", diff, reported)
		}
		w.compareSent(t, step{name: "one purge", sent: []string{f.purgedHere}})
	})
}

// The next apply does not retry a failed action, and its error says so.
func TestAnActionThatFails(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		f.deny()
		progress, reported := w.speak(t).invoke(t.Context(), f.kind(), f.asAction(t, f.here))
		if diff := cmp.Diff([]string{"Sending 1 purge to " + f.target.title}, messages(progress)); diff != "" {
			t.Errorf("progress (-want +got):\n%s", diff)
		}
		want := containing("error: "+f.target.title+" denied permission", "returned 403 Forbidden",
			"Terraform does not retry a failed action, except one that runs before_create or before_update, or after_create with on_failure = taint.",
			"The resource "+f.kind()+" retries the purge on each apply")
		if len(reported) != 1 || !want.MatchString(reported[0]) {
			t.Errorf("diagnostics: %q", reported)
		}
		w.compareSent(t, step{name: "one denied purge", sent: []string{f.deniedHere}})
	})
}

// outage is one way in which an action fails, with texts of its error.
type outage struct {
	action string
	config object
	set    func(*world)
	want   []string
}

func TestErrorsOfActions(t *testing.T) {
	t.Parallel()
	install := wpenginetest.DefaultInstalls()[0].ID
	asset := object{"service_id": cdntest.DeployedID, "urls": texts("/a.css")}
	for sentence, c := range map[string]outage{
		"a service that does not exist": {
			"purge_cdn_asset",
			object{"service_id": cdntest.MissingID, "urls": texts("/a.css")},
			func(*world) {},
			[]string{`error at AttributeName("service_id"): Rackspace CDN could not find the service`, "Check service_id"},
		},
		"a service that failed": {
			"purge_cdn_asset",
			object{"service_id": cdntest.FailedID, "urls": texts("/a.css")},
			func(*world) {},
			[]string{`error at AttributeName("service_id"): Rackspace CDN cannot purge this now`, "Fix the service in the control panel. Invoke the action again when the service is deployed."},
		},
		"a rejected url, which is not an attribute of the action": {
			"purge_cdn_asset", asset, func(w *world) { w.CDN.Fail("purge", 1, cdntest.Error(400, "non ascii character present in url")) },
			[]string{"error: Rackspace CDN rejected the purge", "Check the path."},
		},
		"a project that is not loaded": {
			"purge_mstr_cache",
			object{"project_id": "A1B2C3D44E5F60718293A4B5C6D7E8F9", "cache_type": "object"},
			func(*world) {},
			[]string{`error at AttributeName("project_id"): MicroStrategy cannot purge this now`, "Load it"},
		},
		"rejected credentials": {
			"purge_mstr_cache",
			object{"project_id": projectHex, "cache_type": "object"},
			func(w *world) { w.MSTR.Password = "another" },
			[]string{"error: MicroStrategy rejected the credentials"},
		},
		"a server that fails until the last retry": {
			"purge_wpengine_cache",
			object{"install_id": install, "cache_type": "page"},
			func(w *world) { w.WPEngine.Fail("purge", -1, wpenginetest.Error(500, "boom")) },
			[]string{"error: WP Engine returned a server error", "The provider tried 5 times, because of server errors.", "Invoke the action again."},
		},
		"a required wait that exceeds the timeout": {
			"purge_wpengine_cache",
			object{"install_id": install, "cache_type": "object", "timeout": "90s"},
			func(w *world) {
				w.WPEngine.Fail("purge", -1, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Retry-After", "3600")
					wpenginetest.Error(http.StatusTooManyRequests, "slow down")(w, r)
				})
			},
			[]string{"error: WP Engine rate limit exceeded", "requires a wait of 1 hour, which is longer than the time left", "Invoke the action again later or raise timeout."},
		},
		"a timeout": {
			"purge_cdn_asset",
			object{"service_id": cdntest.DeployedID, "urls": texts(strings.Split("/"+strings.Join(strings.Split("abcdefghijklmnopqrstuvwxyz", ""), " /"), " ")...), "timeout": "30s"},
			func(*world) {},
			[]string{"error: Timed out before Rackspace CDN accepted all purges", "20 of 26 purges were accepted.", "Invoke the action again. To send more purges in one run, raise timeout."},
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *world, _ *wiretest.Network) {
				c.set(w)
				p := w.speak(t)
				_, reported := p.invoke(t.Context(), c.action, c.config)
				note := "The resource " + c.action + " retries the purge on each apply until the API accepts it."
				if len(reported) != 1 || !containing(c.want...).MatchString(reported[0]) || !strings.HasSuffix(reported[0], note) {
					t.Errorf("diagnostics: %q, want one error with %q", reported, c.want)
				}
				if len(reported) > 0 && regexp.MustCompile(`(?i)\bapply again`).MatchString(reported[0]) {
					t.Errorf("the error of an action states that an apply retries it: %q", reported)
				}
			})
		})
	}
}

func TestAnInterruptedActionReturnsImmediately(t *testing.T) {
	t.Parallel()
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *world, network *wiretest.Network) {
				f := w.fixture(t, target)
				p := w.speak(t)
				_, _ = p.invoke(t.Context(), f.kind(), f.asAction(t, f.there)) // logs in
				network.Break()
				synctest.Wait()
				network.Set(wiretest.Hang)
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(7*time.Second, cancel)
				began := time.Now()
				_, reported := p.invoke(ctx, f.kind(), f.asAction(t, f.here))
				if took := time.Since(began); took != 7*time.Second {
					t.Errorf("returned after %s, want 7s", took)
				}
				want := containing("error: Interrupted before "+target.title+" accepted the purge", "Invoke the action again", "Terraform does not retry a failed action")
				if len(reported) != 1 || !want.MatchString(reported[0]) {
					t.Errorf("diagnostics: %q", reported)
				}
				network.Set(nil)
			})
		})
	}
}

func TestAnActionIsInterruptedWhileItWaitsForTheRateLimit(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world, _ *wiretest.Network) {
		var urls []string
		for i := range 50 {
			urls = append(urls, fmt.Sprintf("/file-%d.css", i))
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(70*time.Second, cancel)
		began := time.Now()
		_, reported := w.speak(t).invoke(ctx, "purge_cdn_asset", object{"service_id": cdntest.DeployedID, "urls": texts(urls...)})
		if took := time.Since(began); took != 70*time.Second {
			t.Errorf("returned after %s, want 70s", took)
		}
		if len(reported) != 1 || !containing("Interrupted before Rackspace CDN accepted all purges", "40 of 50 purges were accepted.").MatchString(reported[0]) {
			t.Errorf("diagnostics: %q", reported)
		}
	})
}

// Terraform 1.14 and 1.15 crash if a message arrives after an interrupt.
func TestAnInterruptedActionSendsNoMessage(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world, _ *wiretest.Network) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(33*time.Second, cancel)
		// The purge is accepted and waits for its deployment.
		progress, reported := w.speak(t).invoke(ctx, "purge_cdn_asset", object{"service_id": cdntest.DeployedID, "urls": texts("/a/*", "/b/*"), "hard": false})
		want := []event{
			{0, "Sending 1 purge to Rackspace CDN"},
			{0, "0 of 1 purge done, waiting for the service to be deployed"},
			{25 * time.Second, "0 of 1 purge done, waiting for the service to be deployed (for 25 seconds)"},
		}
		if diff := cmp.Diff(want, progress); diff != "" {
			t.Errorf("progress (-want +got):\n%s", diff)
		}
		if len(reported) > 0 {
			t.Errorf("diagnostics: %q of a purge that was accepted", reported)
		}
	})
}

func TestEachOfSeveralURLsIsPurgedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, reported := w.speak(t).invoke(t.Context(), "purge_cdn_asset", object{
		"service_id": strings.ToUpper(cdntest.DeployedID), "urls": texts("/b.css", "/ü.css", "/b.css", "/%C3%BC.css", "/a.css"),
	})
	if len(reported) > 0 {
		t.Errorf("diagnostics: %q", reported)
	}
	want := []string{"/%C3%BC.css", "/a.css", "/b.css"}
	var got []string
	for _, subject := range w.purges() {
		got = append(got, strings.Fields(subject)[1])
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("purged (-want +got):\n%s", diff)
	}
}

func TestSeveralURLsAreOneSoftPurge(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world, _ *wiretest.Network) {
		w.CDN.Fail("purge", 1, cdntest.Error(http.StatusServiceUnavailable, "soon"))
		p := w.speak(t)
		config := object{"service_id": cdntest.DeployedID, "urls": texts("/css/a/*", "/css/b.css", "/css/c/d.css"), "hard": false}
		progress, reported := p.invoke(t.Context(), "purge_cdn_asset", config)
		if len(reported) > 0 {
			t.Errorf("a failure that passes: %q", reported)
		}
		if got := messages(progress)[len(progress)-1]; got != "Rackspace CDN accepted 1 purge" {
			t.Errorf("the last message is %q", got)
		}
		w.compareSent(t, step{name: "three urls", sent: append(journaled(false, 503, "/css/*"), journaled(false, 202, "/css/*")...)})
		w.CDN.Fail("purge", -1, cdntest.HTML(http.StatusForbidden))
		_, reported = p.invoke(t.Context(), "purge_cdn_asset", config)
		if len(reported) != 1 || !containing("error: Rackspace CDN denied permission", "invalidating /css/* on service").MatchString(reported[0]) {
			t.Errorf("diagnostics: %q", reported)
		}
	})
}

func TestSomeOfSeveralURLsAreDenied(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world, _ *wiretest.Network) {
		w.together(3, "/b")
		_, reported := w.speak(t).invoke(t.Context(), "purge_cdn_asset", object{"service_id": cdntest.DeployedID, "urls": texts("/a", "/b", "/c")})
		if len(reported) != 1 || !containing("error: Rackspace CDN denied permission", "2 of 3 purges were accepted.", "purging /b on service").MatchString(reported[0]) {
			t.Errorf("diagnostics: %q", reported)
		}
	})
}

// asBlock returns the action of a fixture as a block, with a resource that triggers
// it when it is created and when it is updated.
func (f fixture) asBlock(edition string, a arguments) string {
	a = a.with()
	if url, ok := a["url"]; ok {
		delete(a, "url")
		a["urls"] = "[" + url + "]"
	}
	return fmt.Sprintf(`
action %q "it" {
  config %s
}
resource "terraform_data" "release" {
  input = %q
  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.%s.it]
    }
  }
}
`, f.kind(), a.object(), edition, f.kind())
}

func TestAResourceTriggersAnAction(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		w.playFrom(
			t, []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
			step{name: "a create triggers it", config: f.asBlock("1", f.here), sent: []string{f.purgedHere}},
			step{name: "nothing changed", config: f.asBlock("1", f.here)},
			step{
				name: "an action that fails", before: f.deny, config: f.asBlock("2", f.here), sent: []string{f.deniedHere},
				fails: containing("denied permission", "Terraform does not retry a failed action"),
			},
			step{
				name: "the plan reports a malformed ID", config: f.asBlock("3", f.here.with(f.malformed)), fails: containing(f.complaint),
			},
			step{name: "is lost", config: f.asBlock("2", f.here)},
		)
	})
}

func TestAnActionIsInvokedManually(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.fixture(t, wpengineCache)
	config := "variable \"timeout\" {\n  default = null\n}\n" + f.asBlock("1", f.here.with(arguments{"timeout": "var.timeout"}))
	tf := newTerraform(t, w, config)
	tf.skipBelow(t, "1.14.0", "")
	invoke := []string{"apply", "-no-color", "-auto-approve", "-invoke=action." + f.kind() + ".it"}

	output := tf.mustRun(t, invoke...)
	for _, message := range []string{"Sending 1 purge to WP Engine", "WP Engine accepted 1 purge"} {
		if !strings.Contains(output, message) {
			t.Errorf("the output does not contain %q:\n%s", message, output)
		}
	}
	w.compareSent(t, step{name: "invoked", sent: []string{f.purgedHere}})

	output, err := tf.run("plan", "-no-color", "-var=timeout=soon", "-invoke=action."+f.kind()+".it")
	if want := containing("Invalid timeout", "timeout must be a duration greater than zero"); err == nil || !want.MatchString(output) {
		t.Errorf("a plan with a timeout that is no duration (%v):\n%s", err, output)
	}

	f.deny()
	output, err = tf.run(invoke...)
	if want := containing("WP Engine denied permission", "Terraform does not retry a failed action"); err == nil || !want.MatchString(output) {
		t.Errorf("a purge that is denied (%v):\n%s", err, output)
	}
	w.compareSent(t, step{name: "denied", sent: []string{f.deniedHere}})
}

// Packages quota and cdn report the waits.
func TestAnActionReportsItsWaits(t *testing.T) {
	t.Parallel()
	install := wpenginetest.DefaultInstalls()[0].ID
	var urls []string
	for i := range 41 {
		urls = append(urls, fmt.Sprintf("/file-%02d.css", i))
	}
	second := func(n int, message string) event { return event{time.Duration(n) * time.Second, message} }
	for sentence, c := range map[string]struct {
		outage
		before int // number of identical purges before it
		want   []event
	}{
		"the rate limit": {
			outage: outage{action: "purge_wpengine_cache", config: object{"install_id": install, "cache_type": "object"}},
			before: 1,
			want: []event{
				second(0, "Sending 1 purge to WP Engine"),
				second(0, "0 of 1 purge done, waiting for the rate limit (1 minute left)"),
				second(25, "0 of 1 purge done, waiting for the rate limit (35 seconds left)"),
				second(50, "0 of 1 purge done, waiting for the rate limit (10 seconds left)"),
				second(60, "WP Engine accepted 1 purge"),
			},
		},
		"the wait of a rate-limited response": {
			outage: outage{action: "purge_wpengine_cache", config: object{"install_id": install, "cache_type": "page"}, set: func(w *world) {
				w.WPEngine.Fail("purge", 1, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Retry-After", "45")
					wpenginetest.Error(http.StatusTooManyRequests, "slow down")(w, r)
				})
			}},
			want: []event{
				second(0, "Sending 1 purge to WP Engine"),
				second(0, "0 of 1 purge done, waiting for the API to accept requests again (45 seconds left)"),
				second(25, "0 of 1 purge done, waiting for the API to accept requests again (20 seconds left)"),
				second(45, "WP Engine accepted 1 purge"),
			},
		},
		"a deployment": {
			outage: outage{action: "purge_cdn_asset", config: object{"service_id": cdntest.DeployedID, "urls": texts("/a/*", "/b/*"), "hard": false}},
			want: []event{
				second(0, "Sending 1 purge to Rackspace CDN"),
				second(0, "0 of 1 purge done, waiting for the service to be deployed"),
				second(25, "0 of 1 purge done, waiting for the service to be deployed (for 25 seconds)"),
				second(50, "0 of 1 purge done, waiting for the service to be deployed (for 50 seconds)"),
			},
		},
		"a slow server": {
			outage: outage{action: "purge_mstr_cache", config: object{"project_id": projectHex, "cache_type": "object"}, set: func(w *world) {
				w.MSTR.Fail("purge", 1, func(w http.ResponseWriter, _ *http.Request) {
					<-time.After(29 * time.Second) // in virtual time
					w.WriteHeader(http.StatusNoContent)
				})
			}},
			want: []event{
				second(0, "Sending 1 purge to MicroStrategy"),
				second(25, "0 of 1 purge done"),
				second(29, "MicroStrategy accepted 1 purge"),
			},
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *world, _ *wiretest.Network) {
				p := w.speak(t)
				for range c.before {
					_, _ = p.invoke(t.Context(), c.action, c.config)
				}
				if c.set != nil {
					c.set(w)
				}
				got, reported := p.invoke(t.Context(), c.action, c.config)
				if diff := cmp.Diff(c.want, got[:min(len(got), max(len(c.want), 3))]); diff != "" || len(reported) > 0 {
					t.Errorf("progress (-want +got):\n%s\nand %q", diff, reported)
				}
				checkProgress(t, got)
			})
		})
	}
	t.Run("the rate limit, with many urls", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(t *testing.T, w *world, _ *wiretest.Network) {
			got, reported := w.speak(t).invoke(t.Context(), "purge_cdn_asset", object{"service_id": cdntest.DeployedID, "urls": texts(urls...)})
			if len(reported) > 0 {
				t.Errorf("diagnostics: %q", reported)
			}
			checkProgress(t, got)
			waited := second(75, "40 of 41 purges done, waiting for the rate limit (45 seconds left)")
			if !slices.Contains(got, waited) || got[len(got)-1] != second(120, "Rackspace CDN accepted 41 purges") {
				t.Errorf("%v, want %v and the end after 2m0s", got, waited)
			}
		})
	})
}

var doneSoFar = regexp.MustCompile(`^(\d+) of \d+ purges? done`)

// checkProgress checks the properties of all progress messages: they begin with the
// request, never go back, never pause for long, and end with the result.
func checkProgress(t *testing.T, events []event) {
	t.Helper()
	if len(events) < 2 || !strings.HasPrefix(events[0].Message, "Sending ") || !strings.Contains(events[len(events)-1].Message, " accepted ") {
		t.Errorf("does not begin with the request and end with the result: %v", events)
		return
	}
	done, last := 0, time.Duration(0)
	for _, e := range events {
		if e.After-last > 30*time.Second {
			t.Errorf("no message from %s to %s", last, e.After)
		}
		last = e.After
		if match := doneSoFar.FindStringSubmatch(e.Message); match != nil {
			n, _ := strconv.Atoi(match[1])
			if n < done {
				t.Errorf("goes back: %v", events)
			}
			done = n
		}
	}
}
