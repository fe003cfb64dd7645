// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

// TestTheLifeOfAVerification applies random configurations to a site that changes
// at random. It compares every request and all pending items with the documented
// behavior.
func TestTheLifeOfAVerification(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		// rapid does not run in its own bubble.
		days := rapid.SliceOfN(drawDay(), 1, 12).Draw(rt, "days")
		visit(t, func(v *visited) {
			v.TTL = 1000 * time.Hour
			l := &verifiedLife{visited: v}
			for i, d := range days {
				if fault := l.live(d); fault != "" {
					rt.Errorf("day %d: %s", i, fault)
					return
				}
			}
		})
	})
}

// day contains the changes before an apply, and how Terraform applies.
type day struct {
	Files    map[string]string // at the origin, "" for no file
	Purged   []string          // at the edge
	Config   map[string]string // the expected bodies
	Triggers string
	PurgedAt int // 0: null
	Taint    bool
}

func drawDay() *rapid.Generator[day] {
	paths := rapid.SampledFrom([]string{"/a", "/b", "/c"})
	bodies := rapid.SampledFrom([]string{"", "1", "2"})
	return rapid.Custom(func(t *rapid.T) day {
		config := rapid.MapOfN(paths, rapid.SampledFrom([]string{"1", "2"}), 1, 3).Draw(t, "config")
		return day{
			Files: rapid.MapOf(paths, bodies).Draw(t, "files"), Purged: rapid.SliceOfDistinct(paths, rapid.ID).Draw(t, "purged"), Config: config,
			Triggers: rapid.SampledFrom([]string{"x", "x", "y"}).Draw(t, "triggers"), PurgedAt: rapid.SampledFrom([]int{0, 0, 1}).Draw(t, "purged at"),
			Taint: rapid.SampledFrom([]bool{false, false, true}).Draw(t, "taint"),
		}
	})
}

// verifiedLife is a verification with its expected state.
type verifiedLife struct {
	*visited
	state object

	before day               // the configuration in the state
	wants  map[string]string // the expected bodies that are not verified yet
	gone   map[string]string // the bodies that must be gone and are not verified yet
	failed bool              // the create failed, and nothing was applied since
}

// live changes the site, applies, and returns what is wrong.
func (l *verifiedLife) live(d day) string {
	l.serve(d)
	replaces := l.state != nil && (l.failed || d.Taint)
	wants, gone := l.expect(d, replaces)
	config := siteOf(digests(d.Config), object{"triggers": object{"x": d.Triggers}, "timeouts": object{"create": "1m", "update": "1m"}})
	if d.PurgedAt > 0 {
		// It is in the future, so no content is newer.
		config["purged_at"] = fmt.Sprintf("2099-01-01T00:00:%02dZ", d.PurgedAt)
	}
	prior := l.state
	if replaces {
		prior = nil
	}
	planned, _ := l.plan(verification, prior, config)
	if looks := l.looked(); looks != nil {
		return fmt.Sprint("the plan looks at ", looks)
	}
	if replaces {
		l.destroy(verification, l.state)
	}
	state, reported := l.apply(verification, prior, planned, config)
	looked := slices.Sorted(maps.Keys(l.looked()))
	if diff := cmp.Diff(slices.Sorted(maps.Keys(union(wants, gone))), looked); diff != "" {
		return "paths that were looked at (-want +got):\n" + diff
	}
	return l.compare(d, wants, gone, prior == nil, state, reported)
}

// serve changes the origin and the edge.
func (l *verifiedLife) serve(d day) {
	for path, body := range d.Files {
		if body == "" {
			l.Origin.Remove(path, 0)
		} else {
			l.Origin.Put(path, verifytest.File{Body: body}, 0)
		}
	}
	for _, path := range d.Purged {
		l.Purge(path)
	}
	time.Sleep(time.Minute)
}

// expect returns the paths that an apply has to verify.
func (l *verifiedLife) expect(d day, replaces bool) (wants, gone map[string]string) {
	alike := l.before.Triggers == d.Triggers && l.before.PurgedAt == d.PurgedAt
	changed := !maps.Equal(d.Config, l.before.Config)
	wants, gone = make(map[string]string), make(map[string]string)
	for path, body := range d.Config {
		_, waits := l.wants[path]
		_, removed := l.gone[path]
		skipped := l.before.Config[path] == body && !waits && !removed
		switch {
		case l.state == nil:
			skipped = false
		case replaces:
			skipped = skipped && alike && l.failed
		default:
			skipped = skipped && l.before.Triggers == d.Triggers && (changed || alike)
		}
		if !skipped {
			wants[path] = body
		}
	}
	if l.state == nil || replaces {
		return wants, gone
	}
	for path, body := range union(l.before.Config, l.gone) {
		if _, configured := d.Config[path]; !configured {
			gone[path] = body
		}
	}
	return wants, gone
}

// compare compares the result of an apply with the content of the edge.
func (l *verifiedLife) compare(d day, wants, gone map[string]string, creates bool, state object, reported []string) string {
	total := len(wants) + len(gone)
	maps.DeleteFunc(wants, func(path, body string) bool { return l.served(path, "") == body && l.served(path, "gzip") == body })
	maps.DeleteFunc(gone, func(path, body string) bool { return l.served(path, "") != body && l.served(path, "gzip") != body })
	l.Journal.Reset()
	open := len(wants) + len(gone)
	if (open > 0) != (len(reported) == 1 && strings.HasPrefix(reported[0], "error: ")) {
		return fmt.Sprintf("%d paths are open, and the apply reports %q", open, reported)
	}
	got, _ := state["pending"].(object)
	l.wants, l.gone = wants, gone
	nothing := total > 0 && open == total
	skipped := len(d.Config) + len(gone) - total
	switch {
	case creates && nothing && skipped == 0:
		l.state, l.before, l.wants, l.gone, l.failed = nil, day{}, nil, nil, false
		if state != nil {
			return fmt.Sprintf("a create of which nothing is proven leaves %v", state)
		}
		return ""
	case !nothing || creates:
		l.before = d
	}
	l.state, l.failed = state, creates && open > 0
	if diff := cmp.Diff(slices.Sorted(maps.Keys(union(wants, gone))), slices.Sorted(maps.Keys(got))); diff != "" {
		return "pending (-want +got):\n" + diff
	}
	return ""
}

// served returns the content that a visitor gets.
func (l *verifiedLife) served(path, encoding string) string {
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(l.t.Context(), http.MethodGet, path, http.NoBody)
	r.Header.Set("Accept-Encoding", encoding)
	l.ServeHTTP(w, r)
	var body io.Reader = w.Body
	if w.Header().Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(w.Body); err != nil {
			l.t.Fatal(err)
		}
	}
	text, err := io.ReadAll(body)
	if err != nil || w.Code != http.StatusOK {
		return ""
	}
	return string(text)
}

func union(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	if all == nil {
		all = make(map[string]string)
	}
	maps.Copy(all, b)
	return all
}
