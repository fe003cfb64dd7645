// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// lookup describes one kind of object that an API lists. It is served as a data
// source for one object and a data source for all. T is the client's type.
type lookup[T any] struct {
	// one and many are the names: purge_<one>, purge_<many>.
	one, many string
	// what is the noun for an object, and whats its plural.
	what, whats string
	service     string
	title       string
	// keys are the arguments that find one object. Exactly one must be set.
	keys []key[T]
	// filters are the arguments of the data source for all objects.
	filters []key[T]
	// fields are the computed attributes of an object.
	fields map[string]field[T]
	// list gets all objects from the API, or only those that match the filters if
	// the API can filter.
	list func(ctx context.Context, c *clients, filters map[string]string) ([]T, error)
	// get gets one object by its ID, or all if none has the ID. If nil, list is used.
	get func(ctx context.Context, c *clients, id string) ([]T, error)
	// hint is another possible reason for an empty list.
	hint string
}

// key is an argument, with the values that an object has for it.
type key[T any] struct {
	name, about string
	of          func(T) []string
	// anyCase ignores case.
	anyCase bool
	check   func(*diag.Diagnostics, string, types.String)
}

// matches reports whether an object has the wanted value.
func (k key[T]) matches(item T, wanted string) bool {
	return slices.ContainsFunc(k.of(item), func(value string) bool {
		return value == wanted || k.anyCase && strings.EqualFold(value, wanted)
	})
}

// field is one computed attribute.
type field[T any] struct {
	about string
	kind  attr.Type
	of    func(T) attr.Value
}

func (f field[T]) attribute() schema.Attribute {
	switch kind := f.kind.(type) {
	case types.ListType:
		return schema.ListAttribute{Computed: true, ElementType: kind.ElemType, MarkdownDescription: f.about}
	case types.ObjectType:
		return schema.ObjectAttribute{Computed: true, AttributeTypes: kind.AttrTypes, MarkdownDescription: f.about}
	}
	switch f.kind {
	case types.Int64Type:
		return schema.Int64Attribute{Computed: true, MarkdownDescription: f.about}
	case types.BoolType:
		return schema.BoolAttribute{Computed: true, MarkdownDescription: f.about}
	default:
		return schema.StringAttribute{Computed: true, MarkdownDescription: f.about}
	}
}

// values returns the computed attributes of an object.
func (l *lookup[T]) values(item T) map[string]attr.Value {
	values := make(map[string]attr.Value, len(l.fields))
	for name, f := range l.fields {
		values[name] = f.of(item)
	}
	return values
}

func (l *lookup[T]) types() map[string]attr.Type {
	kinds := make(map[string]attr.Type, len(l.fields))
	for name, f := range l.fields {
		kinds[name] = f.kind
	}
	return kinds
}

// lookupTimeout limits a lookup if the API requires a longer wait, because
// neither the data source nor Terraform has a timeout.
const lookupTimeout = 5 * time.Minute

// lookupVoice is the voice of lookups. A lookup has no timeout that the user could
// raise.
var lookupVoice = voice{again: "plan again", summaries: map[transport.Kind]string{
	transport.KindUnknown:  "%s lookup failed",
	transport.KindCanceled: "Interrupted before %s responded",
	transport.KindTimeout:  "Timed out before %s responded",
	transport.KindNotFound: "%s could not find the object",
	transport.KindInvalid:  "%s rejected the lookup",
	transport.KindState:    "%s cannot respond now",
}}

// diagnose returns the diagnostic of a failed lookup. It refers to no argument,
// because no argument of a lookup has the name of an input of the API.
func (l *lookup[T]) diagnose(name string, err error) diag.Diagnostic {
	return (&target{name: name, title: l.title}).diagnose(lookupVoice, err)
}

// dataSources returns the two data sources of a lookup.
func (l *lookup[T]) dataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{
		func() datasource.DataSource { return &oneDataSource[T]{lookup: l} },
		func() datasource.DataSource { return &manyDataSource[T]{lookup: l} },
	}
}

// withClients keeps the provider's clients.
type withClients struct{ clients *clients }

// Configure implements datasource.DataSourceWithConfigure.
func (d *withClients) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	if c, ok := req.ProviderData.(*clients); ok {
		d.clients = c
	}
}

func (l *lookup[T]) checkKey(diags *diag.Diagnostics, k key[T], value types.String) {
	switch {
	case value.ValueString() == "":
		diags.AddAttributeError(path.Root(k.name), "Empty "+k.name, k.name+" is empty, so it finds nothing.")
	case k.check != nil:
		k.check(diags, k.name, value)
	}
}

// text returns a string attribute, null if the API returned nothing.
func text(s string) attr.Value {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}
