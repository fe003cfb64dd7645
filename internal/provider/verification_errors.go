// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/verify"
)

// concernsOf returns the scope of an error of a verification.
func concernsOf(err error) scope {
	var e *verify.Error
	if errors.As(err, &e) && !errors.Is(err, context.Canceled) {
		return oneItem
	}
	return everyItem
}

// diagnoseVerification returns the diagnostic of a verification that did not succeed
// for all paths. The state contains the progress if kept is true. If there are
// several failures, the most specific verdict determines the summary and the advice.
func diagnoseVerification(op operation, o *outcome, total int, kept bool) diag.Diagnostic {
	cause := o.err
	if cause == nil {
		cause = slices.MaxFunc(o.failures, func(a, b failure) int { return cmp.Compare(verdictOf(a.err), verdictOf(b.err)) }).err
	}
	var e *verify.Error
	summary, next, detail := "Verification not finished", "Apply again.", cause.Error()+"."
	if errors.As(cause, &e) {
		next = e.Advice("timeouts." + string(op))
		detail += fmt.Sprintf(" The provider fetched the path %s within %s.", times(e.Attempts), transport.FormatDuration(e.For))
		if o.err == nil {
			summary = verificationSummary(e.Verdict)
		}
	}
	if len(o.failures) > 1 {
		detail = verificationList(o.failures)
	}
	left := "all of them"
	if kept && o.accepted > 0 {
		left = fmt.Sprintf("the remaining %d", total-o.accepted)
	}
	if total > 1 {
		detail = fmt.Sprintf("%d of %s %s verified. The next apply verifies %s.\n\n", o.accepted, paths(total), was(o.accepted), left) + detail
	}
	return diag.NewErrorDiagnostic(summary, detail+"\n\n"+next+tainted(op, kept))
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	default:
		return fmt.Sprintf("%d times", n)
	}
}

func verdictOf(err error) verify.Verdict {
	var e *verify.Error
	if errors.As(err, &e) {
		return e.Verdict
	}
	return verify.NotSeen
}

func verificationSummary(v verify.Verdict) string {
	switch v {
	case verify.OriginOld:
		return "The origin had old content after the purge"
	case verify.StillOld:
		return "The site does not serve the expected content"
	default:
		return "The site could not be verified"
	}
}

func verificationList(failures []failure) string {
	lines := make([]string, 0, maxNamed+1)
	for _, f := range failures[:min(len(failures), maxNamed)] {
		var e *verify.Error
		outcome := f.err.Error()
		if errors.As(f.err, &e) {
			outcome = e.Outcome()
		}
		lines = append(lines, "  "+f.request.name+": "+outcome)
	}
	return strings.Join(append(lines, andOthers(len(failures))...), "\n")
}
