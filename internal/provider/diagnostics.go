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

// summaries are the first lines of an error, by kind; %s is the system.
var summaries = map[transport.Kind]string{
	transport.KindUnknown:     "%s: the purge failed",
	transport.KindCanceled:    "Interrupted before %s accepted the purge",
	transport.KindTimeout:     "%s did not accept the purge within the timeout",
	transport.KindNoAnswer:    "No answer from %s",
	transport.KindUnknownHost: "The host of %s is unknown",
	transport.KindProxy:       "No connection to %s through the proxy",
	transport.KindTLS:         "No trusted connection to %s",
	transport.KindRedirect:    "%s answered with a redirect",
	transport.KindUnexpected:  "Unexpected answer from %s",
	transport.KindCredentials: "%s refused the credentials",
	transport.KindForbidden:   "%s denied the permission",
	transport.KindNotFound:    "%s does not find what to purge",
	transport.KindInvalid:     "%s refused the request as invalid",
	transport.KindLimited:     "%s refused the purge for its rate limit",
	transport.KindState:       "%s can't purge this now",
	transport.KindServer:      "%s failed",
	transport.KindConfig:      "%s can't be used as configured",
	transport.KindOutage:      "%s is down",
}

// advice is what to do next where the upstream's error has no better one.
var advice = map[transport.Kind]string{
	transport.KindCanceled:    "Apply again: the purge is still to be done.",
	transport.KindTimeout:     "Apply again, and raise the timeout if the upstream is only slow.",
	transport.KindNoAnswer:    "Check the address, the network and the proxy, then apply again.",
	transport.KindUnknownHost: "Check the address for a typo, and DNS. If this network reaches the internet through a proxy, is HTTPS_PROXY set?",
	transport.KindTLS:         "Check the address. If the server's certificate is from a private CA, set ca_certificate in the provider block.",
	transport.KindInvalid:     "Check what is purged against the upstream's message above.",
	transport.KindLimited:     "Apply again later, or raise the timeout.",
	transport.KindOutage:      "Apply again when the system is up. If it is, check the address, the network, and the proxy.",
	transport.KindServer:      "Apply again. If it stays so, ask the operators of the system, with the id above if there is one.",
}

// addresses are where the address of a system comes from, by its name in errors.
var addresses = map[string]string{
	mstr.System:        "mstr.base_url.",
	cdn.System:         "cdn.endpoint, or else from the login's service catalog.",
	cdn.IdentitySystem: "cdn.identity_url, or else is the default.",
	wpengine.System:    "wpengine.base_url, or else is the default.",
	httpcache.System:   "http_cache.endpoints.",
}

// aboutAddress are the kinds for which the address is among the suspects.
var aboutAddress = []transport.Kind{
	transport.KindNoAnswer, transport.KindUnknownHost, transport.KindTLS, transport.KindRedirect, transport.KindUnexpected,
}

// wrongPath are the statuses with which servers answer for a path that they do
// not know, so that the address is among the suspects.
var wrongPath = []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone}

// diagnose makes the diagnostic of an error. This is the one place where the
// words for people are put together.
func (t *target) diagnose(err error) diag.Diagnostic {
	var missing *configError
	var e *transport.Error
	switch {
	case errors.As(err, &missing):
		return diag.NewErrorDiagnostic(
			cmp.Or(missing.title, t.title+" is not configured"),
			fmt.Sprintf("purge_%s needs the provider's %s settings. %s", t.name, t.service, missing.problem))
	case errors.As(err, &e):
		return t.locate(e, fmt.Sprintf(summaries[e.Kind], e.System), t.describe(e))
	case errors.Is(err, context.DeadlineExceeded):
		return t.diagnose(&transport.Error{System: t.title, Kind: transport.KindTimeout, Doing: "starting a purge"})
	case errors.Is(err, context.Canceled):
		return t.diagnose(&transport.Error{System: t.title, Kind: transport.KindCanceled, Doing: "starting a purge"})
	default:
		return diag.NewErrorDiagnostic(t.title+": the purge failed", err.Error())
	}
}

// needConfigured reports, while planning, that a purge could not be sent. There
// are no clients while a configuration is validated.
func (t *target) needConfigured(c *clients, diags *diag.Diagnostics) {
	if c == nil {
		return
	}
	if err := t.configured(c); err != nil && !err.unknown {
		diags.Append(t.diagnose(err))
	}
}

// locate points at the attribute that the upstream blames, if there is one.
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

// describe says what was tried, what the upstream said, and what to do next.
func (t *target) describe(e *transport.Error) string {
	paragraphs := []string{"Tried: " + e.Doing + ".", sentence(e.Outcome())}
	if e.Docs != "" {
		paragraphs = append(paragraphs, "See "+e.Docs)
	}
	var notes []string
	if e.Sent > 1 {
		notes = append(notes, fmt.Sprintf("It was tried %d times.", e.Sent))
	}
	if wait := tooLong(e); wait > 0 {
		notes = append(notes, fmt.Sprintf("The upstream asks to wait %s, which is longer than the timeout leaves.", human(wait)))
	}
	if e.Proxy != "" && e.Kind != transport.KindConfig {
		notes = append(notes, "The request went through the proxy "+e.Proxy+".")
	}
	if slices.Contains(wrongPath, e.Status) && e.Kind != transport.KindState {
		notes = append(notes, "The request was "+e.Asked+".")
	}
	if lost(e) {
		notes = append(notes, "An earlier request got no answer. It may have worked, and the refusal may be for that reason.")
	}
	if len(notes) > 0 {
		paragraphs = append(paragraphs, strings.Join(notes, " "))
	}
	if next := t.nextStep(e); next != "" {
		paragraphs = append(paragraphs, next)
	}
	return strings.Join(paragraphs, "\n\n")
}

func (t *target) nextStep(e *transport.Error) string {
	if e.Kind == transport.KindCanceled {
		return advice[e.Kind] // the upstream is not to blame
	}
	steps := []string{e.Advice}
	if e.Last != nil && e.Advice == "" {
		steps = append(steps, e.Last.Advice)
	}
	if e.Advice == "" {
		steps = append(steps, advice[e.Kind])
	}
	if len(t.identity) > 0 && e.Input == t.identity[0] && (e.Kind == transport.KindNotFound || e.Kind == transport.KindInvalid) {
		steps = append(steps, t.finder)
	}
	from := addresses[e.System]
	if slices.Contains(aboutAddress, e.Kind) && from != "" && !strings.Contains(e.Advice, argumentName.FindString(from)) {
		steps = append(steps, strings.TrimSpace("The address "+e.Host)+" comes from "+from)
	}
	return withEnvironment(strings.Join(slices.DeleteFunc(steps, func(s string) bool { return s == "" }), " "))
}

var argumentName = regexp.MustCompile(`\b[a-z_]+\.[a-z_]+`)

// withEnvironment adds to each argument, where it is named first, the variable
// that it also comes from. The clients don't know of variables.
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

// tooLong is the wait that the upstream asked for, where that is why the purge
// was given up, and otherwise 0.
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

func sentence(s string) string {
	if s == "" {
		return ""
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") {
		return s
	}
	return s + "."
}

// human writes a duration as people say it.
func human(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*365*day:
		return fmt.Sprintf("%d years", d/(365*day))
	case d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	default:
		return d.Round(time.Second).String()
	}
}

// maxNamed is how many items a message names one by one.
const maxNamed = 10

// diagnoseRun makes the diagnostic of a run of which not everything was accepted.
// The progress is in the state if kept is true.
func (t *target) diagnoseRun(op operation, o *outcome, total int, kept bool) diag.Diagnostic {
	d := t.diagnoseOutcome(o)
	detail := strings.ReplaceAll(d.Detail(), "raise the timeout", "raise timeouts."+string(op))
	if total > 1 {
		detail = op.progress(o, total, kept) + "\n\n" + detail
	}
	return relocate(d, detail+tainted(op, kept))
}

// tainted ends the message of a create that failed and left a state.
func tainted(op operation, kept bool) string {
	if op != operationCreate || !kept {
		return ""
	}
	return "\n\nTerraform marks the resource as tainted because its creation failed, and replaces it in the next apply. " +
		"The replacement resumes where this apply ended. " +
		"If the resource has prevent_destroy or create_before_destroy, run terraform untaint first."
}

// progress says how far a run came, and what the next one sends.
func (op operation) progress(o *outcome, total int, kept bool) string {
	text := fmt.Sprintf("%d of %s were accepted. The next %s sends ", o.accepted, count(total), op.noun())
	left := total - o.accepted - len(o.dropped)
	if left == total || !kept {
		return text + fmt.Sprintf("all %d.", total)
	}
	return text + fmt.Sprintf("the remaining %d.", left)
}

// diagnoseOutcome makes the diagnostic of why a run stopped, or else of what
// failed on its own. It names what else failed, and the endpoints that are missing
// purges.
func (t *target) diagnoseOutcome(o *outcome) diag.Diagnostic {
	d := t.diagnoseFailures(o)
	if missing := missingAt(o); missing != "" {
		return relocate(d, d.Detail()+"\n\n"+missing)
	}
	return d
}

func (t *target) diagnoseFailures(o *outcome) diag.Diagnostic {
	if o.err != nil {
		d := t.diagnose(o.err)
		others := slices.DeleteFunc(slices.Clone(o.failures), func(f failure) bool { return f.err == o.err }) //nolint:errorlint // the same one
		if len(others) == 0 {
			return d
		}
		return relocate(d, d.Detail()+"\n\nBefore that, the API returned errors for:\n"+failureList(others))
	}
	d := t.diagnose(o.failures[0].err)
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
		if next := t.nextStep(e); next != "" {
			detail += "\n\n" + next
		}
	}
	return relocate(diag.NewErrorDiagnostic(summary, ""), detail)
}

// missingAt names the endpoints that did not accept everything, each with the
// reason. It is empty if there is only one.
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

// outcome is what the API returned.
func (f failure) outcome() string {
	var e *transport.Error
	if errors.As(f.err, &e) {
		return e.Outcome()
	}
	return f.err.Error()
}

// failureList names what failed, each with what the API returned, and then the
// number of the others.
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

// taskList names tasks, and then the number of the others.
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

// ofDestroy adds to why a destroy fails how to get out of it. Terraform shows no
// address with its errors, so the id stands here.
func (t *target) ofDestroy(d diag.Diagnostic, prior model) diag.Diagnostic {
	return relocate(d, d.Detail()+fmt.Sprintf("\n\nThe purge_%s with the id %q has purge_on_destroy = true, so it is destroyed only when this purge is accepted. "+
		"To give the purge up, set purge_on_destroy = false, apply, and then destroy; or run terraform state rm with the resource's address.",
		t.name, prior.common().ID.ValueString()))
}

// relocate is the same diagnostic with another detail.
func relocate(d diag.Diagnostic, detail string) diag.Diagnostic {
	if located, ok := d.(diag.DiagnosticWithPath); ok {
		return diag.NewAttributeErrorDiagnostic(located.Path(), d.Summary(), detail)
	}
	return diag.NewErrorDiagnostic(d.Summary(), detail)
}
