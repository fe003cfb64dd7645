// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

// call calls site_paths as Terraform does. The error contains the position of the
// argument.
func (p *protocol) call(files object, indexNames ...string) (object, string) {
	p.t.Helper()
	kind := tftypes.Map{ElementType: tftypes.String}
	args := []*tfprotov6.DynamicValue{p.pack(kind, files)}
	for _, name := range indexNames {
		args = append(args, p.pack(tftypes.String, name))
	}
	resp, err := p.CallFunction(p.t.Context(), &tfprotov6.CallFunctionRequest{Name: "site_paths", Arguments: args})
	p.must(err)
	if resp.Error != nil {
		at := "no argument"
		if resp.Error.FunctionArgument != nil {
			at = fmt.Sprint("argument ", *resp.Error.FunctionArgument)
		}
		return nil, at + ": " + resp.Error.Text
	}
	return p.unpack(kind, resp.Result), ""
}

func TestSitePaths(t *testing.T) {
	t.Parallel()
	p := newWorld(t).speak(t)
	const segments = `must not contain "." or ".." or an empty name between its slashes`
	for sentence, test := range map[string]struct {
		files object
		index []string
		want  object
		err   string
	}{
		"no files": {files: object{}, want: object{}},
		"an index document is also its directory, with the same fingerprint": {
			files: object{"index.html": "1", "posts/foo/index.html": "2", "posts/foo/a.html": "3"},
			want:  object{"/": "1", "/index.html": "1", "/posts/foo/": "2", "/posts/foo/index.html": "2", "/posts/foo/a.html": "3"},
		},
		"a name that only ends in that of an index document": {
			files: object{"a/my-index.html": "1", "a/index.html.gz": "2", "index.html/a": "3", "INDEX.html": "4"},
			want:  object{"/a/my-index.html": "1", "/a/index.html.gz": "2", "/index.html/a": "3", "/INDEX.html": "4"},
		},
		"other index documents replace the default": {
			files: object{"a/index.html": "1", "b/default.htm": "2", "c/README": "3"}, index: []string{"default.htm", "README"},
			want: object{"/a/index.html": "1", "/b/default.htm": "2", "/b/": "2", "/c/README": "3", "/c/": "3"},
		},
		"the first of several index documents has the path of the directory": {
			files: object{"a.htm": "1", "z.htm": "2", "d/a.htm": "3"}, index: []string{"z.htm", "a.htm", "z.htm"},
			want: object{"/a.htm": "1", "/z.htm": "2", "/": "2", "/d/a.htm": "3", "/d/": "3"},
		},
		"an index document whose name is encoded": {
			files: object{"ü/% #.html": "1"}, index: []string{"% #.html"},
			want: object{"/%C3%BC/%25%20%23.html": "1", "/%C3%BC/": "1"},
		},
		"names with characters that have a meaning in URLs": {
			files: object{"C#?.txt": "1", "100%.txt": "2", "%41.txt": "3", "{a}^`\"<>.txt": "4", "a /b": "5", "a+b&c;d=e'.txt": "6", "*.txt": "7", "http:a": "8"},
			want:  object{"/C%23%3F.txt": "1", "/100%25.txt": "2", "/%2541.txt": "3", "/%7Ba%7D%5E%60%22%3C%3E.txt": "4", "/a%20/b": "5", "/a+b&c;d=e'.txt": "6", "/*.txt": "7", "/http:a": "8"},
		},
		"an unknown fingerprint": {files: object{"index.html": unknown{}}, want: object{"/": unknown{}, "/index.html": unknown{}}},

		"a null fingerprint":                    {files: object{"a": nil}, err: `argument 0: the fingerprint of "a" must not be null`},
		"an absolute name":                      {files: object{"/a": "1"}, err: `argument 0: the file name "/a" must be relative to the root of the site, without a slash at its start`},
		"a Windows path":                        {files: object{`a\b`: "1"}, err: `argument 0: the file name "a\\b" must not contain a backslash. Use "a/b"`},
		"a name with dots":                      {files: object{"../a": "1"}, err: `argument 0: the file name "../a" ` + segments},
		"the first of several invalid names":    {files: object{"b//": "1", "a/.": "1", "c": "1"}, err: `argument 0: the file name "a/." ` + segments},
		"an empty name":                         {files: object{"": "1"}, err: `argument 0: the file name "" must not be empty`},
		"a line break in a name":                {files: object{"a\n": "1"}, err: `argument 0: the file name "a\n" must not contain control characters, such as a line break`},
		"an index document with a path":         {files: object{}, index: []string{"index.html", "a/index.html"}, err: `argument 2: the index name "a/index.html" must be a file name without a directory`},
		"an index document without a name":      {files: object{}, index: []string{""}, err: `argument 1: the index name "" must be a file name without a directory`},
		"an index document with a Windows path": {files: object{}, index: []string{`a\b`}, err: `argument 1: the index name "a\\b" must be a file name without a directory`},
	} {
		got, err := p.call(test.files, test.index...)
		if diff := cmp.Diff([]any{test.want, test.err}, []any{got, err}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sentence, diff)
		}
		for _, path := range slices.Sorted(maps.Keys(got)) {
			if encoded, err := urlpath.EncodePattern(path); err != nil || encoded != path {
				t.Errorf("%s: the resource takes %q for %q, %v", sentence, path, encoded, err)
			}
		}
	}
}
