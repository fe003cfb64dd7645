// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

func (p *process) ask(b *managed, prior *instance, proposed, config object) (*change, error) {
	s, err := p.server(b.alias)
	if err != nil {
		return nil, err
	}
	kind, req := p.schemas.kinds[b.kind], &tfprotov6.PlanResourceChangeRequest{TypeName: b.kind, PriorPrivate: prior.private, PriorIdentity: prior.identity}
	for _, v := range []struct {
		to **tfprotov6.DynamicValue
		o  object
	}{{&req.PriorState, prior.state}, {&req.ProposedNewState, proposed}, {&req.Config, config}} {
		if *v.to, err = pack(kind, v.o); err != nil {
			return nil, err
		}
	}
	resp, err := s.PlanResourceChange(context.Background(), req)
	if err != nil {
		return nil, err
	}
	if err := faulty(resp.Diagnostics); err != nil {
		return nil, err
	}
	if len(resp.RequiresReplace) > 0 {
		return nil, fmt.Errorf("the plan requires a replacement for %v", resp.RequiresReplace)
	}
	o, err := unpack(kind, resp.PlannedState)
	return &change{config: config, planned: o, private: resp.PlannedPrivate, identity: resp.PlannedIdentity, reported: warnings(resp.Diagnostics)}, err
}

// planDestroy plans to destroy an object.
func (p *process) planDestroy(b *managed, prior *instance) (*change, error) {
	c, err := p.ask(b, prior, nil, nil)
	if err == nil {
		c.action = "delete"
	}
	return c, err
}

// apply applies a change to prior, which is nil for a create, and returns the
// object to save. A *providerError means that the change failed. Terraform would report
// any other error as a bug in the provider.
func (p *process) apply(ctx context.Context, b *managed, prior *instance, c *change) (*instance, *tfprotov6.ApplyResourceChangeResponse, error) {
	s, err := p.server(b.alias)
	if err != nil {
		return nil, nil, err
	}
	if prior == nil {
		prior = &instance{}
	}
	kind, req := p.schemas.kinds[b.kind], &tfprotov6.ApplyResourceChangeRequest{TypeName: b.kind, PlannedPrivate: c.private, PlannedIdentity: c.identity}
	for _, v := range []struct {
		to **tfprotov6.DynamicValue
		o  object
	}{{&req.PriorState, prior.state}, {&req.PlannedState, c.planned}, {&req.Config, c.config}} {
		if *v.to, err = pack(kind, v.o); err != nil {
			return nil, nil, err
		}
	}
	resp, err := s.ApplyResourceChange(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	state, err := unpack(kind, resp.NewState)
	if err != nil {
		return nil, nil, err
	}
	failed := faulty(resp.Diagnostics)
	if failed == nil && c.planned != nil {
		failed = conforms("", c.planned, state)
	}
	if state == nil {
		if failed != nil && prior.state != nil {
			return prior, resp, failed // Terraform keeps the previous object
		}
		return nil, resp, failed
	}
	if err := whole("", state); err != nil {
		return nil, nil, err
	}
	return &instance{state, resp.Private, resp.NewIdentity, prior.tainted || prior.state == nil && failed != nil}, resp, failed
}

// conforms is AssertObjectCompatible: the planned known values must not change.
func conforms(at string, planned, actual any) error {
	if _, ok := planned.(unknown); ok {
		return nil
	}
	before, ok := planned.(object)
	after, also := actual.(object)
	if !ok || !also {
		if !reflect.DeepEqual(planned, actual) {
			return fmt.Errorf("%s was planned as %v and is %v", at, planned, actual)
		}
		return nil
	}
	names := slices.Collect(maps.Keys(before))
	for name := range after {
		if _, planned := before[name]; !planned {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if err := conforms(at+"."+name, before[name], after[name]); err != nil {
			return err
		}
	}
	return nil
}

// whole fails if a part of a value is unknown.
func whole(at string, v any) error {
	switch v := v.(type) {
	case unknown:
		return fmt.Errorf("%s is unknown after the apply", at)
	case object:
		for name, field := range v {
			if err := whole(at+"."+name, field); err != nil {
				return err
			}
		}
	}
	return nil
}

// adopt imports a resource.
func (p *process) adopt(b *managed, id string) (*instance, error) {
	s, err := p.server(b.alias)
	if err != nil {
		return nil, err
	}
	resp, err := s.ImportResourceState(context.Background(), &tfprotov6.ImportResourceStateRequest{TypeName: b.kind, ID: id})
	if err == nil {
		err = faulty(resp.Diagnostics)
	}
	if err != nil {
		return nil, err
	}
	got := resp.ImportedResources[0]
	state, err := unpack(p.schemas.kinds[b.kind], got.State)
	return &instance{state: state, private: got.Private, identity: got.Identity}, err
}

// move moves the state of a terraform_data or a null_resource.
func (p *process) move(b *managed, from, provider string, state any) (*instance, error) {
	s, err := p.server(b.alias)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	resp, err := s.MoveResourceState(context.Background(), &tfprotov6.MoveResourceStateRequest{
		SourceProviderAddress: provider, SourceTypeName: from, SourceState: &tfprotov6.RawState{JSON: raw}, TargetTypeName: b.kind,
	})
	if err == nil {
		err = faulty(resp.Diagnostics)
	}
	if err != nil {
		return nil, err
	}
	moved, err := unpack(p.schemas.kinds[b.kind], resp.TargetState)
	return &instance{state: moved, private: resp.TargetPrivate, identity: resp.TargetIdentity}, err
}
