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

// maxFaults is how many paths are reported one by one.
const maxFaults = 10

const invalidPath = "Invalid path of an asset"

// checkAssets reports what is wrong with a map from paths to fingerprints, and
// two spellings of one path, which could not both be kept up to date. The two
// functions return what is wrong with a path and with a fingerprint, empty if
// nothing is. Only faulty paths are put in order: there may be very many others.
func checkAssets(assets types.Map, pathFault, printFault func(string) string, diags *diag.Diagnostics) {
	elements := assets.Elements()
	spelled := make(map[string]string, len(elements))
	var faulty []string
	for name, fingerprint := range elements {
		key := urlpath.Key(name)
		if other, twice := spelled[key]; twice {
			faulty = append(faulty, max(name, other))
			spelled[key] = min(name, other)
		} else {
			spelled[key] = name
		}
		if text, ok := fingerprint.(types.String); pathFault(name) != "" || ok && !text.IsUnknown() && (text.IsNull() || printFault(text.ValueString()) != "") {
			faulty = append(faulty, name)
		}
	}
	slices.Sort(faulty)
	faulty = slices.Compact(faulty)
	for i, name := range faulty {
		if i == maxFaults {
			diags.AddAttributeError(path.Root("assets"), "More invalid assets", fmt.Sprintf("%d more paths or fingerprints are invalid.", len(faulty)-i))
			return
		}
		at := path.Root("assets").AtMapKey(name)
		if fault := pathFault(name); fault != "" {
			diags.AddAttributeError(at, invalidPath, fmt.Sprintf("The key %q of assets %s.", name, fault))
		}
		switch text, _ := elements[name].(types.String); {
		case text.IsUnknown():
		case text.IsNull():
			diags.AddAttributeError(at, "Null fingerprint", fmt.Sprintf("assets[%q] is null. Remove the path, or set it to a fingerprint.", name))
		case printFault(text.ValueString()) != "":
			diags.AddAttributeError(at, "Invalid fingerprint", fmt.Sprintf("assets[%q] %s.", name, printFault(text.ValueString())))
		}
		if other := spelled[urlpath.Key(name)]; other != name {
			diags.AddAttributeError(at, "One asset twice", fmt.Sprintf("assets has %q and %q, which are two spellings of one path. Keep one of them.", other, name))
		}
	}
}

// warnNoAssets warns of an empty map: most likely, fileset() found nothing.
func warnNoAssets(diags *diag.Diagnostics) {
	diags.AddAttributeWarning(path.Root("assets"), "No assets",
		"assets is empty. If that is not intended, check that the directory of the files exists and that its name is correct.")
}

// errorText returns the text of an error, empty if there is none.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
