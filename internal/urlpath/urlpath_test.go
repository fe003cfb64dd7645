// SPDX-License-Identifier: MPL-2.0

package urlpath_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

// paths contains valid paths with their encoding.
var paths = map[string]struct{ path, want string }{
	"a plain path":                               {"/images/logo.png", "/images/logo.png"},
	"the root":                                   {"/", "/"},
	"non-ASCII is encoded":                       {"/\u00a2.png", "/%C2%A2.png"},
	"escapes stay as they are":                   {"/%C2%A2.png", "/%C2%A2.png"},
	"also in lower case":                         {"/%c2%a2.png", "/%c2%a2.png"},
	"a space is encoded":                         {"/a b", "/a%20b"},
	"a plus is not a space":                      {"/a+b", "/a+b"},
	"an ampersand does not end the path":         {"/a&b&hard=false", "/a&b&hard=false"},
	"nor does a semicolon":                       {"/a;b", "/a;b"},
	"an equals sign":                             {"/a=b", "/a=b"},
	"a percent sign that encodes nothing":        {"/100%", "/100%25"},
	"a percent sign before one digit":            {"/%2", "/%252"},
	"a percent sign with no hex digits":          {"/%zz", "/%25zz"},
	"a percent sign before an escape":            {"/%%41", "/%25%41"},
	"an encoded percent sign":                    {"/%2541", "/%2541"},
	"an encoded slash stays encoded":             {"/a%2Fb", "/a%2Fb"},
	"a file name with #, as the error advises":   {"/a%23b", "/a%23b"},
	"a query is part of the path":                {"/a.js?v=1&w=2", "/a.js?v=1&w=2"},
	"a URL in the query stays":                   {"/a?u=https://example.com/", "/a?u=https://example.com/"},
	"a colon":                                    {"/a:b//c", "/a:b//c"},
	"dots that are not a segment":                {"/.well-known/a..b/...", "/.well-known/a..b/..."},
	"dots in the query":                          {"/a?b=/../c", "/a?b=/../c"},
	"dots next to an encoded slash":              {"/a%2F../b", "/a%2F../b"},
	"characters that browsers encode in a path":  {"/\"<>^`{}", "/%22%3C%3E%5E%60%7B%7D"},
	"characters that browsers keep in a path":    {"/!$&'()+,-.:;=@[]_|~", "/!$&'()+,-.:;=@[]_|~"},
	"characters that browsers encode in a query": {`/?"<>'`, "/?%22%3C%3E%27"},
	"characters that browsers keep in a query":   {"/?!$&()+,-./:;=?@[\\]^_`{|}~", "/?!$&()+,-./:;=?@[\\]^_`{|}~"},
	"an encoded backslash":                       {"/a%5Cb", "/a%5Cb"},
	"encoded spaces at the ends":                 {"/%20a/%20", "/%20a/%20"},
	"a comma and a space":                        {"/Smith, John.html", "/Smith,%20John.html"},
	"two slashes inside":                         {"/a//b", "/a//b"},
	"a host as a directory":                      {"/www.example.com/a.html", "/www.example.com/a.html"},
	"invalid UTF-8 byte by byte":                 {"/\xff", "/%FF"},
	"wildcards":                                  {"/a/*", "/a/*"},
	"Chinese, as Terraform's fileset returns it": {"/\u4f60.html", "/%E4%BD%A0.html"},
	"a decomposed umlaut stays decomposed":       {"/u\u0308", "/u%CC%88"},
	"an emoji, which takes four bytes":           {"/\U0001f4a9", "/%F0%9F%92%A9"},
	"a no-break space is not ASCII, nor a space": {"/a\u00a0b", "/a%C2%A0b"},
}

func TestEncode(t *testing.T) {
	t.Parallel()
	for sentence, test := range paths {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			encoded, err := urlpath.EncodePattern(test.path)
			if err != nil {
				t.Fatal(err)
			}
			diff(t, "encoded", test.want, encoded)
		})
	}
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestInvalidPaths(t *testing.T) {
	t.Parallel()
	const (
		empty    = "must not be empty"
		control  = "must not contain control characters, such as a line break"
		scheme   = "must be a path without a scheme and host"
		outer    = "must not start or end with a space"
		several  = "must be one path, but contains a space before a slash"
		relative = "must start with a slash"
		slashes  = "must not start with two slashes. A prefix before the path is probably empty"
		fragment = "must not contain a fragment"
		back     = "must not contain a backslash"
		dots     = `must not contain "." or ".." as a segment, because clients remove these before they request a path`

		orSpace = ", or write %20 if the space is part of the path"
		orHash  = ", or write %23 for a # in a file name"
	)
	tests := map[string]struct{ path, want string }{
		"an empty path": {"", empty},

		"a URL":                            {"https://www.example.com/index.html", scheme + `. Use "/index.html"`},
		"a URL of any scheme":              {"FTP://a", scheme + `. Use "/"`},
		"a URL with a query":               {"https://www.example.com?a=/../b", scheme + `. Use "/?a=/../b"`},
		"a URL with a fragment":            {"https://www.example.com/a?b#c", scheme + `. Use "/a?b"`},
		"a URL with several mistakes":      {`https://www.example.com//./a\b `, scheme + `. Use "/a/b"`},
		"a URL of two paths":               {"https://www.example.com/a /b", scheme},
		"a URL in a relative path":         {"a?u=http://b", relative + `. Use "/a?u=http://b"`},
		"a relative path":                  {"a.png", relative + `. Use "/a.png"`},
		"a relative path with a dot":       {"./index.html", relative + `. Use "/index.html"`},
		"a relative path with dots":        {"../a", relative + `. Use "/a"`},
		"this directory":                   {".", relative + `. Use "/"`},
		"a relative path of Windows":       {`images\logo.png`, relative + `. Use "/images/logo.png"`},
		"a file on Windows":                {`C:\site\index.html`, relative},
		"a query only":                     {"?a", relative + `. Use "/?a"`},
		"a fragment only":                  {"#a", relative + `. Use "/"`},
		"a host and a path":                {"www.example.com/a.html", relative + `. If "www.example.com" is a host, use "/a.html"`},
		"a host without www":               {"müller.de/./a", relative + `. If "müller.de" is a host, use "/a"`},
		"a host in Punycode":               {"a.xn--p1ai/a", relative + `. If "a.xn--p1ai" is a host, use "/a"`},
		"a host alone":                     {"www.example.com", relative + `. If "www.example.com" is a host, use "/"`},
		"a host with a port":               {"localhost:8080?a", relative + `. If "localhost:8080" is a host, use "/?a"`},
		"a host that is a number":          {"192.0.2.1/a", relative + `. If "192.0.2.1" is a host, use "/a"`},
		"a directory with a dot":           {"v1.2/a", relative + `. Use "/v1.2/a"`},
		"a file that is not a host":        {"index.html", relative + `. Use "/index.html"`},
		"an empty prefix":                  {"//index.html", slashes + `. Use "/index.html"`},
		"two empty prefixes":               {"///a/", slashes + `. Use "/a/"`},
		"an empty prefix of a wildcard":    {"//*", slashes + `. Use "/*"`},
		"a host after two slashes":         {"//www.example.com/a", slashes + `. If "www.example.com" is a host, use "/a"`},
		"a fragment":                       {"/a?b#c?d", fragment + `. Use "/a?b"` + orHash},
		"a fragment and dots":              {"/../a#b", fragment + `. Use "/a"` + orHash},
		"a path of Windows":                {`/images\logo.png?a=\`, back + `. Use "/images/logo.png?a=\\"`},
		"dots after a backslash":           {`/a\..\b`, back + `. Use "/b"`},
		"path.module":                      {"/./dist/index.html", dots + `. Use "/dist/index.html"`},
		"the parent":                       {"/a/../b", dots + `. Use "/b"`},
		"above the root":                   {"/..", dots + `. Use "/"`},
		"a directory's dot":                {"/a/.", dots + `. Use "/a/"`},
		"a directory's parent":             {"/a/b/..", dots + `. Use "/a/"`},
		"encoded dots":                     {"/%2e/%2E%2e/.%2e/a", dots + `. Use "/a"`},
		"two encoded dots":                 {"/a/%2E%2e/b", dots + `. Use "/b"`},
		"dots after a host as a directory": {"/www.example.com/./a", dots + `. Use "/www.example.com/a"`},
		"dots before two slashes":          {"/a/..//b?/../c", dots + `. Use "/b?/../c"`},
		"a space at the start":             {" /a", outer + `. Use "/a"` + orSpace},
		"a space at the end":               {"/a ", outer + `. Use "/a"` + orSpace},
		"a space after the query":          {"/a?b ", outer + `. Use "/a?b"` + orSpace},
		"a no-break space at the end":      {"/a\u00a0", outer + `. Use "/a"` + orSpace},
		"spaces only":                      {"  ", outer + ". Write %20 if the space is part of the path"},
		"two paths in one":                 {"/a, /b", several + ". Write %20 if the space is part of the path"},
		"two paths and a space":            {"/a /b", several + ". Write %20 if the space is part of the path"},
		"a line break":                     {"/a\nb", control},
		"a line break at the end":          {"/a\n", control + `. Use "/a"`},
		"a tab at the start":               {"\t/a", control + `. Use "/a"`},
		"a NUL":                            {"/a\x00b", control},
		"DEL":                              {"/a\x7fb", control},
		"a control character of C1":        {"/a\u0085b", control},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			encoded, err := urlpath.EncodePattern(test.path)
			if err == nil {
				t.Fatalf("accepted as %q", encoded)
			}
			diff(t, "the error", test.want, err.Error())
			_, err = urlpath.Encode(test.path)
			diff(t, "the error without wildcards", test.want, fmt.Sprint(err))
		})
	}
}

// TestWildcards tests the same path for a cache with wildcards and for one without.
func TestWildcards(t *testing.T) {
	t.Parallel()
	_, err := urlpath.Encode("/a/*")
	diff(t, "the error", "must not contain a wildcard. Write %2A for a * in a file name", fmt.Sprint(err))
	for _, test := range []struct {
		path   string
		encode func(string) (string, error)
	}{{"/a/*", urlpath.EncodePattern}, {"/a/%2A", urlpath.Encode}} {
		encoded, err := test.encode(test.path)
		if err != nil {
			t.Error(err)
		}
		diff(t, "encoded", test.path, encoded)
	}
}

func TestSpellingsOfOnePath(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		a, b string
		same bool
	}{
		"a path is itself":                      {"/a", "/a", true},
		"encoded or not":                        {"/\u00a2", "/%C2%A2", true},
		"escapes in upper or lower case":        {"/%c2%a2", "/%C2%A2", true},
		"a space":                               {"/a b", "/a%20b", true},
		"a percent sign":                        {"/100%", "/100%25", true},
		"case matters in paths":                 {"/A", "/a", false},
		"a plus is not a space":                 {"/a+b", "/a b", false},
		"an encoded slash is another path":      {"/a%2Fb", "/a/b", false},
		"an unnecessary escape is another path": {"/%41", "/A", false},
		"an invalid path":                       {"a b\\c", "a%20b\\c", true},
		"a trailing slash":                      {"/a", "/a/", false},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			diff(t, "the same", test.same, urlpath.Same(test.a, test.b))
		})
	}
}

// FuzzEncode tests every path. If it is accepted, encoding it again changes nothing,
// and both are spellings of the same path. Otherwise, the path that the error
// suggests is accepted.
func FuzzEncode(f *testing.F) {
	for _, seed := range paths {
		f.Add(seed.path)
	}
	for _, seed := range []string{`https://a.b/c\d#e`, "//www.a.b/.. /c", "./%2e/..?", "a:1/ ", `C:\a`, "\u00a0/./\n"} {
		f.Add(seed)
	}
	advice := regexp.MustCompile(`[Uu]se ("(?:[^"\\]|\\.)*")`)
	f.Fuzz(func(t *testing.T, path string) {
		encoded, err := urlpath.EncodePattern(path)
		if err != nil {
			for _, match := range advice.FindAllStringSubmatch(err.Error(), -1) {
				use, invalid := strconv.Unquote(match[1])
				if _, wrong := urlpath.EncodePattern(use); invalid != nil || wrong != nil {
					t.Errorf("for %q, the error %q suggests an invalid path: %v %v", path, err, invalid, wrong)
				}
			}
			return
		}
		if strings.ContainsFunc(encoded, func(r rune) bool { return r > unicode.MaxASCII || strings.ContainsRune("\"<>#", r) || r <= ' ' }) {
			t.Errorf("%q became %q", path, encoded)
		}
		again, err := urlpath.EncodePattern(encoded)
		if err != nil || again != encoded {
			t.Errorf("%q became %q and then %q, %v", path, encoded, again, err)
		}
		if !urlpath.Same(path, encoded) {
			t.Errorf("%q and %q have the keys %q and %q", path, encoded, urlpath.Key(path), urlpath.Key(encoded))
		}
	})
}
