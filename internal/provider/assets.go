// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

// maxInvalid is the maximum number of invalid paths with an error of their own.
const maxInvalid = 10

const invalidPath = "Invalid path of an asset"

// checkAssets reports invalid paths and fingerprints in a map, and two spellings of
// one path, which could have different fingerprints. The functions describe the
// problem with a path or a fingerprint, or return an empty string. Only the invalid
// paths are sorted, because the map can be large.
func checkAssets(assets types.Map, pathProblem, fingerprintProblem func(string) string, diags *diag.Diagnostics) {
	elements := assets.Elements()
	spelled := make(map[string]string, len(elements))
	var invalid []string
	for name, fingerprint := range elements {
		key := urlpath.Key(name)
		if other, twice := spelled[key]; twice {
			invalid = append(invalid, max(name, other))
			spelled[key] = min(name, other)
		} else {
			spelled[key] = name
		}
		if text, ok := fingerprint.(types.String); pathProblem(name) != "" || ok && !text.IsUnknown() && (text.IsNull() || fingerprintProblem(text.ValueString()) != "") {
			invalid = append(invalid, name)
		}
	}
	slices.Sort(invalid)
	invalid = slices.Compact(invalid)
	for i, name := range invalid {
		if i == maxInvalid {
			diags.AddAttributeError(path.Root("assets"), "More invalid assets", fmt.Sprintf("assets contains %d more invalid paths or fingerprints.", len(invalid)-i))
			return
		}
		at := path.Root("assets").AtMapKey(name)
		if problem := pathProblem(name); problem != "" {
			diags.AddAttributeError(at, invalidPath, fmt.Sprintf("The key %q of assets %s.", name, problem))
		}
		switch text, _ := elements[name].(types.String); {
		case text.IsUnknown():
		case text.IsNull():
			diags.AddAttributeError(at, "Null fingerprint", fmt.Sprintf("assets[%q] is null. Remove the path, or set it to a fingerprint.", name))
		case fingerprintProblem(text.ValueString()) != "":
			diags.AddAttributeError(at, "Invalid fingerprint", fmt.Sprintf("assets[%q] %s.", name, fingerprintProblem(text.ValueString())))
		}
		if other := spelled[urlpath.Key(name)]; other != name {
			diags.AddAttributeError(at, "One asset twice", fmt.Sprintf("assets contains %q and %q, which are two spellings of one path. Keep one of them.", other, name))
		}
	}
}

// warnNoAssets warns about an empty map, because fileset() probably found no files.
func warnNoAssets(diags *diag.Diagnostics) {
	diags.AddAttributeWarning(path.Root("assets"), "No assets",
		"assets is empty. If that is not intended, check that the directory of the files exists and that its name is correct.")
}

// errorText returns the text of an error, or an empty string.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
