// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

var (
	domainTypes  = map[string]attr.Type{"domain": types.StringType, "protocol": types.StringType}
	originTypes  = map[string]attr.Type{"origin": types.StringType, "port": types.Int64Type, "ssl": types.BoolType}
	cachingTypes = map[string]attr.Type{"name": types.StringType, "ttl": types.Int64Type}
)

var cdnServices = &lookup[cdn.Service]{
	one: "cdn_service", many: "cdn_services", what: "service", whats: "services",
	service: "cdn", title: cdn.System,
	hint: "Check that cdn.project_id is the project of the services.",
	keys: []key[cdn.Service]{
		{
			name: "name", about: "Name of the service. Set exactly one of `name`, `id`, and `domain`.",
			of: func(s cdn.Service) []string { return []string{s.Name} },
		},
		{
			name: "id", anyCase: true, about: "ID of the service: a UUID, in uppercase or lowercase.",
			of: func(s cdn.Service) []string { return []string{s.ID} },
			check: func(diags *diag.Diagnostics, name string, value types.String) {
				checkUUID(diags, name, value, serviceIDHint)
			},
		},
		{name: "domain", anyCase: true, about: "Domain that the service serves, such as `www.example.com`.", of: domains},
	},
	fields: map[string]field[cdn.Service]{
		"id":        {"ID of the service.", types.StringType, func(s cdn.Service) attr.Value { return text(s.ID) }},
		"name":      {"Name of the service.", types.StringType, func(s cdn.Service) attr.Value { return text(s.Name) }},
		"status":    {"Status of the service: `deployed`, `create_in_progress`, `update_in_progress`, `delete_in_progress`, `failed`, or `disabled`. The service accepts purges only while it is `deployed` or `disabled`.", types.StringType, func(s cdn.Service) attr.Value { return text(s.Status) }},
		"flavor_id": {"ID of the service's flavor, which determines the CDN vendor.", types.StringType, func(s cdn.Service) attr.Value { return text(s.FlavorID) }},
		"domains": objects("Domains that the service serves.", domainTypes, func(s cdn.Service) []map[string]attr.Value {
			var list []map[string]attr.Value
			for _, d := range s.Domains {
				list = append(list, map[string]attr.Value{"domain": text(d.Domain), "protocol": text(d.Protocol)})
			}
			return list
		}),
		"origins": objects("Origins from which the CDN fetches the content.", originTypes, func(s cdn.Service) []map[string]attr.Value {
			var list []map[string]attr.Value
			for _, o := range s.Origins {
				list = append(list, map[string]attr.Value{"origin": text(o.Origin), "port": types.Int64Value(o.Port), "ssl": types.BoolValue(o.SSL)})
			}
			return list
		}),
		"caching": objects("Caching rules, each with its time to live in seconds (`ttl`).", cachingTypes, func(s cdn.Service) []map[string]attr.Value {
			var list []map[string]attr.Value
			for _, r := range s.Caching {
				list = append(list, map[string]attr.Value{"name": text(r.Name), "ttl": types.Int64Value(r.TTL)})
			}
			return list
		}),
		"errors": {"Error messages of the service or its latest purges.", types.ListType{ElemType: types.StringType}, func(s cdn.Service) attr.Value {
			messages := []attr.Value{}
			for _, e := range s.Errors {
				messages = append(messages, types.StringValue(string(e.Message)))
			}
			return types.ListValueMust(types.StringType, messages)
		}},
	},
	list: func(ctx context.Context, c *clients, _ map[string]string) ([]cdn.Service, error) {
		client, err := c.cdn.get()
		if err != nil {
			return nil, err
		}
		return client.Services(ctx)
	},
	get: func(ctx context.Context, c *clients, id string) ([]cdn.Service, error) {
		client, err := c.cdn.get()
		if err != nil {
			return nil, err
		}
		s, err := client.Service(ctx, strings.ToLower(id))
		if e := (*transport.Error)(nil); errors.As(err, &e) && e.Kind == transport.KindNotFound && e.Input == "service_id" {
			return client.Services(ctx) // to list existing services in the error
		}
		if err != nil {
			return nil, err
		}
		return []cdn.Service{*s}, nil
	},
}

func domains(s cdn.Service) []string {
	names := make([]string, len(s.Domains))
	for i, d := range s.Domains {
		names[i] = d.Domain
	}
	return names
}

// objects returns a field that is a list of objects.
func objects[T any](about string, kinds map[string]attr.Type, of func(T) []map[string]attr.Value) field[T] {
	kind := types.ObjectType{AttrTypes: kinds}
	return field[T]{about, types.ListType{ElemType: kind}, func(item T) attr.Value {
		values := []attr.Value{}
		for _, v := range of(item) {
			values = append(values, types.ObjectValueMust(kinds, v))
		}
		return types.ListValueMust(kind, values)
	}}
}
