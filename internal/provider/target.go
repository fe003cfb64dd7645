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

// target is one kind of purge, served as a resource and as an action.
type target struct {
	// name is the type name without the provider's prefix: purge_<name>.
	name string
	// service is the argument of the provider block that configures the API.
	service string
	// title is the name of the system, such as "Rackspace CDN".
	title string
	// timeoutNote describes the default timeout.
	timeoutNote string
	// about and aboutAction describe the resource and the action, in Markdown.
	about, aboutAction string
	// arguments are common to the resource and the action. The others are arguments
	// of only one of them.
	arguments, resourceOnly, actionOnly map[string]argument
	// many is true if a resource can send many requests. It then has a summary.
	many bool
	// rejectable is the API's name of the input that differs between items. If the
	// API rejects it, the other items are still sent. If it is empty, every rejection
	// stops all items.
	rejectable string
	// identity names the arguments that identify the target, in the order of the ID.
	identity []string
	// version is the version of the resource's schema. A change of the meaning or the
	// type of an attribute raises it and adds an upgrader for the previous version.
	version   int64
	upgraders map[int64]resource.StateUpgrader
	// finder is a sentence about how to find the value of identity[0].
	finder string
	// join returns the ID for the values of the identity, and split the values for an
	// ID. The error of split is the form of an ID.
	join  func(values []string) string
	split func(id string) ([]string, error)
	// configured returns the reason why the API cannot be used, or nil.
	configured func(*clients) *configError
	// endpoints returns the instances that each get every request. It is nil if there
	// is only one address.
	endpoints func(*clients) []string
	// fewer completes "raise the timeout, or": a way to need less time.
	fewer string
	// inputs maps the API's names of inputs to attributes, if they differ.
	inputs map[string]string
	// model and actionModel return a pointer to an empty model.
	model       func() model
	actionModel func() actionModel
}

// argument describes one attribute of a target, for resources and actions.
type argument struct {
	about    string
	kind     attr.Type // types.StringType, BoolType, Int64Type, or a map or list of strings
	required bool
	computed bool // set by the provider, only in a resource
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

// model is the configuration or the state of a purge. The methods below check
// require values that check accepted.
type model interface {
	tracked
	// common returns the attributes that every target has.
	common() *commonModel
	// check reports all invalid values, except unknown ones.
	check(*diag.Diagnostics)
	// adopt sets the values of the identity, for an import.
	adopt(identity []string)
	// keepSpelling keeps the prior spelling of equivalent values.
	keepSpelling(prior model)
	// identify returns the normalized values of the identity, or false if one of them
	// is unknown.
	identify() ([]string, bool)
	// mode returns the purge mode, such as hard or soft, or false if it is unknown. If
	// it changes, all items are sent again.
	mode() (string, bool)
	// pace returns the pace of requests.
	pace(phases [][]request, c *clients) pace
	// send sends one purge. It returns after the API accepted it or, if the
	// configuration says so, after it took effect.
	send(ctx context.Context, c *clients, r request, endpoint string) (receipt, error)
	// summary returns the attribute summary, or nil for a target that has none, and
	// reports whether the configured arguments use it.
	summary() (text *types.String, used bool)
	// warn warns during planning about a configuration that is probably a mistake.
	warn(prior model, d decision, diags *diag.Diagnostics)
}

// receipt describes an accepted request.
type receipt struct {
	at      time.Time // when it was accepted
	warning warning   // if any
	count   int64     // number of purged objects, if the target reports it
}

// warning is a warning about an accepted request.
type warning struct{ summary, detail string }

// pace describes how fast a target sends its requests.
type pace struct {
	parallel int // maximum number of requests in flight
	// wait is the total time that all requests wait for the rate limit.
	wait time.Duration
	// timeout is the default timeout, to which wait is added.
	timeout time.Duration
}

// batch returns the batch of a model.
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

// concerns returns the scope of an error of a purge. It depends on the kind and the
// input of the error, not on the status.
func (t *target) concerns(err error) scope {
	switch e := verdict(err); {
	case e == nil, e.System != t.title: // such as a login at another system
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
