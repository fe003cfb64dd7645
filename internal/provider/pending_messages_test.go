// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
)

// rejects responds to the purges of some paths with a 400, and accepts the others.
func (w *world) rejects(reject func(path string) bool) {
	w.CDN.Fail("purge", -1, func(rw http.ResponseWriter, r *http.Request) {
		if p, _ := url.PathUnescape(r.URL.Query().Get("url")); reject(p) {
			cdntest.Error(http.StatusBadRequest, "the url is not valid")(rw, r)
			return
		}
		rw.WriteHeader(http.StatusAccepted)
	})
}

func TestTheErrorListsTenRejectedPaths(t *testing.T) {
	t.Parallel()
	for rejected, want := range map[int][]string{
		1:  {"error at AttributeName(\"url\"): Rackspace CDN rejected the purge: 19 of 20 purges were accepted. The next apply sends the remaining 1.", "/0000.css"},
		3:  {"error: Rackspace CDN rejected 3 purges: 17 of 20 purges were accepted. The next apply sends the remaining 3.", "  /0002.css: Rackspace CDN returned 400 Bad Request: the url is not valid"},
		12: {"error: Rackspace CDN rejected 12 purges: 8 of 20 purges were accepted. The next apply sends the remaining 12.", "  /0009.css: ", "\n  and 2 others"},
	} {
		t.Run(fmt.Sprint(rejected), func(t *testing.T) { //nolint:perfsprint // for people
			t.Parallel()
			w := newWorld(t)
			w.rejects(func(path string) bool { return path < fmt.Sprintf("/%04d", rejected) })
			_, _, reported := w.speak(t).deploy(nil, manyAssets(20, "1"))
			if len(reported) != 1 {
				t.Fatalf("diagnostics: %q", reported)
			}
			for _, text := range want {
				if !strings.Contains(reported[0], text) {
					t.Errorf("%q does not contain %q", reported[0], text)
				}
			}
			if rejected > maxNamed && strings.Contains(reported[0], "/0010.css") {
				t.Errorf("more than ten are named: %q", reported[0])
			}
			if !strings.HasSuffix(reported[0], "run terraform untaint first.") {
				t.Errorf("%q does not end with the advice for a create", reported[0])
			}
		})
	}
}

func TestTheWarningAboutAnEmptyMap(t *testing.T) {
	t.Parallel()
	const warning = `warning at AttributeName("assets"): No assets: `
	none, some := manyAssets(0, ""), manyAssets(2, "1")
	for sentence, c := range map[string]struct {
		prior, config object
		want          []string
	}{
		"a create":                   {nil, none, []string{warning}},
		"an update that removes all": {some, none, []string{warning}},
		"an update without assets before and after": {none, manyAssets(0, "", object{"purge_on_destroy": true}), nil},
		"a create with assets":                      {nil, some, nil},
		"an update that removes one":                {some, manyAssets(1, "1"), nil},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, reported := newWorld(t).speak(t).plan("purge_cdn_asset", c.prior, c.config)
			wantReported(t, "the plan", reported, c.want...)
		})
	}
}

func TestWarningsAboutPendingPurges(t *testing.T) {
	t.Parallel()
	p := newWorld(t).speak(t)
	const kind = "purge_cdn_asset"
	pending := manyAssets(3, "1", object{"id": cdntest.DeployedID, "pending": object{"/0000.css": "changed", "/0001.css": "added, failed"}})

	read, err := p.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: kind, CurrentState: p.packState(kind, pending)})
	p.must(err)
	wantReported(t, "a refresh", diagnosticLines(read.Diagnostics), "warning: Purges are still pending: 2 purges are still pending")

	plan := func(state object) []string {
		resp, err := p.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
			TypeName: kind, PriorState: p.packState(kind, state), ProposedNewState: p.packState(kind, nil), Config: p.packState(kind, nil),
		})
		p.must(err)
		return diagnosticLines(resp.Diagnostics)
	}
	wantReported(t, "the plan of a destroy", plan(pending), "warning: Pending purges are dropped: 2 purges are still pending. Destroying the resource drops pending purges.")
	pending["purge_on_destroy"] = true
	wantReported(t, "one that purges", plan(pending), "warning: The destroy sends purges: Because the purge_cdn_asset with the ID \"96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0\" has purge_on_destroy = true, destroying it sends 3 purges, which takes less than a minute.")

	delete(pending, "purge_on_destroy")
	_, reported := p.destroy(kind, pending)
	wantReported(t, "the destroy", reported, "warning: The resource was deleted with pending purges: ")
	if !strings.Contains(reported[0], "\n  /0000.css\n  /0001.css\n") {
		t.Errorf("%q does not name what is lost", reported[0])
	}
}
