package urlpath_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

// paths are those that can be asked for, and what the CDN has to be asked for.
var paths = map[string]struct{ path, want string }{
	"a plain path":                               {"/images/logo.png", "/images/logo.png"},
	"the root":                                   {"/", "/"},
	"what is not ASCII is encoded":               {"/\u00a2.png", "/%C2%A2.png"},
	"what is encoded already stays as it is":     {"/%C2%A2.png", "/%C2%A2.png"},
	"so do lower-case escapes":                   {"/%c2%a2.png", "/%c2%a2.png"},
	"a space is encoded":                         {"/a b", "/a%20b"},
	"a plus is not a space":                      {"/a+b", "/a+b"},
	"an ampersand does not end the path":         {"/a&b&hard=false", "/a&b&hard=false"},
	"a semicolon does not either":                {"/a;b", "/a;b"},
	"an equals sign":                             {"/a=b", "/a=b"},
	"a percent sign that encodes nothing":        {"/100%", "/100%25"},
	"a percent sign with one digit behind it":    {"/%2", "/%252"},
	"a percent sign with no hex digits":          {"/%zz", "/%25zz"},
	"a percent sign in front of an escape":       {"/%%41", "/%25%41"},
	"an encoded percent sign stays one":          {"/%2541", "/%2541"},
	"an encoded slash stays encoded":             {"/a%2Fb", "/a%2Fb"},
	"a file name with #, as the error advises":   {"/a%23b", "/a%23b"},
	"the query of the asset":                     {"/a.js?v=1&w=2", "/a.js?v=1&w=2"},
	"a URL in the query of the asset":            {"/a?u=https://example.com/", "/a?u=https://example.com/"},
	"a colon":                                    {"/a:b//c", "/a:b//c"},
	"two dots stay":                              {"/a/../b", "/a/../b"},
	"quotes, brackets, braces":                   {`/"'<>[]{}|\^` + "`", `/"'<>[]{}|\^` + "`"},
	"invalid UTF-8 byte by byte":                 {"/\xff", "/%FF"},
	"wildcards, which the provider checks":       {"/a/*", "/a/*"},
	"Chinese, as Terraform's fileset gives it":   {"/\u4f60.html", "/%E4%BD%A0.html"},
	"a decomposed umlaut is not composed":        {"/u\u0308", "/u%CC%88"},
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

func TestPathsThatAreNone(t *testing.T) {
	t.Parallel()
	const relative = "must be a path without a scheme and host, for instance /images/logo.png"
	tests := map[string]struct{ path, want string }{
		"nothing":                    {"", "must not be empty: that would purge everything"},
		"a URL":                      {"https://www.example.com/a", relative},
		"a URL of any scheme":        {"ftp://a", relative},
		"a host":                     {"//www.example.com/a", "must not start with two slashes, which would name a host"},
		"no slash":                   {"a.png", `must start with a slash: write "/a.png"`},
		"a query only":               {"?a", `must start with a slash: write "/?a"`},
		"a space before the slash":   {" /a", `must start with a slash: write "/a"`},
		"a fragment":                 {"/a#b", "must not have a fragment: write %23 for a # in a file name"},
		"a line break":               {"/a\nb", "must not hold control characters, such as a line break"},
		"a NUL":                      {"/a\x00", "must not hold control characters, such as a line break"},
		"DEL":                        {"/a\x7f", "must not hold control characters, such as a line break"},
		"a control character of C1":  {"/a\u0085", "must not hold control characters, such as a line break"},
		"a relative path with a URL": {"a?u=http://b", `must start with a slash: write "/a?u=http://b"`},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			encoded, err := urlpath.EncodePattern(test.path)
			if err == nil {
				t.Fatalf("was taken for %q", encoded)
			}
			diff(t, "the error", test.want, err.Error())
		})
	}
}

// TestAWildcardIsOneCachesOwn has the same path with and without the rule of a
// cache that knows wildcards.
func TestAWildcardIsOneCachesOwn(t *testing.T) {
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
		"a path is itself":                           {"/a", "/a", true},
		"encoded or not":                             {"/\u00a2", "/%C2%A2", true},
		"escapes in upper or lower case":             {"/%c2%a2", "/%C2%A2", true},
		"a space":                                    {"/a b", "/a%20b", true},
		"a percent sign":                             {"/100%", "/100%25", true},
		"case matters in paths":                      {"/A", "/a", false},
		"a plus is not a space":                      {"/a+b", "/a b", false},
		"an encoded slash is another path":           {"/a%2Fb", "/a/b", false},
		"an escape that need not be is another path": {"/%41", "/A", false},
		"what no client requests is no other path":   {"a b\\c", "a%20b\\c", true},
		"a trailing slash":                           {"/a", "/a/", false},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			diff(t, "the same", test.same, urlpath.Same(test.a, test.b))
		})
	}
}

// FuzzEncode holds for every path that is accepted: encoding it again changes
// nothing, and both are spellings of one path.
func FuzzEncode(f *testing.F) {
	for _, seed := range paths {
		f.Add(seed.path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		encoded, err := urlpath.EncodePattern(path)
		if err != nil {
			return
		}
		if strings.ContainsFunc(encoded, func(r rune) bool { return r > unicode.MaxASCII || r <= ' ' || r == '#' }) {
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
