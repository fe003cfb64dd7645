// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// ModifyPlan implements resource.ResourceWithModifyPlan. It sets the computed
// attributes, as far as they are known, and warns about what the apply does.
func (r *purgeResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.Equal(req.State.Raw) && !hasPending(req.State.Raw) {
		return // which also makes large plans without changes fast
	}
	var prior, next model
	if !req.State.Raw.IsNull() {
		prior = r.loadPrior(ctx, req.State, req.Private, &resp.Diagnostics)
	}
	if !req.Plan.Raw.IsNull() {
		next = r.target.model()
		resp.Diagnostics.Append(req.Plan.Get(ctx, next)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if next == nil {
		r.planDestroy(ctx, prior, &resp.Diagnostics)
		return
	}
	// Check the values that were unknown during validation.
	next.check(&resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if prior != nil {
		next.keepSpelling(prior)
	}
	r.plan(ctx, prior, next, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.Plan.Set(ctx, next)...)
}

// hasPending reports whether a state has pending purges, without decoding all of it.
func hasPending(state tftypes.Value) bool {
	var attributes map[string]tftypes.Value
	if state.IsNull() || state.As(&attributes) != nil {
		return false
	}
	return !attributes["pending"].IsNull()
}

// plan sets the computed attributes of next.
func (r *purgeResource) plan(ctx context.Context, prior, next model, diags *diag.Diagnostics) {
	d := decide(r.target, prior, next)
	next.common().ID = types.StringUnknown()
	r.complete(prior, next, d)
	if d.unknown || d.sends() {
		r.target.needConfigured(r.clients, diags)
	}
	next.warn(prior, d, diags)
	switch {
	case d.adopts:
		diags.AddWarning("Recorded without purging",
			"The resource was imported or moved. This apply records its configuration and sends no purge. Later changes purge as usual.")
	case d.sends():
		op := operationUpdate
		if prior == nil {
			op = operationCreate
		}
		r.estimate(ctx, op, prior, next, d, diags)
	}
}

// planDestroy warns about the purges that a destroy sends or drops.
func (r *purgeResource) planDestroy(ctx context.Context, prior model, diags *diag.Diagnostics) {
	if !prior.common().PurgeOnDestroy.ValueBool() {
		if n := len(prior.common().Pending.Elements()); n > 0 {
			diags.AddWarning("Pending purges are dropped", fmt.Sprintf(
				"%s. Destroying the resource drops pending purges. To send them, apply first without destroying the resource.", stillPending(n)))
		}
		return
	}
	var missing diag.Diagnostics
	r.target.needConfigured(r.clients, &missing)
	for _, d := range missing {
		diags.Append(r.target.ofDestroy(d, prior))
	}
	d := decideDestroy(prior)
	if !d.sends() || r.estimate(ctx, operationDelete, prior, prior, d, diags) {
		return
	}
	diags.AddWarning("The destroy sends purges", fmt.Sprintf("Because the purge_%s with the ID %q has purge_on_destroy = true, destroying it sends %s, which takes %s.",
		r.target.name, prior.common().ID.ValueString(), count(d.count()), takes(r.pace(prior, prior, d).wait)))
}

func takes(wait time.Duration) string {
	if wait < time.Minute {
		return "less than a minute"
	}
	return "about " + transport.FormatDuration(wait)
}
