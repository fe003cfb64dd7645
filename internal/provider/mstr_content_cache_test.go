// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
)

const contentKind = "purge_mstr_content_cache"

// contentOf returns a content resource in the sandbox. Each node has four caches of
// the project: two that use F_SALES (one of them D_STORE too), one that uses
// F_STOCK, and a cube.
func contentOf(more object) object {
	o := object{"project_id": projectHex}
	for name, v := range more {
		o[name] = v
	}
	return o
}

func list(texts ...any) []any { return texts }

// ready returns the ready results by name, with the number of nodes that have each.
func (w *world) ready() map[string]int {
	all := make(map[string]int)
	for _, c := range w.MSTR.ContentCaches() {
		if c.Ready {
			all[c.Source]++
		}
	}
	return all
}

// runReports runs all reports again, as users do.
func (w *world) runReports() {
	for _, c := range w.MSTR.ContentCaches() {
		w.MSTR.RunReport(c.ID)
	}
}

// resourceOf is one resource over several applies.
type resourceOf struct {
	*protocol
	kind  string
	state object
}

// apply plans and applies a configuration. It fails if a known planned value
// changes.
func (r *resourceOf) apply(config object) (planned object, reported []string) {
	r.t.Helper()
	planned, warned := r.plan(r.kind, r.state, config)
	next, reported := r.protocol.apply(r.kind, r.state, planned, config)
	for name, value := range planned {
		failed := slices.ContainsFunc(reported, func(s string) bool { return strings.HasPrefix(s, "error") })
		if diff := cmp.Diff(value, next[name]); diff != "" && value != (unknown{}) && !failed {
			r.t.Errorf("%s is not what was planned (-plan +state):\n%s", name, diff)
		}
	}
	if next != nil {
		r.state = next
	}
	return planned, append(warned, reported...)
}

func TestResultsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at, invalidated := contentKind+".it", tfjsonpath.New("invalidated")
	f := w.fixture(t, mstrContentCache)
	f.here = arguments{"project_id": `"` + projectHex + `"`, "warehouse_tables": `["F_SALES", "D_STORE"]`}
	counts := func(n int64) []statecheck.StateCheck {
		return []statecheck.StateCheck{statecheck.ExpectKnownValue(at, invalidated, knownvalue.Int64Exact(n))}
	}
	purges := []plancheck.PlanCheck{plancheck.ExpectUnknownValue(at, invalidated)}
	tables := func(hcl string) arguments { return arguments{"warehouse_tables": hcl} }
	w.play(
		t,
		step{
			name: "a create that only records", config: f.config(f.here, arguments{"purge_on_create": "false"}),
			plan:  []plancheck.PlanCheck{plancheck.ExpectKnownValue(at, invalidated, knownvalue.Null())},
			state: []statecheck.StateCheck{statecheck.ExpectKnownValue(at, invalidated, knownvalue.Null())},
		},
		step{
			name: "the results of two tables, on two nodes", config: f.config(f.here, release("1")), sent: []string{f.purgedHere},
			plan: purges, state: counts(4),
		},
		step{
			name: "an apply that sends nothing keeps the number", config: f.config(f.here, release("1"), arguments{"purge_on_destroy": "false"}),
			plan: []plancheck.PlanCheck{plancheck.ExpectKnownValue(at, invalidated, knownvalue.Int64Exact(4))}, state: counts(4),
		},
		step{
			name: "another table", config: f.config(f.here, release("1"), tables(`["F_STOCK"]`)), sent: []string{f.purgedHere},
			plan: purges, state: counts(2),
		},
		step{
			name: "nothing to invalidate is a success", config: f.config(f.here, release("2"), tables(`["F_STOCK"]`)), sent: []string{f.purgedHere},
			plan: purges, state: counts(0),
		},
		step{
			name: "all results", before: w.runReports, config: f.config(f.here, release("2"), tables("null")), sent: []string{f.purgedHere},
			plan: purges, state: counts(6),
		},
	)
	if diff := cmp.Diff(map[string]int{"Sales cube": 2}, w.ready()); diff != "" {
		t.Errorf("the ready results at the end (-want +got):\n%s", diff)
	}
}

func TestWhichResultsAreInvalidated(t *testing.T) {
	t.Parallel()
	const report, document = "5e4d3c2b1a0f9e8d7c6b5a4f3e2d1c0b", "9F8E7D6C5B4A39281706F5E4D3C2B1A0"
	all := map[string]int{"Sales by store": 2, "Daily sales": 2, "Stock": 2, "Sales cube": 2}
	for sentence, c := range map[string]struct {
		filter object
		stay   []string
	}{
		"no filter selects everything except cubes": {object{}, []string{"Sales cube"}},
		"a table":                                {object{"warehouse_tables": list("D_STORE")}, []string{"Daily sales", "Stock", "Sales cube"}},
		"a table in another case":                {object{"warehouse_tables": list("f_Stock")}, []string{"Sales by store", "Daily sales", "Sales cube"}},
		"a report":                               {object{"content_ids": list(report)}, []string{"Daily sales", "Stock", "Sales cube"}},
		"a report and a document, and one table": {object{"content_ids": list(report, document), "warehouse_tables": list("F_SALES")}, []string{"Daily sales", "Stock", "Sales cube"}},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := &resourceOf{protocol: w.speak(t), kind: contentKind}
			if _, reported := r.apply(contentOf(c.filter)); len(reported) > 0 {
				t.Errorf("the apply returns %q", reported)
			}
			want := map[string]int{}
			for _, name := range c.stay {
				want[name] = all[name]
			}
			if diff := cmp.Diff(want, w.ready()); diff != "" {
				t.Errorf("the ready results (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAFilterThatChanges checks that a new filter drops the pending purge of the
// previous one.
func TestAFilterThatChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := &resourceOf{protocol: w.speak(t), kind: contentKind}
	sales := contentOf(object{"warehouse_tables": list("F_SALES"), "triggers": object{"load": "1"}})
	if _, reported := r.apply(sales); len(reported) > 0 {
		t.Fatalf("the create returns %q", reported)
	}
	w.runReports()
	sales["triggers"] = object{"load": "2"}
	w.MSTR.Fail("contents", 2, mstrtest.Error(http.StatusForbidden, "ERR014", "", "no privilege"))
	_, reported := r.apply(sales)
	if diff := cmp.Diff(any(object{"content": "triggered"}), r.state["pending"]); diff != "" || len(reported) != 1 {
		t.Fatalf("after a purge that is denied, pending is (-want +got):\n%s\nand the apply returns %q", diff, reported)
	}
	if r.state["invalidated"] != 4 {
		t.Errorf("after a purge that is denied, invalidated is %v, want 4 as before", r.state["invalidated"])
	}
	stock := contentOf(object{"warehouse_tables": list("F_STOCK"), "triggers": object{"load": "2"}})
	if _, reported := r.apply(stock); len(reported) > 0 {
		t.Errorf("the apply with another filter reports %q", reported)
	}
	if diff := cmp.Diff(map[string]int{"Sales by store": 2, "Daily sales": 2, "Sales cube": 2}, w.ready()); diff != "" {
		t.Errorf("the ready results after it (-want +got):\n%s", diff)
	}
	if r.state["pending"] != nil || r.state["invalidated"] != 2 {
		t.Errorf("the state has pending = %v and invalidated = %v, want null and 2", r.state["pending"], r.state["invalidated"])
	}
	w.Journal.Reset()
	if planned, reported := r.apply(stock); !cmp.Equal(planned, r.state) || len(reported) > 0 || len(w.purges()) > 0 {
		t.Errorf("another apply without changes returns %q", reported)
	}
}

func TestAFilterThatIsUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := &resourceOf{protocol: w.speak(t), kind: contentKind}
	config := contentOf(object{"warehouse_tables": list("F_SALES")})
	r.apply(config)
	for sentence, tables := range map[string]any{"a list": unknown{}, "an element": list("F_SALES", unknown{})} {
		planned, reported := r.plan(contentKind, r.state, contentOf(object{"warehouse_tables": tables}))
		if planned["invalidated"] != (unknown{}) || planned["last_purged_at"] != (unknown{}) || len(reported) > 0 {
			t.Errorf("%s that is unknown: invalidated = %v, last_purged_at = %v, diagnostics: %q", sentence, planned["invalidated"], planned["last_purged_at"], reported)
		}
		w.Journal.Reset()
		state, reported := r.protocol.apply(contentKind, r.state, planned, config)
		if sent := w.purges(); len(sent) > 0 || len(reported) > 0 || state["invalidated"] != 4 {
			t.Errorf("%s that turns out equal: sent %q, diagnostics: %q, invalidated = %v", sentence, sent, reported, state["invalidated"])
		}
	}
}

func TestTablesThatNoResultUses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.speak(t)
	config := contentOf(object{"warehouse_tables": list("f_sales", "F_SALE", "D_STORES")})
	_, reported := (&resourceOf{protocol: p, kind: contentKind}).apply(config)
	detail := "No cached result of project " + projectHex + " uses these tables:\n  D_STORES\n  F_SALE\n\n" +
		"Check the names in warehouse_tables. If they are correct, nobody has run a report on these tables since their results were last invalidated."
	if diff := cmp.Diff([]string{"warning: No cached result uses some warehouse tables: " + detail}, reported); diff != "" {
		t.Errorf("the diagnostics of the apply (-want +got):\n%s", diff)
	}
	w.runReports()
	progress, reported := p.invoke(t.Context(), contentKind, config)
	want := []string{"Sending 1 purge to MicroStrategy", detail, "MicroStrategy accepted 1 purge"}
	if diff := cmp.Diff(want, messages(progress)); diff != "" || len(reported) > 0 {
		t.Errorf("the messages of the action (-want +got):\n%s\nand %q", diff, reported)
	}
}

func TestManyTablesThatNoResultUses(t *testing.T) {
	t.Parallel()
	var tables []string
	for i := range 12 {
		tables = append(tables, fmt.Sprintf("T%02d", i))
	}
	got := unusedTables(projectHex, tables).detail
	if !strings.Contains(got, "\n  T00\n") || !strings.Contains(got, "\n  T09\n  and 2 others\n") {
		t.Errorf("the warning is %q", got)
	}
}

// TestOneNodeThatFails checks that the results on the other node are invalidated,
// and that the next apply purges both nodes.
func TestOneNodeThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := &resourceOf{protocol: w.speak(t), kind: contentKind}
	config := contentOf(object{"triggers": object{"load": "1"}})
	r.apply(config)
	w.runReports()

	config["triggers"] = object{"load": "2"}
	w.MSTR.FailNode("iserver-2", "invalidate", 1, mstrtest.Error(http.StatusForbidden, "ERR014", "", "no privilege"))
	_, reported := r.apply(config)
	if len(reported) != 1 || !containing("error: MicroStrategy denied permission", "on node iserver-2").MatchString(reported[0]) {
		t.Errorf("the apply returns %q, want one error that names the node", reported)
	}
	left := map[string]int{"Sales by store": 1, "Daily sales": 1, "Stock": 1, "Sales cube": 2}
	if diff := cmp.Diff(left, w.ready()); diff != "" {
		t.Errorf("the ready results after it (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(any(object{"content": "triggered"}), r.state["pending"]); diff != "" {
		t.Errorf("pending (-want +got):\n%s", diff)
	}

	w.runReports()
	w.Journal.Reset()
	if _, reported := r.apply(config); len(reported) > 0 || r.state["invalidated"] != 6 || r.state["pending"] != nil {
		t.Errorf("the next apply returns %q, and the state has invalidated = %v and pending = %v", reported, r.state["invalidated"], r.state["pending"])
	}
	nodes := make(map[string]bool)
	for _, e := range w.Journal.Select("invalidate") {
		nodes[e.Subject] = true
	}
	if !nodes["iserver-1"] || !nodes["iserver-2"] {
		t.Errorf("the next apply purges the nodes %v, want both nodes", nodes)
	}
}

// TestAnotherProjectCountsItsOwn changes the project. The previous one is purged
// with its own filter.
func TestAnotherProjectCountsItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.MSTR.Projects[1].ID
	w.MSTR.AddContentCache(mstrtest.ContentCache{
		Node: "iserver-1", Project: other, SourceID: projectHex, Source: "Other", Type: "report", WarehouseTables: []string{"F_STOCK"},
	})
	r := &resourceOf{protocol: w.speak(t), kind: contentKind}
	r.apply(contentOf(object{"warehouse_tables": list("F_SALES"), "purge_on_create": false, "purge_on_destroy": true}))
	_, reported := r.apply(object{"project_id": other, "warehouse_tables": list("F_STOCK"), "purge_on_destroy": true})
	if len(reported) > 0 || r.state["invalidated"] != 1 {
		t.Errorf("invalidated = %v, want the 1 of the other project; diagnostics: %q", r.state["invalidated"], reported)
	}
	if diff := cmp.Diff(map[string]int{"Stock": 2, "Sales cube": 2}, w.ready()); diff != "" {
		t.Errorf("the ready results (-want +got):\n%s", diff)
	}
}

func TestFiltersThatAreEqual(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := &resourceOf{protocol: w.speak(t), kind: contentKind}
	const a, b = "5e4d3c2b1a0f9e8d7c6b5a4f3e2d1c0b", "9F8E7D6C5B4A39281706F5E4D3C2B1A0"
	r.apply(contentOf(object{"warehouse_tables": list("F_SALES", "Übersicht"), "content_ids": list(a, b)}))
	w.Journal.Reset()
	for sentence, same := range map[string]object{
		"another order":     {"warehouse_tables": list("Übersicht", "F_SALES"), "content_ids": list(b, a)},
		"another case":      {"warehouse_tables": list("f_sales", "ÜBERSICHT"), "content_ids": list(strings.ToUpper(a), strings.ToLower(b))},
		"one of them twice": {"warehouse_tables": list("F_SALES", "Übersicht", "F_Sales"), "content_ids": list(a, a, b)},
	} {
		planned, reported := r.plan(contentKind, r.state, contentOf(same))
		if diff := cmp.Diff(r.state, planned); diff != "" || len(reported) > 0 {
			t.Errorf("%s is a change (-state +plan):\n%s\nand diagnostics: %q", sentence, diff, reported)
		}
	}
	for sentence, other := range map[string]object{
		"one table less":     {"warehouse_tables": list("F_SALES"), "content_ids": list(a, b)},
		"all tables":         {"content_ids": list(a, b)},
		"another content ID": {"warehouse_tables": list("F_SALES", "Übersicht"), "content_ids": list(a, projectHex)},
		"all content":        {"warehouse_tables": list("F_SALES", "Übersicht")},
		"a table as an ID":   {"warehouse_tables": list("F_SALES", "Übersicht", a), "content_ids": list(b)},
	} {
		if planned, _ := r.plan(contentKind, r.state, contentOf(other)); planned["invalidated"] != (unknown{}) {
			t.Errorf("%s is not a change", sentence)
		}
	}
}

func TestFiltersAreCheckedDuringPlanning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.speak(t)
	const secret = "pÄssw0rd" // can be the value of a sensitive variable, so it must not be shown
	const rule = "content_ids must contain IDs of 32 hexadecimal digits, without hyphens."
	for sentence, c := range map[string]struct {
		filter object
		want   string
	}{
		"no tables":                {object{"warehouse_tables": list()}, `error at AttributeName("warehouse_tables"): Empty warehouse_tables: warehouse_tables must not be empty. To purge the results of all tables, omit it.`},
		"no content IDs":           {object{"content_ids": list()}, `error at AttributeName("content_ids"): Empty content_ids: content_ids must not be empty. To purge the results of all reports, documents, and dashboards, omit it.`},
		"a null table":             {object{"warehouse_tables": list("A", nil)}, `error at AttributeName("warehouse_tables").ElementKeyInt(1): Null value in warehouse_tables: warehouse_tables[1] is null. Remove it, or set it to a value.`},
		"a null content ID":        {object{"content_ids": list(nil)}, `error at AttributeName("content_ids").ElementKeyInt(0): Null value in content_ids: content_ids[0] is null. Remove it, or set it to a value.`},
		"an empty table":           {object{"warehouse_tables": list("")}, `error at AttributeName("warehouse_tables").ElementKeyInt(0): Invalid warehouse_tables[0]: warehouse_tables must not contain an empty name.`},
		"a space":                  {object{"warehouse_tables": list("A", secret+" ")}, `error at AttributeName("warehouse_tables").ElementKeyInt(1): Invalid warehouse_tables[1]: warehouse_tables must not contain a name that begins or ends with a space.`},
		"a line break":             {object{"warehouse_tables": list(secret + "\nB")}, `error at AttributeName("warehouse_tables").ElementKeyInt(0): Invalid warehouse_tables[0]: warehouse_tables must not contain a name with a line break or another control character.`},
		"a name for an ID":         {object{"content_ids": list(projectHex, secret)}, `error at AttributeName("content_ids").ElementKeyInt(1): Invalid content_ids[1]: ` + rule},
		"next to an unknown value": {object{"content_ids": list(unknown{}, "B7CA92F0-4B9F-AE8D-941C-3E9B7E0CD754")}, `error at AttributeName("content_ids").ElementKeyInt(1): Invalid content_ids[1]: ` + rule},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			config := contentOf(c.filter)
			_, planned := p.plan(contentKind, nil, config)
			for command, reported := range map[string][]string{
				"plan": planned, "validate of the action": p.validateAction(contentKind, config), "plan of the action": p.planAction(contentKind, config),
			} {
				if diff := cmp.Diff([]string{c.want}, reported); diff != "" {
					t.Errorf("%s (-want +got):\n%s", command, diff)
				}
			}
		})
	}
	t.Cleanup(func() {
		if n := len(w.Journal.Entries()); n > 0 {
			t.Errorf("%d requests were sent", n)
		}
	})
}
