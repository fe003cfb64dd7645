// SPDX-License-Identifier: MPL-2.0

package urlpath_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

func TestFromFile(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"index.html":                 "/index.html",
		"posts/foo/index.html":       "/posts/foo/index.html",
		"über uns.html":              "/%C3%BCber%20uns.html",
		"C# 100%?.html":              "/C%23%20100%25%3F.html",
		"%41%C3.html":                "/%2541%25C3.html",
		` a /"<>^{}` + "`" + `.txt `: "/%20a%20/%22%3C%3E%5E%7B%7D%60.txt%20",
		".well-known/...":            "/.well-known/...",
		"%2e/a":                      "/%252e/a",
		"www.example.com/a":          "/www.example.com/a",
		"https://a":                  "",
		"":                           "",
		"/a":                         "",
		"a/":                         "",
		"a//b":                       "",
		"./a":                        "",
		"a/../b":                     "",
		`a\b`:                        "",
		"a\nb":                       "",
	} {
		path, err := urlpath.FromFile(name)
		diff(t, fmt.Sprintf("the path of %q", name), want, path)
		diff(t, fmt.Sprintf("%q is an error", name), want == "", err != nil)
	}
	_, err := urlpath.FromFile(`a\b`)
	diff(t, "the error of a backslash", `must not contain a backslash. Use "a/b"`, fmt.Sprint(err))
}

// FuzzFromFile tests every name: its path is valid, already encoded, and not the
// path of another name.
func FuzzFromFile(f *testing.F) {
	for _, seed := range []string{"a/b.html", " a /#?%25.txt ", "%2e%2e/%", "ü\u00a0/'", "a,/b", "://"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		path, err := urlpath.FromFile(name)
		if err != nil {
			return
		}
		if encoded, err := urlpath.EncodePattern(path); err != nil || encoded != path {
			t.Errorf("%q became %q and then %q, %v", name, path, encoded, err)
		}
		if strings.ContainsAny(path, "?#") {
			t.Errorf("%q became %q", name, path)
		}
		if other, err := urlpath.FromFile(path[1:]); err == nil && other == path && name != path[1:] {
			t.Errorf("%q and %q both became %q", name, path[1:], path)
		}
	})
}
