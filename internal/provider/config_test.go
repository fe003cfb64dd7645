// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cachepurge/terraform-provider-purge/internal/httpcache/httpcachetest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// The provider block without terraform. See provider_test.go for tests with
// terraform.

// object is a block or a resource in Go. Missing attributes are null.
type object map[string]any

// unknown stands for an unknown value.
type unknown struct{}

// value converts an object to a value of a schema's type.
func value(kind tftypes.Type, v any) tftypes.Value {
	switch v := v.(type) {
	case nil:
		return tftypes.NewValue(kind, nil)
	case unknown:
		return tftypes.NewValue(kind, tftypes.UnknownValue)
	case object:
		if m, ok := kind.(tftypes.Map); ok {
			elements := make(map[string]tftypes.Value, len(v))
			for name, element := range v {
				elements[name] = value(m.ElementType, element)
			}
			return tftypes.NewValue(kind, elements)
		}
		attributes := make(map[string]tftypes.Value)
		for name, kind := range kind.(tftypes.Object).AttributeTypes { //nolint:forcetypeassert // panics as NewValue does
			attributes[name] = value(kind, v[name])
		}
		return tftypes.NewValue(kind, attributes)
	case []any:
		items := make([]tftypes.Value, len(v))
		for i, item := range v {
			items[i] = value(kind.(tftypes.List).ElementType, item) //nolint:forcetypeassert // panics as NewValue does
		}
		return tftypes.NewValue(kind, items)
	default:
		if list, ok := kind.(tftypes.List); ok && list.ElementType.Is(tftypes.String) {
			if text, ok := v.(string); ok { // of a single string
				return tftypes.NewValue(kind, []tftypes.Value{tftypes.NewValue(tftypes.String, text)})
			}
		}
		return tftypes.NewValue(kind, v)
	}
}

// configure runs Configure with an environment and a provider block, and returns
// the clients and the diagnostics. Requests are not retried unless the block says
// so.
func configure(t *testing.T, env map[string]string, block object) (*clients, []string) {
	t.Helper()
	return configureWith(t, env, block, transport.Options{})
}

// configureWith does the same with options for the connections.
func configureWith(t *testing.T, env map[string]string, block object, opts transport.Options) (*clients, []string) {
	t.Helper()
	opts.MaxRetries, opts.Unanswered, opts.UnansweredLookup = -1, 1, 1
	opts.Backoff = func(int) time.Duration { return 0 }
	p := New(Options{Version: "test", Getenv: func(name string) string { return env[name] }, Transport: opts})
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	var described provider.SchemaResponse
	p.Schema(t.Context(), provider.SchemaRequest{}, &described)
	var resp provider.ConfigureResponse
	p.Configure(t.Context(), provider.ConfigureRequest{
		Config: tfsdk.Config{Schema: described.Schema, Raw: value(described.Schema.Type().TerraformType(t.Context()), block)},
	}, &resp)
	c, _ := resp.ResourceData.(*clients)
	return c, lines(resp.Diagnostics)
}

// lines writes each diagnostic as "path: summary: detail".
func lines(diags diag.Diagnostics) []string {
	var all []string
	for _, d := range diags {
		line := d.Summary() + ": " + d.Detail()
		if located, ok := d.(diag.DiagnosticWithPath); ok {
			line = located.Path().String() + ": " + line
		}
		all = append(all, line)
	}
	return all
}

// purgeAt returns a function that sends one purge to a service.
func (w *world) purgeAt(t *testing.T, service string) func(context.Context, *clients) error {
	t.Helper()
	for _, target := range targets {
		if target.service != service {
			continue
		}
		m := w.fixture(t, target).model(t)
		return func(ctx context.Context, c *clients) error {
			items, _ := m.items()
			for _, u := range items {
				if _, err := m.send(ctx, c, request{name: u.name}, target.endpoint(c)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	t.Fatalf("no target is of the service %s", service)
	return nil
}

// endpoint returns an endpoint, or an empty string if there is one address for all.
func (t *target) endpoint(c *clients) string {
	if t.endpoints == nil {
		return ""
	}
	return strings.Join(t.endpoints(c), "") // there is at most one
}

// model returns the model of the arguments in here.
func (f fixture) model(t *testing.T) model {
	t.Helper()
	var described resource.SchemaResponse
	(&purgeResource{target: f.target}).Schema(t.Context(), resource.SchemaRequest{}, &described)
	m := f.target.model()
	raw := value(described.Schema.Type().TerraformType(t.Context()), f.here.inGo(t))
	if diags := (tfsdk.Config{Schema: described.Schema, Raw: raw}).Get(t.Context(), m); diags.HasError() {
		t.Fatal(diags)
	}
	return m
}

// nowhere is an address at which nothing listens.
const nowhere = "http://127.0.0.1:1"

func TestEachArgumentAndItsEnvironmentVariable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.HTTPCache.Software = httpcachetest.Nginx
	key := object{w.HTTPCache.KeyHeader: w.HTTPCache.Key}
	library, identity, endpoint, api := w.env["MSTR_BASE_URL"], w.env["RAX_IDENTITY_URL"], w.CDN.PublicURL+"/v1.0", w.env["WPE_API_BASE_URL"]
	tests := map[string]struct {
		service, argument, env string
		right, wrong           string
		// others contains the other arguments that are needed for the correct
		// value.
		others object
	}{
		"Library root": {
			"mstr", "base_url", "MSTR_BASE_URL", library, nowhere,
			object{"username": w.MSTR.Username, "password": w.MSTR.Password},
		},
		"MicroStrategy user": {
			"mstr", "username", "MSTR_USERNAME", w.MSTR.Username, "nobody",
			object{"base_url": library, "password": w.MSTR.Password},
		},
		"MicroStrategy password": {
			"mstr", "password", "MSTR_PASSWORD", w.MSTR.LDAPPassword, "wrong",
			object{"base_url": library, "username": w.MSTR.LDAPUsername, "login_mode": "ldap"},
		},
		"login mode": {
			"mstr", "login_mode", "MSTR_LOGIN_MODE", "ldap", "standard",
			object{"base_url": library, "username": w.MSTR.LDAPUsername, "password": w.MSTR.LDAPPassword},
		},
		"API token": {
			"mstr", "api_token", "MSTR_API_TOKEN", w.MSTR.APIToken, "wrong",
			object{"base_url": library},
		},
		"Rackspace user": {
			"cdn", "username", "RAX_USERNAME", w.CDN.Username, "nobody",
			object{"identity_url": identity, "api_key": w.CDN.APIKey},
		},
		"API key": {
			"cdn", "api_key", "RAX_API_KEY", w.CDN.APIKey, "wrong",
			object{"identity_url": identity, "username": w.CDN.Username},
		},
		"Rackspace password": {
			"cdn", "password", "RAX_PASSWORD", w.CDN.Password, "wrong",
			object{"identity_url": identity, "username": w.CDN.Username},
		},
		"Identity's address": {
			"cdn", "identity_url", "RAX_IDENTITY_URL", identity, nowhere + "/v2.0",
			object{"username": w.CDN.Username, "api_key": w.CDN.APIKey},
		},
		"token from elsewhere": {
			"cdn", "auth_token", "RAX_AUTH_TOKEN", w.CDN.StaticToken, "wrong",
			object{"endpoint": endpoint, "project_id": w.CDN.ProjectID},
		},
		"project of that token": {
			"cdn", "project_id", "RAX_PROJECT_ID", w.CDN.ProjectID, "999999",
			object{"endpoint": endpoint, "auth_token": w.CDN.StaticToken},
		},
		"CDN's address": {
			"cdn", "endpoint", "RAX_CDN_ENDPOINT", endpoint, nowhere + "/v1.0",
			object{"auth_token": w.CDN.StaticToken, "project_id": w.CDN.ProjectID},
		},
		"API user": {
			"wpengine", "username", "WPE_API_USER_ID", w.WPEngine.Username, "nobody",
			object{"base_url": api, "password": w.WPEngine.Password},
		},
		"API password": {
			"wpengine", "password", "WPE_API_PASSWORD", w.WPEngine.Password, "wrong",
			object{"base_url": api, "username": w.WPEngine.Username},
		},
		"WP Engine's address": {
			"wpengine", "base_url", "WPE_API_BASE_URL", api, nowhere,
			object{"username": w.WPEngine.Username, "password": w.WPEngine.Password},
		},
		"an HTTP cache's address": {
			"http_cache", "endpoints", "PURGE_HTTP_CACHE_ENDPOINTS", w.env["PURGE_HTTP_CACHE_ENDPOINTS"], nowhere,
			object{"headers": key, "method": "GET", "path_prefix": "/purge"},
		},
		"an HTTP cache's method": {
			"http_cache", "method", "PURGE_HTTP_CACHE_METHOD", "GET", "PURGE",
			object{"headers": key, "endpoints": w.env["PURGE_HTTP_CACHE_ENDPOINTS"], "path_prefix": "/purge"},
		},
		"an HTTP cache's prefix": {
			"http_cache", "path_prefix", "PURGE_HTTP_CACHE_PATH_PREFIX", "/purge/", "/other",
			object{"headers": key, "endpoints": w.env["PURGE_HTTP_CACHE_ENDPOINTS"], "method": "GET"},
		},
	}
	var covered []string
	for name, test := range tests {
		covered = append(covered, test.service+"."+test.argument+" "+test.env)
		purge := w.purgeAt(t, test.service) // called now, because it can add to the fakes
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempt := func(inBlock, inEnv string) error {
				block := maps.Clone(test.others)
				if inBlock != "" {
					block[test.argument] = inBlock
				}
				c, faults := configure(t, map[string]string{test.env: inEnv}, object{test.service: block})
				if len(faults) > 0 {
					t.Fatalf("with %q in the block and %q in the environment: %q", inBlock, inEnv, faults)
				}
				return purge(t.Context(), c)
			}
			if err := attempt("", test.right); err != nil {
				t.Errorf("from the environment: %s", err)
			}
			if err := attempt(test.right, test.wrong); err != nil {
				t.Errorf("from the block, with a wrong value in the environment: %s", err)
			}
			if err := attempt(test.wrong, test.right); err == nil {
				t.Error("a wrong value in the block did not take precedence over the environment")
			}
			block := maps.Clone(test.others)
			block[test.argument] = unknown{}
			c, faults := configure(t, map[string]string{test.env: "\x00"}, object{test.service: block})
			if len(faults) > 0 {
				t.Errorf("unknown, and a bad one in the environment: %q", faults)
			}
			if err := c.missing(test.service); err == nil || !err.unknown {
				t.Errorf("unknown: the service is %+v, want one that is not known yet", err)
			}
		})
	}
	for _, a := range serviceArguments(t) {
		if a.variable != "" && !a.ofConnection() && !slices.Contains(covered, a.String()+" "+a.variable) {
			t.Errorf("no row is about %s and %s", a, a.variable)
		}
	}
}

func (c *clients) missing(service string) *configError {
	for _, target := range targets {
		if target.service == service {
			return target.configured(c)
		}
	}
	panic("no service " + service)
}

// either is cmp.Or. This file imports another package named cmp.
func either(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// targetOf returns a target of a service.
func targetOf(t *testing.T, service string) *target {
	t.Helper()
	for _, target := range targets {
		if target.service == service {
			return target
		}
	}
	t.Fatalf("no target is of the service %s", service)
	return nil
}

func TestSettingsThatWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	library := w.env["MSTR_BASE_URL"]
	tests := map[string]struct {
		service string
		env     map[string]string
		block   object
	}{
		"nothing in the block, MicroStrategy":                                      {"mstr", w.env, nil},
		"nothing in the block, Rackspace":                                          {"cdn", w.env, nil},
		"nothing in the block, WP Engine":                                          {"wpengine", w.env, nil},
		"a Library root with a slash":                                              {"mstr", w.env, object{"mstr": object{"base_url": library + "/"}}},
		"a Library root with /api":                                                 {"mstr", w.env, object{"mstr": object{"base_url": library + "/api"}}},
		"a Library root with /api/":                                                {"mstr", w.env, object{"mstr": object{"base_url": library + "/api/"}}},
		"another address with a slash":                                             {"wpengine", w.env, object{"wpengine": object{"base_url": w.env["WPE_API_BASE_URL"] + "/"}}},
		"an Identity address with a slash":                                         {"cdn", w.env, object{"cdn": object{"identity_url": w.env["RAX_IDENTITY_URL"] + "/"}}},
		"an endpoint with the project ID":                                          {"cdn", w.env, object{"cdn": object{"auth_token": w.CDN.StaticToken, "endpoint": w.CDN.PublicURL + "/v1.0/" + w.CDN.ProjectID}}},
		"an endpoint, and the project from the login":                              {"cdn", w.env, object{"cdn": object{"endpoint": w.CDN.PublicURL + "/v1.0/"}}},
		"standard login in words":                                                  {"mstr", w.env, object{"mstr": object{"login_mode": "standard"}}},
		"standard login as a number in the environment":                            {"mstr", with(w.env, "MSTR_LOGIN_MODE", "1"), nil},
		"LDAP as a number in the environment":                                      {"mstr", with(w.env, "MSTR_LOGIN_MODE", "16", "MSTR_USERNAME", w.MSTR.LDAPUsername, "MSTR_PASSWORD", w.MSTR.LDAPPassword), nil},
		"LDAP in words in the environment":                                         {"mstr", with(w.env, "MSTR_LOGIN_MODE", "ldap", "MSTR_USERNAME", w.MSTR.LDAPUsername, "MSTR_PASSWORD", w.MSTR.LDAPPassword), nil},
		"a token in the block takes precedence over a password in the environment": {"mstr", with(w.env, "MSTR_PASSWORD", "wrong"), object{"mstr": object{"api_token": w.MSTR.APIToken}}},
		"a password in the block takes precedence over a token in the environment": {"mstr", with(w.env, "MSTR_API_TOKEN", "wrong"), object{"mstr": object{"password": w.MSTR.Password}}},
		"a key in the block takes precedence over the environment":                 {"cdn", with(w.env, "RAX_PASSWORD", "wrong", "RAX_AUTH_TOKEN", "wrong"), object{"cdn": object{"api_key": w.CDN.APIKey}}},
		"a password in the block takes precedence over the environment":            {"cdn", with(w.env, "RAX_AUTH_TOKEN", "wrong"), object{"cdn": object{"password": w.CDN.Password}}},
		"the lowest rate":                                                          {"cdn", w.env, object{"cdn": object{"requests_per_minute": 1}}},
		"the highest rate":                                                         {"cdn", w.env, object{"cdn": object{"requests_per_minute": 6000}}},
		"no retries":                                                               {"wpengine", w.env, object{"max_retries": 0}},
		"most retries":                                                             {"wpengine", w.env, object{"max_retries": 100}},
		"a request timeout":                                                        {"wpengine", w.env, object{"request_timeout": "1m30s"}},
		"an error of one service does not affect the others":                       {"wpengine", with(w.env, "MSTR_PASSWORD", "s3\ncret"), nil},
		"line breaks at the end, MicroStrategy":                                    {"mstr", endingIn("\n", w.env), nil},
		"line breaks at the end, Rackspace":                                        {"cdn", endingIn("\r\n", w.env), nil},
		"line breaks at the end, WP Engine":                                        {"wpengine", endingIn("\n\n", w.env), object{"wpengine": object{"password": w.WPEngine.Password + "\n"}}},
		"an address with spaces around it":                                         {"mstr", w.env, object{"mstr": object{"base_url": " " + library + " \n"}}},
		"the environment replaces empty strings":                                   {"mstr", w.env, object{"mstr": object{"base_url": "", "username": "", "password": "", "api_token": "", "login_mode": ""}}},
		"a header without a value is not sent":                                     {"wpengine", w.env, object{"wpengine": object{"headers": object{"X-Gateway-Key": ""}}}},
		"an unknown block does not affect the others":                              {"wpengine", w.env, object{"mstr": unknown{}}},
	}
	for name, test := range tests {
		purge := w.purgeAt(t, test.service) // called now, because it can add to the fakes
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, faults := configure(t, test.env, test.block)
			if len(faults) > 0 {
				t.Fatalf("errors: %q", faults)
			}
			if err := purge(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
}

// endingIn returns an environment in which all values end in the same text.
func endingIn(end string, env map[string]string) map[string]string {
	env = maps.Clone(env)
	for name := range env {
		env[name] += end
	}
	return env
}

// with returns a copy of an environment with additional variables.
func with(env map[string]string, pairs ...string) map[string]string {
	env = maps.Clone(env)
	for i := 0; i < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	return env
}

func TestInvalidSettings(t *testing.T) {
	t.Parallel()
	const inTheClear = "must start with https://, because http:// sends credentials unencrypted (to permit it, set allow_insecure_http = true in the provider block)."
	const control = "must not contain control characters, such as a line break."
	tests := map[string]struct {
		env   map[string]string
		block object
		want  []string
	}{
		"a line break in a password": {nil, object{"mstr": object{"password": "s3\ncret"}}, []string{"mstr.password: Invalid mstr.password: mstr.password " + control}},
		"a line break in a token":    {nil, object{"mstr": object{"api_token": "s3\r\ncret\r\n"}}, []string{"mstr.api_token: Invalid mstr.api_token: mstr.api_token " + control}},
		"a tab in a key":             {nil, object{"cdn": object{"api_key": "s3\tcret"}}, []string{"cdn.api_key: Invalid cdn.api_key: cdn.api_key " + control}},
		"a null byte in a token":     {nil, object{"cdn": object{"auth_token": "s3cret\x00"}}, []string{"cdn.auth_token: Invalid cdn.auth_token: cdn.auth_token " + control}},
		"a C1 control in a password": {nil, object{"wpengine": object{"password": "s3\u0085cret"}}, []string{"wpengine.password: Invalid wpengine.password: wpengine.password " + control}},
		"a line break in the environment of a service in the block": {
			map[string]string{"WPE_API_PASSWORD": "s3\ncret"},
			object{"wpengine": object{"username": "u"}},
			[]string{"wpengine.password: Invalid wpengine.password: wpengine.password (from WPE_API_PASSWORD) " + control},
		},
		"two errors": {
			nil,
			object{"wpengine": object{"username": "u\nv", "password": "s3\ncret"}},
			[]string{"wpengine.username: Invalid wpengine.username: wpengine.username " + control, "wpengine.password: Invalid wpengine.password: wpengine.password " + control},
		},
		"an error next to an unknown value":                         {nil, object{"wpengine": object{"username": unknown{}, "password": "s3\ncret"}}, []string{"wpengine.password: Invalid wpengine.password: wpengine.password " + control}},
		"line breaks at the end":                                    {nil, object{"mstr": object{"username": "u\n", "password": "s3cret\r\n", "base_url": "https://bi.example.com\n\n"}}, nil},
		"spaces around an address":                                  {nil, object{"mstr": object{"base_url": " https://bi.example.com "}}, nil},
		"an empty string":                                           {nil, object{"mstr": object{"password": "", "base_url": ""}, "cdn": object{"username": "", "api_key": "", "headers": object{}}, "request_timeout": "", "ca_certificate": ""}, nil},
		"errors in the environment of a service with empty strings": {map[string]string{"MSTR_PASSWORD": "s3\ncret", "MSTR_BASE_URL": "x"}, object{"mstr": object{"password": "", "base_url": ""}}, nil},
		"an invalid port":                                           {nil, object{"mstr": object{"base_url": "https://bi.example.com:99999"}}, []string{"mstr.base_url: Invalid mstr.base_url: mstr.base_url has a port that is not between 1 and 65535."}},
		"plain http":                                                {nil, object{"mstr": object{"base_url": "http://bi.example.com/MicroStrategyLibrary"}}, []string{"mstr.base_url: Invalid mstr.base_url: mstr.base_url " + inTheClear}},
		"plain http to a host with a name like loopback":            {nil, object{"wpengine": object{"base_url": "http://localhost.example.com/v1"}}, []string{"wpengine.base_url: Invalid wpengine.base_url: wpengine.base_url " + inTheClear}},
		"plain http in the environment": {
			map[string]string{"RAX_IDENTITY_URL": "http://identity.example.com/v2.0"},
			object{"cdn": object{"username": "u"}},
			[]string{"cdn.identity_url: Invalid cdn.identity_url: cdn.identity_url (from RAX_IDENTITY_URL) " + inTheClear},
		},
		"no scheme":                 {nil, object{"mstr": object{"base_url": "bi.example.com"}}, []string{"mstr.base_url: Invalid mstr.base_url: mstr.base_url must start with https://."}},
		"a password in the address": {nil, object{"mstr": object{"base_url": "https://me:s3cret@bi.example.com"}}, []string{"mstr.base_url: Invalid mstr.base_url: mstr.base_url must not contain a username or password."}},
		"an endpoint without v1.0":  {nil, object{"cdn": object{"endpoint": "https://cdn.example.com"}}, []string{"cdn.endpoint: Invalid cdn.endpoint: cdn.endpoint must end in /v1.0 or /v1.0/<project ID>."}},
		"an identity without v2.0":  {nil, object{"cdn": object{"identity_url": "https://identity.example.com"}}, []string{"cdn.identity_url: Invalid cdn.identity_url: cdn.identity_url must end in /v2.0."}},
		"an invalid login mode":     {nil, object{"mstr": object{"login_mode": "saml"}}, []string{"mstr.login_mode: Invalid mstr.login_mode: mstr.login_mode must be \"standard\" or \"ldap\". Users who sign in with SAML or OIDC cannot log in with a password. For them, set mstr.api_token."}},
		"a login mode as a number":  {nil, object{"mstr": object{"login_mode": "16"}}, []string{"mstr.login_mode: Invalid mstr.login_mode: mstr.login_mode must be \"standard\" or \"ldap\". Users who sign in with SAML or OIDC cannot log in with a password. For them, set mstr.api_token."}},
		"password and token":        {nil, object{"mstr": object{"password": "a", "api_token": "b"}}, []string{"mstr.api_token: Two credentials for MicroStrategy: mstr.api_token and mstr.password are both set. Set only one of them."}},
		"key and password":          {nil, object{"cdn": object{"api_key": "a", "password": "b"}}, []string{"cdn.password: Two credentials for Rackspace CDN: cdn.password and cdn.api_key are both set. Set only one of them."}},
		"key and token":             {nil, object{"cdn": object{"api_key": "a", "auth_token": "b"}}, []string{"cdn.auth_token: Two credentials for Rackspace CDN: cdn.auth_token and cdn.api_key are both set. Set only one of them."}},
		"password and token of cdn": {nil, object{"cdn": object{"password": "a", "auth_token": "b"}}, []string{"cdn.auth_token: Two credentials for Rackspace CDN: cdn.auth_token and cdn.password are both set. Set only one of them."}},
		"two kinds from the environment": {
			map[string]string{"RAX_API_KEY": "a", "RAX_PASSWORD": "b"},
			object{"cdn": object{"username": "u"}},
			[]string{"cdn.password: Two credentials for Rackspace CDN: cdn.password (from RAX_PASSWORD) and cdn.api_key (from RAX_API_KEY) are both set. Set only one of them."},
		},
		"a colon in the API user":                       {nil, object{"wpengine": object{"username": "a:b"}}, []string{"wpengine.username: Invalid wpengine.username: wpengine.username must not contain a colon."}},
		"zero requests per minute":                      {nil, object{"cdn": object{"requests_per_minute": 0}}, []string{"cdn.requests_per_minute: Invalid cdn.requests_per_minute: cdn.requests_per_minute must be from 1 to 6000."}},
		"too many requests per minute":                  {nil, object{"cdn": object{"requests_per_minute": 6001}}, []string{"cdn.requests_per_minute: Invalid cdn.requests_per_minute: cdn.requests_per_minute must be from 1 to 6000."}},
		"negative retries":                              {nil, object{"max_retries": -1}, []string{"max_retries: Invalid max_retries: max_retries must be from 0 to 100."}},
		"too many retries":                              {nil, object{"max_retries": 101}, []string{"max_retries: Invalid max_retries: max_retries must be from 0 to 100."}},
		"a timeout without a unit":                      {nil, object{"request_timeout": "30"}, []string{`request_timeout: Invalid request_timeout: request_timeout must be a duration greater than zero, such as "30s".`}},
		"a timeout of zero":                             {nil, object{"request_timeout": "0s"}, []string{`request_timeout: Invalid request_timeout: request_timeout must be a duration greater than zero, such as "30s".`}},
		"no certificate":                                {nil, object{"ca_certificate": "/etc/ssl/ca.pem"}, []string{"ca_certificate: Invalid ca_certificate: ca_certificate is not PEM (-----BEGIN …). Set the content of the file, not its path, for example with file(\"name.pem\")."}},
		"plain http, if it is permitted":                {nil, object{"allow_insecure_http": true, "mstr": object{"base_url": "http://bi.example.com"}}, nil},
		"plain http, if allow_insecure_http is unknown": {nil, object{"allow_insecure_http": unknown{}, "mstr": object{"base_url": "http://bi.example.com"}}, nil},
		"plain http to IPv6 loopback":                   {nil, object{"mstr": object{"base_url": "http://[::1]:8080/x"}}, nil},
		"errors in the environment of a service that is not mentioned": {
			map[string]string{"MSTR_PASSWORD": "s3\ncret", "RAX_CDN_ENDPOINT": "x", "WPE_API_HEADERS": "s3cret", "HTTPS_PROXY": "http:/s3cret"},
			nil,
			nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got := configure(t, test.env, test.block)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
			if all := strings.Join(got, "\n"); strings.Contains(all, "cret") {
				t.Errorf("the error contains a value: %s", all)
			}
		})
	}
}

func TestMissingSettings(t *testing.T) {
	t.Parallel()
	const orToken = ". Instead of mstr.username and mstr.password, you can set mstr.api_token (or MSTR_API_TOKEN)."
	const orAuthToken = ". Alternatively, set cdn.auth_token (or RAX_AUTH_TOKEN), cdn.project_id (or RAX_PROJECT_ID), and cdn.endpoint (or RAX_CDN_ENDPOINT)."
	const noLogin = " With cdn.auth_token, the provider does not log in and gets no service catalog."
	tests := map[string]struct {
		service string
		env     map[string]string
		block   object
		title   string // "" if the service is not configured
		want    string
	}{
		"all of MicroStrategy":     {"mstr", nil, nil, "", "Set mstr.base_url (or MSTR_BASE_URL), mstr.username (or MSTR_USERNAME), and mstr.password (or MSTR_PASSWORD)" + orToken},
		"the Library root":         {"mstr", nil, object{"mstr": object{"api_token": "t"}}, "", "Set mstr.base_url (or MSTR_BASE_URL)."},
		"a password":               {"mstr", map[string]string{"MSTR_USERNAME": "u"}, object{"mstr": object{"base_url": "https://bi.example.com"}}, "", "Set mstr.password (or MSTR_PASSWORD)" + orToken},
		"all of Rackspace":         {"cdn", nil, nil, "", "Set cdn.username (or RAX_USERNAME) and either cdn.api_key (or RAX_API_KEY) or cdn.password (or RAX_PASSWORD)" + orAuthToken},
		"a user":                   {"cdn", nil, object{"cdn": object{"password": "p"}}, "", "Set cdn.username (or RAX_USERNAME)" + orAuthToken},
		"the endpoint for a token": {"cdn", nil, object{"cdn": object{"auth_token": "t"}}, "", "Set cdn.endpoint (or RAX_CDN_ENDPOINT) and cdn.project_id (or RAX_PROJECT_ID)." + noLogin},
		"the project for a token":  {"cdn", nil, object{"cdn": object{"auth_token": "t", "endpoint": "https://cdn.example.com/v1.0"}}, "", "Set cdn.project_id (or RAX_PROJECT_ID)." + noLogin},
		"all of WP Engine":         {"wpengine", nil, nil, "", "Set wpengine.username (or WPE_API_USER_ID) and wpengine.password (or WPE_API_PASSWORD)."},
		"an error in the environment": {
			"mstr",
			map[string]string{"MSTR_BASE_URL": "http://bi.example.com", "MSTR_API_TOKEN": "t"},
			nil,
			"Invalid mstr.base_url",
			"mstr.base_url (from MSTR_BASE_URL) must start with https://, because http:// sends credentials unencrypted (to permit it, set allow_insecure_http = true in the provider block).",
		},
		"a control character in the environment": {
			"wpengine",
			map[string]string{"WPE_API_USER_ID": "u", "WPE_API_PASSWORD": "s3\ncret"},
			nil,
			"Invalid wpengine.password",
			"wpengine.password (from WPE_API_PASSWORD) must not contain control characters, such as a line break.",
		},
		"headers in the environment that are not JSON": {
			"wpengine",
			map[string]string{"WPE_API_USER_ID": "u", "WPE_API_PASSWORD": "s3cret", "WPE_API_HEADERS": "X-Gateway-Key: s3cret"},
			nil,
			"Invalid wpengine.headers",
			`wpengine.headers (from WPE_API_HEADERS) must be a JSON object of strings, such as {"X-Gateway-Key": "…"}.`,
		},
		"an invalid proxy address": {
			"wpengine",
			map[string]string{"WPE_API_USER_ID": "u", "WPE_API_PASSWORD": "s3cret", "https_proxy": "http://me:s3%cret@proxy.example.com"},
			nil,
			"Invalid proxy for WP Engine",
			"https_proxy is not the address of a proxy, such as http://proxy.example.com:3128. Special characters in a username or password must be percent-encoded.",
		},
		"an empty string in the block": {
			"cdn",
			nil,
			object{"cdn": object{"username": "", "api_key": "", "client_key": "", "headers": object{}}},
			"",
			"Set cdn.username (or RAX_USERNAME) and either cdn.api_key (or RAX_API_KEY) or cdn.password (or RAX_PASSWORD)" + orAuthToken,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, faults := configure(t, test.env, test.block)
			if len(faults) > 0 {
				t.Fatalf("errors before the service is used: %q", faults)
			}
			err := c.missing(test.service)
			if err == nil {
				t.Fatal("nothing is missing")
			}
			if diff := cmp.Diff(test.want, err.problem); diff != "" {
				t.Errorf("the message (-want +got):\n%s", diff)
			}
			target := targetOf(t, test.service)
			d := target.diagnose(operationUpdate.voice(), err)
			if want := either(test.title, target.title+" is not configured"); d.Summary() != want || !strings.HasSuffix(d.Detail(), test.want) {
				t.Errorf("shown as %q: %q, want the title %q", d.Summary(), d.Detail(), want)
			}
			if strings.Contains(d.Summary()+d.Detail(), "cret") {
				t.Errorf("the error contains a value: %s", d.Detail())
			}
		})
	}
}

func TestRetriesAndTheTimeoutOfOneAttempt(t *testing.T) {
	t.Parallel()
	stalled := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	tests := map[string]struct {
		block   object
		handler http.HandlerFunc
		want    int
		took    time.Duration
		text    string
	}{
		"max_retries does not count the first attempt": {object{"max_retries": 2}, failing, 3, 0, "500"},
		"none":                               {object{"max_retries": 0}, failing, 1, 0, "500"},
		"request_timeout bounds one attempt": {object{"request_timeout": "7s"}, stalled, 2, 14 * time.Second, "the attempt exceeded the request timeout"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *world, network *wiretest.Network) {
				w.WPEngine.Fail("purge", -1, test.handler)
				c, faults := configureWith(t, w.env, test.block, transport.Options{Dial: network.Dial})
				if len(faults) > 0 {
					t.Fatalf("errors: %q", faults)
				}
				began := time.Now()
				err := w.purgeAt(t, "wpengine")(t.Context(), c)
				if err == nil || !strings.Contains(err.Error(), test.text) {
					t.Errorf("error %v, want one with %q", err, test.text)
				}
				if took := time.Since(began).Round(time.Second); took != test.took {
					t.Errorf("it took %s, want %s", took, test.took)
				}
				if got := len(w.Journal.Select("purge")); got != test.want {
					t.Errorf("%d requests, want %d", got, test.want)
				}
				_ = c.wpengine.client.Close(t.Context())
			})
		})
	}
}

func TestRequestsPerMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, faults := configure(t, w.env, object{"cdn": object{"requests_per_minute": 2}})
	if len(faults) > 0 {
		t.Fatalf("errors: %q", faults)
	}
	purge := w.purgeAt(t, "cdn")
	for range 2 {
		if err := purge(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := purge(ctx, c); err == nil {
		t.Error("a third purge was sent in the same minute")
	}
	if got := len(w.Journal.Select("purge")); got != 2 {
		t.Errorf("%d requests, want 2", got)
	}
}

func failing(w http.ResponseWriter, r *http.Request) {
	wpenginetest.Error(500, "Internal Server Error")(w, r)
}

func TestTheSchemaOfEachArgument(t *testing.T) {
	t.Parallel()
	type about struct {
		Variable  string
		Sensitive bool
	}
	want := map[string]about{
		"mstr.base_url": {"MSTR_BASE_URL", false}, "mstr.username": {"MSTR_USERNAME", false}, "mstr.password": {"MSTR_PASSWORD", true},
		"mstr.login_mode": {"MSTR_LOGIN_MODE", false}, "mstr.api_token": {"MSTR_API_TOKEN", true},
		"cdn.username": {"RAX_USERNAME", false}, "cdn.api_key": {"RAX_API_KEY", true}, "cdn.password": {"RAX_PASSWORD", true},
		"cdn.auth_token": {"RAX_AUTH_TOKEN", true}, "cdn.project_id": {"RAX_PROJECT_ID", false},
		"cdn.identity_url": {"RAX_IDENTITY_URL", false}, "cdn.endpoint": {"RAX_CDN_ENDPOINT", false}, "cdn.requests_per_minute": {"", false},
		"wpengine.username": {"WPE_API_USER_ID", false}, "wpengine.password": {"WPE_API_PASSWORD", true}, "wpengine.base_url": {"WPE_API_BASE_URL", false},
		"http_cache.endpoints": {"PURGE_HTTP_CACHE_ENDPOINTS", false}, "http_cache.method": {"PURGE_HTTP_CACHE_METHOD", false},
		"http_cache.path_prefix": {"PURGE_HTTP_CACHE_PATH_PREFIX", false}, "http_cache.requests_per_second": {"", false},
	}
	for service, prefix := range map[string]string{"mstr": "MSTR_", "cdn": "RAX_", "wpengine": "WPE_API_", "http_cache": "PURGE_HTTP_CACHE_"} {
		for _, name := range connectionArguments {
			want[service+"."+name] = about{prefix + strings.ToUpper(name), true}
		}
	}
	got := make(map[string]about)
	for _, a := range serviceArguments(t) {
		got[a.String()] = about{a.variable, a.sensitive}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
}
