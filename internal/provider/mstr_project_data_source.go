// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
)

var ownerTypes = map[string]attr.Type{"id": types.StringType, "name": types.StringType}

var mstrProjects = &lookup[mstr.Project]{
	one: "mstr_project", many: "mstr_projects", what: "project", whats: "projects",
	service: "mstr", title: mstr.System,
	hint: "Check that the user has access to at least one project.",
	keys: []key[mstr.Project]{
		{
			name: "name", about: "Name of the project, including case. Set exactly one of `name` and `id`.",
			of: func(p mstr.Project) []string { return []string{p.Name} },
		},
		{
			name: "id", anyCase: true, about: "ID of the project: 32 hexadecimal digits, in uppercase or lowercase.",
			of:    func(p mstr.Project) []string { return []string{p.ID} },
			check: func(diags *diag.Diagnostics, name string, value types.String) { checkProjectID(diags, name, value) },
		},
	},
	fields: map[string]field[mstr.Project]{
		"id":            {"ID of the project.", types.StringType, func(p mstr.Project) attr.Value { return text(p.ID) }},
		"name":          {"Name of the project.", types.StringType, func(p mstr.Project) attr.Value { return text(p.Name) }},
		"alias":         {"Alias of the project.", types.StringType, func(p mstr.Project) attr.Value { return text(p.Alias) }},
		"description":   {"Description of the project.", types.StringType, func(p mstr.Project) attr.Value { return text(p.Description) }},
		"status":        {"Status of the project: `active`, `exec idle`, `request idle`, `warehouse exec idle`, `full idle`, `offline`, `offline pending`, `error`, or `online pending`.", types.StringType, func(p mstr.Project) attr.Value { return types.StringValue(p.StatusName()) }},
		"status_code":   {"Numeric status of the project, as the API returns it.", types.Int64Type, func(p mstr.Project) attr.Value { return types.Int64Value(p.Status) }},
		"loaded":        {"Whether the project is loaded. Only the caches of a loaded project can be purged.", types.BoolType, func(p mstr.Project) attr.Value { return types.BoolValue(p.Loaded()) }},
		"acg":           {"Access of the user to the project, as the number that the API returns.", types.Int64Type, func(p mstr.Project) attr.Value { return types.Int64Value(p.ACG) }},
		"date_created":  {"Time when the project was created, in the format of the API.", types.StringType, func(p mstr.Project) attr.Value { return text(p.DateCreated) }},
		"date_modified": {"Time when the project was last modified, in the format of the API.", types.StringType, func(p mstr.Project) attr.Value { return text(p.DateModified) }},
		"owner": {"Owner of the project: `id` and `name`.", types.ObjectType{AttrTypes: ownerTypes}, func(p mstr.Project) attr.Value {
			return types.ObjectValueMust(ownerTypes, map[string]attr.Value{"id": text(p.Owner.ID), "name": text(p.Owner.Name)})
		}},
	},
	list: func(ctx context.Context, c *clients, _ map[string]string) ([]mstr.Project, error) {
		client, err := c.mstr.get()
		if err != nil {
			return nil, err
		}
		return client.Projects(ctx)
	},
}
