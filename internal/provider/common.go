// SPDX-License-Identifier: MPL-2.0

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

const timeoutNote = "Default 20 minutes, including the time spent waiting for a rate limit."

// commonModel contains the attributes that every target has. Optional attributes
// have no default in the schema, and null means the default. An imported or older
// state therefore equals a configuration that omits them. The only exception is
// purge_on_create, which is null only in an adopted state.
type commonModel struct {
	ID             types.String   `tfsdk:"id"`
	Triggers       types.Map      `tfsdk:"triggers"`
	PurgeOnCreate  types.Bool     `tfsdk:"purge_on_create"`
	PurgeOnDestroy types.Bool     `tfsdk:"purge_on_destroy"`
	LastPurgedAt   types.String   `tfsdk:"last_purged_at"`
	Pending        types.Map      `tfsdk:"pending"`
	Timeouts       timeouts.Value `tfsdk:"timeouts"`

	// moved is the digest of the previous triggers, if the state was moved and not
	// applied since.
	moved *digest
}

func (m *commonModel) common() *commonModel { return m }

func commonAttributes(ctx context.Context, t *target) map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{
		"id": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Identifier of the purge target, in the format that `terraform import` accepts.",
		},
		"triggers": schema.MapAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Arbitrary values, such as a release, a checksum, or the time of a load. The provider purges again when a value is added, changed, or removed.",
		},
		"purge_on_create": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(true),
			MarkdownDescription: "Whether to purge when Terraform creates the resource. With `false`, the first apply only records the configuration. Default `true`.",
		},
		"purge_on_destroy": schema.BoolAttribute{
			Optional:            true,
			MarkdownDescription: "Whether to purge when Terraform destroys the resource, and to purge the previous target when `" + strings.Join(t.identity, "` or `") + "` changes. Terraform then destroys the resource only after the API accepts the purge. To destroy it without a purge, apply `false` first. Default `false`.",
		},
		"last_purged_at": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Time when the API accepted the latest purge, in RFC 3339 format and UTC. Null before the first purge.",
		},
		"pending": schema.MapAttribute{
			Computed: true, ElementType: types.StringType,
			MarkdownDescription: "Planned purges that the API has not accepted yet, each with its reason: `created`, `added`, `changed`, `removed`, or `triggered`, followed by `, failed` if the API returned an error for the latest request. The next apply sends them. Null if nothing is pending.",
		},
		"timeouts": timeoutsAttribute(ctx, timeoutsOf(t)),
	}
	if t.many {
		attributes["summary"] = schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Number of paths that the latest apply purged for each reason, and the number of purges that it sent, such as `since 2026-11-23T20:29:23Z: 1 added, 1 changed, 1 removed; 3 purges`. It is known during planning. Null with `url`.",
		}
	}
	return attributes
}

// timeoutsOf describes the timeouts of a target.
func timeoutsOf(t *target) timeouts.Opts {
	about := func(operation string) string {
		return "Timeout for " + operation + ", as a duration such as `30m` or `1h30m`. " + t.timeoutNote
	}
	return timeouts.Opts{
		Create: true, CreateDescription: about("creating the resource"),
		Update: true, UpdateDescription: about("updating the resource"),
		Delete: true, DeleteDescription: about("destroying the resource with `purge_on_destroy = true`"),
	}
}

// timeoutsAttribute returns the attribute of the timeouts library without its
// validators, because their messages do not contain the full name of the argument.
func timeoutsAttribute(ctx context.Context, opts timeouts.Opts) schema.Attribute {
	nested, ok := timeouts.Attributes(ctx, opts).(schema.SingleNestedAttribute)
	if !ok {
		panic("timeouts.Attributes did not return the documented type")
	}
	for name, attribute := range nested.Attributes {
		if s, ok := attribute.(schema.StringAttribute); ok {
			s.Validators = nil
			s.MarkdownDescription = s.Description
			nested.Attributes[name] = s
		}
	}
	nested.MarkdownDescription = "Timeouts of the operations."
	return nested
}

func (m *commonModel) checkCommon(diags *diag.Diagnostics) { checkMaps(diags, m.Triggers, m.Timeouts) }

// checkMaps reports null triggers and invalid timeouts.
func checkMaps(diags *diag.Diagnostics, triggers types.Map, limits timeouts.Value) {
	for key, value := range triggers.Elements() {
		if value.IsNull() {
			diags.AddAttributeError(path.Root("triggers").AtMapKey(key), "Null value in triggers",
				fmt.Sprintf("triggers[%q] is null. Remove the key, or set it to a value.", key))
		}
	}
	for name, value := range limits.Attributes() {
		text, ok := value.(types.String)
		if !ok || text.IsNull() || text.IsUnknown() {
			continue
		}
		if d, err := time.ParseDuration(text.ValueString()); err != nil || d <= 0 {
			diags.AddAttributeError(path.Root("timeouts"), "Invalid timeouts."+name,
				fmt.Sprintf("timeouts.%s must be a duration greater than zero, such as \"30m\" or \"1h30m\".", name))
		}
	}
}

// triggersChanged compares triggers. Null and {} are equal. It returns false for
// known if a trigger is unknown.
func triggersChanged(prior, next types.Map) (changed, known bool) {
	if next.IsUnknown() {
		return false, false
	}
	before, after := prior.Elements(), next.Elements()
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

// adopted reports whether a state was imported or moved and not applied since.
func (m *commonModel) adopted() bool { return m.PurgeOnCreate.IsNull() }

// keepText keeps the prior spelling if both values are equivalent.
func keepText(next *types.String, prior types.String, same func(a, b string) bool) {
	if known(*next) && known(prior) && same(next.ValueString(), prior.ValueString()) {
		*next = prior
	}
}

// known reports whether an attribute is neither null nor unknown.
func known(v attr.Value) bool { return !v.IsNull() && !v.IsUnknown() }

func (m *commonModel) copyOptions(next tracked) {
	if n, ok := next.(model); ok {
		m.PurgeOnDestroy, m.Timeouts = n.common().PurgeOnDestroy, n.common().Timeouts
	}
}

func (m *commonModel) pending() *types.Map { return &m.Pending }

// single implements parts of model for targets that are exactly one request.
type single struct{}

func (single) mode() (string, bool) { return "", true }

func (single) key(name string) string { return name }

func (single) requests(tasks []task) [][]request { return [][]request{oneEach(tasks)} }

func (single) pace([][]request, *clients) pace { return pace{parallel: 1, timeout: defaultTimeout} }

func (single) summary() (*types.String, bool) { return nil, false }

func (single) warn(model, decision, *diag.Diagnostics) {}

func (single) forget(map[string]bool) {}

// itemNamed returns the only item of a target that is one request.
func itemNamed(name types.String) (map[string]item, bool) {
	return map[string]item{name.ValueString(): {name: name.ValueString()}}, known(name)
}
