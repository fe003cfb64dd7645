package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"
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

// lookupSummaries are the first lines of errors that are about a purge otherwise.
var lookupSummaries = map[transport.Kind]string{
	transport.KindUnknown:  "%s: the look-up failed",
	transport.KindCanceled: "Interrupted before %s answered",
	transport.KindTimeout:  "%s did not answer in time",
	transport.KindNotFound: "%s does not find what is looked up",
	transport.KindLimited:  "%s refused the look-up for its rate limit",
	transport.KindState:    "%s can't answer this now",
}

// diagnose makes the diagnostic of a look-up that failed. Nothing was to be
// purged, and no argument of a look-up is called as the input of a purge is.
func (l *lookup[T]) diagnose(err error) diag.Diagnostic { return l.diagnoseAs(l.one, err) }

func (l *lookup[T]) diagnoseAs(name string, err error) diag.Diagnostic {
	d := (&target{name: name, service: l.service, title: l.title}).diagnose(err)
	var missing *configError
	if errors.As(err, &missing) {
		return d
	}
	e := &transport.Error{System: l.title, Kind: transport.KindUnknown}
	errors.As(err, &e)
	summary := d.Summary()
	if own, ok := lookupSummaries[e.Kind]; ok {
		summary = fmt.Sprintf(own, e.System)
	}
	return diag.NewErrorDiagnostic(summary, planAgain.Replace(d.Detail()))
}

// planAgain puts the advice to apply again, which is meant for a purge, right. A
// look-up has no timeout that could be raised.
var planAgain = strings.NewReplacer(
	advice[transport.KindCanceled], "Plan again.",
	advice[transport.KindTimeout], "Plan again later.",
	advice[transport.KindLimited], "Plan again later.",
	"Apply again", "Plan again", "apply again", "plan again",
)

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

// oneDataSource finds exactly one.
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
		MarkdownDescription: fmt.Sprintf("Finds one %s of %s by %s. It only reads.", d.what, d.title, d.keyNames(" or ")),
		Attributes:          attributes,
	}
}

func (l *lookup[T]) keyNames(separator string) string {
	names := make([]string, len(l.keys))
	for i, k := range l.keys {
		names[i] = "`" + k.name + "`"
	}
	return strings.Join(names, separator)
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
		resp.Diagnostics.AddError("Exactly one argument is needed", fmt.Sprintf("Set exactly one of %s.", strings.ReplaceAll(d.keyNames(", "), "`", "")))
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

// find returns the one that has the wanted value, or an error that names the
// candidates.
func (l *lookup[T]) find(ctx context.Context, c *clients, by key[T], wanted string) (T, diag.Diagnostic) {
	var none T
	list := l.list
	if by.name == "id" && l.get != nil {
		list = func(ctx context.Context, c *clients, _ map[string]string) ([]T, error) { return l.get(ctx, c, wanted) }
	}
	all, err := list(ctx, c, nil)
	if err != nil {
		return none, l.diagnose(err)
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
			fmt.Sprintf("%d %s of %s have the %s %q: %s. Use the id of the one that is meant.",
				len(found), l.whats, l.title, by.name, wanted, l.candidates(found)))
	}
}

func (l *lookup[T]) noneFound(all []T, by key[T], wanted string) diag.Diagnostic {
	detail := fmt.Sprintf("No %s of %s has the %s %q. ", l.what, l.title, by.name, wanted)
	switch near := l.nearMisses(all, by, wanted); {
	case len(all) == 0:
		detail += "These credentials see none at all. " + l.hint
	case len(near) > 0:
		detail += "Perhaps one of these is meant: " + l.candidates(near) + "."
	default:
		detail += fmt.Sprintf("There are %d: %s.", len(all), l.candidates(all))
	}
	return diag.NewAttributeErrorDiagnostic(path.Root(by.name), "No such "+l.what, strings.TrimSpace(detail))
}

// maxCandidates is how many of them an error names.
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

// nearMisses are those that contain the wanted value or differ from it by
// little, the most similar first.
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

// nearEnough is the similarity, from 0 to 1, from which on a typing error is
// likely.
const nearEnough = 0.7

// manyDataSource lists all, or those that the filters let through.
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
			MarkdownDescription: "The " + d.whats + ", in the order in which " + d.title + " lists them.",
			NestedObject:        schema.NestedAttributeObject{Attributes: nested},
		},
	}
	for _, k := range d.filters {
		attributes[k.name] = schema.StringAttribute{Optional: true, MarkdownDescription: k.about}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: fmt.Sprintf("Lists the %s of %s that the credentials see. It only reads.", d.whats, d.title),
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
		resp.Diagnostics.Append(d.diagnoseAs(d.many, err))
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

// nothing says what an empty list means. The upstream system may have applied a
// filter itself.
func (l *lookup[T]) nothing(filters map[string]string) string {
	var set []string
	for _, k := range l.filters {
		if filters[k.name] != "" {
			set = append(set, k.name)
		}
	}
	if len(set) > 0 {
		return fmt.Sprintf("No %s of %s that the credentials see matches %s.", l.what, l.title, strings.Join(set, " and "))
	}
	return fmt.Sprintf("The credentials see no %s of %s.", l.whats, l.title)
}

func (l *lookup[T]) passes(item T, filters map[string]string) bool {
	for _, k := range l.filters {
		if wanted := filters[k.name]; wanted != "" && !k.matches(item, wanted) {
			return false
		}
	}
	return true
}

// text is a string attribute, null where the upstream system said nothing.
func text(s string) attr.Value {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}
