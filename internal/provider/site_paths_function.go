// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

// defaultIndex is the default name of index documents.
const defaultIndex = "index.html"

// sitePaths is the function site_paths.
type sitePaths struct{}

// Metadata implements function.Function.
func (sitePaths) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "site_paths"
}

// Definition implements function.Function.
func (sitePaths) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Returns the URL paths of the files of a static site.",
		MarkdownDescription: "Returns a map from the URL paths of a static site to fingerprints, for the `assets` of `purge_cdn_asset`. " +
			"Each file has the path at which a web server serves it. The path is percent-encoded, so a `#`, `?`, or `%` in a file name stays part of the name. " +
			"An index document also has the path of its directory: `posts/foo/index.html` has `/posts/foo/index.html` and `/posts/foo/`.",
		Parameters: []function.Parameter{
			function.MapParameter{
				Name: "files", ElementType: types.StringType,
				MarkdownDescription: "Map from file names to fingerprints, such as `filemd5`. The names are relative to the root of the site, as `fileset` returns them.",
			},
		},
		VariadicParameter: function.StringParameter{
			Name: "index_names",
			MarkdownDescription: "Names of the index documents. If a directory contains several, the first name in this list has the path of the directory. Default `" +
				defaultIndex + "`.",
		},
		Return: function.MapReturn{ElementType: types.StringType},
	}
}

// The positions of the arguments.
const filesArgument, indexNamesArgument = 0, 1

// Run implements function.Function.
func (sitePaths) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var files map[string]types.String
	var indexNames []string
	if resp.Error = req.Arguments.Get(ctx, &files, &indexNames); resp.Error != nil {
		return
	}
	for i, name := range indexNames {
		if name == "" || strings.ContainsAny(name, `/\`) {
			resp.Error = function.NewArgumentFuncError(int64(indexNamesArgument+i), fmt.Sprintf("the index name %q must be a file name without a directory", name))
			return
		}
	}
	if len(indexNames) == 0 {
		indexNames = []string{defaultIndex}
	}
	paths, err := pathsOf(files, indexNames)
	if err != nil {
		resp.Error = function.NewArgumentFuncError(filesArgument, err.Error())
		return
	}
	resp.Error = resp.Result.Set(ctx, paths)
}

// pathsOf returns the fingerprints by URL path. An error is about the first invalid
// file by name.
func pathsOf(files map[string]types.String, indexNames []string) (map[string]types.String, error) {
	paths := make(map[string]types.String, len(files))
	rank := make(map[string]int) // position in indexNames of each directory's index document
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path, err := urlpath.FromFile(name)
		switch {
		case err != nil:
			return nil, fmt.Errorf("the file name %q %w", name, err)
		case files[name].IsNull():
			return nil, fmt.Errorf("the fingerprint of %q must not be null", name)
		}
		paths[path] = files[name]
		i := slices.Index(indexNames, name[strings.LastIndexByte(name, '/')+1:])
		if i < 0 {
			continue
		}
		directory := path[:strings.LastIndexByte(path, '/')+1]
		if before, ok := rank[directory]; !ok || i < before {
			paths[directory], rank[directory] = files[name], i
		}
	}
	return paths, nil
}
