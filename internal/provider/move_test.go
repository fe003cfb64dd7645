package provider

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

const (
	terraformItself = "terraform.io/builtin/terraform"
	nullProvider    = "registry.terraform.io/hashicorp/null"
)

// move asks for the state that a resource of another type turns into.
func (p *protocol) move(from, provider, state, to string) (moved, identity object, said []string) {
	p.t.Helper()
	resp, err := p.MoveResourceState(p.t.Context(), &tfprotov6.MoveResourceStateRequest{
		SourceProviderAddress: provider, SourceTypeName: from, SourceState: &tfprotov6.RawState{JSON: []byte(state)}, TargetTypeName: to,
	})
	p.must(err)
	if resp.TargetIdentity != nil {
		identity = p.unpack(p.identities[to].ValueType(), resp.TargetIdentity.IdentityData)
	}
	return p.unpack(p.kind(to), resp.TargetState), identity, told(resp.Diagnostics)
}

func TestTriggersMove(t *testing.T) {
	t.Parallel()
	p := newWorld(t).speak(t)
	for sentence, c := range map[string]struct {
		from, provider, state string
		want                  object // nil: there are none
	}{
		"null_resource":                     {"null_resource", nullProvider, `{"id":"123","triggers":{"release":"1","sum":"abc"}}`, object{"release": "1", "sum": "abc"}},
		"null_resource of OpenTofu's host":  {"null_resource", "registry.opentofu.org/hashicorp/null", `{"id":"123","triggers":{"release":"1"}}`, object{"release": "1"}},
		"null_resource of a mirror":         {"null_resource", "tf.example.com/hashicorp/null", `{"id":"123","triggers":{"release":"1"}}`, object{"release": "1"}},
		"null_resource of a later version":  {"null_resource", nullProvider, `{"id":"123","new":[{}],"triggers":{"release":"1"}}`, object{"release": "1"}},
		"null_resource without triggers":    {"null_resource", nullProvider, `{"id":"123","triggers":null}`, nil},
		"numbers and booleans":              {"terraform_data", terraformItself, `{"id":"1","input":null,"output":null,"triggers_replace":{"value":{"n":12.50,"big":123456789012345678901234567890,"yes":true,"no":null},"type":["object",{}]}}`, object{"n": "12.50", "big": "123456789012345678901234567890", "yes": "true"}},
		"a single string":                   {"terraform_data", terraformItself, `{"id":"1","triggers_replace":{"value":"v1","type":"string"}}`, object{"value": "v1"}},
		"a single number":                   {"terraform_data", terraformItself, `{"id":"1","triggers_replace":{"value":7,"type":"number"}}`, object{"value": "7"}},
		"a list":                            {"terraform_data", terraformItself, `{"id":"1","triggers_replace":{"value":["a",2,[true]],"type":["tuple",[]]}}`, object{"0": "a", "1": "2", "2": "[true]"}},
		"nested values":                     {"terraform_data", terraformItself, `{"id":"1","triggers_replace":{"value":{"a":{"b":[1]}},"type":["object",{}]}}`, object{"a": `{"b":[1]}`}},
		"the input where nothing replaces":  {"terraform_data", terraformItself, `{"id":"1","input":{"value":{"release":"1"},"type":["map","string"]},"output":{"value":{"release":"1"},"type":["map","string"]},"triggers_replace":null}`, object{"release": "1"}},
		"what replaces wins over the input": {"terraform_data", terraformItself, `{"id":"1","input":{"value":"x","type":"string"},"triggers_replace":{"value":{"release":"1"},"type":["map","string"]}}`, object{"release": "1"}},
		"an input that is null":             {"terraform_data", terraformItself, `{"id":"1","input":{"value":null,"type":"dynamic"},"triggers_replace":null}`, nil},
		"terraform_data without anything":   {"terraform_data", terraformItself, `{"id":"1","input":null,"output":null,"triggers_replace":null}`, nil},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			for _, target := range targets {
				moved, identity, said := p.move(c.from, c.provider, c.state, "purge_"+target.name)
				want, wantIdentity := object{"id": ""}, object{}
				if c.want != nil {
					want["triggers"] = c.want
				}
				for _, name := range target.identity {
					wantIdentity[name] = ""
				}
				if diff := cmp.Diff([]any{want, wantIdentity, []string(nil)}, []any{moved, identity, said}); diff != "" {
					t.Errorf("%s (-want +got):\n%s", target.name, diff)
				}
			}
		})
	}
}

func TestWhatDoesNotMove(t *testing.T) {
	t.Parallel()
	p := newWorld(t).speak(t)
	for sentence, c := range map[string]struct{ from, provider, state, want string }{
		"another type":                       {"aws_s3_object", "registry.terraform.io/hashicorp/aws", `{"id":"1"}`, "error: Unable to Move Resource State"},
		"another provider's null_resource":   {"null_resource", "registry.terraform.io/nothashicorp/null", `{"id":"1"}`, "error: Unable to Move Resource State"},
		"another provider's terraform_data":  {"terraform_data", "registry.terraform.io/hashicorp/null", `{"id":"1"}`, "error: Unable to Move Resource State"},
		"one target into another":            {"purge_mstr_cache", Address, `{"id":"1"}`, "error: Unable to Move Resource State"},
		"a state that can't be read":         {"null_resource", nullProvider, `{"triggers":`, "error: Unreadable state of null_resource"},
		"triggers_replace that is no object": {"terraform_data", terraformItself, `{"triggers_replace":"x"}`, "error: Unreadable state of terraform_data"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, _, said := p.move(c.from, c.provider, c.state, "purge_wpengine_cache")
			if len(said) != 1 || !strings.HasPrefix(said[0], c.want) {
				t.Errorf("said %q, want %q", said, c.want)
			}
		})
	}
}

// What a state from null_resource goes through. Its provider can't be installed
// without a network, so that this is without a terraform.
func TestAMoveFromNullResourceAdopts(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		p := w.speak(t)
		moved, _, said := p.move("null_resource", nullProvider, `{"id":"123","triggers":{"release":"1"}}`, f.kind())
		if len(said) > 0 {
			t.Fatalf("said %q", said)
		}
		read, _ := p.read(f.kind(), moved)
		if diff := cmp.Diff(moved, read); diff != "" {
			t.Errorf("read (-want +got):\n%s", diff)
		}
		p.liveOn(f, "moved", moved, w)
	})
}

func TestAMoveFromTerraformDataAdopts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, all := w.oneOfEach(t, release("1"))
	before := strings.Join(each(all, func(f fixture) string {
		return fmt.Sprintf("resource \"terraform_data\" %q {\n  triggers_replace = { release = 1 }\n}\n", f.target.name)
	}), "")
	moves := strings.Join(each(all, func(f fixture) string {
		return fmt.Sprintf("moved {\n  from = terraform_data.%s\n  to   = %s\n}\n", f.target.name, f.address())
	}), "")
	tf := newTerraform(t, w, before)
	tf.skipBelow(t, "1.8.0", "1.10.0") // moves between types
	tf.mustRun(t, "apply", "-auto-approve")
	tf.write(t, "main.tf", config+moves)
	want := shown{Changes: updates(all), Warnings: []string{recorded}}
	if diff := cmp.Diff(want, tf.show(t, "apply", "-auto-approve")); diff != "" {
		t.Errorf("the apply that moves (-want +got):\n%s", diff)
	}
	w.compareSent(t, step{name: "a move"})
	tf.planEmpty(t, "after a move")
	config, _ = w.oneOfEach(t, release("2"))
	tf.write(t, "main.tf", config)
	if got := tf.show(t, "apply", "-auto-approve").Changes; !slices.Equal(got, updates(all)) {
		t.Errorf("the next release: %q", got)
	}
	w.compareSent(t, step{name: "the next release", sent: purgesHere(all)})
}
