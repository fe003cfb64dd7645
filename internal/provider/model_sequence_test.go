// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// A sequence is drawn as data before it is played, so rapid can shrink and
// show a failing one.

// sequence is a history of a configuration with one or two resources.
type sequence struct {
	kinds   []string
	aliases []string
	turns   []turn
}

// turn is everything that happens between two applies, with the options of the
// second one.
type turn struct {
	slot  int
	edits []edit
	verb  string // "", taint, untaint, replace, destroy, import, move
	value string // of an import or a move
	// ills are added to the existing faults, unless heal removes these first.
	heal bool
	ills []harm
	// unknown contains the arguments that are unknown during planning. blind means
	// that the credentials are.
	unknown []string
	blind   bool
	ignore  []string
	// createFirst is create_before_destroy.
	createFirst bool
	stale       bool // -refresh=false
	// order chooses among the operations that can come next.
	order []int
	// interrupt is the number of the purge during which Ctrl-C is pressed. crash is
	// the number of the operation during which the provider is killed. 0 means
	// none. gap makes a dependency between a delete and its create fail.
	interrupt, crash int
	gap              bool
}

type edit struct {
	name  string
	value any
}

type harm struct {
	thing thing
	ill   ill
	once  bool
}

// GoString is the text with which rapid shows a drawn sequence.
func (s sequence) GoString() string { return "as shown" }

func (s sequence) String() string {
	var b strings.Builder
	for i, kind := range s.kinds {
		fmt.Fprintf(&b, "  %d: %s %s\n", i, kind, s.aliases[i])
	}
	for i, t := range s.turns {
		fmt.Fprintf(&b, "  turn %d of %d:", i+1, t.slot)
		v := reflect.ValueOf(t)
		for f := range v.NumField() {
			if field := v.Field(f); f > 0 && !field.IsZero() && (field.Kind() != reflect.Slice || field.Len() > 0) {
				fmt.Fprintf(&b, " %s:%v", v.Type().Field(f).Name, field)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

var (
	installs = []string{wpenginetest.New().Install("acmeprod").ID, wpenginetest.New().Install("acmestage").ID}
	services = []string{cdntest.DeployedID, cdntest.OtherID}
	// projects contains the loaded default projects.
	loaded = []string{projectHex, "CE52831411E696C8BD2F0080EFD5AF44"}
)

// universe contains the first configuration of a type, and the possible edits.
type universe struct {
	start   object
	edits   []edit
	scopes  []string
	keys    []string
	unknown []string
	ids     []string
}

var (
	someTriggers = []edit{
		{"triggers", object{"r": "1"}}, {"triggers", object{"r": "2"}}, {"triggers", nil}, {"triggers", object{"r": "2", "s": "1"}},
	}
	someSwitches = []edit{
		{"purge_on_destroy", true},
		{"purge_on_destroy", nil},
		{"purge_on_destroy", false},
		{"purge_on_create", false},
		{"purge_on_create", nil},
		{"timeouts", object{"update": "30m"}},
		{"timeouts", nil},
	}
)

var universes = map[string]universe{
	"purge_cdn_asset": {
		start: object{"service_id": services[0], "assets": object{"/a": "1", "/b": "1", "/c": "1"}, "triggers": object{"r": "1"}},
		edits: slices.Concat(someTriggers, []edit{
			{"asset:/a", "2"},
			{"asset:/b", nil},
			{"asset:/b", "1"},
			{"asset:/b", "2"},
			{"asset:/c", nil},
			{"asset:/d ü", "1"},
			{"asset:/d%20%c3%bc", "1"},
			{"asset:/w/*", "1"},
			{"asset:/a", nil},
			{"asset:/a", "1"},
			{"assets", nil},
			{"hard", false},
			{"hard", true},
			{"hard", nil},
			{"service_id", services[1]},
			{"service_id", services[0]},
			{"service_id", strings.ToUpper(services[0])},
			{"url", "/a"},
			{"url", "/b"},
			{"url", "/d ü"},
			{"url", "/d%20%C3%BC"},
			{"assets", object{"/a": "1", "/b": "1", "/c": "1"}},
			{"assets", object{"/b": "1"}},
			{"wait_until_deployed", false},
		}, someSwitches),
		scopes: services, keys: []string{"/a", "/b", "/c", "/d%20%C3%BC", "/w/*", "/*", ""},
		unknown: []string{"triggers", "triggers.r", "assets", "assets./a", "assets./b", "url", "service_id", "hard", "wildcard_threshold", "purge_on_destroy", "purge_on_create", "wait_until_deployed"},
		ids:     []string{services[0], services[1], services[0] + "/a", strings.ToUpper(services[0]) + "/b"},
	},
	"purge_http_cache": {
		start: object{"host": "www.example.com", "assets": object{"/a": "1", "/b": "1", "/c": "1"}, "triggers": object{"r": "1"}},
		edits: slices.Concat(someTriggers, []edit{
			{"asset:/a", "2"},
			{"asset:/b", nil},
			{"asset:/b", "2"},
			{"asset:/d ü", "1"},
			{"asset:/d%20%c3%bc", "1"},
			{"assets", nil},
			{"host", "static.example.com"},
			{"host", "www.example.com"},
			{"host", "WWW.example.com"},
			{"url", "/a"},
			{"url", "/d ü"},
			{"url", "/d%20%C3%BC"},
			{"assets", object{"/a": "1", "/b": "1", "/c": "1"}},
		}, someSwitches),
		scopes: []string{"www.example.com", "static.example.com"}, keys: []string{"/a", "/b", "/c", "/d%20%C3%BC", ""},
		unknown: []string{"triggers", "triggers.r", "assets", "assets./a", "url", "host", "purge_on_destroy", "purge_on_create"},
		ids:     []string{"www.example.com", "static.example.com", "www.example.com/a", "WWW.example.com/b"},
	},
	"purge_wpengine_cache": {
		start: object{"install_id": installs[0], "cache_type": "page", "triggers": object{"r": "1"}},
		edits: slices.Concat(someTriggers, []edit{
			{"install_id", installs[1]}, {"install_id", installs[0]}, {"install_id", strings.ToUpper(installs[0])}, {"cache_type", "cdn"}, {"cache_type", "page"}, {"cache_type", "object"},
		}, someSwitches),
		scopes: installs, keys: []string{"page", "cdn", "object", ""},
		unknown: []string{"triggers", "triggers.r", "install_id", "cache_type", "purge_on_destroy", "purge_on_create"},
		ids:     []string{installs[0] + "/page", installs[1] + "/page"},
	},
	"purge_mstr_cache": {
		start: object{"project_id": loaded[0], "cache_type": "element", "triggers": object{"r": "1"}},
		edits: slices.Concat(someTriggers, []edit{
			{"project_id", loaded[1]}, {"project_id", loaded[0]}, {"project_id", strings.ToLower(loaded[0])}, {"cache_type", "object"}, {"cache_type", "element"},
		}, someSwitches),
		scopes: loaded, keys: []string{"element", "object", ""},
		unknown: []string{"triggers", "triggers.r", "project_id", "cache_type", "purge_on_destroy", "purge_on_create"},
		ids:     []string{loaded[0] + "/element", loaded[1] + "/element"},
	},
	"purge_mstr_content_cache": {
		start: object{"project_id": loaded[0], "warehouse_tables": []any{"F_SALES", "D_STORE"}, "triggers": object{"r": "1"}},
		edits: slices.Concat(someTriggers, []edit{
			{"project_id", loaded[1]},
			{"project_id", loaded[0]},
			{"project_id", strings.ToLower(loaded[0])},
			{"warehouse_tables", []any{"F_SALES"}},
			{"warehouse_tables", []any{"d_store", "F_SALES"}},
			{"warehouse_tables", nil},
			{"content_ids", []any{projectHex}},
			{"content_ids", nil},
		}, someSwitches),
		scopes: loaded, keys: []string{"content", ""},
		unknown: []string{"triggers", "triggers.r", "project_id", "warehouse_tables", "content_ids", "purge_on_destroy", "purge_on_create"},
		ids:     []string{loaded[0] + "/content", loaded[1] + "/content"},
	},
}

// edited returns a valid configuration after an edit.
func edited(c object, e edit) object {
	next := maps.Clone(c)
	path, isAsset := strings.CutPrefix(e.name, "asset:")
	switch {
	case isAsset:
		assets, many := c["assets"].(object)
		if !many {
			return next
		}
		assets = maps.Clone(assets)
		for other := range assets {
			if keyOf(other) == keyOf(path) {
				delete(assets, other) // two spellings of one path are an error
			}
		}
		if e.value != nil {
			assets[path] = e.value
		}
		next["assets"] = assets
	case e.name == "url":
		next["url"] = e.value
		delete(next, "assets")
	case e.name == "assets":
		delete(next, "url")
		if next["assets"] = e.value; e.value == nil {
			next["assets"] = object{}
		}
	default:
		next[e.name] = e.value
	}
	if assets, many := next["assets"].(object); many && next["hard"] != false && assets["/w/*"] != nil {
		assets = maps.Clone(assets)
		delete(assets, "/w/*") // a hard purge supports no wildcard
		next["assets"] = assets
	}
	if next["url"] != nil {
		delete(next, "wildcard_threshold") // it is only valid with assets
	}
	for name, v := range next {
		if v == nil {
			delete(next, name)
		}
	}
	return next
}

// blinded returns a configuration in which arguments are unknown.
func blinded(c object, names []string) object {
	next := maps.Clone(c)
	for _, name := range names {
		attribute, element, inside := strings.Cut(name, ".")
		values, isMap := next[attribute].(object)
		switch {
		case !inside && (attribute == "url" || attribute == "assets" || attribute == "wildcard_threshold") && c[attribute] == nil:
			// otherwise, arguments that exclude each other could be set
		case !inside:
			next[name] = unknown{}
		case isMap && values[element] != nil:
			values = maps.Clone(values)
			values[element] = unknown{}
			next[attribute] = values
		}
	}
	return next
}

var (
	drawnSequence  = rapid.Custom(func(rt *rapid.T) sequence { return drawSequence(rt, false) })
	simpleSequence = rapid.Custom(func(rt *rapid.T) sequence { return drawSequence(rt, true) })
)

func oneIn(rt *rapid.T, n int, what string) bool {
	return rapid.IntRange(0, n-1).Draw(rt, what) == n-1
}

func drawSequence(rt *rapid.T, simple bool) sequence {
	kinds := []string{"purge_cdn_asset", "purge_cdn_asset", "purge_cdn_asset", "purge_http_cache", "purge_wpengine_cache", "purge_mstr_cache", "purge_mstr_content_cache"}
	s := sequence{kinds: []string{rapid.SampledFrom(kinds).Draw(rt, "type")}, aliases: []string{""}}
	if !simple && oneIn(rt, 4, "two") {
		s.kinds = append(s.kinds, rapid.SampledFrom([]string{s.kinds[0], "purge_cdn_asset"}).Draw(rt, "second type"))
		s.aliases = append(s.aliases, rapid.SampledFrom([]string{"", "b"}).Draw(rt, "alias"))
	}
	for range rapid.IntRange(1, 7).Draw(rt, "turns") {
		s.turns = append(s.turns, drawTurn(rt, s.kinds, simple))
	}
	return s
}

// leave moves a resource to another identity, often with purge_on_destroy true or
// unknown. These cases are rare by chance and error-prone.
func (t *turn) leave(rt *rapid.T, u universe) {
	moves := slices.DeleteFunc(slices.Clone(u.edits), func(e edit) bool {
		return !slices.Contains([]string{"service_id", "url", "assets", "install_id", "project_id", "cache_type"}, e.name)
	})
	t.edits = append(t.edits, rapid.SampledFrom(moves).Draw(rt, "to"), rapid.SampledFrom([]edit{
		{"purge_on_destroy", true}, {"purge_on_destroy", true}, {"purge_on_destroy", nil},
	}).Draw(rt, "purge_on_destroy"))
	if rapid.Bool().Draw(rt, "unknown purge_on_destroy") {
		t.unknown = append(t.unknown, "purge_on_destroy")
	}
}

// simplified returns the turn for the real terraform, without anything that takes
// minutes of real time or that the oracle cannot distinguish from outside.
func simplified(t turn) turn {
	t.edits = slices.DeleteFunc(t.edits, func(e edit) bool {
		return e.name == "hard" || e.name == "wildcard_threshold" || e.name == "purge_on_destroy" || e.value == "object"
	})
	t.ills = slices.DeleteFunc(t.ills, func(h harm) bool {
		return h.once || h.ill == illLimited || h.ill == illCut || h.ill == illLost // these two look like an outage
	})
	t.createFirst = false
	if t.verb == "move" {
		t.verb = ""
	}
	return t
}

func drawTurn(rt *rapid.T, kinds []string, simple bool) turn {
	t := turn{slot: rapid.IntRange(0, len(kinds)-1).Draw(rt, "slot")}
	u := universes[kinds[t.slot]]
	for range rapid.IntRange(0, 3).Draw(rt, "edits") {
		t.edits = append(t.edits, rapid.SampledFrom(u.edits).Draw(rt, "edit"))
	}
	if oneIn(rt, 4, "leaves") {
		t.leave(rt, u)
	}
	for range rapid.IntRange(0, 2).Draw(rt, "ills") {
		t.ills = append(t.ills, harm{
			thing{rapid.SampledFrom(u.scopes).Draw(rt, "scope"), rapid.SampledFrom(u.keys).Draw(rt, "key")},
			rapid.SampledFrom(ills).Draw(rt, "ill"), oneIn(rt, 4, "once"),
		})
	}
	for _, e := range t.edits {
		if path, isAsset := strings.CutPrefix(e.name, "asset:"); isAsset && oneIn(rt, 2, "fails") {
			t.ills = append(t.ills, harm{thing{u.scopes[0], keyOf(path)}, rapid.SampledFrom(ills).Draw(rt, "how"), false})
		}
	}
	t.heal = rapid.Bool().Draw(rt, "heal")
	verbs := []string{"", "", "", "", "", "", "taint", "replace", "destroy", "untaint", "import", "move"}
	switch t.verb = rapid.SampledFrom(verbs).Draw(rt, "verb"); t.verb {
	case "import":
		t.value = rapid.SampledFrom(u.ids).Draw(rt, "id")
	case "move":
		t.value = rapid.SampledFrom([]string{"1", "2", "3"}).Draw(rt, "former trigger")
	}
	if kinds[t.slot] == "purge_cdn_asset" && oneIn(rt, 5, "ignores") {
		t.ignore = rapid.SampledFrom([][]string{{"assets"}, {"triggers"}, {"assets", "triggers"}, {"hard"}}).Draw(rt, "ignore_changes")
	}
	t.createFirst = oneIn(rt, 6, "create_before_destroy")
	if simple {
		return simplified(t)
	}
	if oneIn(rt, 3, "unknown") {
		t.unknown = append(t.unknown, rapid.SliceOfN(rapid.SampledFrom(u.unknown), 1, 3).Draw(rt, "unknown arguments")...)
	}
	t.blind = oneIn(rt, 5, "blind")
	t.stale = oneIn(rt, 4, "stale")
	t.order = rapid.SliceOfN(rapid.IntRange(0, 5), 0, 6).Draw(rt, "order")
	if oneIn(rt, 6, "interrupts") {
		t.interrupt = rapid.IntRange(1, 4).Draw(rt, "interrupt")
	}
	if oneIn(rt, 12, "crashes") {
		t.crash = rapid.IntRange(1, 3).Draw(rt, "crash")
	}
	t.gap = oneIn(rt, 12, "gap")
	return t
}
