// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// manyDataSource is a data source that lists all objects, or those that match the
// filters.
type manyDataSource[T any] struct {
	withClients
	*lookup[T]
}

// Metadata implements datasource.DataSource.
func (d *manyDataSource[T]) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + d.many
}

// Schema implements datasource.DataSource.
func (d *manyDataSource[T]) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	nested := make(map[string]schema.Attribute)
	for name, f := range d.fields {
		nested[name] = f.attribute()
	}
	attributes := map[string]schema.Attribute{
		d.whats: schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The " + d.whats + ", in the order in which " + d.title + " returns them.",
			NestedObject:        schema.NestedAttributeObject{Attributes: nested},
		},
	}
	for _, k := range d.filters {
		attributes[k.name] = schema.StringAttribute{Optional: true, MarkdownDescription: k.about}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: fmt.Sprintf("Lists the %s %s that the credentials give access to.", d.title, d.whats),
		Attributes:          attributes,
	}
}

// ValidateConfig implements datasource.DataSourceWithValidateConfig.
func (d *manyDataSource[T]) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	for _, k := range d.filters {
		var value types.String
		resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root(k.name), &value)...)
		if known(value) {
			d.checkKey(&resp.Diagnostics, k, value)
		}
	}
}

// Read implements datasource.DataSource.
func (d *manyDataSource[T]) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	kinds := map[string]attr.Type{d.whats: types.ListType{ElemType: types.ObjectType{AttrTypes: d.types()}}}
	values := make(map[string]attr.Value)
	filters := make(map[string]string)
	for _, k := range d.filters {
		var value types.String
		resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root(k.name), &value)...)
		kinds[k.name], values[k.name] = types.StringType, value
		filters[k.name] = value.ValueString()
	}
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	all, err := d.list(ctx, d.clients, filters)
	if err != nil {
		resp.Diagnostics.Append(d.diagnose(d.many, err))
		return
	}
	items := []attr.Value{}
	for _, item := range all {
		if d.passes(item, filters) {
			items = append(items, types.ObjectValueMust(d.types(), d.values(item)))
		}
	}
	if len(all) == 0 && d.hint != "" {
		resp.Diagnostics.AddWarning("No "+d.whats, d.nothing(filters)+" "+d.hint)
	}
	values[d.whats] = types.ListValueMust(types.ObjectType{AttrTypes: d.types()}, items)
	resp.Diagnostics.Append(resp.State.Set(ctx, types.ObjectValueMust(kinds, values))...)
}

// nothing returns a sentence about an empty list. The API can have applied a filter.
func (l *lookup[T]) nothing(filters map[string]string) string {
	var set []string
	for _, k := range l.filters {
		if filters[k.name] != "" {
			set = append(set, k.name)
		}
	}
	if len(set) > 0 {
		return fmt.Sprintf("No %s %s that the credentials give access to matches %s.", l.title, l.what, strings.Join(set, " and "))
	}
	return fmt.Sprintf("The credentials do not give access to any %s %s.", l.title, l.what)
}

func (l *lookup[T]) passes(item T, filters map[string]string) bool {
	for _, k := range l.filters {
		if wanted := filters[k.name]; wanted != "" && !k.matches(item, wanted) {
			return false
		}
	}
	return true
}
