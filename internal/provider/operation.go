// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// operation is an operation of Terraform on a resource.
type operation string

const (
	operationCreate operation = "create"
	operationUpdate operation = "update"
	operationDelete operation = "delete"
)

var errTimeouts = errors.New("the timeouts cannot be read")

// timeout returns the configured timeout of an operation, or else a default that is
// long enough for all requests.
func (op operation) timeout(ctx context.Context, t timeouts.Value, p pace) (time.Duration, diag.Diagnostics) {
	otherwise := p.timeout + p.wait
	switch op {
	case operationCreate:
		return t.Create(ctx, otherwise)
	case operationDelete:
		return t.Delete(ctx, otherwise)
	default:
		return t.Update(ctx, otherwise)
	}
}

// longApply is the duration from which a plan warns that the apply takes long.
const longApply = 5 * time.Minute

// pace returns the pace of all requests of a decision.
func (r *purgeResource) pace(prior, next model, d decision) pace {
	p := next.pace(d.then, r.clients)
	if len(d.first) > 0 {
		first := prior.pace(d.first, r.clients)
		p.wait += first.wait
		p.timeout = max(p.timeout, first.timeout)
	}
	return p
}

// timeout returns the timeout of an operation.
func (r *purgeResource) timeout(ctx context.Context, op operation, prior, next model, d decision) (time.Duration, diag.Diagnostics) {
	return op.timeout(ctx, next.common().Timeouts, r.pace(prior, next, d))
}

// estimate warns during planning about a timeout that is too short for the requests
// of an apply, or else about an apply that takes long. It reports whether it warned.
func (r *purgeResource) estimate(ctx context.Context, op operation, prior, next model, d decision, diags *diag.Diagnostics) bool {
	if next.common().Timeouts.IsUnknown() || r.clients == nil {
		return false
	}
	p := r.pace(prior, next, d)
	timeout, ds := r.timeout(ctx, op, prior, next, d)
	switch {
	case ds.HasError():
		return false
	case p.wait > timeout:
		diags.AddWarning("The timeout is too short for all purges", fmt.Sprintf(
			"The %s sends %s. At the allowed rate, they take at least %s, but timeouts.%s is %s. "+
				"The next %s sends the remaining purges. Raise timeouts.%s, or %s.",
			op.noun(), count(d.count()), transport.FormatDuration(p.wait), op, transport.FormatDuration(timeout), op.noun(), op, r.target.fewer))
	case p.wait >= longApply:
		diags.AddWarning("The purges take "+transport.FormatDuration(p.wait), fmt.Sprintf(
			"The %s sends %s. At the allowed rate, they take about %s. Terraform does not show their progress. To see it, set the environment variable TF_LOG_PROVIDER=INFO.",
			op.noun(), count(d.count()), transport.FormatDuration(p.wait)))
	default:
		return false
	}
	return true
}

func (op operation) noun() string {
	if op == operationDelete {
		return "destroy"
	}
	return "apply"
}
