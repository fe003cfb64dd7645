// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// maxNamed is how many items a message names one by one.
const maxNamed = 10

// diagnoseRun returns the diagnostic of an incomplete run. The progress is in the
// state if kept is true.
func (t *target) diagnoseRun(op operation, o *outcome, total int, kept bool) diag.Diagnostic {
	d := t.diagnoseOutcome(op.voice(), o, total)
	if total == 1 {
		return relocate(d, d.Detail()+tainted(op, kept))
	}
	return relocate(d, op.progress(o, total, kept)+"\n\n"+d.Detail()+tainted(op, kept))
}

// tainted returns the end of the message of a failed create that left a state.
func tainted(op operation, kept bool) string {
	if op != operationCreate || !kept {
		return ""
	}
	return "\n\nTerraform marks the resource as tainted because its creation failed, and replaces it in the next apply. " +
		"The replacement resumes where this apply ended. " +
		"If the resource has prevent_destroy or create_before_destroy, run terraform untaint first."
}

// progress returns the number of accepted purges, and of those that the next run
// sends.
func (op operation) progress(o *outcome, total int, kept bool) string {
	text := fmt.Sprintf("%d of %s %s accepted. The next %s sends ", o.accepted, count(total), was(o.accepted), op.noun())
	left := total - o.accepted - len(o.dropped)
	if left == total || !kept {
		return text + fmt.Sprintf("all %d.", total)
	}
	return text + fmt.Sprintf("the remaining %d.", left)
}

func was(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// diagnoseOutcome returns the diagnostic of the error that stopped a run, or else
// of the failures of single requests. It lists the other failures, and the
// endpoints that miss purges.
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

// outcome returns the result, in one line.
func (f failure) outcome() string {
	var e *transport.Error
	if errors.As(f.err, &e) {
		return e.Outcome()
	}
	return f.err.Error()
}

// failureList lists failures, each with its outcome, and then the number of the
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

// ofDestroy adds to the error of a destroy how to destroy without a purge. Terraform
// shows no resource address with these errors, so the message contains the ID.
func (t *target) ofDestroy(d diag.Diagnostic, prior model) diag.Diagnostic {
	return relocate(d, d.Detail()+fmt.Sprintf("\n\nThe purge_%s with the ID %q has purge_on_destroy = true, so Terraform destroys it only after the API accepts this purge. "+
		"To destroy it without a purge, set purge_on_destroy = false (restore the resource first if you removed it from the configuration), apply, and then destroy, or run terraform state rm with the address of the resource.",
		t.name, prior.common().ID.ValueString()))
}

// relocate returns the same diagnostic with another detail.
func relocate(d diag.Diagnostic, detail string) diag.Diagnostic {
	if located, ok := d.(diag.DiagnosticWithPath); ok {
		return diag.NewAttributeErrorDiagnostic(located.Path(), d.Summary(), detail)
	}
	return diag.NewErrorDiagnostic(d.Summary(), detail)
}
