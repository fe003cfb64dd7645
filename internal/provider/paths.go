// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

// pathsModel contains the attributes of a target whose items are URL paths: one
// url, or assets, a map from paths to fingerprints.
type pathsModel struct {
	URL     types.String `tfsdk:"url"`
	Assets  types.Map    `tfsdk:"assets"`
	Summary types.String `tfsdk:"summary"`
}

// encodingNote is part of the descriptions of URL paths.
const encodingNote = "The provider percent-encodes spaces, non-ASCII characters, and other characters that browsers encode, and keeps existing escapes, so write a literal `%` before two hexadecimal digits as `%25`."

// maxParallel is the number of connections that a client opens to one host. An
// additional request would wait for a connection, and a failed purge that frees
// one would let it through.
const maxParallel = 16

// checkPaths reports invalid paths. The function problem describes the problem with
// a path, or returns an empty string.
func (m *pathsModel) checkPaths(problem func(string) string, diags *diag.Diagnostics) {
	switch {
	case m.URL.IsNull() && m.Assets.IsNull():
		diags.AddAttributeError(path.Root("url"), "Nothing to purge", "Set url for one asset, or assets for many.")
	case known(m.URL) && known(m.Assets):
		diags.AddAttributeError(path.Root("assets"), "Both url and assets", "Set url for one asset or assets for many, not both.")
	case known(m.URL):
		checkPath(path.Root("url"), "url", m.URL.ValueString(), problem, diags)
	}
	checkAssets(m.Assets, problem, func(string) string { return "" }, diags)
}

// checkPath reports an invalid path of an asset. Its message does not contain the
// value, which can be a URL with a password.
func checkPath(at path.Path, label, value string, problem func(string) string, diags *diag.Diagnostics) {
	if text := problem(value); text != "" {
		diags.AddAttributeError(at, invalidPath, label+" "+text+".")
	}
}

// adoptPath sets the path of an identity. The identity of assets has no path.
func (m *pathsModel) adoptPath(url string) {
	if url == "" {
		m.Assets = types.MapValueMust(types.StringType, map[string]attr.Value{})
		return
	}
	m.URL = types.StringValue(url)
}

func (m *pathsModel) keepPath(prior *pathsModel) { keepText(&m.URL, prior.URL, urlpath.Same) }

func (m *pathsModel) items() (map[string]item, bool) {
	if m.URL.IsUnknown() || m.Assets.IsUnknown() {
		return nil, false
	}
	if !m.URL.IsNull() {
		name := m.URL.ValueString()
		return map[string]item{urlpath.Key(name): {name: name}}, true
	}
	assets := m.Assets.Elements()
	items := make(map[string]item, len(assets))
	for name, value := range assets {
		fingerprint, ok := value.(types.String)
		if !ok || fingerprint.IsUnknown() {
			return nil, false
		}
		items[urlpath.Key(name)] = item{name: name, fingerprint: fingerprint.ValueString()}
	}
	return items, true
}

func (*pathsModel) key(name string) string { return urlpath.Key(name) }

// summary is not used with url, because the plan shows the change of its triggers.
func (m *pathsModel) summary() (*types.String, bool) { return &m.Summary, !m.Assets.IsNull() }

func (m *pathsModel) forget(keys map[string]bool) {
	if m.Assets.IsNull() {
		return
	}
	assets := m.Assets.Elements()
	maps.DeleteFunc(assets, func(name string, _ attr.Value) bool { return keys[urlpath.Key(name)] })
	m.Assets = types.MapValueMust(types.StringType, assets)
}

// warnEmpty warns about assets without paths, if they are new or had paths before.
func (m *pathsModel) warnEmpty(prior model, d decision, diags *diag.Diagnostics) {
	items, ok := m.items()
	if !ok || d.adopts || len(items) > 0 {
		return
	}
	var before map[string]item
	if prior != nil {
		before, _ = prior.items()
	}
	if prior == nil || d.moves || len(before) > 0 {
		warnNoAssets(diags)
	}
}

// pathsActionModel contains the attribute of an action whose items are URL paths.
type pathsActionModel struct {
	URLs types.List `tfsdk:"urls"`
}

func (m *pathsActionModel) checkURLs(problem func(string) string, diags *diag.Diagnostics) {
	if known(m.URLs) && len(m.URLs.Elements()) == 0 {
		diags.AddAttributeError(path.Root("urls"), "Nothing to purge", "urls must contain at least one path.")
	}
	for i, value := range m.URLs.Elements() {
		at, label := path.Root("urls").AtListIndex(i), fmt.Sprintf("urls[%d]", i)
		text, ok := value.(types.String)
		switch {
		case !ok || text.IsUnknown():
		case text.IsNull():
			diags.AddAttributeError(at, "Null path", label+" is null. Remove it, or set it to a path.")
		default:
			checkPath(at, label, text.ValueString(), problem, diags)
		}
	}
}

// names returns each asset once, even if the list contains it several times or in
// several spellings.
func (m *pathsActionModel) names() []string {
	var names []string
	listed := make(map[string]bool)
	for _, value := range m.URLs.Elements() {
		text, ok := value.(types.String)
		if key := urlpath.Key(text.ValueString()); ok && !listed[key] {
			listed[key] = true
			names = append(names, text.ValueString())
		}
	}
	return names
}
