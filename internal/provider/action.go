// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
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
		"The resource purge_%s retries the purge on each apply until the API accepts it.", a.target.name)
	if total > 1 {
		detail = fmt.Sprintf("%d of %s were accepted.\n\n", o.accepted, count(total)) + detail
	}
	if located, ok := d.(diag.DiagnosticWithPath); ok {
		if _, shared := a.target.arguments[located.Path().String()]; shared {
			return diag.NewAttributeErrorDiagnostic(located.Path(), d.Summary(), detail)
		}
	}
	return diag.NewErrorDiagnostic(d.Summary(), detail)
}

// deliver sends the purges and reports progress. Only this goroutine can report
// it, so the purges run in another one.
func (a *purgeAction) deliver(ctx context.Context, m actionModel, purge model, tasks []task, phases [][]request, say func(string)) *outcome {
	p, total := purge.pace(phases, a.clients), requestsIn(phases)
	timeout := p.timeout + p.wait
	if text := m.commonAction().Timeout.ValueString(); text != "" {
		timeout, _ = time.ParseDuration(text) // checked earlier
	}
	ctx, cancel := quota.WithTimeout(ctx, timeout)
	defer cancel()
	watch := &watch{total: total, news: make(chan struct{}, 1)}
	ctx = quota.WithObserver(ctx, watch.waiting)

	say(fmt.Sprintf("Sending %s to %s", count(total), a.target.title))
	finished := make(chan *outcome, 1)
	go func() { finished <- run(ctx, a.target.batch(a.clients, purge, tasks, phases, watch.accepted)) }()
	ticker := time.NewTicker(actionProgressInterval)
	defer ticker.Stop()
	for {
		select {
		case o := <-finished:
			return o
		case <-ticker.C:
			say(watch.String())
		case <-watch.news:
			say(watch.String())
		}
	}
}

// actionProgressInterval is shorter than the 30 seconds that the documentation
// guarantees.
const actionProgressInterval = 25 * time.Second

func count(n int) string {
	if n == 1 {
		return "1 purge"
	}
	return fmt.Sprintf("%d purges", n)
}

// watch is the progress of a run and the reason for its current wait.
type watch struct {
	total int
	// news has a buffer of one, because a report contains the latest state.
	news chan struct{}

	mu    sync.Mutex
	done  int
	what  string    // the reason for the wait, empty if there is none
	since time.Time // when the wait began
	until time.Time // when the wait ends, if that is known
}

// accepted is called after each purge. It reports every tenth of the total.
func (w *watch) accepted(done int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = done
	if !w.until.After(time.Now()) {
		w.what = "" // otherwise, other requests are still waiting
	}
	if done < w.total && 10*done/w.total > 10*(done-1)/w.total {
		w.notify()
	}
}

// waiting is called by each request that waits. It reports only a new reason.
func (w *watch) waiting(what string, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.until = until
	if w.what != what {
		w.what, w.since = what, time.Now()
		w.notify()
	}
}

func (w *watch) notify() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

func (w *watch) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	message := fmt.Sprintf("%d of %s done", w.done, count(w.total))
	if w.what == "" {
		return message
	}
	message += ", waiting for " + w.what
	if left := time.Until(w.until).Round(time.Second); left > 0 {
		return message + fmt.Sprintf(" (%s left)", transport.InWords(left))
	}
	if passed := time.Since(w.since).Round(time.Second); passed > 0 {
		message += fmt.Sprintf(" (for %s)", transport.InWords(passed))
	}
	return message
}
