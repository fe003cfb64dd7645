// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
)

// verificationResource waits until a site serves the expected content. It is not a
// target, because it needs no configured system and cannot be imported. It shares
// items, pending items, and the handover with purgeResource.
type verificationResource struct{ clients *clients }

var (
	_ resource.ResourceWithConfigure      = (*verificationResource)(nil)
	_ resource.ResourceWithImportState    = (*verificationResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*verificationResource)(nil)
	_ resource.ResourceWithValidateConfig = (*verificationResource)(nil)
)

// ImportState implements resource.ResourceWithImportState, because the framework's
// error sends users to the developers of the provider.
func (r *verificationResource) ImportState(_ context.Context, _ resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	resp.Diagnostics.AddError("purge_verification cannot be imported",
		"A verification exists only in the state. Remove the import. The next apply creates the resource and verifies the site.")
}

// Metadata implements resource.Resource.
func (r *verificationResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_verification"
}

// Schema implements resource.Resource.
func (r *verificationResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	const note = ", as a duration such as `30m` or `1h30m`. Default 20 minutes."
	resp.Schema = schema.Schema{
		MarkdownDescription: "Waits until a site serves the expected content. Before a purge, it ensures that the origin has the new content. After a purge, it verifies that visitors get the new content.",
		Attributes: map[string]schema.Attribute{
			"base_url": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "URL of the site as visitors use it, such as `https://www.example.com`, or of its origin. `http://` is allowed, because the provider sends no secrets.",
			},
			"assets": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Map from the paths of files to fingerprints. A fingerprint is an MD5, SHA-1, SHA-256, or SHA-512 digest of the content in hexadecimal or base64, such as the result of `filemd5`, or an ETag, either in quotes as in the response or as S3 returns it for a multipart upload. Set exactly one of `assets` and `urls`.",
			},
			"urls": schema.ListAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Paths of pages, which have no fingerprints. Each page must contain the text in `contains`.",
			},
			"contains": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Text that each page in `urls` contains when it is up to date, such as the release in its HTML.",
			},
			"purged_at": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Time when the edge was purged: `last_purged_at` of the resource that purges it. If set, an error can state whether the purge or the origin is the cause of old content.",
			},
			"triggers": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Arbitrary values. The provider verifies everything again when a value is added, changed, or removed.",
			},
			"last_verified_at": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Time when the provider last verified a path successfully, in RFC 3339 format and UTC.",
			},
			"summary": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Number of paths that the latest apply verified for each reason, such as `since 2026-11-23T20:29:23Z: 1 changed, 1 removed; 2 paths`. It is known during planning, unless `purged_at` is unknown and nothing else changes.",
			},
			"pending": schema.MapAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Paths that are not verified yet, each with its reason: `created`, `added`, `changed`, `removed` (with the fingerprint of the content that must be gone), or `triggered`, followed by `, failed` if the latest verification of the path failed. The next apply verifies them. Null if nothing is pending.",
			},
			"timeouts": timeoutsAttribute(ctx, timeouts.Opts{
				Create: true, CreateDescription: "Timeout for creating the resource" + note, Update: true, UpdateDescription: "Timeout for updating the resource" + note,
			}),
		},
	}
}

// Configure implements resource.ResourceWithConfigure.
func (r *verificationResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if c, ok := req.ProviderData.(*clients); ok {
		r.clients = c
	}
}

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *verificationResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m verificationModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if !resp.Diagnostics.HasError() {
		m.check(&resp.Diagnostics)
	}
}

// ModifyPlan implements resource.ResourceWithModifyPlan.
func (r *verificationResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() || req.Plan.Raw.Equal(req.State.Raw) && !hasPending(req.State.Raw) {
		return
	}
	prior, next := loadVerification(ctx, req.State, &resp.Diagnostics), new(verificationModel)
	resp.Diagnostics.Append(req.Plan.Get(ctx, next)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// Check the values that were unknown during validation.
	next.check(&resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if items, ok := next.items(); ok && len(items) == 0 {
		warnNoAssets(&resp.Diagnostics)
	}
	next.complete(prior, decideVerification(prior, next))
	resp.Diagnostics.Append(resp.Plan.Set(ctx, next)...)
}

// loadVerification returns the prior state, or nil if there is none.
func loadVerification(ctx context.Context, state tfsdk.State, diags *diag.Diagnostics) *verificationModel {
	if state.Raw.IsNull() {
		return nil
	}
	m := new(verificationModel)
	diags.Append(state.Get(ctx, m)...)
	return m
}

// complete sets the computed attributes that are known before the verification.
func (m *verificationModel) complete(prior *verificationModel, d decision) {
	m.Pending = types.MapNull(types.StringType)
	since := types.StringNull()
	if prior != nil {
		since = prior.LastVerifiedAt
	}
	switch {
	case d.unknown:
		m.Summary, m.LastVerifiedAt = types.StringUnknown(), types.StringUnknown()
	case d.sends():
		m.Summary, m.LastVerifiedAt = summarize(since, d, paths(d.count())), types.StringUnknown()
	case prior != nil:
		m.Summary, m.LastVerifiedAt = prior.Summary, prior.LastVerifiedAt
	default:
		m.Summary, m.LastVerifiedAt = types.StringValue("nothing verified"), types.StringNull()
	}
}

func paths(n int) string {
	if n == 1 {
		return "1 path"
	}
	return fmt.Sprintf("%d paths", n)
}

// Create implements resource.Resource.
func (r *verificationResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	next := new(verificationModel)
	resp.Diagnostics.Append(req.Plan.Get(ctx, next)...)
	if resp.Diagnostics.HasError() {
		return
	}
	var prior *verificationModel
	d := decideVerification(nil, next)
	next.complete(nil, d)
	if s, _ := r.clients.deleted.take(next.handoverKey(), next); s != nil {
		d = resumeVerification(s, next)
		prior = next.resumed(s, d)
	}
	if m := r.apply(ctx, operationCreate, prior, next, d, &resp.Diagnostics); m != nil {
		resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	}
}

// Update implements resource.Resource.
func (r *verificationResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	prior, next := loadVerification(ctx, req.State, &resp.Diagnostics), new(verificationModel)
	resp.Diagnostics.Append(req.Plan.Get(ctx, next)...)
	if resp.Diagnostics.HasError() {
		return
	}
	d := decideVerification(prior, next)
	next.complete(prior, d)
	if m := r.apply(ctx, operationUpdate, prior, next, d, &resp.Diagnostics); m != nil {
		resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	}
}

// Read implements resource.Resource. It does not request the site.
func (r *verificationResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	m := loadVerification(ctx, req.State, &resp.Diagnostics)
	if n := len(m.Pending.Elements()); n > 0 {
		resp.Diagnostics.AddWarning("Verifications are still pending", fmt.Sprintf(
			"An earlier apply failed before it verified %s. The next apply resumes the verification.", paths(n)))
	}
}

// Delete implements resource.Resource. It does not request the site.
func (r *verificationResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	m := loadVerification(ctx, req.State, &resp.Diagnostics)
	if pending := pendingOf(m); len(pending) > 0 {
		r.clients.deleted.put(m.handoverKey(), &deleted{state: m, unfinished: unfinishedCreate(pending)})
	}
}

func (m *verificationModel) handoverKey() string {
	site, _ := m.site()
	return "verification/" + site
}

// apply verifies the planned items. It returns the state to save, or nil if the state
// does not change.
func (r *verificationResource) apply(ctx context.Context, op operation, prior, next *verificationModel, d decision, diags *diag.Diagnostics) *verificationModel {
	o := &outcome{}
	if d.sends() {
		o = r.deliver(ctx, op, next, d, diags)
	}
	if !o.complete() {
		var before tracked
		if prior != nil {
			before = prior
		}
		m, _ := d.saved(before, next, o).(*verificationModel)
		if m == next {
			m.LastVerifiedAt = o.at(prior)
		}
		diags.Append(diagnoseVerification(op, o, d.count(), m != nil))
		return m
	}
	if next.LastVerifiedAt.IsUnknown() {
		next.LastVerifiedAt = o.at(prior)
	}
	return next
}

// at returns the time when the latest path was verified.
func (o *outcome) at(prior *verificationModel) types.String {
	switch {
	case o.accepted > 0:
		return o.purgedAt()
	case prior != nil:
		return prior.LastVerifiedAt
	default:
		return types.StringNull()
	}
}

// deliver verifies all paths in parallel, because a path that stays old must not
// delay the others. The client limits the number of requests.
func (r *verificationResource) deliver(ctx context.Context, op operation, next *verificationModel, d decision, diags *diag.Diagnostics) *outcome {
	timeout, ds := op.timeout(ctx, next.Timeouts, pace{timeout: defaultTimeout})
	diags.Append(ds...)
	if ds.HasError() {
		return &outcome{fates: make([]fate, len(d.tasks)), err: errTimeouts}
	}
	ctx, cancel := quota.WithTimeout(ctx, timeout)
	defer cancel()
	items, _ := next.items()
	return watchRun(ctx, len(d.tasks), paths, logProgress(ctx), func(ctx context.Context, w *watch) *outcome {
		return run(ctx, batch{
			tasks: d.tasks, phases: d.then, parallel: len(d.tasks), report: w.accepted, concerns: concernsOf,
			send: func(ctx context.Context, req request, _ string) (receipt, error) {
				err := r.clients.verify.Verify(ctx, next.item(d.tasks[req.tasks[0]], items))
				return receipt{at: time.Now()}, err
			},
		})
	})
}
