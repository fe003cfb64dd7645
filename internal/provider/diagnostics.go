// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/httpcache"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine"
)

// summaries are the summaries of errors, by kind; %s is the system.
var summaries = map[transport.Kind]string{
	transport.KindUnknown:     "%s purge failed",
	transport.KindCanceled:    "Interrupted before %s accepted the purge",
	transport.KindTimeout:     "Timed out before %s accepted the purge",
	transport.KindNoAnswer:    "No complete response from %s",
	transport.KindUnknownHost: "Unknown host for %s",
	transport.KindProxy:       "No connection to %s through the proxy",
	transport.KindTLS:         "No trusted connection to %s",
	transport.KindRedirect:    "%s returned a redirect",
	transport.KindUnexpected:  "Unexpected response from %s",
	transport.KindCredentials: "%s rejected the credentials",
	transport.KindForbidden:   "%s denied permission",
	transport.KindNotFound:    "%s could not find the purge target",
	transport.KindInvalid:     "%s rejected the purge",
	transport.KindLimited:     "%s rate limit exceeded",
	transport.KindState:       "%s cannot purge this now",
	transport.KindServer:      "%s returned a server error",
	transport.KindConfig:      "%s cannot be used as configured",
	transport.KindOutage:      "%s is down",
}

// manySummaries replace those that are about one purge if there are several.
var manySummaries = map[transport.Kind]string{
	transport.KindCanceled: "Interrupted before %s accepted all purges",
	transport.KindTimeout:  "Timed out before %s accepted all purges",
}

// loginSummaries replace those that are about a purge if the login failed.
var loginSummaries = map[transport.Kind]string{
	transport.KindUnknown: "%s login failed",
	transport.KindTimeout: "Timed out logging in to %s",
	transport.KindInvalid: "%s rejected the login",
	transport.KindState:   "%s does not accept the login now",
}

// voice is how a message speaks of the operation that failed.
type voice struct {
	// summaries replace those that are about a purge.
	summaries map[transport.Kind]string
	// again is the imperative that retries the operation: "apply again".
	again string
	// timeout is the argument that limits the operation, "" if there is none.
	timeout string
}

func (op operation) voice() voice {
	return voice{again: "apply again", timeout: "timeouts." + string(op)}
}

// Again is again as the beginning of a sentence.
func (v voice) Again() string { return capital(v.again) }

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (v voice) summary(e *transport.Error) string {
	text := cmp.Or(v.summaries[e.Kind], summaries[e.Kind])
	if own := loginSummaries[e.Kind]; own != "" && e.Waiting == transport.LoggingIn {
		text = own
	}
	if what, ok := strings.CutSuffix(e.Input, "_id"); ok && e.Kind == transport.KindNotFound {
		return fmt.Sprintf("%s could not find the %s", e.System, what)
	}
	return fmt.Sprintf(text, e.System)
}

// advice is what to do about an error for which the client has no advice of its
// own. It ends in how to retry if that can help.
func (v voice) advice(e *transport.Error) string {
	switch e.Kind {
	case transport.KindCanceled:
		return v.Again() + "."
	case transport.KindTimeout:
		why := "If " + e.System + " is only slow"
		if e.Waiting == transport.WaitingForLimit {
			why = "To send more purges in one run"
		}
		return v.Again() + v.raise(why)
	case transport.KindNoAnswer:
		return "Check the address, the network, and the proxy, then " + v.again + "."
	case transport.KindUnknownHost:
		return "Check the address for a typo, and check DNS. If this network reaches the internet through a proxy, set HTTPS_PROXY."
	case transport.KindTLS:
		return "Check the address. If the server's certificate is from a private CA, set ca_certificate in the provider block."
	case transport.KindInvalid:
		return "Check the arguments against the message above."
	case transport.KindOutage:
		return v.Again() + " when the system is up. If it is up, check the address, the network, and the proxy."
	case transport.KindServer:
		contact := "contact the administrator or vendor support"
		if e.ID != "" {
			contact += " with the ID above"
		}
		return v.Again() + ". If the error persists, " + contact + "."
	default:
		return ""
	}
}

// raise completes a sentence with the advice to raise the timeout, if there is one.
func (v voice) raise(why string) string {
	if v.timeout == "" {
		return "."
	}
	return ". " + why + ", raise " + v.timeout + "."
}

// retry is how an operation is retried after an error with advice of its own,
// "" if that cannot help.
func (v voice) retry(e *transport.Error) string {
	switch {
	case e.Kind == transport.KindLimited:
		ways := slices.Clone(e.Alternatives)
		if v.timeout != "" {
			ways = slices.Insert(ways, min(len(ways), 1), "raise "+v.timeout)
		}
		if len(e.Alternatives) == 0 {
			ways = slices.Insert(ways, 0, v.again+" later")
		}
		return capital(enumerate(ways, "or")) + "."
	case e.Retry != "":
		return v.Again() + " " + e.Retry + "."
	case e.Advice != "" && slices.Contains([]transport.Kind{transport.KindNoAnswer, transport.KindServer, transport.KindTimeout, transport.KindOutage}, e.Kind):
		return v.Again() + "."
	default:
		return ""
	}
}

// addresses are where the address of a system comes from, by the system's name.
var addresses = map[string]string{
	mstr.System:        "mstr.base_url.",
	cdn.System:         "cdn.endpoint, or else from the service catalog of the login.",
	cdn.IdentitySystem: "cdn.identity_url, or is the default.",
	wpengine.System:    "wpengine.base_url, or is the default.",
	httpcache.System:   "http_cache.endpoints.",
}

// aboutAddress are the kinds that a wrong address can cause.
var aboutAddress = []transport.Kind{
	transport.KindNoAnswer, transport.KindUnknownHost, transport.KindTLS, transport.KindRedirect, transport.KindUnexpected,
}

// wrongPath are the statuses that servers return for an unknown path, so a wrong
// address can cause them.
var wrongPath = []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone}

// diagnose makes the diagnostic of an error.
func (t *target) diagnose(v voice, err error) diag.Diagnostic {
	var missing *configError
	var e *transport.Error
	switch {
	case errors.As(err, &missing):
		return t.diagnoseConfig(missing)
	case errors.As(err, &e):
		return t.locate(e, v.summary(e), t.describe(v, e))
	case errors.Is(err, context.DeadlineExceeded):
		return t.diagnose(v, &transport.Error{System: t.title, Kind: transport.KindTimeout, Doing: "starting"})
	case errors.Is(err, context.Canceled):
		return t.diagnose(v, &transport.Error{System: t.title, Kind: transport.KindCanceled, Doing: "starting"})
	default:
		return diag.NewErrorDiagnostic(v.summary(&transport.Error{System: t.title}), err.Error())
	}
}

func (t *target) diagnoseConfig(err *configError) diag.Diagnostic {
	return diag.NewErrorDiagnostic(cmp.Or(err.title, t.title+" is not configured"),
		fmt.Sprintf("purge_%s requires settings for %s.\n\n%s", t.name, t.title, err.problem))
}

// needConfigured reports, during planning, that a purge could not be sent. There
// are no clients during validation.
func (t *target) needConfigured(c *clients, diags *diag.Diagnostics) {
	if c == nil {
		return
	}
	if err := t.configured(c); err != nil && !err.unknown {
		diags.Append(t.diagnoseConfig(err))
	}
}

// locate points at the attribute that the API rejects, if there is one.
func (t *target) locate(e *transport.Error, summary, detail string) diag.Diagnostic {
	name := e.Input
	if mapped, ok := t.inputs[name]; ok {
		name = mapped
	}
	_, shared := t.arguments[name]
	if _, own := t.resourceOnly[name]; shared || own {
		return diag.NewAttributeErrorDiagnostic(path.Root(name), summary, detail)
	}
	return diag.NewErrorDiagnostic(summary, detail)
}

// describe returns what was tried and what happened, the facts that matter for a
// decision, and what to do, in paragraphs.
func (t *target) describe(v voice, e *transport.Error) string {
	paragraphs := []string{e.Report()}
	if e.Docs != "" {
		paragraphs = append(paragraphs, "See "+e.Docs)
	}
	paragraphs = append(paragraphs, strings.Join(facts(e), " "), t.nextStep(v, e))
	return strings.Join(slices.DeleteFunc(paragraphs, isEmpty), "\n\n")
}

func facts(e *transport.Error) []string {
	var notes []string
	if e.Sent > 1 {
		note := "The provider tried " + times(e.Sent)
		if len(e.Reasons) > 0 {
			note += ", because of " + enumerate(e.Reasons, "and")
		}
		notes = append(notes, note+".")
	}
	if wait := tooLong(e); wait > 0 {
		notes = append(notes, fmt.Sprintf("%s requires a wait of %s, which is longer than the time left.", e.System, transport.InWords(wait)))
	}
	if e.Proxy != "" && e.Kind != transport.KindConfig {
		notes = append(notes, "The request went through the proxy "+e.Proxy+".")
	}
	if slices.Contains(wrongPath, e.Status) && e.Kind != transport.KindState {
		notes = append(notes, "The request was "+e.Asked+".")
	}
	if lost(e) {
		notes = append(notes, "An earlier attempt received no response. It may have succeeded and caused this rate limit.")
	}
	return notes
}

func (t *target) nextStep(v voice, e *transport.Error) string {
	if e.Kind == transport.KindCanceled {
		return v.advice(e) // the API is not the cause
	}
	own := e.Advice
	if own == "" && e.Last != nil {
		own = e.Last.Advice
	}
	steps := []string{own, v.retry(e)}
	if e.Advice == "" && e.Retry == "" {
		steps = append(steps, v.advice(e))
	}
	if len(t.identity) > 0 && e.Input == t.identity[0] && (e.Kind == transport.KindNotFound || e.Kind == transport.KindInvalid) {
		steps = append(steps, t.finder)
	}
	from := addresses[e.System]
	if slices.Contains(aboutAddress, e.Kind) && from != "" && !strings.Contains(e.Advice, argumentName.FindString(from)) {
		steps = append(steps, strings.TrimSpace("The address "+e.Host)+" comes from "+from)
	}
	return withEnvironment(strings.Join(slices.DeleteFunc(steps, isEmpty), " "))
}

func isEmpty(s string) bool { return s == "" }

var argumentName = regexp.MustCompile(`\b[a-z_]+\.[a-z_]+`)

// withEnvironment adds the environment variable to the first mention of each
// argument, because the clients do not know the variables.
func withEnvironment(text string) string {
	named := make(map[string]bool)
	return argumentName.ReplaceAllStringFunc(text, func(name string) string {
		variable := environment[name]
		if variable == "" || named[name] {
			return name
		}
		named[name] = true
		return name + " (or " + variable + ")"
	})
}

// tooLong returns the wait that the API requires, if that is why the request
// ended, and 0 otherwise.
func tooLong(e *transport.Error) time.Duration {
	var closed *quota.ClosedError
	switch {
	case e.TooLong():
		return e.Wait
	case errors.As(e, &closed):
		return closed.Wait
	default:
		return 0
	}
}

func lost(e *transport.Error) bool {
	return e.Kind == transport.KindLimited && e.Lost || e.Last != nil && lost(e.Last)
}

// maxNamed is how many items a message names one by one.
const maxNamed = 10

// diagnoseRun makes the diagnostic of an incomplete run. The progress is in the
// state if kept is true.
func (t *target) diagnoseRun(op operation, o *outcome, total int, kept bool) diag.Diagnostic {
	d := t.diagnoseOutcome(op.voice(), o, total)
	if total == 1 {
		return relocate(d, d.Detail()+tainted(op, kept))
	}
	return relocate(d, op.progress(o, total, kept)+"\n\n"+d.Detail()+tainted(op, kept))
}

// tainted ends the message of a failed create that left a state.
func tainted(op operation, kept bool) string {
	if op != operationCreate || !kept {
		return ""
	}
	return "\n\nTerraform marks the resource as tainted because its creation failed, and replaces it in the next apply. " +
		"The replacement resumes where this apply ended. " +
		"If the resource has prevent_destroy or create_before_destroy, run terraform untaint first."
}

// progress returns how far a run came, and what the next one sends.
func (op operation) progress(o *outcome, total int, kept bool) string {
	text := fmt.Sprintf("%d of %s were accepted. The next %s sends ", o.accepted, count(total), op.noun())
	left := total - o.accepted - len(o.dropped)
	if left == total || !kept {
		return text + fmt.Sprintf("all %d.", total)
	}
	return text + fmt.Sprintf("the remaining %d.", left)
}

// diagnoseOutcome makes the diagnostic of the error that stopped a run, or else of
// the failures of single requests. It lists what else failed, and the endpoints
// that miss purges.
func (t *target) diagnoseOutcome(v voice, o *outcome, total int) diag.Diagnostic {
	if total > 1 {
		v.summaries = manySummaries
	}
	d := t.diagnoseFailures(v, o)
	if missing := missingAt(o); missing != "" {
		return relocate(d, d.Detail()+"\n\n"+missing)
	}
	return d
}

func (t *target) diagnoseFailures(v voice, o *outcome) diag.Diagnostic {
	if o.err != nil {
		d := t.diagnose(v, o.err)
		others := slices.DeleteFunc(slices.Clone(o.failures), func(f failure) bool { return f.err == o.err }) //nolint:errorlint // the same one
		if len(others) == 0 {
			return d
		}
		return relocate(d, d.Detail()+"\n\nBefore that, the API returned errors for:\n"+failureList(others))
	}
	d := t.diagnose(v, o.failures[0].err)
	if len(o.failures) == 1 {
		return d
	}
	failed := make(map[string]bool)
	for _, f := range o.failures {
		failed[f.request.name] = true
	}
	summary, detail := t.title+" returned errors for "+count(len(failed)), failureList(o.failures)
	if e := verdict(o.failures[0].err); e != nil {
		if allRejected(o.failures) {
			summary = t.title + " rejected " + count(len(failed))
		}
		if next := t.nextStep(v, e); next != "" {
			detail += "\n\n" + next
		}
	}
	return relocate(diag.NewErrorDiagnostic(summary, ""), detail)
}

// missingAt lists the endpoints that did not accept everything, each with the
// reason. It is empty if there is only one endpoint.
func missingAt(o *outcome) string {
	if o.endpoints < 2 || o.complete() {
		return ""
	}
	reasons := make(map[string]string)
	for _, f := range slices.Concat(o.stops, o.failures) {
		if reasons[f.endpoint] == "" {
			reasons[f.endpoint] = f.outcome()
		}
	}
	var lines []string
	for _, endpoint := range slices.Sorted(maps.Keys(reasons)) {
		lines = append(lines, "  "+endpoint+": "+reasons[endpoint])
	}
	n := len(lines)
	return fmt.Sprintf("Missing at %d of %d endpoints:\n", n, o.endpoints) +
		strings.Join(append(lines[:min(n, maxNamed)], andOthers(n)...), "\n")
}

func allRejected(failures []failure) bool {
	return !slices.ContainsFunc(failures, func(f failure) bool {
		e := verdict(f.err)
		return e == nil || e.Kind != transport.KindInvalid
	})
}

// outcome returns what happened, in one line.
func (f failure) outcome() string {
	var e *transport.Error
	if errors.As(f.err, &e) {
		return e.Outcome()
	}
	return f.err.Error()
}

// failureList lists failures, each with what happened, and then the number of the
// others.
func failureList(failures []failure) string {
	var lines []string
	for _, f := range failures[:min(len(failures), maxNamed)] {
		name := f.request.name
		if f.endpoint != "" {
			name += " at " + f.endpoint
		}
		lines = append(lines, "  "+name+": "+f.outcome())
	}
	return strings.Join(append(lines, andOthers(len(failures))...), "\n")
}

// taskList lists tasks, and then the number of the others.
func taskList(tasks []task) string {
	var lines []string
	for _, t := range tasks[:min(len(tasks), maxNamed)] {
		lines = append(lines, "  "+t.name)
	}
	return strings.Join(append(lines, andOthers(len(tasks))...), "\n")
}

func andOthers(n int) []string {
	if n <= maxNamed {
		return nil
	}
	return []string{fmt.Sprintf("  and %d others", n-maxNamed)}
}

// ofDestroy adds to the error of a destroy how to do without the purge. Terraform
// shows no resource address with these errors, so the message contains the ID.
func (t *target) ofDestroy(d diag.Diagnostic, prior model) diag.Diagnostic {
	return relocate(d, d.Detail()+fmt.Sprintf("\n\nThe purge_%s with the ID %q has purge_on_destroy = true, so Terraform destroys it only after the API accepts this purge. "+
		"To destroy it without a purge, set purge_on_destroy = false, apply, and then destroy, or run terraform state rm with the address of the resource.",
		t.name, prior.common().ID.ValueString()))
}

// relocate returns the same diagnostic with another detail.
func relocate(d diag.Diagnostic, detail string) diag.Diagnostic {
	if located, ok := d.(diag.DiagnosticWithPath); ok {
		return diag.NewAttributeErrorDiagnostic(located.Path(), d.Summary(), detail)
	}
	return diag.NewErrorDiagnostic(d.Summary(), detail)
}
