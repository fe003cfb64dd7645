// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
)

// purgeResource serves a target as a resource that purges in place. It never
// requires a replacement, because an ID that is unknown during planning would then
// cause one, and a purge without a reason.
type purgeResource struct {
	target  *target
	clients *clients
}

var (
	_ resource.ResourceWithConfigure      = (*purgeResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*purgeResource)(nil)
	_ resource.ResourceWithValidateConfig = (*purgeResource)(nil)
)

// Metadata implements resource.Resource.
func (r *purgeResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + r.target.name
	// The target can change in place, and the identity changes with it.
	resp.ResourceBehavior.MutableIdentity = true
}

// Schema implements resource.Resource.
func (r *purgeResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := commonAttributes(ctx, r.target)
	for _, arguments := range []map[string]argument{r.target.arguments, r.target.resourceOnly} {
		for name, a := range arguments {
			attributes[name] = a.resource()
		}
	}
	resp.Schema = schema.Schema{Version: r.target.version, MarkdownDescription: r.target.about, Attributes: attributes}
}

// Configure implements resource.ResourceWithConfigure. There are no clients during
// validation.
func (r *purgeResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if c, ok := req.ProviderData.(*clients); ok {
		r.clients = c
	}
}

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *purgeResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	m := r.target.model()
	resp.Diagnostics.Append(req.Config.Get(ctx, m)...)
	if !resp.Diagnostics.HasError() {
		m.check(&resp.Diagnostics)
	}
}

// loadPrior reads a prior state and, if the state was moved, its digest.
func (r *purgeResource) loadPrior(ctx context.Context, state tfsdk.State, p private, diags *diag.Diagnostics) model {
	prior := r.target.model()
	diags.Append(state.Get(ctx, prior)...)
	if prior.common().adopted() {
		prior.common().moved = loadDigest(ctx, p)
	}
	return prior
}

// save writes a model and its identity to the state.
func (r *purgeResource) save(ctx context.Context, m model, state *tfsdk.State, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) {
	diags.Append(state.Set(ctx, m)...)
	diags.Append(r.setIdentity(ctx, m, identity)...)
}

// Create implements resource.Resource.
func (r *purgeResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	next := r.target.model()
	resp.Diagnostics.Append(req.Plan.Get(ctx, next)...)
	if resp.Diagnostics.HasError() {
		return
	}
	var prior model
	d := decide(r.target, nil, next)
	r.complete(nil, next, d)
	if s, strays := r.clients.deleted.take(r.handoverKey(next), next); s != nil {
		prior, _ = s.state.(model)
		d = decideResumed(r.target, s, strays, prior, next)
	}
	if m := r.apply(ctx, operationCreate, prior, next, d, &resp.Diagnostics); m != nil {
		r.save(ctx, m, &resp.State, resp.Identity, &resp.Diagnostics)
	}
}

// Update implements resource.Resource.
func (r *purgeResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	prior, next := r.loadPrior(ctx, req.State, req.Private, &resp.Diagnostics), r.target.model()
	resp.Diagnostics.Append(req.Plan.Get(ctx, next)...)
	if resp.Diagnostics.HasError() {
		return
	}
	d := decide(r.target, prior, next)
	r.complete(prior, next, d)
	m := r.apply(ctx, operationUpdate, prior, next, d, &resp.Diagnostics)
	if m == nil {
		return
	}
	r.save(ctx, m, &resp.State, resp.Identity, &resp.Diagnostics)
	if !m.common().adopted() {
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, movedKey, nil)...)
	}
}

// Read implements resource.Resource. It reads nothing from the API, so a plan needs
// no network.
func (r *purgeResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	m := r.target.model()
	resp.Diagnostics.Append(req.State.Get(ctx, m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if n := len(m.common().Pending.Elements()); n > 0 {
		resp.Diagnostics.AddWarning("Purges are still pending", stillPending(n)+
			" from an earlier apply that failed. The next apply sends pending purges, even if nothing else changes.")
	}
	resp.Diagnostics.Append(r.setIdentity(ctx, m, resp.Identity)...)
}

func stillPending(n int) string {
	if n == 1 {
		return "1 purge is still pending"
	}
	return fmt.Sprintf("%d purges are still pending", n)
}

// Delete implements resource.Resource. It cannot distinguish a destroy from the
// first half of a replacement.
func (r *purgeResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	prior := r.target.model()
	resp.Diagnostics.Append(req.State.Get(ctx, prior)...)
	if resp.Diagnostics.HasError() {
		return
	}
	pending := pendingOf(prior)
	s := &deleted{state: prior, unfinished: unfinishedCreate(pending)}
	if prior.common().PurgeOnDestroy.ValueBool() {
		if m, ok := r.purgeAll(ctx, prior, &resp.Diagnostics); !ok {
			if m != nil {
				resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
			}
			return
		}
		s.purged = true
	}
	if len(pending) == 0 {
		return
	}
	r.clients.deleted.put(r.handoverKey(prior), s)
	if !s.purged {
		resp.Diagnostics.AddWarning("The resource was deleted with pending purges", fmt.Sprintf(
			"The purge_%s with the ID %q was deleted while these purges were pending:\n%s\n\nIf this apply creates the resource again, the new resource sends its configured purges. It also sends the pending purges that are no longer configured, but only if it is created after this deletion.",
			r.target.name, prior.common().ID.ValueString(), taskList(inOrder(slices.Collect(maps.Values(pending))))))
	}
}

func (r *purgeResource) handoverKey(m model) string {
	id, _ := m.identify()
	return r.target.name + "/" + r.target.join(id)
}

// purgeAll purges all items of a resource with purge_on_destroy. If it fails, it
// returns false and the state to save, or nil if the state does not change.
func (r *purgeResource) purgeAll(ctx context.Context, prior model, diags *diag.Diagnostics) (model, bool) {
	d := decideDestroy(prior)
	o := r.deliver(ctx, operationDelete, prior, prior, d, diags)
	if !o.complete() {
		return r.fail(operationDelete, prior, nil, d, o, diags), false
	}
	// The API rejected the dropped items, so a create that follows sends those that
	// are still configured.
	prior.common().Pending = pendingValue(dropped(d.previous, o.fates))
	if o.accepted > 0 {
		setLatest(prior, o.latestPurge())
	}
	return nil, true
}

// complete sets the computed attributes that are known before the purge.
func (r *purgeResource) complete(prior, next model, d decision) {
	c := next.common()
	if id, ok := next.identify(); ok {
		c.ID = types.StringValue(r.target.join(id))
	}
	c.Pending = types.MapNull(types.StringType)
	switch text, used := next.summary(); {
	case text == nil:
	case !used:
		*text = types.StringNull()
	default:
		*text = summaryOf(prior, d)
	}
	if d.unknown || d.sends() {
		setLatest(next, latest{types.StringUnknown(), types.Int64Unknown()})
	} else {
		setLatest(next, latestOf(prior))
	}
}

// apply sends the planned purges. It returns the state to save, or nil if the state
// does not change.
func (r *purgeResource) apply(ctx context.Context, op operation, prior, next model, d decision, diags *diag.Diagnostics) model {
	o := &outcome{}
	if d.sends() {
		o = r.deliver(ctx, op, prior, next, d, diags)
	}
	if !o.complete() {
		return r.fail(op, prior, next, d, o, diags)
	}
	resolveLatest(prior, next, o)
	return next
}

// resolveLatest sets the attributes of the latest purge, if they were unknown during
// planning.
func resolveLatest(prior, next model, o *outcome) {
	switch {
	case !next.common().LastPurgedAt.IsUnknown():
	case o.accepted > 0:
		setLatest(next, o.latestPurge())
	default:
		setLatest(next, latestOf(prior))
	}
}

// fail reports why purges were not accepted. It returns the state to save, or nil if
// the state does not change.
func (r *purgeResource) fail(op operation, prior, next model, d decision, o *outcome, diags *diag.Diagnostics) model {
	m, _ := d.saved(prior, next, o).(model)
	switch {
	case m == nil:
	case m == next:
		resolveLatest(prior, next, o)
	case o.accepted > 0:
		setLatest(m, o.latestPurge())
	}
	diagnosis := r.target.diagnoseRun(op, o, d.count(), m != nil)
	if op == operationDelete {
		diagnosis = r.target.ofDestroy(diagnosis, prior)
	}
	diags.Append(diagnosis)
	return m
}

// deliver sends the purges of a decision within the timeout of the operation. It
// purges the new target only after the previous target is complete, because a state
// cannot represent partial progress of both.
func (r *purgeResource) deliver(ctx context.Context, op operation, prior, next model, d decision, diags *diag.Diagnostics) *outcome {
	timeout, ds := r.timeout(ctx, op, prior, next, d)
	diags.Append(ds...)
	if ds.HasError() {
		return &outcome{fates: make([]fate, len(d.previous)+len(d.tasks)), err: errTimeouts}
	}
	ctx, cancel := quota.WithTimeout(ctx, timeout)
	defer cancel()
	o := watchRun(ctx, d.count(), count, logProgress(ctx), func(ctx context.Context, w *watch) *outcome {
		o := run(ctx, r.target.batch(r.clients, prior, d.previous, d.first, w.accepted))
		if o.complete() {
			first := o.accepted
			o.add(run(ctx, r.target.batch(r.clients, next, d.tasks, d.then, func(done int) { w.accepted(first + done) })))
		} else {
			o.fates = append(o.fates, make([]fate, len(d.tasks))...)
		}
		return o
	})
	for _, w := range o.warnings {
		diags.AddWarning(w.summary, w.detail)
	}
	if len(o.dropped) > 0 {
		diags.AddWarning("Rejected paths are dropped", fmt.Sprintf(
			"%s rejected these paths. They are no longer configured, so the provider does not send them again:\n%s", r.target.title, failureList(o.dropped)))
	}
	return o
}
