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

// pathsModel is the attributes of a target whose items are URL paths: one url, or
// a map of assets from paths to fingerprints.
type pathsModel struct {
	URL     types.String `tfsdk:"url"`
	Assets  types.Map    `tfsdk:"assets"`
	Summary types.String `tfsdk:"summary"`
}

// encodingNote is part of the descriptions of URL paths.
const encodingNote = "The provider percent-encodes spaces, non-ASCII characters, and other characters that browsers encode, and keeps existing escapes, so write a literal `%` before two hexadecimal digits as `%25`."

// maxParallel is as many requests as a client has connections to one host. More
// would wait for one, and be sent when the failure of another purge sets one
// free.
const maxParallel = 16

// checkPaths reports what is wrong with the paths. The function returns what is
// wrong with one of them, empty if nothing is.
func (m *pathsModel) checkPaths(fault func(string) string, diags *diag.Diagnostics) {
	switch {
	case m.URL.IsNull() && m.Assets.IsNull():
		diags.AddAttributeError(path.Root("url"), "Nothing to purge", "Set url for one asset, or assets for many.")
	case known(m.URL) && known(m.Assets):
		diags.AddAttributeError(path.Root("assets"), "Both url and assets", "Set url for one asset or assets for many, not both.")
	case known(m.URL):
		checkPath(path.Root("url"), "url", m.URL.ValueString(), fault, diags)
	}
	checkAssets(m.Assets, fault, func(string) string { return "" }, diags)
}

// checkPath reports what is wrong with a path of an asset.
func checkPath(at path.Path, label, value string, fault func(string) string, diags *diag.Diagnostics) {
	if text := fault(value); text != "" {
		diags.AddAttributeError(at, invalidPath, fmt.Sprintf("%s is %q. It %s.", label, value, text))
	}
}

// adoptPath sets the path of an identity, which has none for many assets.
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

// summary is not used for a single url, whose plan says as much by its triggers.
func (m *pathsModel) summary() (*types.String, bool) { return &m.Summary, !m.Assets.IsNull() }

func (m *pathsModel) forget(keys map[string]bool) {
	if m.Assets.IsNull() {
		return
	}
	assets := m.Assets.Elements()
	maps.DeleteFunc(assets, func(name string, _ attr.Value) bool { return keys[urlpath.Key(name)] })
	m.Assets = types.MapValueMust(types.StringType, assets)
}

// warnEmpty warns of a map without paths, although it is new or had some before.
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

// pathsActionModel is the attribute of the action of such a target.
type pathsActionModel struct {
	URLs types.List `tfsdk:"urls"`
}

func (m *pathsActionModel) checkURLs(fault func(string) string, diags *diag.Diagnostics) {
	if known(m.URLs) && len(m.URLs.Elements()) == 0 {
		diags.AddAttributeError(path.Root("urls"), "Nothing to purge", "urls must name at least one asset.")
	}
	for i, value := range m.URLs.Elements() {
		at, label := path.Root("urls").AtListIndex(i), fmt.Sprintf("urls[%d]", i)
		text, ok := value.(types.String)
		switch {
		case !ok || text.IsUnknown():
		case text.IsNull():
			diags.AddAttributeError(at, "Null path", label+" is null. Leave it out, or give it a path.")
		default:
			checkPath(at, label, text.ValueString(), fault, diags)
		}
	}
}

// names returns each asset once, however often and in whatever spelling it is
// listed.
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
