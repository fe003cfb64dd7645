// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
)

const recorded = "Recorded without purging"

// shown is the result of a plan or an apply with -json.
type shown struct {
	Changes  []string // "update purge_mstr_cache.it", without changes of nothing
	Imported int
	Warnings []string // the summaries, each once
}

// show runs a command that succeeds.
func (tf *terraform) show(t *testing.T, args ...string) shown {
	t.Helper()
	cmd := tf.command(append(args, "-json")...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("terraform %s: %s\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	var s shown
	for decoder := json.NewDecoder(&stdout); decoder.More(); {
		var line struct {
			Type   string
			Change struct {
				Action    string
				Resource  struct{ Addr string }
				Importing *struct{}
			}
			Diagnostic struct{ Severity, Summary string }
		}
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line.Type == "planned_change" && line.Change.Importing != nil {
			s.Imported++
		}
		if line.Type == "planned_change" && !slices.Contains([]string{"noop", "import", "read", "move"}, line.Change.Action) {
			s.Changes = append(s.Changes, line.Change.Action+" "+line.Change.Resource.Addr)
		}
		if w := line.Diagnostic.Summary; line.Diagnostic.Severity == "warning" && w != "Provider development overrides are in effect" && !slices.Contains(s.Warnings, w) {
			s.Warnings = append(s.Warnings, w)
		}
	}
	slices.Sort(s.Changes)
	return s
}

// planEmpty fails if a plan shows a change.
func (tf *terraform) planEmpty(t *testing.T, when string) {
	t.Helper()
	if output, err := tf.run("plan", "-no-color", "-detailed-exitcode"); err != nil {
		t.Errorf("%s a plan is not empty (%s):\n%s", when, err, output)
	}
}

// oneOfEach declares one resource of every target, and returns the fixtures.
func (w *world) oneOfEach(t *testing.T, a ...arguments) (config string, all []fixture) {
	t.Helper()
	for _, target := range targets {
		f := w.fixture(t, target)
		all = append(all, f)
		config += f.config(append([]arguments{f.here}, a...)...)
	}
	return config, all
}

func each(all []fixture, of func(fixture) string) []string {
	var values []string
	for _, f := range all {
		values = append(values, of(f))
	}
	return values
}

// purgesHere returns the journal entries of one purge of each.
func purgesHere(all []fixture) []string {
	return each(all, func(f fixture) string { return f.purgedHere })
}

func updates(all []fixture) []string {
	changes := each(all, func(f fixture) string { return "update " + f.address() })
	slices.Sort(changes)
	return changes
}

func (f fixture) importBlock(by string) string {
	return fmt.Sprintf("import {\n  to = %s\n  %s\n}\n", f.address(), by)
}

// recase swaps uppercase and lowercase letters in the first part of an ID, which is
// hexadecimal.
func (f fixture) recase(t *testing.T, id string) string {
	t.Helper()
	values, err := f.target.split(id)
	if err != nil {
		t.Fatal(err)
	}
	values[0] = strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, values[0])
	return f.target.join(values)
}

// adopt imports by ID or, if the ID is empty, by identity.
func (p *protocol) adopt(name, id string, identity object) (state, identified object, reported []string) {
	p.t.Helper()
	req := &tfprotov6.ImportResourceStateRequest{TypeName: name, ID: id}
	kind := p.identities[name].ValueType()
	if id == "" {
		req.Identity = &tfprotov6.ResourceIdentityData{IdentityData: p.pack(kind, identity)}
	}
	resp, err := p.ImportResourceState(p.t.Context(), req)
	p.must(err)
	if len(resp.ImportedResources) != 1 {
		return nil, nil, diagnosticLines(resp.Diagnostics)
	}
	imported := resp.ImportedResources[0]
	if imported.Identity != nil {
		identified = p.unpack(kind, imported.Identity.IdentityData)
	}
	return p.unpack(p.kind(name), imported.State), identified, diagnosticLines(resp.Diagnostics)
}

func TestAnImportRecords(t *testing.T) {
	t.Parallel()
	forEachTarget(t, func(t *testing.T, w *world, f fixture) {
		p := w.speak(t)
		values, err := f.target.split(f.hereID)
		if err != nil {
			t.Fatal(err)
		}
		wantIdentity, wantState := object{}, object{"id": f.hereID}
		for i, name := range f.target.identity {
			wantIdentity[name], wantState[name] = values[i], values[i]
		}
		otherCase := object{}
		respelled, _ := f.target.split(f.recase(t, f.hereID)) // spelled like the other value
		for i, v := range respelled {
			otherCase[f.target.identity[i]] = v
		}
		for sentence, by := range map[string]struct {
			id       string
			identity object
		}{
			"by id": {f.hereID, nil}, "by id in another case": {f.recase(t, f.hereID), nil},
			"by identity": {"", wantIdentity}, "by identity in another case": {"", otherCase},
		} {
			state, identity, reported := p.adopt(f.kind(), by.id, by.identity)
			if diff := cmp.Diff([]any{wantState, wantIdentity, []string(nil)}, []any{state, identity, reported}); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", sentence, diff)
			}
			read, identified := p.read(f.kind(), state)
			if diff := cmp.Diff([]any{wantState, wantIdentity}, []any{read, identified}); diff != "" {
				t.Errorf("%s, read (-want +got):\n%s", sentence, diff)
			}
			planned, reported := p.plan(f.kind(), state, f.here.inGo(t))
			if len(reported) != 1 || !strings.HasPrefix(reported[0], "warning: "+recorded) || planned["purge_on_create"] != true {
				t.Errorf("%s, with nothing to add: %v is planned, and diagnostics: %q", sentence, planned, reported)
			}
			p.liveOn(f, sentence, state, w)
		}
	})
}

// liveOn applies an adopted state for the first time, and then changes it.
func (p *protocol) liveOn(f fixture, sentence string, adopted object, w *world) {
	p.t.Helper()
	change := func(what string, prior, config object, warns bool, sent ...string) object {
		p.t.Helper()
		planned, reported := p.plan(f.kind(), prior, config)
		if got := len(reported) == 1 && strings.HasPrefix(reported[0], "warning: "+recorded); got != warns || !warns && len(reported) > 0 {
			p.t.Errorf("%s, %s: the plan returns %q", sentence, what, reported)
		}
		state, reported := p.apply(f.kind(), prior, planned, config)
		if len(reported) > 0 {
			p.t.Errorf("%s, %s: the apply returns %q", sentence, what, reported)
		}
		w.compareSent(p.t, step{name: sentence + ", " + what, sent: sent})
		if again, _ := p.plan(f.kind(), state, config); !cmp.Equal(state, again) {
			p.t.Errorf("%s, %s: the next plan is not empty:\n%s", sentence, what, cmp.Diff(state, again))
		}
		return state
	}
	first, second := f.here.with(release("1")), f.here.with(release("2"))
	triggered := func(a arguments, value string) object {
		o := a.with()
		delete(o, "triggers")
		config := o.inGo(p.t)
		config["triggers"] = object{"release": value}
		return config
	}
	state := change("the first apply", adopted, triggered(first, "1"), true)
	if state["last_purged_at"] != nil || state["purge_on_create"] != true {
		p.t.Errorf("%s: the state after the first apply is %v", sentence, state)
	}
	change("the next change", state, triggered(second, "2"), false, f.purgedHere)
}

func TestAServiceWithManyAssetsIsImported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.speak(t)
	for sentence, by := range map[string]struct {
		id       string
		identity object
	}{
		"by id": {strings.ToUpper(cdntest.DeployedID), nil}, "by identity": {"", object{"service_id": cdntest.DeployedID}},
	} {
		state, identity, reported := p.adopt("purge_cdn_asset", by.id, by.identity)
		want := []any{
			object{"id": cdntest.DeployedID, "service_id": cdntest.DeployedID, "assets": object{}},
			object{"service_id": cdntest.DeployedID, "url": ""},
			[]string(nil),
		}
		if diff := cmp.Diff(want, []any{state, identity, reported}); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", sentence, diff)
		}
		config := object{"service_id": cdntest.DeployedID, "assets": object{"/a.css": "1", "/b.css": "1"}}
		planned, reported := p.plan("purge_cdn_asset", state, config)
		if len(reported) != 1 || !strings.HasPrefix(reported[0], "warning: "+recorded) {
			t.Errorf("%s: the plan returns %q", sentence, reported)
		}
		state, _ = p.apply("purge_cdn_asset", state, planned, config)
		w.compareSent(t, step{name: sentence + ", the first apply"})
		config["assets"] = object{"/a.css": "1", "/b.css": "2"}
		planned, _ = p.plan("purge_cdn_asset", state, config)
		_, _ = p.apply("purge_cdn_asset", state, planned, config)
		w.compareSent(t, step{name: sentence + ", a change", sent: []string{"cdn " + cdntest.DeployedID + " /b.css hard=true 202"}})
	}
}

// A wildcard requires hard = false, which an ID does not contain.
func TestAWildcardIsImported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.speak(t)
	want := object{"id": cdntest.DeployedID + "/images/*", "service_id": cdntest.DeployedID, "url": "/images/*", "hard": false}
	for sentence, by := range map[string]struct {
		id       string
		identity object
	}{
		"by id": {cdntest.DeployedID + "/images/*", nil}, "by identity": {"", object{"service_id": cdntest.DeployedID, "url": "/images/*"}},
	} {
		adopted, identity, reported := p.adopt("purge_cdn_asset", by.id, by.identity)
		wanted := []any{want, object{"service_id": cdntest.DeployedID, "url": "/images/*"}, []string(nil)}
		if diff := cmp.Diff(wanted, []any{adopted, identity, reported}); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", sentence, diff)
		}
		config := object{"service_id": cdntest.DeployedID, "url": "/images/*"}
		if _, reported := p.plan("purge_cdn_asset", adopted, config); len(reported) != 1 || !strings.Contains(reported[0], "set hard = false") {
			t.Errorf("%s: a hard configuration is planned: %q", sentence, reported)
		}
		config["hard"] = false
		planned, reported := p.plan("purge_cdn_asset", adopted, config)
		if len(reported) != 1 || !strings.HasPrefix(reported[0], "warning: "+recorded) {
			t.Errorf("%s: the plan returns %q", sentence, reported)
		}
		state, _ := p.apply("purge_cdn_asset", adopted, planned, config)
		w.compareSent(t, step{name: sentence + ", the first apply"})
		if again, reported := p.plan("purge_cdn_asset", state, config); !cmp.Equal(state, again) || len(reported) > 0 {
			t.Errorf("%s: the next plan returns %q and is not empty:\n%s", sentence, reported, cmp.Diff(state, again))
		}
		config["triggers"] = object{"release": "2"}
		planned, _ = p.plan("purge_cdn_asset", state, config)
		_, _ = p.apply("purge_cdn_asset", state, planned, config)
		w.compareSent(t, step{name: sentence + ", a change", sent: []string{"cdn " + cdntest.DeployedID + " /images/* hard=false 202"}})
	}
}

func TestAWildcardIsImportedByTerraform(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const declared = "resource \"purge_cdn_asset\" \"images\" {\n  service_id = \"" + cdntest.DeployedID + "\"\n  url        = \"/images/*\"\n  hard       = false\n}\n"
	const block = "import {\n  to = purge_cdn_asset.images\n  id = \"" + cdntest.DeployedID + "/images/*\"\n}\n"
	want := shown{Changes: []string{"update purge_cdn_asset.images"}, Warnings: []string{recorded}}

	command := newTerraform(t, w, declared)
	command.mustRun(t, "import", "purge_cdn_asset.images", cdntest.DeployedID+"/images/*")
	if diff := cmp.Diff(want, command.show(t, "apply", "-auto-approve")); diff != "" {
		t.Errorf("the apply after the command (-want +got):\n%s", diff)
	}
	command.planEmpty(t, "after the command and an apply")

	want.Imported = 1
	with := newTerraform(t, w, declared+block)
	if diff := cmp.Diff(want, with.show(t, "apply", "-auto-approve")); diff != "" {
		t.Errorf("the apply of a block (-want +got):\n%s", diff)
	}
	with.planEmpty(t, "after a block")

	generated := newTerraform(t, w, generating(block))
	generated.mustRun(t, "plan", "-generate-config-out=generated.tf")
	generated.write(t, "main.tf", block)
	generated.mustRun(t, "apply", "-auto-approve")
	generated.planEmpty(t, "after the generated configuration was applied")
	w.compareSent(t, step{name: "all of it"})
}

func TestInvalidImports(t *testing.T) {
	t.Parallel()
	p := newWorld(t).speak(t)
	for sentence, c := range map[string]struct {
		name, id string
		identity object
		want     string
	}{
		"a project alone":               {"purge_mstr_cache", projectHex, nil, `error: Invalid import ID: "` + projectHex + `" is not the ID of a purge_mstr_cache. Use <project_id>/<cache_type>, such as B7CA92F04B9FAE8D941C3E9B7E0CD754/element.`},
		"results by their project":      {"purge_mstr_content_cache", projectHex, nil, `error: Invalid import ID: "` + projectHex + `" is not the ID of a purge_mstr_content_cache. Use <project_id>/content, such as B7CA92F04B9FAE8D941C3E9B7E0CD754/content.`},
		"results of no project":         {"purge_mstr_content_cache", "/content", nil, "error: Invalid import ID"},
		"results of an invalid project": {"purge_mstr_content_cache", "", object{"project_id": "x"}, `error at AttributeName("project_id"): Invalid project_id`},
		"nothing after the slash":       {"purge_mstr_cache", projectHex + "/", nil, "error: Invalid import ID"},
		"three values":                  {"purge_wpengine_cache", "a/b/c", nil, "error: Invalid import ID"},
		"a name":                        {"purge_wpengine_cache", "acmeprod/page", nil, `error at AttributeName("install_id"): Invalid install_id`},
		"an invalid cache type":         {"purge_mstr_cache", projectHex + "/page", nil, `error at AttributeName("cache_type"): Invalid cache_type`},
		"a service by its name":         {"purge_cdn_asset", "website/a.css", nil, `error: Invalid import ID: "website/a.css" is not the ID of a purge_cdn_asset. Use <service_id><url>, such as 96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0/index.html. For assets, the ID is the service ID.`},
		"a path without a slash":        {"purge_cdn_asset", cdntest.DeployedID + "a.css", nil, "error: Invalid import ID"},
		"a path with a fragment":        {"purge_cdn_asset", cdntest.DeployedID + "/a#b", nil, `error at AttributeName("url"): Invalid path of an asset`},
		"a malformed identity":          {"purge_mstr_cache", "", object{"project_id": "x", "cache_type": "object"}, `error at AttributeName("project_id"): Invalid project_id`},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, _, reported := p.adopt(c.name, c.id, c.identity)
			if len(reported) != 1 || !strings.HasPrefix(reported[0], c.want) {
				t.Errorf("diagnostics: %q, want %q", reported, c.want)
			}
		})
	}
}

func TestImportBlocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, all := w.oneOfEach(t, release("1"))
	blocks := strings.Join(each(all, func(f fixture) string { return f.importBlock(fmt.Sprintf("id = %q", f.recase(t, f.hereID))) }), "")
	tf := newTerraform(t, w, config+blocks)
	tf.importAndLiveOn(t, w, all)
}

func TestImportBlocksByIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, all := w.oneOfEach(t, release("1"))
	blocks := strings.Join(each(all, func(f fixture) string {
		identity := arguments{}
		for _, name := range f.target.identity {
			identity[name] = f.here[name]
		}
		return f.importBlock("identity = " + identity.object())
	}), "")
	tf := newTerraform(t, w, config+blocks)
	tf.skipBelow(t, "1.12.0", "1.12.0")
	tf.importAndLiveOn(t, w, all)
}

func (tf *terraform) importAndLiveOn(t *testing.T, w *world, all []fixture) {
	t.Helper()
	want := shown{Changes: updates(all), Imported: len(all), Warnings: []string{recorded}}
	if diff := cmp.Diff(want, tf.show(t, "apply", "-auto-approve")); diff != "" {
		t.Errorf("the apply that imports (-want +got):\n%s", diff)
	}
	w.compareSent(t, step{name: "an import"})
	tf.planEmpty(t, "after an import")
	config, _ := w.oneOfEach(t, release("2"))
	tf.write(t, "main.tf", config)
	if diff := cmp.Diff(shown{Changes: updates(all)}, tf.show(t, "apply", "-auto-approve")); diff != "" {
		t.Errorf("the apply of the next release (-want +got):\n%s", diff)
	}
	w.compareSent(t, step{name: "the next release", sent: purgesHere(all)})
}

// The import command leaves the recording update to the next apply. It can come
// weeks later, after refreshes and plans that were not applied.
func TestTheImportCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.fixture(t, wpengineCache)
	tf := newTerraform(t, w, f.config(f.here))
	tf.mustRun(t, "import", f.address(), f.recase(t, f.hereID))
	tf.mustRun(t, "apply", "-refresh-only", "-auto-approve")
	want := shown{Changes: []string{"update " + f.address()}, Warnings: []string{recorded}}
	if diff := cmp.Diff(want, tf.show(t, "plan")); diff != "" {
		t.Errorf("a plan after the import (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, tf.show(t, "apply", "-auto-approve")); diff != "" {
		t.Errorf("an apply after the import (-want +got):\n%s", diff)
	}
	tf.planEmpty(t, "after the first apply")
	w.compareSent(t, step{name: "all of it"})
}

// generating returns import blocks for -generate-config-out. Without the provider's
// name, Terraform 1.16.2 and 1.17.0-beta1 look for hashicorp/purge. With it, no
// version accepts a resource that is configured.
func generating(blocks string) string {
	return strings.ReplaceAll(blocks, "import {\n", "import {\n  provider = purge\n")
}

func TestGeneratedConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, all := w.oneOfEach(t)
	blocks := strings.Join(each(all, func(f fixture) string { return f.importBlock(fmt.Sprintf("id = %q", f.hereID)) }), "") +
		fmt.Sprintf("import {\n  to = purge_cdn_asset.many\n  id = %q\n}\n", cdntest.OtherID)
	tf := newTerraform(t, w, generating(blocks))
	want := shown{Changes: append(updates(all), "update purge_cdn_asset.many"), Imported: len(all) + 1, Warnings: []string{recorded}}
	slices.Sort(want.Changes)
	got := tf.show(t, "plan", "-generate-config-out=generated.tf")
	if got.Warnings = slices.DeleteFunc(got.Warnings, func(w string) bool { return w == "Config generation is experimental" }); !cmp.Equal(want, got) {
		t.Errorf("the plan that generates (-want +got):\n%s", cmp.Diff(want, got))
	}
	tf.write(t, "main.tf", blocks)
	if diff := cmp.Diff(want, tf.show(t, "apply", "-auto-approve")); diff != "" {
		t.Errorf("the apply of the generated configuration (-want +got):\n%s", diff)
	}
	tf.planEmpty(t, "after the generated configuration was applied")
	w.compareSent(t, step{name: "all of it"})
}

func TestAVerificationCannotBeImported(t *testing.T) {
	t.Parallel()
	p := newWorld(t).speak(t)
	resp, err := p.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: "purge_verification", ID: "x"})
	p.must(err)
	if got := diagnosticLines(resp.Diagnostics); len(got) != 1 || !containing("error: purge_verification cannot be imported", "Remove the import.").MatchString(got[0]) {
		t.Errorf("reported %q", got)
	}
}
