// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"time"

	actionschema "github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// target is one kind of thing that can be purged. It is described once here and
// served as a resource and as an action.
type target struct {
	// name with the provider's prefix is the type's: purge_<name>.
	name string
	// service is the attribute of the provider block that configures it.
	service string
	// title is the upstream system's name.
	title string
	// timeoutNote tells the default timeout and what counts.
	timeoutNote string
	// about and aboutAction are the documentation of the resource and of the
	// action, in Markdown.
	about, aboutAction string
	// arguments are what is purged and how: those that resource and action
	// share, and those that only one of them has.
	arguments, resourceOnly, actionOnly map[string]argument
	// many: a resource can be many requests, and has a summary.
	many bool
	// rejectable is the input that concerns one item alone, in the API's own
	// word: if the API rejects it, the other items are sent all the same. Empty if
	// every rejection concerns all.
	rejectable string
	// identity names the arguments that say what is purged, in the order in
	// which they stand in the id.
	identity []string
	// version is that of the resource's schema. What changes the meaning or the
	// type of an attribute raises it and adds an upgrader of the one before.
	version   int64
	upgraders map[int64]resource.StateUpgrader
	// finder says how the first of them is found.
	finder string
	// join makes the id of the identity's values, split the values of an id.
	join  func(values []string) string
	split func(id string) ([]string, error)
	// configured returns why the upstream system can't be used.
	configured func(*clients) *configError
	// endpoints returns the instances that each get every request. Nil: there is
	// one address for all.
	endpoints func(*clients) []string
	// fewer says how to get along with fewer requests, or with faster ones.
	fewer string
	// inputs maps the upstream's words for an input to attributes, where they
	// differ.
	inputs map[string]string
	// model and actionModel return a pointer to an empty model.
	model       func() model
	actionModel func() actionModel
}

// argument is one attribute of a target, described without regard to where it
// is served.
type argument struct {
	about    string
	kind     attr.Type // types.StringType, BoolType, or a map or list of strings
	required bool
	computed bool // the provider sets it; of a resource alone
}

func (a argument) resource() schema.Attribute {
	optional := !a.required && !a.computed
	switch kind := a.kind.(type) {
	case types.MapType:
		return schema.MapAttribute{MarkdownDescription: a.about, ElementType: kind.ElemType, Required: a.required, Optional: optional}
	case types.ListType:
		return schema.ListAttribute{MarkdownDescription: a.about, ElementType: kind.ElemType, Required: a.required, Optional: optional}
	default:
		switch kind {
		case types.BoolType:
			return schema.BoolAttribute{MarkdownDescription: a.about, Required: a.required, Optional: optional}
		case types.Int64Type:
			return schema.Int64Attribute{MarkdownDescription: a.about, Required: a.required, Optional: optional, Computed: a.computed}
		}
		return schema.StringAttribute{MarkdownDescription: a.about, Required: a.required, Optional: optional}
	}
}

func (a argument) action() actionschema.Attribute {
	switch kind := a.kind.(type) {
	case types.ListType:
		return actionschema.ListAttribute{MarkdownDescription: a.about, ElementType: kind.ElemType, Required: a.required, Optional: !a.required}
	default:
		if kind == types.BoolType {
			return actionschema.BoolAttribute{MarkdownDescription: a.about, Required: a.required, Optional: !a.required}
		}
		return actionschema.StringAttribute{MarkdownDescription: a.about, Required: a.required, Optional: !a.required}
	}
}

// model is what a configuration says of one purge. The methods below check are
// asked only of values in which it found no fault.
type model interface {
	tracked
	// common returns the attributes that every target has.
	common() *commonModel
	// check reports every fault of the values that are known.
	check(*diag.Diagnostics)
	// adopt sets the values of the identity, for an import.
	adopt(identity []string)
	// keepSpelling takes over the prior values that mean the same.
	keepSpelling(prior model)
	// identify returns the values of the target's identity, normalized. It
	// returns false while one of them is unknown.
	identify() ([]string, bool)
	// mode returns how is purged: its change sends everything again. It returns
	// false while it is unknown.
	mode() (string, bool)
	// pace returns how fast requests go.
	pace(phases [][]request, c *clients) pace
	// send asks for one purge and returns when it is accepted, or, if the
	// configuration wants that, when it has taken effect.
	send(ctx context.Context, c *clients, r request, endpoint string) (receipt, error)
	// summary is the attribute that counts what an apply purges, nil for a target
	// that is always one request, and whether it is of use for these values.
	summary() (text *types.String, used bool)
	// warn warns, during planning, of what is most likely not intended.
	warn(prior model, d decision, diags *diag.Diagnostics)
}

// receipt is what is known of a request that was accepted.
type receipt struct {
	at      time.Time // when it was
	warning warning   // what else there is to say, if anything
	count   int64     // how many things it purged, for targets that report it
}

// warning is what a user should know although all went well.
type warning struct{ summary, detail string }

// pace is how fast a target's requests go.
type pace struct {
	parallel int
	// wait is what all requests together spend waiting for rate limits and
	// deployments.
	wait time.Duration
	// patience is the default timeout without that wait.
	patience time.Duration
}

// batch returns the requests of a model, ready to run.
func (t *target) batch(c *clients, m model, tasks []task, phases [][]request, report func(accepted int)) batch {
	if len(tasks) == 0 {
		return batch{}
	}
	b := batch{
		tasks: tasks, phases: phases, concerns: t.concerns, report: report, parallel: m.pace(phases, c).parallel,
		send: func(ctx context.Context, r request, endpoint string) (receipt, error) {
			return m.send(ctx, c, r, endpoint)
		},
	}
	if t.endpoints != nil {
		b.endpoints = t.endpoints(c)
	}
	return b
}

// concerns sorts the errors of a purge by what they concern. It goes by the kind
// of the error and the input that it blames, not by the status.
func (t *target) concerns(err error) scope {
	switch e := verdict(err); {
	case e == nil, e.System != t.title: // as of a login at another system
		return everyItem
	case e.Single():
		return oneItem
	case t.rejectable != "" && e.Kind == transport.KindInvalid && (e.Input == "" || e.Input == t.rejectable):
		return rejection
	case e.Kind == transport.KindServer:
		return theServer
	default:
		return everyItem
	}
}
