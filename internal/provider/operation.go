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
func (r *purgeResource) estimate(ctx context.Context, prior, next model, d decision, diags *diag.Diagnostics) {
	op := operationUpdate
	if prior == nil {
		op = operationCreate
	}
	if next.common().Timeouts.IsUnknown() || r.clients == nil {
		return
	}
	n := len(d.former) + len(d.jobs)
	p := next.pace(n, r.clients)
	timeout, ds := op.timeout(ctx, next.common().Timeouts, p)
	if ds.HasError() || p.wait <= timeout {
		return
	}
	diags.AddWarning("The timeout is too short for all purges", fmt.Sprintf(
		"%d requests are to be sent. At the rate that is allowed they take at least %s, and timeouts.%s is %s. "+
			"What is not done by then is sent by the next apply. Raise the timeout, or purge with fewer requests: "+
			"one path with a wildcard and hard = false.", n, p.wait, op, timeout))
}
