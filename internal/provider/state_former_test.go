// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// The files testdata/*.tfstate.json are states that previous versions wrote, each
// with its configuration. An upgrade of the provider must never purge, so their
// plans must stay empty. Add files, and never change one.

func formerVersions(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.tfstate.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no states of former versions (%v)", err)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// former is one resource in a state of a previous version.
type former struct {
	kind, name string
	version    int64
	attributes json.RawMessage
}

func formerResources(t *testing.T, file string) []former {
	t.Helper()
	var state struct {
		Resources []struct {
			Type, Name string
			Instances  []struct {
				Version    int64 `json:"schema_version"`
				Attributes json.RawMessage
			}
		}
	}
	if err := json.Unmarshal([]byte(read(t, file)), &state); err != nil {
		t.Fatal(err)
	}
	var all []former
	for _, r := range state.Resources {
		all = append(all, former{r.Type, r.Name, r.Instances[0].Version, r.Instances[0].Attributes})
	}
	return all
}

// upgrade calls UpgradeResourceState, as Terraform does first with any state.
func (p *protocol) upgrade(f former) object {
	p.t.Helper()
	resp, err := p.UpgradeResourceState(p.t.Context(), &tfprotov6.UpgradeResourceStateRequest{
		TypeName: f.kind, Version: f.version, RawState: &tfprotov6.RawState{JSON: f.attributes},
	})
	p.must(err)
	p.succeeds("upgrading "+f.kind, resp.Diagnostics)
	return p.unpack(p.kind(f.kind), resp.UpgradedState)
}

func TestStatesOfFormerVersionsPlanEmpty(t *testing.T) {
	t.Parallel()
	covered := make(map[string]bool)
	for _, file := range formerVersions(t) {
		w := newWorld(t)
		p := w.speak(t)
		for _, f := range formerResources(t, file) {
			covered[f.kind] = true
			state, _ := p.read(f.kind, p.upgrade(f))
			config := object{}
			for _, a := range p.schemas.ResourceSchemas[f.kind].Block.Attributes {
				if a.Required || a.Optional {
					config[a.Name] = state[a.Name]
				}
			}
			planned, reported := p.plan(f.kind, state, config)
			if diff := cmp.Diff(state, planned); diff != "" || len(reported) > 0 {
				t.Errorf("%s: %s.%s does not plan empty (-state +plan):\n%s\nand diagnostics: %q", file, f.kind, f.name, diff, reported)
			}
			// The state is not adopted, so the next change purges.
			config["triggers"] = object{"release": "next"}
			planned, _ = p.plan(f.kind, state, config)
			if _, reported := p.apply(f.kind, state, planned, config); len(reported) > 0 {
				t.Errorf("%s: %s.%s: the next change returns %q", file, f.kind, f.name, reported)
			}
			if len(w.purges()) == 0 {
				t.Errorf("%s: %s.%s: the next change sends nothing", file, f.kind, f.name)
			}
		}
	}
	for _, target := range targets {
		switch {
		case covered["purge_"+target.name]:
		case *update:
			keepState(t, target)
		default:
			t.Errorf("testdata has no state of purge_%[1]s: run this test with -update, and add the new files, testdata/%[1]s.*", target.name)
		}
	}
}

// keepState writes a state of the current version.
func keepState(t *testing.T, target *target) {
	t.Helper()
	w := newWorld(t)
	f := w.fixture(t, target)
	tf := newTerraform(t, w, f.config(f.here, release("1"), arguments{"purge_on_destroy": "true", "timeouts": `{ update = "8m" }`}))
	tf.mustRun(t, "fmt")
	tf.mustRun(t, "apply", "-auto-approve")
	files := tf.files(t)
	about := "# What " + target.name + ".tfstate.json is the state of. See first.tf.\n\n"
	for ending, content := range map[string]string{".tf": about + files["main.tf"], ".tfstate.json": files["terraform.tfstate"]} {
		if err := os.WriteFile(filepath.Join("testdata", target.name+ending), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTerraformPlansFormerVersionsEmpty(t *testing.T) {
	t.Parallel()
	for _, file := range formerVersions(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tf := newTerraform(t, w, read(t, strings.TrimSuffix(file, "state.json")))
			tf.write(t, "terraform.tfstate", read(t, file))
			tf.planEmpty(t, "with "+file)
			w.compareSent(t, step{name: file})
		})
	}
}

// later is the provider with one target whose schema has a later version.
type later struct {
	*Provider
	target *target
}

func (p later) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &purgeResource{target: p.target} }}
}

// speakOf returns a protocol for a target that the provider does not serve.
func speakOf(t *testing.T, target *target) *protocol {
	t.Helper()
	var served provider.Provider = later{New(Options{}), target}
	p := &protocol{protocolServer: newServer(served), t: t}
	var err error
	p.schemas, err = p.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	p.must(err)
	identities, err := p.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	p.must(err)
	p.identities = identities.IdentitySchemas
	return p
}

func TestAnImportRequiresTheArgumentsOfTheResource(t *testing.T) {
	t.Parallel()
	optional := *mstrCache
	optional.arguments = maps.Clone(mstrCache.arguments)
	argument := optional.arguments["cache_type"]
	argument.required = false
	optional.arguments["cache_type"] = argument
	for _, a := range speakOf(t, &optional).identities["purge_mstr_cache"].IdentityAttributes {
		if required := a.Name == "project_id"; a.RequiredForImport != required || a.OptionalForImport == required {
			t.Errorf("%s: required for an import: %t, want %t as in the resource", a.Name, a.RequiredForImport, required)
		}
	}
}

func TestALaterVersionUpgradesAState(t *testing.T) {
	t.Parallel()
	next := *mstrCache
	next.version = 1
	next.upgraders = map[int64]resource.StateUpgrader{0: {
		PriorSchema: &schema.Schema{Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true}, "project_id": schema.StringAttribute{Required: true}, "kind": schema.StringAttribute{Required: true},
		}},
		StateUpgrader: func(ctx context.Context, req resource.UpgradeStateRequest, resp *resource.UpgradeStateResponse) {
			resp.State.Raw = tftypes.NewValue(resp.State.Schema.Type().TerraformType(ctx), nil)
			for from, to := range map[string]string{"id": "id", "project_id": "project_id", "kind": "cache_type"} {
				var value *string
				resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root(from), &value)...)
				resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(to), value)...)
			}
		},
	}}
	p := speakOf(t, &next)
	got := p.upgrade(former{kind: "purge_mstr_cache", attributes: json.RawMessage(`{"id":"x/element","project_id":"x","kind":"element"}`)})
	if diff := cmp.Diff(object{"id": "x/element", "project_id": "x", "cache_type": "element"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
