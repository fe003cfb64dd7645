// SPDX-License-Identifier: MPL-2.0

// Package provider implements the Terraform provider: its resources, actions, data
// sources, and function.
package provider

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// Address is the provider's address in the registry.
const Address = "registry.terraform.io/cachepurge/purge"

// Options are options of the provider that a configuration cannot set.
type Options struct {
	// Version is part of the User-Agent header.
	Version string
	// Transport is for tests, such as a network without sockets or a backoff without
	// jitter.
	Transport transport.Options
	// Rand replaces the random numbers behind the jitter of purges, for tests of
	// exact times. See quota.Limiter.
	Rand func() float64
	// Getenv replaces os.Getenv, for tests.
	Getenv func(string) string
}

// Provider is the provider, with the sessions that it opened.
type Provider struct {
	options Options

	mu   sync.Mutex
	open []closer

	deleted handover
}

type closer interface{ Close(context.Context) error }

var (
	_ provider.ProviderWithActions   = (*Provider)(nil)
	_ provider.ProviderWithFunctions = (*Provider)(nil)
)

// New returns a provider. Call Close to end the sessions that it opened.
func New(o Options) *Provider {
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	return &Provider{options: o}
}

// Metadata implements provider.Provider.
func (p *Provider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "purge"
	resp.Version = p.options.Version
}

// Configure implements provider.Provider. It sends nothing. The first request that
// needs a session opens it.
func (p *Provider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var config providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	clients := p.options.configure(ctx, &config, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	clients.deleted = &p.deleted
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = append(p.open, clients.open...)
	resp.ResourceData = clients
	resp.DataSourceData = clients
	resp.ActionData = clients
}

// Close ends all sessions in parallel. It logs and returns the errors of sessions
// that it cannot end. These errors do not fail a purge.
func (p *Provider) Close(ctx context.Context) error {
	p.mu.Lock()
	open := p.open
	p.open = nil
	p.mu.Unlock()

	errs := make([]error, len(open))
	var wg sync.WaitGroup
	for i, c := range open {
		wg.Go(func() {
			if errs[i] = c.Close(ctx); errs[i] != nil {
				tflog.Warn(ctx, "A session could not be closed. It expires on the server", map[string]any{"error": errs[i].Error()})
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Resources implements provider.Provider.
func (p *Provider) Resources(context.Context) []func() resource.Resource {
	all := []func() resource.Resource{func() resource.Resource { return &verificationResource{} }}
	for _, t := range targets {
		all = append(all, func() resource.Resource { return &purgeResource{target: t} })
	}
	return all
}

// Actions implements provider.ProviderWithActions.
func (p *Provider) Actions(context.Context) []func() action.Action {
	var all []func() action.Action
	for _, t := range targets {
		all = append(all, func() action.Action { return &purgeAction{target: t} })
	}
	return all
}

// DataSources implements provider.Provider.
func (p *Provider) DataSources(context.Context) []func() datasource.DataSource { return dataSources }

// Functions implements provider.ProviderWithFunctions.
func (p *Provider) Functions(context.Context) []func() function.Function {
	return []func() function.Function{func() function.Function { return sitePaths{} }}
}
