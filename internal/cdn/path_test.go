// SPDX-License-Identifier: MPL-2.0

package cdn_test

import (
	"fmt"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

// paths contain characters that have a meaning in the query of the request.
var paths = map[string]string{
	"a plain path":                       "/images/logo.png",
	"the root":                           "/",
	"escapes":                            "/%C2%A2%c2%a2.png",
	"an encoded space":                   "/a%20b",
	"a plus is not a space":              "/a+b",
	"an ampersand does not end the path": "/a&b&hard=false",
	"nor does a semicolon":               "/a;b",
	"an equals sign":                     "/a=b",
	"an encoded percent sign":            "/100%25",
	"an encoded slash":                   "/a%2Fb",
	"an encoded #":                       "/a%23b",
	"a path with a query":                "/a.js?v=1&w=2",
	"a URL in the query":                 "/a?u=https://example.com/",
	"quotes and brackets, which stay":    "/'[]|",
}

func TestThePathArrivesUnchanged(t *testing.T) {
	t.Parallel()
	for sentence, path := range paths {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				if err := w.purge(hard(path)); err != nil {
					t.Fatal(err)
				}
				diff(t, "purges", []cdntest.Purge{{
					Time: w.Began, Service: cdntest.DeployedID, URL: path, Hard: true,
				}}, w.Purges())
			})
		})
	}
}

// TestPathsOfEachKindOfPurge tests the paths that only one kind of purge accepts.
func TestPathsOfEachKindOfPurge(t *testing.T) {
	t.Parallel()
	const (
		wildcard = "must not contain a wildcard in a hard purge, because the CDN accepts it and purges nothing. To invalidate all matching assets, set hard = false"
		query    = "must not contain a query in a soft purge, because the CDN matches the path without the query. Use %q to invalidate it with every query, or set hard = true"
	)
	type result struct{ Encoded, Err string }
	tests := map[string]struct {
		path       string
		hard, soft result
	}{
		"a path":                   {"/ü", result{"/%C3%BC", ""}, result{"/%C3%BC", ""}},
		"the page of a directory":  {"/images/", result{"/images/", ""}, result{"/images/", ""}},
		"a wildcard":               {"/a/*", result{"", wildcard}, result{"/a/*", ""}},
		"a query":                  {"/ü?v=1", result{"/%C3%BC?v=1", ""}, result{"", fmt.Sprintf(query, "/%C3%BC")}},
		"an empty query":           {"/?", result{"/?", ""}, result{"", fmt.Sprintf(query, "/")}},
		"a wildcard and a query":   {"/a*?*", result{"", wildcard}, result{"", fmt.Sprintf(query, "/a*")}},
		"an encoded question mark": {"/a%3Fb", result{"/a%3Fb", ""}, result{"/a%3Fb", ""}},
		"an invalid path for both": {"a*?b", result{"", `must start with a slash. Use "/a*?b"`}, result{"", `must start with a slash. Use "/a*?b"`}},
		"a segment that is a dot":  {"/./a", result{"", dots}, result{"", dots}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			for hard, want := range map[bool]result{true: test.hard, false: test.soft} {
				var got result
				var err error
				if got.Encoded, err = cdn.EncodePath(test.path, hard); err != nil {
					got.Err = err.Error()
				}
				diff(t, fmt.Sprintf("with hard = %t", hard), want, got)
			}
		})
	}
}

const dots = `must not contain "." or ".." as a segment, because clients remove these before they request a path. Use "/a"`

func TestThePatternOfADirectory(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"/": "/*", "/images/": "/images/*", "/images": "", "/images/*": ""} {
		pattern, ok := cdn.DirectoryPattern(path)
		diff(t, "a directory: "+path, want != "", ok)
		if ok {
			diff(t, "the pattern of "+path, want, pattern)
		}
	}
}

func TestAPurgeWithoutAPathIsNotSent(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		diff(t, "the error", errorFields{Err: "a purge without a path purges everything"}, fieldsOf(w.purge(hard(""))))
		diff(t, "requests", 0, len(w.Journal.Entries()))
	})
}

// FuzzPath tests that any encoded path arrives unchanged at the server, which
// parses the query by rules of its own.
func FuzzPath(f *testing.F) {
	for _, seed := range paths {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		encoded, err := urlpath.Encode(path)
		if err != nil || len(path) > 2000 {
			return
		}
		inWorld(t, func(t *testing.T, w *world) {
			if err := w.purge(hard(encoded)); err != nil {
				t.Fatal(err)
			}
			diff(t, "the path", encoded, w.Purges()[0].URL)
		})
	})
}
