// SPDX-License-Identifier: MPL-2.0

package cdn_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
)

func TestCover(t *testing.T) {
	t.Parallel()
	for sentence, test := range map[string]struct {
		paths []string
		want  string
	}{
		"no path":                            {nil, ""},
		"a single path":                      {[]string{"/a"}, "/a"},
		"the same path twice":                {[]string{"/a", "/a"}, "/a"},
		"a single pattern":                   {[]string{"/a/*.css"}, "/a/*.css"},
		"a directory and a subdirectory":     {[]string{"/css/a.css", "/css/b/c.css"}, "/css/*"},
		"no common directory":                {[]string{"/a", "/b/c"}, "/*"},
		"a directory is no prefix of a name": {[]string{"/css/a", "/css2/a"}, "/*"},
		"files with a common prefix":         {[]string{"/app.js", "/app.css"}, "/*"},
		"deep paths":                         {[]string{"/a/b/c/1", "/a/b/c/2", "/a/b/d/3"}, "/a/b/*"},
		"a page and its directory":           {[]string{"/a/index.html", "/a/"}, "/a/*"},
		"a page and its name":                {[]string{"/a", "/a/"}, "/*"},
		"a pattern counts up to its first *": {[]string{"/a/b*/c/d", "/a/b/c/d"}, "/a/*"},
		"a pattern in a directory":           {[]string{"/a/b/*", "/a/b/c"}, "/a/b/*"},
		"two patterns":                       {[]string{"/img*", "/img/*"}, "/*"},
		"the whole site":                     {[]string{"/*", "/a/b"}, "/*"},
		"the whole site without a slash":     {[]string{"*", "/a/b"}, "*"},
		"bytes are compared":                 {[]string{"/%c3/a", "/%C3/b"}, "/*"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			diff(t, "the pattern", test.want, cdn.Cover(test.paths...))
		})
	}
}

// TestCoverProperties tests what the client relies on when it widens a pattern in
// steps: the order does not matter, and the pattern covers every path.
func TestCoverProperties(t *testing.T) {
	t.Parallel()
	path := rapid.StringMatching(`(/[ab*]{0,2}){1,4}`)
	rapid.Check(t, func(rt *rapid.T) {
		paths := rapid.SliceOfN(path, 1, 6).Draw(rt, "paths")
		pattern := cdn.Cover(paths...)
		for _, p := range paths {
			if prefix, found := strings.CutSuffix(pattern, "*"); p != pattern && (!found || !strings.HasPrefix(p, prefix)) {
				rt.Errorf("%q does not cover %q", pattern, p)
			}
		}
		rand.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		if again := cdn.Cover(paths...); again != pattern {
			rt.Errorf("in another order %q becomes %q", pattern, again)
		}
		cut := rapid.IntRange(0, len(paths)-1).Draw(rt, "cut")
		if steps := cdn.Cover(append(paths[cut:], cdn.Cover(paths[:cut]...))...); cut > 0 && steps != pattern {
			rt.Errorf("in two steps %q becomes %q", pattern, steps)
		}
	})
}
