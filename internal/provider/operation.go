// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// operation is what Terraform asks a resource to do.
type operation string

const (
	operationCreate operation = "create"
	operationUpdate operation = "update"
	operationDelete operation = "delete"
)

var errTimeouts = errors.New("the timeouts can't be read")

// timeout is the one that the configuration sets for the operation, or else one
// that leaves room for all that is to be sent.
func (op operation) timeout(ctx context.Context, t timeouts.Value, p pace) (time.Duration, diag.Diagnostics) {
	otherwise := p.patience + p.wait
	switch op {
	case operationCreate:
		return t.Create(ctx, otherwise)
	case operationDelete:
		return t.Delete(ctx, otherwise)
	default:
		return t.Update(ctx, otherwise)
	}
}

// longApply is how long an apply must take for the plan to say so.
const longApply = 5 * time.Minute

// pace returns how fast all requests of a decision go.
func (r *purgeResource) pace(prior, next model, d decision) pace {
	p := next.pace(d.then, r.clients)
	if len(d.first) > 0 {
		first := prior.pace(d.first, r.clients)
		p.wait += first.wait
		p.patience = max(p.patience, first.patience)
	}
	return p
}

// timeout is how long an operation may take.
func (r *purgeResource) timeout(ctx context.Context, op operation, prior, next model, d decision) (time.Duration, diag.Diagnostics) {
	return op.timeout(ctx, next.common().Timeouts, r.pace(prior, next, d))
}

// estimate warns, during planning, of a timeout that is too short for what an
// apply sends, or else of an apply that takes long. It returns whether it did.
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
			"The %s sends %s. At the allowed rate they take at least %s, and timeouts.%s is %s. %s "+
				"Raise the timeout, or %s.",
			op.noun(), count(d.count()), human(p.wait), op, human(timeout), op.unfinished(), r.target.fewer))
	case p.wait >= longApply:
		diags.AddWarning("The purges take "+human(p.wait), fmt.Sprintf(
			"The %s sends %s. At the allowed rate they take about %s. Terraform shows no progress meanwhile. To see it, set the environment variable TF_LOG_PROVIDER=INFO.",
			op.noun(), count(d.count()), human(p.wait)))
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

// unfinished says what becomes of purges that a timeout cuts off.
func (op operation) unfinished() string {
	return "The next " + op.noun() + " sends what is not accepted by then."
}
