// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// protocol calls the provider as Terraform does, without a terraform. Its methods
// take and return values as objects.
type protocol struct {
	protocolServer
	t          *testing.T
	schemas    *tfprotov6.GetProviderSchemaResponse
	identities map[string]*tfprotov6.ResourceIdentitySchema
	// private is the private state that plan and apply pass on. kept is the one
	// that the latest apply returned.
	private, kept []byte
}

// speak returns a protocol for a provider that is configured only from its
// environment.
func (w *world) speak(t *testing.T) *protocol {
	t.Helper()
	p := &protocol{protocolServer: newServer(w.provider), t: t}
	var err error
	p.schemas, err = p.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	p.must(err)
	identities, err := p.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	p.must(err)
	p.identities = identities.IdentitySchemas
	configured, err := p.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		Config: p.pack(p.schemas.Provider.ValueType(), object{}),
	})
	p.must(err)
	p.succeeds("configuring", configured.Diagnostics)
	return p
}

func (p *protocol) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *protocol) succeeds(doing string, diags []*tfprotov6.Diagnostic) {
	p.t.Helper()
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			p.t.Fatalf("%s: %s: %s", doing, d.Summary, d.Detail)
		}
	}
}

func (p *protocol) pack(kind tftypes.Type, v any) *tfprotov6.DynamicValue {
	p.t.Helper()
	packed, err := tfprotov6.NewDynamicValue(kind, value(kind, v))
	p.must(err)
	return &packed
}

func (p *protocol) unpack(kind tftypes.Type, packed *tfprotov6.DynamicValue) object {
	p.t.Helper()
	if packed == nil {
		return nil
	}
	v, err := packed.Unmarshal(kind)
	p.must(err)
	o, _ := inGo(v).(object)
	return o
}

// inGo converts a value to Go. It is the inverse of value.
func inGo(v tftypes.Value) any {
	switch {
	case v.IsNull():
		return nil
	case !v.IsKnown():
		return unknown{}
	}
	switch v.Type().(type) {
	case tftypes.Object, tftypes.Map:
		var fields map[string]tftypes.Value
		_ = v.As(&fields) // the type was checked
		o := object{}
		for name, field := range fields {
			if !field.IsNull() {
				o[name] = inGo(field)
			}
		}
		return o
	case tftypes.List:
		var items []tftypes.Value
		_ = v.As(&items)
		list := []any{}
		for _, item := range items {
			list = append(list, inGo(item))
		}
		return list
	}
	var text string
	var truth bool
	if v.As(&text) == nil {
		return text
	}
	if v.As(&truth) == nil {
		return truth
	}
	if number := new(big.Float); v.As(&number) == nil {
		n, _ := number.Int64()
		return int(n)
	}
	return v.String()
}

// kind returns the type of a resource's values.
func (p *protocol) kind(name string) tftypes.Type { return p.schemas.ResourceSchemas[name].ValueType() }

// plan plans a change as Terraform does, with the prior values of computed
// attributes that are not set.
func (p *protocol) plan(name string, prior, config object) (planned object, reported []string) {
	p.t.Helper()
	proposed := object{}
	for _, a := range p.schemas.ResourceSchemas[name].Block.Attributes {
		proposed[a.Name] = config[a.Name]
		if a.Computed && config[a.Name] == nil {
			proposed[a.Name] = prior[a.Name]
		}
	}
	resp, err := p.PlanResourceChange(p.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: name, PriorState: p.packState(name, prior), ProposedNewState: p.pack(p.kind(name), proposed), Config: p.pack(p.kind(name), config),
		PriorPrivate: p.private,
	})
	p.must(err)
	return p.unpack(p.kind(name), resp.PlannedState), diagnosticLines(resp.Diagnostics)
}

// packState encodes a state, or nil if there is none.
func (p *protocol) packState(name string, state object) *tfprotov6.DynamicValue {
	p.t.Helper()
	if state == nil {
		return p.pack(p.kind(name), nil)
	}
	return p.pack(p.kind(name), state)
}

// apply applies a planned change.
func (p *protocol) apply(name string, prior, planned, config object) (state object, reported []string) {
	p.t.Helper()
	resp, err := p.ApplyResourceChange(p.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: name, PriorState: p.packState(name, prior), PlannedState: p.pack(p.kind(name), planned), Config: p.pack(p.kind(name), config),
		PlannedPrivate: p.private,
	})
	p.must(err)
	p.kept = resp.Private
	return p.unpack(p.kind(name), resp.NewState), diagnosticLines(resp.Diagnostics)
}

// destroy deletes the object of a state.
func (p *protocol) destroy(name string, prior object) (left object, reported []string) {
	p.t.Helper()
	resp, err := p.ApplyResourceChange(p.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: name, PriorState: p.packState(name, prior), PlannedState: p.packState(name, nil), Config: p.packState(name, nil),
	})
	p.must(err)
	return p.unpack(p.kind(name), resp.NewState), diagnosticLines(resp.Diagnostics)
}

// read refreshes a state. Terraform requires its identity.
func (p *protocol) read(name string, state object) (fresh, identity object) {
	p.t.Helper()
	resp, err := p.ReadResource(p.t.Context(), &tfprotov6.ReadResourceRequest{TypeName: name, CurrentState: p.packState(name, state)})
	p.must(err)
	p.succeeds("reading "+name, resp.Diagnostics)
	if resp.NewIdentity == nil {
		p.t.Fatalf("%s has no identity after it was read", name)
	}
	return p.unpack(p.kind(name), resp.NewState), p.unpack(p.identities[name].ValueType(), resp.NewIdentity.IdentityData)
}

// diagnosticLines returns diagnostics as "error at path: summary: detail".
func diagnosticLines(diags []*tfprotov6.Diagnostic) []string {
	var all []string
	for _, d := range diags {
		where := ""
		if d.Attribute != nil {
			where = " at " + d.Attribute.String()
		}
		all = append(all, fmt.Sprintf("%s%s: %s: %s", map[tfprotov6.DiagnosticSeverity]string{
			tfprotov6.DiagnosticSeverityError: "error", tfprotov6.DiagnosticSeverityWarning: "warning",
		}[d.Severity], where, d.Summary, d.Detail))
	}
	slices.Sort(all)
	return all
}

// inGo returns the arguments as an object. They are literals in JSON syntax.
func (a arguments) inGo(t *testing.T) object {
	t.Helper()
	o := object{}
	for name, expression := range a {
		var v any
		if err := json.Unmarshal([]byte(expression), &v); err != nil {
			t.Fatalf("%s = %s: %s", name, expression, err)
		}
		o[name] = v
	}
	return o
}

// inBubble runs a test in virtual time, with a world behind a network in memory. It
// fails if a connection stays open.
func inBubble(t *testing.T, test func(t *testing.T, w *world, network *wiretest.Network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := wiretest.Listen()
		w := &world{Sandbox: sandbox.New()}
		w.env = w.SetAddress("http://localhost")
		w.provider = New(Options{
			Version: "test", Getenv: func(name string) string { return w.env[name] },
			Transport: transport.Options{Dial: network.Dial, Backoff: func(int) time.Duration { return time.Second }},
			Rand:      func() float64 { return 0 },
		})
		network.Serve(w)
		defer network.Close()
		test(t, w, network)
		w.endSessions(t)
		synctest.Wait()
		if open := network.Open(); open != 0 {
			t.Errorf("%d connections are open at the end, want none", open)
		}
	})
}
