// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/wpengine"
)

var wpengineInstalls = &lookup[wpengine.Install]{
	one: "wpengine_install", many: "wpengine_installs", what: "install", whats: "installs",
	service: "wpengine", title: wpengine.System,
	hint: "WP Engine also returns an empty list if API access is disabled for the account. Check the API Access page of the User Portal.",
	keys: []key[wpengine.Install]{
		{
			name: "name", about: "Name of the install. Set exactly one of `name` and `id`.",
			of: func(i wpengine.Install) []string { return []string{i.Name} },
		},
		{
			name: "id", anyCase: true, about: "ID of the install: a UUID, in uppercase or lowercase.",
			of: func(i wpengine.Install) []string { return []string{i.ID} },
			check: func(diags *diag.Diagnostics, name string, value types.String) {
				checkUUID(diags, name, value, installIDHint)
			},
		},
	},
	filters: []key[wpengine.Install]{
		{
			name: "account_id", anyCase: true, about: "ID of an account: a UUID. Lists only installs of this account.",
			of:    func(i wpengine.Install) []string { return []string{i.Account.ID} },
			check: func(diags *diag.Diagnostics, name string, value types.String) { checkUUID(diags, name, value, "") },
		},
		{
			name: "environment", about: "Environment: `production`, `staging`, or `development`. Lists only installs of this environment.",
			of: func(i wpengine.Install) []string { return []string{i.Environment} },
			check: func(diags *diag.Diagnostics, name string, value types.String) {
				checkOneOf(diags, name, value, []string{"production", "staging", "development"})
			},
		},
	},
	fields: map[string]field[wpengine.Install]{
		"id":             {"ID of the install.", types.StringType, func(i wpengine.Install) attr.Value { return text(i.ID) }},
		"name":           {"Name of the install.", types.StringType, func(i wpengine.Install) attr.Value { return text(i.Name) }},
		"account_id":     {"ID of the account of the install.", types.StringType, func(i wpengine.Install) attr.Value { return text(i.Account.ID) }},
		"site_id":        {"ID of the site of the install.", types.StringType, func(i wpengine.Install) attr.Value { return text(i.Site.ID) }},
		"environment":    {"Environment of the install: `production`, `staging`, or `development`. Null if the install has none.", types.StringType, func(i wpengine.Install) attr.Value { return text(i.Environment) }},
		"cname":          {"WP Engine domain of the install.", types.StringType, func(i wpengine.Install) attr.Value { return text(i.CNAME) }},
		"primary_domain": {"Domain that visitors use.", types.StringType, func(i wpengine.Install) attr.Value { return text(i.PrimaryDomain) }},
		"php_version":    {"PHP version.", types.StringType, func(i wpengine.Install) attr.Value { return text(i.PHPVersion) }},
		"status":         {"Status of the install: `active` or `pending`.", types.StringType, func(i wpengine.Install) attr.Value { return text(i.Status) }},
		"is_multisite":   {"Whether WordPress runs as a multisite.", types.BoolType, func(i wpengine.Install) attr.Value { return types.BoolValue(i.IsMultisite) }},
		"created_at":     {"Time when the install was created, in the format of the API.", types.StringType, func(i wpengine.Install) attr.Value { return text(i.CreatedAt) }},
	},
	list: func(ctx context.Context, c *clients, filters map[string]string) ([]wpengine.Install, error) {
		client, err := c.wpengine.get()
		if err != nil {
			return nil, err
		}
		return client.Installs(ctx, strings.ToLower(filters["account_id"]))
	},
}
