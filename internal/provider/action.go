// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
)

// purgeAction serves a target as an action of Terraform 1.14 and later. It
// purges once each time it is invoked. Terraform does not retry most failed
// actions, which is why the resource is the main thing.
type purgeAction struct {
	target  *target
	clients *clients
}

var (
	_ action.ActionWithConfigure      = (*purgeAction)(nil)
	_ action.ActionWithModifyPlan     = (*purgeAction)(nil)
	_ action.ActionWithValidateConfig = (*purgeAction)(nil)
)

// actionModel is the configuration of an action.
type actionModel interface {
	commonAction() *commonActionModel
	// check reports every error in known values.
	check(*diag.Diagnostics)
	// purge returns the model of a resource that purges the same, and the names of
	// the items in order.
	purge() (model, []string)
}

// commonActionModel contains the attributes of every action.
type commonActionModel struct {
	Timeout types.String `tfsdk:"timeout"`
}

func (m *commonActionModel) commonAction() *commonActionModel { return m }

// Metadata implements action.Action.
func (a *purgeAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + a.target.name
}

// Schema implements action.Action.
func (a *purgeAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	attributes := map[string]schema.Attribute{
		"timeout": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Timeout of the action, as a duration such as `30m`. " + a.target.timeoutNote,
		},
	}
	arguments := maps.Clone(a.target.arguments)
	maps.Copy(arguments, a.target.actionOnly)
	for name, argument := range arguments {
		attributes[name] = argument.action()
	}
	resp.Schema = schema.Schema{MarkdownDescription: a.target.aboutAction, Attributes: attributes}
}

// Configure implements action.ActionWithConfigure.
func (a *purgeAction) Configure(_ context.Context, req action.ConfigureRequest, _ *action.ConfigureResponse) {
	if c, ok := req.ProviderData.(*clients); ok {
		a.clients = c
	}
}

// ValidateConfig implements action.ActionWithValidateConfig.
func (a *purgeAction) ValidateConfig(ctx context.Context, req action.ValidateConfigRequest, resp *action.ValidateConfigResponse) {
	m := a.target.actionModel()
	resp.Diagnostics.Append(req.Config.Get(ctx, m)...)
	if !resp.Diagnostics.HasError() {
		a.check(m, &resp.Diagnostics)
	}
}

// ModifyPlan implements action.ActionWithModifyPlan. It checks the values of
// variables, which are unknown during validation because Terraform does not
// validate an action again, and checks whether a purge can be sent.
func (a *purgeAction) ModifyPlan(ctx context.Context, req action.ModifyPlanRequest, resp *action.ModifyPlanResponse) {
	m := a.target.actionModel()
	resp.Diagnostics.Append(req.Config.Get(ctx, m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	a.check(m, &resp.Diagnostics)
	a.target.needConfigured(a.clients, &resp.Diagnostics)
}

func (a *purgeAction) check(m actionModel, diags *diag.Diagnostics) {
	m.check(diags)
	timeout := m.commonAction().Timeout
	if !known(timeout) {
		return
	}
	if d, err := time.ParseDuration(timeout.ValueString()); err != nil || d <= 0 {
		diags.AddAttributeError(path.Root("timeout"), "Invalid timeout",
			"timeout must be a duration greater than zero, such as \"30m\".")
	}
}

// Invoke implements action.Action.
func (a *purgeAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	m := a.target.actionModel()
	resp.Diagnostics.Append(req.Config.Get(ctx, m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// Values that were unknown when the configuration was validated.
	a.check(m, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	purge, names := m.purge()
	tasks := make([]task, len(names))
	for i, name := range names {
		tasks[i] = task{name: name}
	}
	say := func(message string) {
		// Terraform 1.14 and 1.15 crash if they receive progress after an interrupt.
		if ctx.Err() == nil {
			resp.SendProgress(action.InvokeProgressEvent{Message: message})
		}
	}
	phases := purge.requests(tasks)
	o := a.deliver(ctx, m, purge, tasks, phases, say)
	for _, w := range o.warnings {
		say(w.detail) // Terraform drops warnings of actions that succeed
	}
	if !o.complete() {
		resp.Diagnostics.Append(a.diagnose(o, requestsIn(phases)))
		return
	}
	say(fmt.Sprintf("%s accepted %s", a.target.title, count(requestsIn(phases))))
}

var actionVoice = voice{again: "invoke the action again", timeout: "timeout"}

// diagnose returns the diagnostic of a failed action. It refers to an attribute
// only if the action has it.
func (a *purgeAction) diagnose(o *outcome, total int) diag.Diagnostic {
	d := a.target.diagnoseOutcome(actionVoice, o, total)
	detail := d.Detail() + fmt.Sprintf("\n\nTerraform does not retry a failed action, except one that runs "+
		"before_create or before_update, or after_create with on_failure = taint. "+
		"To purge after you fix the cause, run terraform apply -invoke=<address of the action>. Later actions of the same action_trigger did not run. "+
		"The resource purge_%s retries the purge on each apply until the API accepts it.", a.target.name)
	if total > 1 {
		detail = fmt.Sprintf("%d of %s %s accepted.\n\n", o.accepted, count(total), was(o.accepted)) + detail
	}
	if located, ok := d.(diag.DiagnosticWithPath); ok {
		if _, shared := a.target.arguments[located.Path().String()]; shared {
			return diag.NewAttributeErrorDiagnostic(located.Path(), d.Summary(), detail)
		}
	}
	return diag.NewErrorDiagnostic(d.Summary(), detail)
}

// deliver sends the purges and reports their progress.
func (a *purgeAction) deliver(ctx context.Context, m actionModel, purge model, tasks []task, phases [][]request, say func(string)) *outcome {
	p, total := purge.pace(phases, a.clients), requestsIn(phases)
	timeout := p.timeout + p.wait
	if text := m.commonAction().Timeout.ValueString(); text != "" {
		timeout, _ = time.ParseDuration(text) // checked earlier
	}
	ctx, cancel := quota.WithTimeout(ctx, timeout)
	defer cancel()
	say(fmt.Sprintf("Sending %s to %s", count(total), a.target.title))
	return watchRun(ctx, total, count, say, func(ctx context.Context, w *watch) *outcome {
		return run(ctx, a.target.batch(a.clients, purge, tasks, phases, w.accepted))
	})
}

func count(n int) string {
	if n == 1 {
		return "1 purge"
	}
	return fmt.Sprintf("%d purges", n)
}
