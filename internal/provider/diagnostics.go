package provider

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// summaries are the first lines of an error, by kind; %s is the system.
var summaries = map[transport.Kind]string{
	transport.KindUnknown:     "%s: the purge failed",
	transport.KindCanceled:    "Interrupted before %s accepted the purge",
	transport.KindTimeout:     "%s did not accept the purge within the timeout",
	transport.KindNoAnswer:    "No answer from %s",
	transport.KindUnknownHost: "The host of %s is unknown",
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
}

// advice is what to do next where the upstream's error has no better one.
var advice = map[transport.Kind]string{
	transport.KindCanceled:    "Apply again: the purge is still to be done.",
	transport.KindTimeout:     "Apply again, with a longer timeout if the upstream is only slow.",
	transport.KindNoAnswer:    "Check the address, the network and the proxy, then apply again.",
	transport.KindUnknownHost: "Check the address for a typing error, and the name server.",
	transport.KindTLS:         "Check the address. If the server's certificate is from a private CA, set ca_certificate in the provider block.",
	transport.KindLimited:     "Apply again later, or raise the timeout.",
	transport.KindServer:      "Apply again. If it stays so, ask the operators of the system, with the id above if there is one.",
}

// diagnose makes the diagnostic of an error. This is the one place where the
// words for people are put together.
func (t *target) diagnose(err error) diag.Diagnostic {
	var missing *configError
	var e *transport.Error
	switch {
	case errors.As(err, &missing):
		return diag.NewErrorDiagnostic(
			fmt.Sprintf("purge_%s needs the provider's %s block", t.name, t.service),
			fmt.Sprintf("%s is not configured. %s", t.title, missing.problem))
	case errors.As(err, &e):
		return t.locate(e, fmt.Sprintf(summaries[e.Kind], e.System), describe(e))
	default:
		return diag.NewErrorDiagnostic(t.title+": the purge failed", err.Error())
	}
}

// locate points at the attribute that the upstream blames, if there is one.
func (t *target) locate(e *transport.Error, summary, detail string) diag.Diagnostic {
	name := e.Input
	if mapped, ok := t.inputs[name]; ok {
		name = mapped
	}
	if _, ok := t.arguments[name]; ok {
		return diag.NewAttributeErrorDiagnostic(path.Root(name), summary, detail)
	}
	return diag.NewErrorDiagnostic(summary, detail)
}

// describe says what was tried, what the upstream said, and what to do next.
func describe(e *transport.Error) string {
	paragraphs := []string{"Tried: " + e.Doing + ".", sentence(e.Outcome())}
	if e.Docs != "" {
		paragraphs = append(paragraphs, "See "+e.Docs)
	}
	var notes []string
	if e.Sent > 1 {
		notes = append(notes, fmt.Sprintf("%d requests were sent.", e.Sent))
	}
	if e.Exhausted() {
		notes = append(notes, "It was not repeated, because too many requests to this system failed before.")
	}
	if wait := longest(e); wait > 0 {
		notes = append(notes, fmt.Sprintf("The upstream asks to wait %s, which is longer than the timeout leaves.", human(wait)))
	}
	if lost(e) {
		notes = append(notes, "An earlier request got no answer. It may have worked, and the refusal may be for that reason.")
	}
	if len(notes) > 0 {
		paragraphs = append(paragraphs, strings.Join(notes, " "))
	}
	if next := nextStep(e); next != "" {
		paragraphs = append(paragraphs, next)
	}
	return strings.Join(paragraphs, "\n\n")
}

func nextStep(e *transport.Error) string {
	steps := []string{e.Advice}
	if e.Last != nil && e.Advice == "" {
		steps = append(steps, e.Last.Advice)
	}
	if e.Advice == "" {
		steps = append(steps, advice[e.Kind])
	}
	return strings.Join(slices.DeleteFunc(steps, func(s string) bool { return s == "" }), " ")
}

func longest(e *transport.Error) time.Duration {
	if e.Last != nil {
		return longest(e.Last)
	}
	return e.Wait
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

// diagnoseRun makes the diagnostic of a run of which not all was accepted. The
// progress is in the state where kept is true.
func (t *target) diagnoseRun(op operation, o *outcome, total int, err error, kept bool) diag.Diagnostic {
	d := t.diagnose(err)
	if total == 1 {
		return d
	}
	rest := total - o.accepted
	detail := fmt.Sprintf("%d of %d purged. ", o.accepted, total)
	switch {
	case op == operationDelete:
		detail += "The next destroy purges all of them again."
	case !kept:
		detail += fmt.Sprintf("The next apply sends all %d.", total)
	case op == operationCreate:
		detail += fmt.Sprintf("Terraform marks a resource as tainted whose creation failed. Run terraform untaint with the address above before the next apply, "+
			"and it sends the remaining %d only; without it all are purged again.", rest)
	default:
		detail += fmt.Sprintf("The next apply sends the remaining %d.", rest)
	}
	detail += "\n\n" + d.Detail()
	if located, ok := d.(diag.DiagnosticWithPath); ok {
		return diag.NewAttributeErrorDiagnostic(located.Path(), d.Summary(), detail)
	}
	return diag.NewErrorDiagnostic(d.Summary(), detail)
}
