// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
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

// addresses completes "The address comes from", by the name of the system.
var addresses = map[string]string{
	mstr.System:        "mstr.base_url.",
	cdn.System:         "cdn.endpoint, or else from the service catalog of the login.",
	cdn.IdentitySystem: "cdn.identity_url, or is the default.",
	wpengine.System:    "wpengine.base_url, or is the default.",
	httpcache.System:   "http_cache.endpoints.",
}

// aboutAddress are the kinds that a wrong address can cause.
var aboutAddress = []transport.Kind{
	transport.KindNoResponse, transport.KindUnknownHost, transport.KindTLS, transport.KindRedirect, transport.KindUnexpected,
}

// wrongPath are the statuses that servers return for an unknown path, so a wrong
// address can cause them.
var wrongPath = []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone}

// diagnose returns the diagnostic of an error.
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
	if err.title != "" {
		return diag.NewErrorDiagnostic(err.title, err.problem)
	}
	return diag.NewErrorDiagnostic(t.title+" is not configured", fmt.Sprintf("purge_%s requires settings for %s.\n\n%s", t.name, t.title, err.problem))
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

// locate refers the diagnostic to the attribute that the API rejects, if any.
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

// describe returns the paragraphs of a message: the operation and its result, the
// facts that matter for a decision, and the next step.
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
		notes = append(notes, fmt.Sprintf("%s requires a wait of %s, which is longer than the time left.", e.System, transport.FormatDuration(wait)))
	}
	if e.Proxy != "" && e.Kind != transport.KindConfig {
		notes = append(notes, "The request went through the proxy "+e.Proxy+".")
	}
	if slices.Contains(wrongPath, e.Status) && e.Kind != transport.KindState {
		notes = append(notes, "The request was "+e.Request+".")
	}
	if lost(e) {
		notes = append(notes, "An earlier attempt received no response. It may have succeeded and caused this rate limit.")
	}
	return notes
}

func (t *target) nextStep(v voice, e *transport.Error) string {
	from := addresses[e.System]
	if from != "" {
		from = strings.TrimSpace("The address "+hostOf(e)) + " comes from " + from
	}
	if e.Kind == transport.KindCanceled { // the API is not the cause, unless it is silent
		steps := []string{v.advice(e)}
		if e.Down > 0 {
			steps = append(steps, from)
		}
		return withEnvironment(strings.Join(slices.DeleteFunc(steps, isEmpty), " "))
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
	if slices.Contains(aboutAddress, e.Kind) && !strings.Contains(e.Advice, argumentName.FindString(addresses[e.System])) {
		steps = append(steps, from)
	}
	return withEnvironment(strings.Join(slices.DeleteFunc(steps, isEmpty), " "))
}

// hostOf returns the host that did not respond, if there is one.
func hostOf(e *transport.Error) string {
	if e.Host == "" && e.Last != nil {
		return hostOf(e.Last)
	}
	return e.Host
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
