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

// This file contains the ways to get a state without an apply: import and move. Such
// a state is adopted. Its purge_on_create is null, so the first apply records the
// configuration and does not purge.

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

// setIdentity sets the identity of a state. It sets empty values if a moved state has
// none yet, because Terraform rejects a resource without an identity.
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

// ImportState implements resource.ResourceWithImportState, by ID or identity.
func (r *purgeResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	values, err := r.imported(ctx, req, &resp.Diagnostics)
	if err != nil {
		resp.Diagnostics.AddError("Invalid import ID", fmt.Sprintf("%q is not the ID of a purge_%s. Use %s.", req.ID, r.target.name, err))
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

// MoveState implements resource.ResourceWithMoveState, for users who purged with
// terraform_data or null_resource and curl.
func (r *purgeResource) MoveState(context.Context) []resource.StateMover {
	return []resource.StateMover{{StateMover: r.move}}
}

// movable maps the types from which a state can be moved to the last segments of
// their provider's address. Its host differs between Terraform and OpenTofu.
var movable = map[string]string{
	"terraform_data": "/terraform.io/builtin/terraform",
	"null_resource":  "/hashicorp/null",
}

func (r *purgeResource) move(ctx context.Context, req resource.MoveStateRequest, resp *resource.MoveStateResponse) {
	provider, ok := movable[req.SourceTypeName]
	if !ok || !strings.HasSuffix("/"+req.SourceProviderAddress, provider) || req.SourceRawState == nil {
		return // the framework reports that the move is not supported
	}
	triggers, err := previousTriggers(req.SourceRawState.JSON)
	if err != nil {
		resp.Diagnostics.AddError("Unreadable state of "+req.SourceTypeName, "The provider cannot read the state to move from: "+err.Error()+".")
		return
	}
	m := r.target.model()
	resp.Diagnostics.Append(resp.TargetState.SetAttribute(ctx, path.Root("id"), "")...)
	resp.Diagnostics.Append(resp.TargetState.Get(ctx, m)...)
	resp.Diagnostics.Append(resp.TargetState.Set(ctx, m)...)
	resp.Diagnostics.Append(r.setIdentity(ctx, m, resp.TargetIdentity)...)
	resp.Diagnostics.Append(newDigest(triggers).store(ctx, resp.TargetPrivate)...)
}

// previousTriggers reads the triggers of a null_resource, or triggers_replace or else
// input of a terraform_data, which have the form {"value": …, "type": …}.
func previousTriggers(state []byte) ([]string, error) {
	type dynamic struct {
		Value json.RawMessage `json:"value"`
	}
	var previous struct {
		Triggers        json.RawMessage `json:"triggers"`
		TriggersReplace *dynamic        `json:"triggers_replace"`
		Input           *dynamic        `json:"input"`
	}
	if err := json.Unmarshal(state, &previous); err != nil {
		return nil, err
	}
	raw := previous.Triggers
	switch {
	case previous.TriggersReplace != nil:
		raw = previous.TriggersReplace.Value
	case previous.Input != nil:
		raw = previous.Input.Value
	}
	return triggersOf(raw), nil
}

// triggersOf returns the elements of a JSON object or list, or else the value itself.
// It returns a value that is not a string as JSON, and omits nulls.
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
