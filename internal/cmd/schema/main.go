// SPDX-License-Identifier: MPL-2.0

// Command schema prints the schema of the provider in the format of terraform
// providers schema -json. The documentation generator reads it, because a
// terraform before 1.14 omits the actions.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/cachepurge/terraform-provider-purge/internal/provider"
)

func main() {
	schemas, err := document(context.Background())
	if err == nil {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(schemas)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
}

// generatorAddress is the address at which the generator expects the provider,
// regardless of its real address.
const generatorAddress = "registry.terraform.io/hashicorp/purge"

func document(ctx context.Context) (any, error) {
	server := providerserver.NewProtocol6(provider.New(provider.Options{}))()
	resp, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return nil, err
	}
	for _, d := range resp.Diagnostics {
		return nil, fmt.Errorf("%s: %s", d.Summary, d.Detail)
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return nil, err
	}
	actions := make(map[string]any)
	for name, s := range resp.ActionSchemas {
		actions[name] = object{"block": block(s.Schema.Block)}
	}
	identitySchemas := make(map[string]any)
	for name, s := range identities.IdentitySchemas {
		identitySchemas[name] = identity(s)
	}
	functions := make(map[string]any)
	for name, f := range resp.Functions {
		functions[name] = function(f)
	}
	return object{
		"format_version": "1.0",
		"provider_schemas": object{generatorAddress: object{
			"provider":                  schema(resp.Provider),
			"resource_schemas":          schemas(resp.ResourceSchemas),
			"data_source_schemas":       schemas(resp.DataSourceSchemas),
			"action_schemas":            actions,
			"resource_identity_schemas": identitySchemas,
			"functions":                 functions,
		}},
	}, nil
}

// object is a JSON object.
type object map[string]any

func schemas(all map[string]*tfprotov6.Schema) object {
	out := make(object)
	for name, s := range all {
		out[name] = schema(s)
	}
	return out
}

func schema(s *tfprotov6.Schema) object {
	return object{"version": s.Version, "block": block(s.Block)}
}

func block(b *tfprotov6.SchemaBlock) object {
	return object{"attributes": attributes(b.Attributes), "description": b.Description, "description_kind": "markdown"}
}

func attributes(all []*tfprotov6.SchemaAttribute) object {
	out := make(object)
	for _, a := range all {
		described := object{"description": a.Description, "description_kind": "markdown"}
		for flag, set := range map[string]bool{"required": a.Required, "optional": a.Optional, "computed": a.Computed, "sensitive": a.Sensitive} {
			if set {
				described[flag] = true
			}
		}
		if a.NestedType == nil {
			described["type"] = a.Type
		} else {
			described["nested_type"] = object{"attributes": attributes(a.NestedType.Attributes), "nesting_mode": nesting(a.NestedType.Nesting)}
		}
		out[a.Name] = described
	}
	return out
}

func nesting(mode tfprotov6.SchemaObjectNestingMode) string {
	if mode == tfprotov6.SchemaObjectNestingModeList {
		return "list"
	}
	return "single"
}

func identity(s *tfprotov6.ResourceIdentitySchema) object {
	out := make(object)
	for _, a := range s.IdentityAttributes {
		out[a.Name] = object{"type": a.Type, "description": a.Description, "required_for_import": a.RequiredForImport, "optional_for_import": a.OptionalForImport}
	}
	return object{"version": s.Version, "attributes": out}
}

func function(f *tfprotov6.Function) object {
	parameters := make([]any, len(f.Parameters))
	for i, p := range f.Parameters {
		parameters[i] = parameter(p)
	}
	out := object{"summary": f.Summary, "description": f.Description, "return_type": f.Return.Type, "parameters": parameters}
	if f.VariadicParameter != nil {
		out["variadic_parameter"] = parameter(f.VariadicParameter)
	}
	return out
}

func parameter(p *tfprotov6.FunctionParameter) object {
	return object{"name": p.Name, "description": p.Description, "type": p.Type, "is_nullable": p.AllowNullValue}
}
