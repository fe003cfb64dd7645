// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
)

const (
	terraformItself = "terraform.io/builtin/terraform"
	nullProvider    = "registry.terraform.io/hashicorp/null"
)

// move returns the state that a moved resource of another type gets.
func (p *protocol) move(from, provider, state, to string) (moved, identity object, reported []string) {
	p.t.Helper()
	resp, err := p.MoveResourceState(p.t.Context(), &tfprotov6.MoveResourceStateRequest{
		SourceProviderAddress: provider, SourceTypeName: from, SourceState: &tfprotov6.RawState{JSON: []byte(state)}, TargetTypeName: to,
	})
	p.must(err)
	p.private = resp.TargetPrivate
	if resp.TargetIdentity != nil {
		identity = p.unpack(p.identities[to].ValueType(), resp.TargetIdentity.IdentityData)
	}
	return p.unpack(p.kind(to), resp.TargetState), identity, diagnosticLines(resp.Diagnostics)
}

// TestTheValuesOfTriggersMove checks that a move stores no value, and recognizes
// each of them.
func TestTheValuesOfTriggersMove(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		from, provider, state string
		want                  []string
	}{
		"null_resource":                                {"null_resource", nullProvider, `{"id":"123","triggers":{"release":"1","sum":"abc"}}`, []string{"1", "abc"}},
		"null_resource of OpenTofu's host":             {"null_resource", "registry.opentofu.org/hashicorp/null", `{"id":"123","triggers":{"release":"1"}}`, []string{"1"}},
		"null_resource of a mirror":                    {"null_resource", "tf.example.com/hashicorp/null", `{"id":"123","triggers":{"release":"1"}}`, []string{"1"}},
		"null_resource of a later version":             {"null_resource", nullProvider, `{"id":"123","new":[{}],"triggers":{"release":"1"}}`, []string{"1"}},
		"null_resource without triggers":               {"null_resource", nullProvider, `{"id":"123","triggers":null}`, nil},
		"numbers and booleans":                         {"terraform_data", terraformItself, `{"id":"1","input":null,"output":null,"triggers_replace":{"value":{"n":12.50,"big":123456789012345678901234567890,"yes":true,"no":null},"type":["object",{}]}}`, []string{"12.50", "123456789012345678901234567890", "true"}},
		"a single string":                              {"terraform_data", terraformItself, `{"id":"1","triggers_replace":{"value":"v1","type":"string"}}`, []string{"v1"}},
		"a single number":                              {"terraform_data", terraformItself, `{"id":"1","triggers_replace":{"value":7,"type":"number"}}`, []string{"7"}},
		"a list":                                       {"terraform_data", terraformItself, `{"id":"1","triggers_replace":{"value":["a",2,[true]],"type":["tuple",[]]}}`, []string{"a", "2", "[true]"}},
		"nested values":                                {"terraform_data", terraformItself, `{"id":"1","triggers_replace":{"value":{"a":{"b":[1]}},"type":["object",{}]}}`, []string{`{"b":[1]}`}},
		"input without triggers_replace":               {"terraform_data", terraformItself, `{"id":"1","input":{"value":{"release":"1"},"type":["map","string"]},"output":{"value":{"release":"1"},"type":["map","string"]},"triggers_replace":null}`, []string{"1"}},
		"triggers_replace takes precedence over input": {"terraform_data", terraformItself, `{"id":"1","input":{"value":"x","type":"string"},"triggers_replace":{"value":{"release":"1"},"type":["map","string"]}}`, []string{"1"}},
		"a null input":                                 {"terraform_data", terraformItself, `{"id":"1","input":{"value":null,"type":"dynamic"},"triggers_replace":null}`, nil},
		"terraform_data without arguments":             {"terraform_data", terraformItself, `{"id":"1","input":null,"output":null,"triggers_replace":null}`, nil},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			for _, target := range targets {
				p := newWorld(t).speak(t) // the protocol holds the private state
				moved, identity, reported := p.move(c.from, c.provider, c.state, "purge_"+target.name)
				wantIdentity := object{}
				for _, name := range target.identity {
					wantIdentity[name] = ""
				}
				if diff := cmp.Diff([]any{object{"id": ""}, wantIdentity, []string(nil)}, []any{moved, identity, reported}); diff != "" {
					t.Errorf("%s (-want +got):\n%s", target.name, diff)
				}
				digest := p.movedDigest(t)
				if !digest.equals(c.want) {
					t.Errorf("%s: the digest is not that of %q", target.name, c.want)
				}
				if digest.equals(append(slices.Clone(c.want), "more")) {
					t.Errorf("%s: the digest is that of other values, too", target.name)
				}
			}
		})
	}
}

// movedDigest reads the digest from the private state.
func (p *protocol) movedDigest(t *testing.T) *digest {
	t.Helper()
	var private map[string][]byte
	d := new(digest)
	if err := json.Unmarshal(p.private, &private); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(private[movedKey], d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestUnsupportedMoves(t *testing.T) {
	t.Parallel()
	p := newWorld(t).speak(t)
	for sentence, c := range map[string]struct{ from, provider, state, want string }{
		"another type":                           {"aws_s3_object", "registry.terraform.io/hashicorp/aws", `{"id":"1"}`, "error: Unable to Move Resource State"},
		"another provider's null_resource":       {"null_resource", "registry.terraform.io/nothashicorp/null", `{"id":"1"}`, "error: Unable to Move Resource State"},
		"another provider's terraform_data":      {"terraform_data", "registry.terraform.io/hashicorp/null", `{"id":"1"}`, "error: Unable to Move Resource State"},
		"one target into another":                {"purge_mstr_cache", Address, `{"id":"1"}`, "error: Unable to Move Resource State"},
		"an unreadable state":                    {"null_resource", nullProvider, `{"triggers":`, "error: Unreadable state of null_resource"},
		"triggers_replace that is not an object": {"terraform_data", terraformItself, `{"triggers_replace":"x"}`, "error: Unreadable state of terraform_data"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, _, reported := p.move(c.from, c.provider, c.state, "purge_wpengine_cache")
			if len(reported) != 1 || !strings.HasPrefix(reported[0], c.want) {
				t.Errorf("diagnostics: %q, want %q", reported, c.want)
			}
		})
	}
}

// A move from null_resource, without a terraform, because its provider cannot be
// installed without a network.
func TestAMoveFromNullResourceRecords(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		p := w.speak(t)
		moved, _, reported := p.move("null_resource", nullProvider, `{"id":"123","triggers":{"release":"1"}}`, f.kind())
		if len(reported) > 0 {
			t.Fatalf("diagnostics: %q", reported)
		}
		read, _ := p.read(f.kind(), moved)
		if diff := cmp.Diff(moved, read); diff != "" {
			t.Errorf("read (-want +got):\n%s", diff)
		}
		p.liveOn(f, "moved", moved, w)
	})
}

// TestWhatAMoveCompares checks that a move purges if neither the triggers nor the
// fingerprints have the values of the previous triggers.
func TestWhatAMoveCompares(t *testing.T) {
	t.Parallel()
	assets := object{"service_id": cdntest.DeployedID, "assets": object{"/a": "1", "/b": "2"}}
	url := object{"service_id": cdntest.DeployedID, "url": "/a"}
	with := func(o, triggers object) object {
		all := maps.Clone(o)
		all["triggers"] = triggers
		return all
	}
	for sentence, c := range map[string]struct {
		former string
		config object
		sends  int
	}{
		"the same triggers":                     {`{"release":"1"}`, with(url, object{"release": "1"}), 0},
		"under other names":                     {`{"a":"1","b":"2"}`, with(url, object{"x": "2", "y": "1"}), 0},
		"other triggers":                        {`{"release":"1"}`, with(url, object{"release": "2"}), 1},
		"an additional trigger":                 {`{"release":"1"}`, with(url, object{"release": "1", "other": "1"}), 1},
		"no triggers after the move":            {`{"release":"1"}`, url, 1},
		"no triggers before and after the move": {`null`, url, 0},
		"no triggers before the move":           {`null`, with(url, object{"release": "1"}), 1},
		"the fingerprints":                      {`["1","2"]`, assets, 0},
		"the fingerprints and a trigger":        {`["1","2"]`, with(assets, object{"release": "3"}), 0},
		"other fingerprints":                    {`["1","3"]`, assets, 2},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.speak(t)
			const kind = "purge_cdn_asset"
			moved, _, _ := p.move("null_resource", nullProvider, `{"id":"1","triggers":`+c.former+`}`, kind)
			planned, reported := p.plan(kind, moved, c.config)
			state, _ := p.apply(kind, moved, planned, c.config)
			if got := len(w.Journal.Select("purge")); got != c.sends {
				t.Errorf("%d purges were sent, want %d", got, c.sends)
			}
			if warned := len(reported) == 1 && strings.HasPrefix(reported[0], "warning: "+recorded); warned != (c.sends == 0) {
				t.Errorf("the plan returns %q", reported)
			}
			if len(p.kept) > 0 {
				t.Errorf("private state after the first apply: %s", p.kept)
			}
			if again, _ := p.plan(kind, state, c.config); !cmp.Equal(state, again) {
				t.Errorf("the next plan is not empty:\n%s", cmp.Diff(state, again))
			}
		})
	}
}

func TestAMoveWithoutItsDigestPurges(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		p := w.speak(t)
		moved, _, _ := p.move("null_resource", nullProvider, `{"id":"123","triggers":null}`, f.kind())
		p.private = nil
		config := f.here.inGo(t)
		planned, _ := p.plan(f.kind(), moved, config)
		p.apply(f.kind(), moved, planned, config)
		w.compareSent(t, step{name: "the first apply", sent: []string{f.purgedHere}})
	})
}

func TestAMoveFromTerraformDataRecords(t *testing.T) {
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
		t.Errorf("the apply that moves the resource (-want +got):\n%s", diff)
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
