// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"

	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
)

// access describes the access to a system. The tests read the names of arguments
// and variables from the schema.
type access struct {
	// secrets contains the secrets that the fake accepts, at least the variable of
	// each sensitive argument.
	secrets []secretPlace
	// token is the header for the token of a login. It is empty if there is no
	// login.
	token string
	// ways returns further ways to give credentials: variables that replace those
	// of the environment. Each secret must be used in at least one way.
	ways func(s *sandbox.Sandbox, env map[string]string) []map[string]string
}

// secretPlace is the place where a fake keeps a secret, and the variable for it.
type secretPlace struct {
	variable string
	in       func(*sandbox.Sandbox) *string
	// spice contains characters that the secret can contain in addition to letters:
	// any in a password, and those allowed in headers in a token.
	spice string
}

// accesses contains one access for each system in the provider block.
var accesses = map[string]access{
	"mstr": {
		secrets: []secretPlace{
			{"MSTR_PASSWORD", func(s *sandbox.Sandbox) *string { return &s.MSTR.Password }, passwordSpice},
			{"MSTR_PASSWORD", func(s *sandbox.Sandbox) *string { return &s.MSTR.LDAPPassword }, passwordSpice},
			{"MSTR_API_TOKEN", func(s *sandbox.Sandbox) *string { return &s.MSTR.APIToken }, passwordSpice},
		},
		token: "X-Mstr-Authtoken",
		ways: func(s *sandbox.Sandbox, _ map[string]string) []map[string]string {
			return []map[string]string{
				{"MSTR_USERNAME": "", "MSTR_PASSWORD": "", "MSTR_API_TOKEN": s.MSTR.APIToken},
				{"MSTR_USERNAME": s.MSTR.LDAPUsername, "MSTR_PASSWORD": s.MSTR.LDAPPassword, "MSTR_LOGIN_MODE": "ldap"},
			}
		},
	},
	"cdn": {
		secrets: []secretPlace{
			{"RAX_API_KEY", func(s *sandbox.Sandbox) *string { return &s.CDN.APIKey }, passwordSpice},
			{"RAX_PASSWORD", func(s *sandbox.Sandbox) *string { return &s.CDN.Password }, passwordSpice},
			{"RAX_AUTH_TOKEN", func(s *sandbox.Sandbox) *string { return &s.CDN.StaticToken }, tokenSpice},
		},
		token: "X-Auth-Token",
		ways: func(s *sandbox.Sandbox, env map[string]string) []map[string]string {
			return []map[string]string{
				{"RAX_API_KEY": "", "RAX_PASSWORD": s.CDN.Password},
				{
					"RAX_USERNAME": "", "RAX_API_KEY": "", "RAX_AUTH_TOKEN": s.CDN.StaticToken, "RAX_PROJECT_ID": s.CDN.ProjectID,
					"RAX_CDN_ENDPOINT": strings.TrimSuffix(env["RAX_IDENTITY_URL"], "/v2.0") + "/v1.0",
				},
			}
		},
	},
	"http_cache": httpCacheAccess,
	"wpengine": {
		secrets: []secretPlace{{"WPE_API_PASSWORD", func(s *sandbox.Sandbox) *string { return &s.WPEngine.Password }, passwordSpice}},
	},
}

// serviceArgument is an argument of a system in the provider block.
type serviceArgument struct {
	service, name string
	variable      string // "" if there is none
	sensitive     bool
}

func (a serviceArgument) String() string { return a.service + "." + a.name }

// connectionArguments are the arguments that each system has and no fake checks.
var connectionArguments = []string{"client_certificate", "client_key", "headers"}

func (a serviceArgument) ofConnection() bool { return slices.Contains(connectionArguments, a.name) }

// serviceArguments returns all of them, from the schema.
func serviceArguments(t *testing.T) []serviceArgument {
	t.Helper()
	var resp provider.SchemaResponse
	New(Options{}).Schema(t.Context(), provider.SchemaRequest{}, &resp)
	var all []serviceArgument
	for _, service := range slices.Sorted(maps.Keys(resp.Schema.Attributes)) {
		nested, ok := resp.Schema.Attributes[service].(schema.SingleNestedAttribute)
		if !ok {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(nested.Attributes)) {
			a := nested.Attributes[name]
			_, variable, _ := strings.Cut(a.GetMarkdownDescription(), "Environment variable: `")
			all = append(all, serviceArgument{service, name, strings.TrimSuffix(variable, "`."), a.IsSensitive()})
		}
	}
	return all
}

// providerArguments returns the HCL of a provider block that sets each argument whose
// variable is set. The value is the expression for the variable's name.
func providerArguments(t *testing.T, env map[string]string, expression func(variable string) string) string {
	t.Helper()
	written := make(map[string]arguments)
	for _, a := range serviceArguments(t) {
		if env[a.variable] == "" {
			continue
		}
		if written[a.service] == nil {
			written[a.service] = arguments{}
		}
		written[a.service][a.name] = a.decode(expression(a.variable))
	}
	var b strings.Builder
	for _, service := range slices.Sorted(maps.Keys(written)) {
		fmt.Fprintf(&b, "%s = %s\n", service, written[service].object())
	}
	return b.String()
}

// decode returns an expression for an argument that is not a string, from the text
// of its variable.
func (a serviceArgument) decode(text string) string {
	switch a.name {
	case "headers":
		return "jsondecode(" + text + ")"
	case "endpoints":
		return `split(",", ` + text + ")"
	default:
		return text
	}
}

// secretsIn returns the variables of an environment that contain secrets.
func secretsIn(t *testing.T, env map[string]string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, a := range serviceArguments(t) {
		if a.sensitive && env[a.variable] != "" {
			found[a.variable] = env[a.variable]
		}
	}
	return found
}

// withoutService removes the variables of one service from the environment.
func (w *world) withoutService(t *testing.T, service string) {
	t.Helper()
	for _, a := range serviceArguments(t) {
		if a.service == service {
			delete(w.env, a.variable)
		}
	}
}

// kept returns the secrets that the fakes accept. It does not use their method
// Secrets, because a fake that omits a secret would hide a leak.
func kept(s *sandbox.Sandbox) []string {
	var all []string
	for _, row := range accesses {
		for _, secret := range row.secrets {
			all = append(all, *secret.in(s))
		}
	}
	return all
}

// TestAccessesAreComplete ensures that the tests of secrets cover all arguments.
func TestAccessesAreComplete(t *testing.T) {
	t.Parallel()
	s := sandbox.New()
	env, secrets := s.SetAddress("http://localhost"), s.Secrets()
	reached, variables := make(map[string]bool), make(map[string]bool)
	for _, a := range serviceArguments(t) {
		row, ok := accesses[a.service]
		if !ok {
			t.Fatalf("the provider's argument %s has no row in accesses in service_test.go: add one for the tests of secrets", a.service)
		}
		variables[a.variable] = true
		reached[a.service] = reached[a.service] || env[a.variable] != ""
		if !a.sensitive || a.ofConnection() {
			continue
		}
		if !slices.ContainsFunc(row.secrets, func(s secretPlace) bool { return s.variable == a.variable }) {
			t.Errorf("%s is sensitive, and %q is not among the secrets of %s in accesses in service_test.go", a, a.variable, a.service)
		}
		if value := env[a.variable]; value != "" && !slices.Contains(secrets, value) {
			t.Errorf("Secrets of the fake of %s does not return the value of %s", a.service, a.variable)
		}
	}
	for service, row := range accesses {
		if !reached[service] {
			t.Errorf("SetAddress returns no variable of %s", service)
		}
		for _, secret := range row.secrets {
			if !variables[secret.variable] {
				t.Errorf("%s has a secret for %s, which is not a variable of an argument", service, secret.variable)
			}
			if value := *secret.in(s); value == "" || !slices.Contains(secrets, value) {
				t.Errorf("Secrets of the fake of %s does not return a secret for %s", service, secret.variable)
			}
		}
	}
	for _, target := range targets {
		if !reached[target.service] {
			t.Errorf("the target %s is of the service %q, which is not an argument of the provider", target.name, target.service)
		}
		if addresses[target.title] == "" {
			t.Errorf("addresses in diagnostics.go does not contain the argument for the address of %s", target.title)
		}
	}
}
