// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// core does with the provider what Terraform does. It plans in one process and
// applies in another one, where it plans again. It checks that known planned values
// do not change. It taints, deposes, and passes private state on. It follows
// Terraform's source (internal/terraform, internal/plans/objchange).
type core struct {
	*sickbay
	network *wiretest.Network
	env     map[string]string
	schemas *schemas
}

// schemas contains the provider's schemas, which are read once for all sequences.
type schemas struct {
	provider   tftypes.Type
	kinds      map[string]tftypes.Type
	attributes map[string][]*tfprotov6.SchemaAttribute
}

var readSchemas = sync.OnceValues(func() (*schemas, error) {
	resp, err := providerserver.NewProtocol6(New(Options{}))().GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return nil, err
	}
	s := &schemas{resp.Provider.ValueType(), make(map[string]tftypes.Type), make(map[string][]*tfprotov6.SchemaAttribute)}
	for kind, schema := range resp.ResourceSchemas {
		s.kinds[kind], s.attributes[kind] = schema.ValueType(), schema.Block.Attributes
	}
	return s, nil
})

// newCore must be called in a bubble, in which time is virtual. The schemas are
// read outside the bubble.
func newCore(s *schemas) *core {
	c := &core{sickbay: newSickbay(), network: wiretest.Listen(), schemas: s}
	c.env = c.SetAddress("http://localhost")
	c.network.Serve(c)
	return c
}

// end fails if a session was left open.
func (c *core) end() error {
	defer c.network.Close()
	if n := c.MSTR.OpenSessions(); n > 0 {
		return fmt.Errorf("%d MicroStrategy sessions are open at the end", n)
	}
	return nil
}

// instance is an object of a resource in Terraform's state.
type instance struct {
	state    object
	private  []byte
	identity *tfprotov6.ResourceIdentityData
	tainted  bool
}

// managed is a resource in a configuration.
type managed struct {
	kind   string // the type
	alias  string // of the provider
	config object
	ignore []string // ignore_changes
}

// process contains the provider's processes of one command, one for each alias.
type process struct {
	*core
	unknown   bool // credentials are unknown, which can be the case during planning
	providers map[string]*Provider
	servers   map[string]tfprotov6.ProviderServer
}

func (c *core) start(unknown bool) *process {
	return &process{c, unknown, make(map[string]*Provider), make(map[string]tfprotov6.ProviderServer)}
}

// stop ends the processes. They lose their memory.
func (p *process) stop() error {
	var errs []error
	for _, served := range p.providers {
		errs = append(errs, served.Close(context.Background()))
	}
	return errors.Join(errs...)
}

func (p *process) server(alias string) (tfprotov6.ProviderServer, error) {
	if s := p.servers[alias]; s != nil {
		return s, nil
	}
	served := New(Options{
		Version: "test", Getenv: func(name string) string { return p.env[name] },
		Transport: transport.Options{Dial: p.network.Dial, Backoff: func(int) time.Duration { return time.Second }, MaxRetries: 2},
	})
	s := providerserver.NewProtocol6(served)()
	config := object{"cdn": object{"requests_per_minute": 6000}}
	if p.unknown {
		config = object{"cdn": object{"api_key": unknown{}, "requests_per_minute": unknown{}}, "mstr": object{"password": unknown{}}, "wpengine": object{"username": unknown{}}}
	}
	packed, err := pack(p.schemas.provider, config)
	if err != nil {
		return nil, err
	}
	resp, err := s.ConfigureProvider(context.Background(), &tfprotov6.ConfigureProviderRequest{Config: packed})
	if err == nil {
		err = faulty(resp.Diagnostics)
	}
	p.providers[alias], p.servers[alias] = served, s
	return s, err
}

func pack(kind tftypes.Type, o object) (*tfprotov6.DynamicValue, error) {
	var v any
	if o != nil {
		v = o
	}
	packed, err := tfprotov6.NewDynamicValue(kind, value(kind, v))
	return &packed, err
}

func unpack(kind tftypes.Type, packed *tfprotov6.DynamicValue) (object, error) {
	if packed == nil {
		return nil, nil
	}
	v, err := packed.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	o, _ := inGo(v).(object)
	return o, nil
}

// providerError is an error of the provider, as opposed to a mistake that Terraform finds
// in its results.
type providerError struct{ reported []string }

func (r *providerError) Error() string { return strings.Join(r.reported, "\n") }

// faulty returns the errors among diagnostics, or nil.
func faulty(diags []*tfprotov6.Diagnostic) error {
	var reported []string
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			reported = append(reported, d.Summary+": "+d.Detail)
		}
	}
	if reported == nil {
		return nil
	}
	return &providerError{reported}
}

func warnings(diags []*tfprotov6.Diagnostic) []string {
	var reported []string
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityWarning {
			reported = append(reported, d.Summary+": "+d.Detail)
		}
	}
	return reported
}

// refresh upgrades a state from JSON and reads it. It returns the warnings.
func (p *process) refresh(b *managed, h *instance) (*instance, []string, error) {
	s, err := p.server(b.alias)
	if err != nil {
		return nil, nil, err
	}
	raw, err := json.Marshal(h.state)
	if err != nil {
		return nil, nil, err
	}
	up, err := s.UpgradeResourceState(context.Background(), &tfprotov6.UpgradeResourceStateRequest{TypeName: b.kind, RawState: &tfprotov6.RawState{JSON: raw}})
	if err == nil {
		err = faulty(up.Diagnostics)
	}
	if err != nil {
		return nil, nil, err
	}
	resp, err := s.ReadResource(context.Background(), &tfprotov6.ReadResourceRequest{
		TypeName: b.kind, CurrentState: up.UpgradedState, Private: h.private, CurrentIdentity: h.identity,
	})
	if err == nil {
		err = faulty(resp.Diagnostics)
	}
	if err != nil {
		return nil, nil, err
	}
	state, err := unpack(p.schemas.kinds[b.kind], resp.NewState)
	switch {
	case err != nil:
		return nil, nil, err
	case resp.NewIdentity == nil:
		return nil, nil, errors.New("missing resource identity after read")
	case !reflect.DeepEqual(state, h.state):
		return nil, nil, fmt.Errorf("a read changes %v to %v", h.state, state)
	}
	return &instance{state, resp.Private, resp.NewIdentity, h.tainted}, warnings(resp.Diagnostics), nil
}

// change is the planned change of a resource.
type change struct {
	action   string // "", create, update, replace or delete
	config   object // with ignore_changes
	planned  object
	private  []byte
	identity *tfprotov6.ResourceIdentityData
	reported []string // warnings
}

// plan plans a resource whose object is prior, or nil for a create.
func (p *process) plan(b *managed, prior *instance, replace bool) (*change, error) {
	replaces := false
	if prior != nil && prior.tainted {
		prior, replaces = nil, true // it is replaced, and planned like a create
	}
	config := maps.Clone(b.config)
	if prior != nil {
		for _, name := range b.ignore {
			config[name] = prior.state[name]
		}
		if !valid(config) {
			config = b.config // ignore_changes would cause an error
		}
	}
	if err := p.validate(b, config); err != nil {
		return nil, err
	}
	c, err := p.planned(b, prior, config, nil)
	if err != nil {
		return nil, err
	}
	switch {
	case prior == nil && replaces:
		c.action = "replace"
	case prior == nil:
		c.action = "create"
	case replace:
		// A replacement has no prior object to compare with, so ignore_changes has
		// no effect.
		if c, err = p.planned(b, nil, b.config, c.private); err != nil {
			return nil, err
		}
		c.action = "replace"
	case !reflect.DeepEqual(c.planned, prior.state):
		c.action = "update"
	}
	return c, nil
}

// valid reports whether the provider accepts a configuration with url or assets.
func valid(config object) bool {
	assets, many := config["assets"].(object)
	_, wildcard := assets["/w/*"]
	if _, later := config["assets"].(unknown); later {
		many = true
	}
	return config["service_id"] == nil && config["host"] == nil || many != (config["url"] != nil) && (!wildcard || config["hard"] == false)
}

func (p *process) validate(b *managed, config object) error {
	s, err := p.server(b.alias)
	if err != nil {
		return err
	}
	packed, err := pack(p.schemas.kinds[b.kind], config)
	if err != nil {
		return err
	}
	resp, err := s.ValidateResourceConfig(context.Background(), &tfprotov6.ValidateResourceConfigRequest{TypeName: b.kind, Config: packed})
	if err == nil {
		err = faulty(resp.Diagnostics)
	}
	return err
}

// planned calls PlanResourceChange with the proposed state, and checks the plan as
// Terraform does.
func (p *process) planned(b *managed, prior *instance, config object, private []byte) (*change, error) {
	if prior == nil {
		prior = &instance{private: private}
	}
	proposed := maps.Clone(config)
	for _, a := range p.schemas.attributes[b.kind] {
		if a.Computed && config[a.Name] == nil && prior.state[a.Name] != nil {
			proposed[a.Name] = prior.state[a.Name]
		}
	}
	c, err := p.ask(b, prior, proposed, config)
	if err != nil {
		return nil, err
	}
	for _, a := range p.schemas.attributes[b.kind] {
		got, set := c.planned[a.Name], config[a.Name]
		if a.Computed && set == nil || reflect.DeepEqual(got, set) || prior.state != nil && reflect.DeepEqual(got, prior.state[a.Name]) {
			continue
		}
		return nil, fmt.Errorf("invalid plan: %s is %v in the configuration and planned as %v", a.Name, set, got)
	}
	return c, nil
}
