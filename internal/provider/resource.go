package provider

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
)

// purgeResource serves a target as a resource that purges in place. It never
// asks for a replacement: an id that is unknown while planning would turn into
// one, and so into a purge without a reason.
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
	// What is purged may change in place, and the identity with it.
	resp.ResourceBehavior.MutableIdentity = true
}

// Schema implements resource.Resource.
func (r *purgeResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := commonAttributes(ctx, r.target)
	maps.Copy(attributes, r.target.computed)
	for _, arguments := range []map[string]argument{r.target.arguments, r.target.resourceOnly} {
		for name, a := range arguments {
			attributes[name] = a.resource()
		}
	}
	resp.Schema = schema.Schema{Version: r.target.version, MarkdownDescription: r.target.about, Attributes: attributes}
}

// Configure implements resource.ResourceWithConfigure. There are no clients
// while a configuration is validated.
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

// ModifyPlan implements resource.ResourceWithModifyPlan: it fills in what an
// apply will do, as far as that is known.
func (r *purgeResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.Equal(req.State.Raw) {
		return // also what spares the largest plans without changes the work
	}
	var prior, next model
	if !req.State.Raw.IsNull() {
		prior = r.target.model()
		resp.Diagnostics.Append(req.State.Get(ctx, prior)...)
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
	// Values that were unknown when the configuration was validated are checked
	// here, before anything is sent.
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

func (r *purgeResource) planDestroy(ctx context.Context, prior model, diags *diag.Diagnostics) {
	if prior.common().PurgeOnDestroy.ValueBool() {
		var lacks diag.Diagnostics
		r.target.needConfigured(r.clients, &lacks)
		for _, d := range lacks {
			diags.Append(r.target.ofDestroy(d, prior))
		}
		d := destroying(prior)
		r.estimate(ctx, operationDelete, prior, d, diags)
	}
}

// destroying is what a destroy with purge_on_destroy is to do.
func destroying(prior model) decision {
	units, _ := prior.units()
	return decision{former: jobsFor(prior, units, reasonRemoved)}
}

// plan sets the computed attributes of next.
func (r *purgeResource) plan(ctx context.Context, prior, next model, diags *diag.Diagnostics) {
	c, d := next.common(), decide(r.target, prior, next)
	c.ID = types.StringUnknown()
	if id, ok := next.identify(); ok {
		c.ID = types.StringValue(r.target.join(id))
	}
	if d.unknown || d.sends() {
		r.target.needConfigured(r.clients, diags)
	}
	r.remember(prior, next, d)
	if d.unknown {
		c.LastPurgedAt = types.StringUnknown()
		if list, used := next.purged(); used {
			*list = types.MapUnknown(types.StringType)
		}
		return
	}
	if d.sends() {
		c.LastPurgedAt = types.StringUnknown()
		op := operationUpdate
		if prior == nil {
			op = operationCreate
		}
		r.estimate(ctx, op, next, d, diags)
	}
	if d.adopts {
		diags.AddWarning("Recorded without purging",
			"The resource was imported or moved here. This apply records it as it is configured and sends no purge; from the next change on it purges as usual.")
	}
}

// remember sets what the state says of the latest purge: this one, or, where
// nothing is sent, the one before.
func (r *purgeResource) remember(prior, next model, d decision) {
	list, used := next.purged()
	next.common().LastPurgedAt = types.StringNull()
	if prior != nil {
		next.common().LastPurgedAt = prior.common().LastPurgedAt
	}
	switch {
	case list == nil:
	case !used:
		*list = types.MapNull(types.StringType)
	case d.sends() || prior == nil:
		*list = reasons(d.jobs)
	default:
		former, _ := prior.purged()
		*list = *former
	}
}

// Create implements resource.Resource.
func (r *purgeResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	next := r.target.model()
	resp.Diagnostics.Append(req.Plan.Get(ctx, next)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if m := r.apply(ctx, operationCreate, nil, next, &resp.Diagnostics); m != nil {
		resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
		resp.Diagnostics.Append(r.setIdentity(ctx, m, resp.Identity)...)
	}
}

// Update implements resource.Resource.
func (r *purgeResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	prior, next := r.target.model(), r.target.model()
	resp.Diagnostics.Append(req.State.Get(ctx, prior)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, next)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if m := r.apply(ctx, operationUpdate, prior, next, &resp.Diagnostics); m != nil {
		resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
		resp.Diagnostics.Append(r.setIdentity(ctx, m, resp.Identity)...)
	}
}

// Read implements resource.Resource. There is nothing to read at the upstream
// system, so a plan needs no network.
func (r *purgeResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	m := r.target.model()
	resp.Diagnostics.Append(req.State.Get(ctx, m)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(r.setIdentity(ctx, m, resp.Identity)...)
	}
}

// Delete implements resource.Resource.
func (r *purgeResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	prior := r.target.model()
	resp.Diagnostics.Append(req.State.Get(ctx, prior)...)
	if resp.Diagnostics.HasError() || !prior.common().PurgeOnDestroy.ValueBool() {
		return
	}
	d := destroying(prior)
	o := r.deliver(ctx, operationDelete, prior, d, &resp.Diagnostics)
	if o.err == nil {
		return
	}
	if m := r.fail(operationDelete, prior, nil, d, o, &resp.Diagnostics); m != nil {
		resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	}
}

// apply does what was planned and completes next. It returns what is to be
// saved; nil: the state stays as it was and the next plan shows the same again.
func (r *purgeResource) apply(ctx context.Context, op operation, prior, next model, diags *diag.Diagnostics) model {
	d := decide(r.target, prior, next)
	id, _ := next.identify()
	next.common().ID = types.StringValue(r.target.join(id))
	r.remember(prior, next, d)
	if !d.sends() {
		return next
	}
	o := r.deliver(ctx, op, next, d, diags)
	if o.err != nil {
		return r.fail(op, prior, next, d, o, diags)
	}
	next.common().LastPurgedAt = o.purgedAt()
	return next
}

// fail reports why not all was done, and returns what is to be saved of it.
func (r *purgeResource) fail(op operation, prior, next model, d decision, o *outcome, diags *diag.Diagnostics) model {
	m := d.kept(prior, next, o.done)
	if m != nil {
		m.common().LastPurgedAt = o.purgedAt()
	}
	diagnosis := r.target.diagnoseRun(op, o, d.requests(), o.err, m != nil)
	if op == operationDelete {
		diagnosis = r.target.ofDestroy(diagnosis, prior)
	}
	diags.Append(diagnosis)
	return m
}

// deliver sends the purges of a decision within the operation's timeout. What
// the resource was for before comes first, and all of it, so that the state can
// tell how far an apply came.
func (r *purgeResource) deliver(ctx context.Context, op operation, m model, d decision, diags *diag.Diagnostics) *outcome {
	p := m.pace(d.requests(), r.clients)
	timeout, ds := op.timeout(ctx, m.common().Timeouts, p)
	diags.Append(ds...)
	if ds.HasError() {
		return &outcome{done: make([]bool, d.requests()), err: errTimeouts}
	}
	ctx, cancel := quota.WithTimeout(ctx, timeout)
	defer cancel()
	report := logProgress(ctx, d.requests())
	o := run(ctx, r.clients, d.former, p, report)
	if o.err == nil {
		o.add(run(ctx, r.clients, d.jobs, p, func(done int) { report(len(d.former) + done) }))
	} else {
		o.done = append(o.done, make([]bool, len(d.jobs))...)
	}
	for _, warning := range o.warnings {
		diags.AddWarning("Accepted, but not seen deployed", warning)
	}
	return o
}

// reasons is the value of an attribute that lists what is purged and why.
func reasons(jobs []job) types.Map {
	values := make(map[string]attr.Value, len(jobs))
	for _, j := range jobs {
		values[j.name] = types.StringValue(j.reason)
	}
	return types.MapValueMust(types.StringType, values)
}
