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

// estimate warns, while planning, of a timeout that is too short for what is to
// be sent.
func (r *purgeResource) estimate(ctx context.Context, op operation, m model, d decision, diags *diag.Diagnostics) {
	if m.common().Timeouts.IsUnknown() || r.clients == nil {
		return
	}
	p := m.pace(d.requests(), r.clients)
	timeout, ds := op.timeout(ctx, m.common().Timeouts, p)
	if ds.HasError() || p.wait <= timeout {
		return
	}
	diags.AddWarning("The timeout is too short for all purges", fmt.Sprintf(
		"%d requests are to be sent. At the rate that is allowed they take at least %s, and timeouts.%s is %s. %s "+
			"Raise the timeout, or purge with fewer requests: one path with a wildcard and hard = false.",
		d.requests(), human(p.wait), op, human(timeout), op.unfinished()))
}

// unfinished says what becomes of purges that a timeout cuts off.
func (op operation) unfinished() string {
	switch op {
	case operationCreate:
		return "Terraform marks a resource as tainted whose creation does not finish, and purges all again unless you run terraform untaint."
	case operationDelete:
		return "What is not done by then is sent by the next destroy."
	default:
		return "What is not done by then is sent by the next apply."
	}
}
