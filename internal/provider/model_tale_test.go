// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// tale is a handwritten sequence about one resource and the purges that are sent.
// The oracle judges it too.
type tale struct {
	*player
	*slot
	t *testing.T
}

// tell plays a tale in virtual time. It begins with a configuration that is not
// applied yet.
func tell(t *testing.T, kind string, begins object, story func(x *tale)) {
	t.Helper()
	schemas, err := readSchemas()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		p := &player{core: newCore(schemas)}
		s := &slot{managed: managed{kind: kind, config: begins}, wanted: true}
		p.slots = []*slot{s}
		story(&tale{p, s, t})
		if err := p.end(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log("what happened:\n" + strings.Join(p.log, "\n"))
		}
	})
}

// then changes arguments, given as pairs of a name and a value. A nil value removes
// the argument. The name "asset:" followed by a path is an element of assets.
func (x *tale) then(pairs ...any) *tale {
	for i := 0; i < len(pairs); i += 2 {
		x.config = edited(x.config, edit{pairs[i].(string), pairs[i+1]}) //nolint:forcetypeassert // see above
	}
	return x
}

// while makes all requests for some paths, or for other keys, fail.
func (x *tale) while(how ill, keys ...string) *tale {
	_, want := wants(x.kind, x.config)
	for _, key := range keys {
		for t := range want {
			x.harm(thing{t.scope, key}, how, false)
		}
		if service, ok := x.config["service_id"].(string); ok {
			x.harm(thing{service, key}, how, false)
		}
	}
	return x
}

// sends applies and compares the paths, or other keys, for which purges were sent.
func (x *tale) sends(turn turn, want ...string) *tale {
	x.t.Helper()
	if err := x.take(turn); err != nil {
		x.t.Errorf("%s", err)
	}
	var got []string
	for _, a := range x.last.arrivals {
		got = append(got, a.key)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		x.t.Errorf("sent (-want +got):\n%s", diff)
	}
	return x
}

// fails applies, expects a failure, and then removes all faults.
func (x *tale) fails(turn turn) *tale {
	x.t.Helper()
	if err := x.take(turn); err != nil {
		x.t.Errorf("%s", err)
	}
	if len(x.last.errors) == 0 {
		x.t.Error("the apply succeeds")
	}
	x.heal()
	return x
}

// reports fails unless one of the last warnings or errors contains all of the texts.
func (x *tale) reports(words ...string) {
	x.t.Helper()
	for _, text := range append(x.last.reported, x.last.errors...) {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) }) {
			return
		}
	}
	x.t.Errorf("nothing contains %q: %q %q", words, x.last.reported, x.last.errors)
}

// sums fails unless the last plan had this summary.
func (x *tale) sums(want any) {
	x.t.Helper()
	if diff := cmp.Diff([]any{want}, x.last.summaries); diff != "" {
		x.t.Errorf("the summary (-want +got):\n%s", diff)
	}
}

// threeAssets returns /a, /b, and /c of one service.
func threeAssets(more ...any) object {
	c := object{"service_id": services[0], "assets": object{"/a": "1", "/b": "1", "/c": "1"}, "triggers": object{"r": "1"}}
	for i := 0; i < len(more); i += 2 {
		c = edited(c, edit{more[i].(string), more[i+1]}) //nolint:forcetypeassert // as in then
	}
	return c
}

func releasing(r string) object { return object{"r": r} }

var abc = []string{"/a", "/b", "/c"}

func numbered(n int) object {
	assets := object{}
	for i := range n {
		assets[fmt.Sprintf("/%03d", i)] = "1"
	}
	return assets
}

func hundred() object { return object{"service_id": services[0], "assets": numbered(100)} }

// paths returns the configured paths in order, without some of them.
func (x *tale) paths(without ...string) []string {
	var paths []string
	assets, _ := x.config["assets"].(object)
	for name := range assets {
		if !slices.Contains(without, name) {
			paths = append(paths, name)
		}
	}
	slices.Sort(paths)
	return paths
}

// accepted returns the keys whose purges were accepted in the last apply.
func (x *tale) accepted() []string {
	var keys []string
	for _, a := range x.last.arrivals {
		if a.accepted() {
			keys = append(keys, a.key)
		}
	}
	return keys
}

// stops applies while only n purges are accepted, and returns these.
func (x *tale) stops(n int) []string {
	x.t.Helper()
	x.allowed(n)
	defer x.allowed(0)
	if err := x.take(turn{}); err != nil || len(x.last.errors) == 0 || len(x.accepted()) != n {
		x.t.Errorf("an apply of which %d are accepted: %v, %v", n, err, x.last)
	}
	return x.accepted()
}

func (x *tale) onlyTo(scope string) {
	x.t.Helper()
	for _, a := range x.last.arrivals {
		if a.scope != scope {
			x.t.Errorf("%s was purged in %s", a.key, a.scope)
		}
	}
}
