// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
)

// sent returns the requests for tasks, by phase: a path, or "soft" and a pattern.
func sent(m *cdnAssetModel, names ...string) [][]string {
	tasks := make([]task, len(names))
	for i, name := range names {
		tasks[i] = task{key: m.key(name), name: name, reason: reasonChanged}
	}
	var all [][]string
	for _, phase := range m.requests(tasks) {
		var words []string
		for _, r := range phase {
			word := r.name
			if r.soft {
				word = "soft " + word
			}
			words = append(words, word)
		}
		all = append(all, words)
	}
	return all
}

func TestTheRequestsForAssets(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		model *cdnAssetModel
		names []string
		want  [][]string
	}{
		"hard purges, one each":                      {assetModel(nil), []string{"/a", "/b/ü"}, [][]string{{"/a", "/b/ü"}}},
		"one soft purge":                             {assetModel(nil, soft), []string{"/css/a.css", "/css/b/ü.css"}, [][]string{{"soft /css/*"}}},
		"of one path":                                {assetModel(nil, soft), []string{"/css/ü.css"}, [][]string{{"soft /css/%C3%BC.css"}}},
		"of wildcards":                               {assetModel(nil, soft), []string{"/css/*", "/css/a.css"}, [][]string{{"soft /css/*"}}},
		"a query is ignored":                         {assetModel(nil, soft), []string{"/css/a.css?v=1"}, [][]string{{"soft /css/a.css"}}},
		"as many as the threshold":                   {assetModel(nil, threshold(2)), []string{"/a", "/b"}, [][]string{{"/a", "/b"}}},
		"more than the threshold":                    {assetModel(nil, threshold(2)), []string{"/x/a", "/x/b", "/x/c"}, [][]string{{"soft /x/*"}}},
		"removed wildcards, after the hard purges":   {assetModel(nil), []string{"/img/*", "/a", "/img/old/*"}, [][]string{{"/a"}, {"soft /img/*"}}},
		"an invalid path is not part of the pattern": {assetModel(nil, soft), []string{"/../a", "/css/a"}, [][]string{{"/../a"}, {"soft /css/a"}}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, sent(test.model, test.names...)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAPathThatCannotBeSentIsRemovable has a state with a path that an older
// version accepted and that no edge can store.
func TestAPathThatCannotBeSentIsRemovable(t *testing.T) {
	t.Parallel()
	for _, hard := range []bool{true, false} {
		w := newWorld(t)
		w.CDN.DeployTime = 0
		p := w.speak(t)
		const kind = "purge_cdn_asset"
		state := object{
			"id": cdntest.DeployedID, "service_id": cdntest.DeployedID, "hard": hard, "purge_on_create": true,
			"assets": object{"/./dist/a.css": "1", "/b.css": "1"},
		}
		config := object{"service_id": cdntest.DeployedID, "hard": hard, "assets": object{"/b.css": "2"}}
		planned, reported := p.plan(kind, state, config)
		wantReported(t, "the plan", reported)
		state, reported = p.apply(kind, state, planned, config)
		wantReported(t, "the apply", reported, "warning: Rejected paths are dropped: ")
		if !strings.Contains(reported[0], "/./dist/a.css: ") {
			t.Errorf("the warning does not name the path: %q", reported)
		}
		w.compareSent(t, step{name: "the apply", sent: journaled(hard, 202, "/b.css")})
		if again, _ := p.plan(kind, state, config); !cmp.Equal(state, again) {
			t.Errorf("the next plan is not empty:\n%s", cmp.Diff(state, again))
		}
	}
}

func TestTheWarningAboutADirectoryThatIsAPage(t *testing.T) {
	t.Parallel()
	const warning = `warning at AttributeName("url"): url is one page, not a directory: `
	page := object{"service_id": cdntest.DeployedID, "url": "/images/", "hard": false}
	with := func(name string, value any) object {
		o := object{name: value}
		for key, v := range page {
			if _, own := o[key]; !own {
				o[key] = v
			}
		}
		return o
	}
	for sentence, c := range map[string]struct {
		config object
		want   []string
	}{
		"a soft purge":               {page, []string{warning}},
		"a hard purge":               {with("hard", true), nil},
		"a pattern":                  {with("url", "/images/*"), nil},
		"a create that only records": {with("purge_on_create", false), nil},
		"a path in assets":           {object{"service_id": cdntest.DeployedID, "assets": object{"/images/": "1"}, "hard": false}, nil},
		"a query":                    {with("url", "/a?v=1"), []string{`error at AttributeName("url"): Invalid path of an asset: `}},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, reported := newWorld(t).speak(t).plan("purge_cdn_asset", nil, c.config)
			wantReported(t, "the plan", reported, c.want...)
		})
	}
}
