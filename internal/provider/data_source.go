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

// lookup is one kind of thing that an upstream system lists, described once and
// served as a data source for one of them and a data source for all. T is what
// the client says of one.
type lookup[T any] struct {
	// one and many are the names: purge_<one>, purge_<many>.
	one, many string
	// what is the thing in words, whats the same in the plural.
	what, whats string
	service     string
	title       string
	// keys are the arguments that find one, exactly one of which is to be set.
	keys []key[T]
	// filters are the arguments of the data source for all.
	filters []key[T]
	// fields are what is said of each.
	fields map[string]field[T]
	// list gets all from the upstream system, or those that the filters let
	// through where it can filter by itself.
	list func(ctx context.Context, c *clients, filters map[string]string) ([]T, error)
	// get gets one by its id, or all where there is none with it. Nil: list does.
	get func(ctx context.Context, c *clients, id string) ([]T, error)
	// hint says what else an empty list can mean.
	hint string
}

// key is an argument and the values that something has for it.
type key[T any] struct {
	name, about string
	of          func(T) []string
	// anyCase: upper and lower case are the same.
	anyCase bool
	check   func(*diag.Diagnostics, string, types.String)
}

// matches tells whether something has a value for the key.
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

// values is what is said of one thing.
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

// lookupTimeout ends a look-up whose upstream asks for a longer wait, because a
// data source has no timeout of its own and Terraform has none for it.
const lookupTimeout = 5 * time.Minute

// lookupVoice is how the messages of lookups speak. A lookup has no timeout that
// could be raised.
var lookupVoice = voice{again: "plan again", summaries: map[transport.Kind]string{
	transport.KindUnknown:  "%s lookup failed",
	transport.KindCanceled: "Interrupted before %s responded",
	transport.KindTimeout:  "Timed out before %s responded",
	transport.KindNotFound: "%s could not find the object",
	transport.KindInvalid:  "%s rejected the lookup",
	transport.KindState:    "%s cannot respond now",
}}

// diagnose makes the diagnostic of a failed lookup. It points at no argument,
// because a lookup has none with the name of an input of the API.
func (l *lookup[T]) diagnose(name string, err error) diag.Diagnostic {
	return (&target{name: name, title: l.title}).diagnose(lookupVoice, err)
}

// dataSources are the two that a lookup is served as.
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

// text is a string attribute, null where the upstream system said nothing.
func text(s string) attr.Value {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}
