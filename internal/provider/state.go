// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// What is in this file is how a state comes to be other than by an apply. Such
// a state is adopted: purge_on_create is null in it, which tells the first apply
// to record and not to purge.

var (
	_ resource.ResourceWithImportState  = (*purgeResource)(nil)
	_ resource.ResourceWithIdentity     = (*purgeResource)(nil)
	_ resource.ResourceWithMoveState    = (*purgeResource)(nil)
	_ resource.ResourceWithUpgradeState = (*purgeResource)(nil)
)

// UpgradeState implements resource.ResourceWithUpgradeState.
func (r *purgeResource) UpgradeState(context.Context) map[int64]resource.StateUpgrader {
	return r.target.upgraders
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *purgeResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	attributes := make(map[string]identityschema.Attribute)
	for _, name := range r.target.identity {
		a, shared := r.target.arguments[name]
		if !shared {
			a = r.target.resourceOnly[name]
		}
		attributes[name] = identityschema.StringAttribute{RequiredForImport: a.required, OptionalForImport: !a.required, Description: a.about}
	}
	resp.IdentitySchema = identityschema.Schema{Attributes: attributes}
}

// setIdentity sets the identity that belongs to a state. It is set even where a
// moved state has no values yet, because Terraform takes a resource without any
// for broken.
func (r *purgeResource) setIdentity(ctx context.Context, m model, identity *tfsdk.ResourceIdentity) diag.Diagnostics {
	if identity == nil {
		return nil
	}
	values, _ := m.identify()
	attributes := make(map[string]attr.Value, len(values))
	kinds := make(map[string]attr.Type, len(values))
	for i, name := range r.target.identity {
		kinds[name] = types.StringType
		attributes[name] = types.StringValue(values[i])
	}
	return identity.Set(ctx, types.ObjectValueMust(kinds, attributes))
}

// ImportState implements resource.ResourceWithImportState, by id or identity.
func (r *purgeResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	values, err := r.imported(ctx, req, &resp.Diagnostics)
	if err != nil {
		resp.Diagnostics.AddError("Invalid import id", fmt.Sprintf("The id of a purge_%s is %s; %q is not.", r.target.name, err, req.ID))
	}
	if resp.Diagnostics.HasError() {
		return
	}
	m := r.target.model()
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), "")...)
	resp.Diagnostics.Append(resp.State.Get(ctx, m)...)
	m.adopt(values)
	m.check(&resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	normalized, _ := m.identify()
	m.adopt(normalized)
	m.common().ID = types.StringValue(r.target.join(normalized))
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	resp.Diagnostics.Append(r.setIdentity(ctx, m, resp.Identity)...)
}

func (r *purgeResource) imported(ctx context.Context, req resource.ImportStateRequest, diags *diag.Diagnostics) ([]string, error) {
	if req.ID != "" {
		return r.target.split(req.ID)
	}
	values := make([]string, len(r.target.identity))
	for i, name := range r.target.identity {
		var value types.String
		diags.Append(req.Identity.GetAttribute(ctx, path.Root(name), &value)...)
		values[i] = value.ValueString()
	}
	return values, nil
}

// MoveState implements resource.ResourceWithMoveState: what people used before
// was terraform_data or null_resource with curl.
func (r *purgeResource) MoveState(context.Context) []resource.StateMover {
	return []resource.StateMover{{StateMover: r.move}}
}

// movable are the types that a state can come from, and the last segments of
// their provider's address: its host differs between Terraform and OpenTofu.
var movable = map[string]string{
	"terraform_data": "/terraform.io/builtin/terraform",
	"null_resource":  "/hashicorp/null",
}

func (r *purgeResource) move(ctx context.Context, req resource.MoveStateRequest, resp *resource.MoveStateResponse) {
	provider, ok := movable[req.SourceTypeName]
	if !ok || !strings.HasSuffix("/"+req.SourceProviderAddress, provider) || req.SourceRawState == nil {
		return // the framework says that there is no way
	}
	triggers, err := formerTriggers(req.SourceRawState.JSON)
	if err != nil {
		resp.Diagnostics.AddError("Unreadable state of "+req.SourceTypeName, "The state to move from can't be read: "+err.Error())
		return
	}
	m := r.target.model()
	resp.Diagnostics.Append(resp.TargetState.SetAttribute(ctx, path.Root("id"), "")...)
	resp.Diagnostics.Append(resp.TargetState.Get(ctx, m)...)
	resp.Diagnostics.Append(resp.TargetState.Set(ctx, m)...)
	resp.Diagnostics.Append(r.setIdentity(ctx, m, resp.TargetIdentity)...)
	resp.Diagnostics.Append(newDigest(triggers).store(ctx, resp.TargetPrivate)...)
}

// formerTriggers reads null_resource's triggers, and terraform_data's
// triggers_replace or else input, which come as {"value": …, "type": …}.
func formerTriggers(state []byte) ([]string, error) {
	type dynamic struct {
		Value json.RawMessage `json:"value"`
	}
	var former struct {
		Triggers        json.RawMessage `json:"triggers"`
		TriggersReplace *dynamic        `json:"triggers_replace"`
		Input           *dynamic        `json:"input"`
	}
	if err := json.Unmarshal(state, &former); err != nil {
		return nil, err
	}
	raw := former.Triggers
	switch {
	case former.TriggersReplace != nil:
		raw = former.TriggersReplace.Value
	case former.Input != nil:
		raw = former.Input.Value
	}
	return triggersOf(raw), nil
}

// triggersOf returns the values of any JSON value: of a map, of a list, or a
// single one. What is not a string is returned as JSON, nulls are left out.
func triggersOf(raw json.RawMessage) []string {
	if len(raw) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	var list []json.RawMessage
	switch {
	case json.Unmarshal(raw, &fields) == nil:
		list = slices.Collect(maps.Values(fields))
	case json.Unmarshal(raw, &list) != nil:
		list = []json.RawMessage{raw}
	}
	var values []string
	for _, value := range list {
		var text string
		switch {
		case string(value) == "null":
			continue
		case json.Unmarshal(value, &text) != nil:
			text = string(value)
		}
		values = append(values, text)
	}
	return values
}
