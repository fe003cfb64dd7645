// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// oneDataSource is a data source that finds exactly one object.
type oneDataSource[T any] struct {
	withClients
	*lookup[T]
}

// Metadata implements datasource.DataSource.
func (d *oneDataSource[T]) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + d.one
}

// Schema implements datasource.DataSource.
func (d *oneDataSource[T]) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := make(map[string]schema.Attribute)
	for name, f := range d.fields {
		attributes[name] = f.attribute()
	}
	for _, k := range d.keys {
		_, computed := d.fields[k.name]
		attributes[k.name] = schema.StringAttribute{Optional: true, Computed: computed, MarkdownDescription: k.about}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: fmt.Sprintf("Finds a %s %s by %s.", d.title, d.what, enumerate(d.keyNames("`"), "or")),
		Attributes:          attributes,
	}
}

// keyNames returns the names of the keys, each in quotes.
func (l *lookup[T]) keyNames(quote string) []string {
	names := make([]string, len(l.keys))
	for i, k := range l.keys {
		names[i] = quote + k.name + quote
	}
	return names
}

// ValidateConfig implements datasource.DataSourceWithValidateConfig.
func (d *oneDataSource[T]) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	set, unknown := 0, false
	for _, k := range d.keys {
		var value types.String
		resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root(k.name), &value)...)
		switch {
		case value.IsUnknown():
			unknown = true
		case !value.IsNull():
			set++
			d.checkKey(&resp.Diagnostics, k, value)
		}
	}
	if set > 1 || set == 0 && !unknown {
		resp.Diagnostics.AddError("Exactly one argument is needed", fmt.Sprintf("Set exactly one of %s.", enumerate(d.keyNames(""), "and")))
	}
}

// Read implements datasource.DataSource.
func (d *oneDataSource[T]) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	values := make(map[string]attr.Value, len(d.fields))
	kinds := d.types()
	var by key[T]
	var wanted types.String
	for _, k := range d.keys {
		var value types.String
		resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root(k.name), &value)...)
		values[k.name], kinds[k.name] = value, types.StringType
		if !value.IsNull() {
			by, wanted = k, value
			d.checkKey(&resp.Diagnostics, k, value)
		}
	}
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	item, err := d.find(ctx, d.clients, by, wanted.ValueString())
	if err != nil {
		resp.Diagnostics.Append(err)
		return
	}
	for name, value := range d.values(item) {
		values[name] = value
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, types.ObjectValueMust(kinds, values))...)
}

// find returns the object with the wanted value, or an error that lists candidates.
func (l *lookup[T]) find(ctx context.Context, c *clients, by key[T], wanted string) (T, diag.Diagnostic) {
	var none T
	list := l.list
	if by.name == "id" && l.get != nil {
		list = func(ctx context.Context, c *clients, _ map[string]string) ([]T, error) { return l.get(ctx, c, wanted) }
	}
	all, err := list(ctx, c, nil)
	if err != nil {
		return none, l.diagnose(l.one, err)
	}
	var found []T
	for _, item := range all {
		if by.matches(item, wanted) {
			found = append(found, item)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return none, l.noneFound(all, by, wanted)
	default:
		return none, diag.NewAttributeErrorDiagnostic(path.Root(by.name), "Several "+l.whats+" match",
			fmt.Sprintf("%d %s %s have this %s: %s. Set id to the ID of one of them.",
				len(found), l.title, l.whats, by.name, l.candidates(found)))
	}
}

// noneFound returns the error that no object has the wanted value. Its message does
// not contain the value, because it can be sensitive.
func (l *lookup[T]) noneFound(all []T, by key[T], wanted string) diag.Diagnostic {
	detail := fmt.Sprintf("No %s %s has this %s. ", l.title, l.what, by.name)
	switch near := l.nearMisses(all, by, wanted); {
	case len(all) == 0:
		detail += "The credentials do not give access to any " + l.what + ". " + l.hint
	case len(near) > 0:
		detail += "Similar " + l.whats + ": " + l.candidates(near) + "."
	default:
		detail += fmt.Sprintf("Existing %s (%d): %s.", l.whats, len(all), l.candidates(all))
	}
	return diag.NewAttributeErrorDiagnostic(path.Root(by.name), "No such "+l.what, strings.TrimSpace(detail))
}

// maxCandidates is the maximum number of candidates in an error.
const maxCandidates = 10

func (l *lookup[T]) candidates(items []T) string {
	var names []string
	for _, item := range items[:min(len(items), maxCandidates)] {
		var parts []string
		for _, k := range l.keys {
			parts = append(parts, strings.Join(k.of(item), ", "))
		}
		names = append(names, parts[0]+" ("+strings.Join(parts[1:], "; ")+")")
	}
	if more := len(items) - maxCandidates; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// nearMisses returns the objects with a similar value, the most similar first.
func (l *lookup[T]) nearMisses(all []T, by key[T], wanted string) []T {
	similarity := func(item T) float64 {
		best := 0.0
		for _, value := range by.of(item) {
			a, b := strings.ToLower(value), strings.ToLower(wanted)
			score := levenshtein.Match(a, b, nil)
			if strings.Contains(a, b) || a != "" && strings.Contains(b, a) {
				score = max(score, nearEnough)
			}
			best = max(best, score)
		}
		return best
	}
	var near []T
	for _, item := range all {
		if similarity(item) >= nearEnough {
			near = append(near, item)
		}
	}
	slices.SortStableFunc(near, func(a, b T) int { return cmp.Compare(similarity(b), similarity(a)) })
	return near
}

// nearEnough is the minimum similarity, from 0 to 1, of a probable typo.
const nearEnough = 0.7
