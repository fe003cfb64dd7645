package provider

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// defaultTimeout is documented with the timeouts argument.
const defaultTimeout = 20 * time.Minute

const timeoutNote = "Default 20 minutes. Waiting for a rate limit counts."

// commonModel is the attributes that every target has. Optional ones have no
// default in the schema: null means the default, so that an imported or an older
// state does not differ from a configuration that does not mention them. The one
// exception is purge_on_create, which is null only in an adopted state.
type commonModel struct {
	ID             types.String   `tfsdk:"id"`
	Triggers       types.Map      `tfsdk:"triggers"`
	PurgeOnCreate  types.Bool     `tfsdk:"purge_on_create"`
	PurgeOnDestroy types.Bool     `tfsdk:"purge_on_destroy"`
	LastPurgedAt   types.String   `tfsdk:"last_purged_at"`
	Timeouts       timeouts.Value `tfsdk:"timeouts"`
}

func (m *commonModel) common() *commonModel { return m }

func commonAttributes(ctx context.Context, t *target) map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"id": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "What is purged, in one value that `terraform import` takes.",
		},
		"triggers": schema.MapAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Any values. When one of them changes, is added or removed, the purge is asked for again: a release, a checksum, the time of a load.",
		},
		"purge_on_create": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(true),
			MarkdownDescription: "Whether the first apply purges. With `false` it only records the triggers. Default `true`.",
		},
		"purge_on_destroy": schema.BoolAttribute{
			Optional:            true,
			MarkdownDescription: "Whether to purge when the resource is destroyed, and the former target when " + "`" + strings.Join(t.identity, "` or `") + "`" + " changes. Then the resource is destroyed only when that purge is accepted; `false`, applied before, gives the purge up. Default `false`.",
		},
		"last_purged_at": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "When " + t.title + " accepted the latest purge, in RFC 3339 and UTC. Null until there was one.",
		},
		"timeouts": timeoutsAttribute(ctx, t),
	}
}

// timeoutsAttribute is the one of the framework's library without its
// validators, whose messages don't name the argument in full.
func timeoutsAttribute(ctx context.Context, t *target) schema.Attribute {
	about := func(operation string) string {
		return "How long " + operation + " may take, as a duration such as `30m` or `1h30m`. " + t.timeoutNote
	}
	nested, ok := timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, CreateDescription: about("creating"),
		Update: true, UpdateDescription: about("updating"),
		Delete: true, DeleteDescription: about("destroying, with `purge_on_destroy`,"),
	}).(schema.SingleNestedAttribute)
	if !ok {
		panic("timeouts.Attributes returned another type than documented")
	}
	for name, attribute := range nested.Attributes {
		if s, ok := attribute.(schema.StringAttribute); ok {
			s.Validators = nil
			s.MarkdownDescription = s.Description
			nested.Attributes[name] = s
		}
	}
	nested.MarkdownDescription = "How long the operations may take."
	return nested
}

func (m *commonModel) checkCommon(diags *diag.Diagnostics) {
	for key, value := range m.Triggers.Elements() {
		if value.IsNull() {
			diags.AddAttributeError(path.Root("triggers").AtMapKey(key), "Null value in triggers",
				fmt.Sprintf("triggers[%q] is null. Leave the key out, or give it a value.", key))
		}
	}
	for name, value := range m.Timeouts.Attributes() {
		text, ok := value.(types.String)
		if !ok || text.IsNull() || text.IsUnknown() {
			continue
		}
		if d, err := time.ParseDuration(text.ValueString()); err != nil || d <= 0 {
			diags.AddAttributeError(path.Root("timeouts"), "Invalid timeouts."+name,
				fmt.Sprintf("timeouts.%s must be a duration greater than zero, such as \"30m\" or \"1h30m\"; it is %q.", name, text.ValueString()))
		}
	}
}

// triggersChanged compares the triggers, of which null and {} are the same. It
// returns false for known while they can't be compared yet.
func triggersChanged(prior, next *commonModel) (changed, known bool) {
	if next.Triggers.IsUnknown() {
		return false, false
	}
	before, after := prior.Triggers.Elements(), next.Triggers.Elements()
	changed = len(before) != len(after)
	for key, value := range after {
		if value.IsUnknown() {
			return false, false
		}
		if old, ok := before[key]; !ok || !old.Equal(value) {
			changed = true
		}
	}
	return changed, true
}

// adopted tells whether a state comes from an import or a move and was not
// applied since.
func (m *commonModel) adopted() bool { return m.PurgeOnCreate.IsNull() }

// keepText takes the prior spelling over where both mean the same.
func keepText(next *types.String, prior types.String, same func(a, b string) bool) {
	if known(*next) && known(prior) && same(next.ValueString(), prior.ValueString()) {
		*next = prior
	}
}

// known tells whether an attribute has a value that is known already.
func known(v attr.Value) bool { return !v.IsNull() && !v.IsUnknown() }

// single is what the targets have in common that are exactly one request.
type single struct{}

func (single) manner() (string, bool) { return "", true }

func (single) units() (map[string]unit, bool) { return map[string]unit{"": {}}, true }

func (single) pace(int, *clients) pace { return pace{sideBySide: 1, patience: defaultTimeout} }

func (single) purged() (*types.Map, bool) { return nil, false }

func (single) keepDone(model, []job, []bool) bool { return false }
