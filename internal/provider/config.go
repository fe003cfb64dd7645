// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/httpcache"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/verify"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine"
)

// clients is the provider data of resources, data sources, and actions.
type clients struct {
	mstr      service[*mstr.Client]
	cdn       service[*cdn.Client]
	wpengine  service[*wpengine.Client]
	httpCache service[*httpcache.Client]
	verify    *verify.Client
	// requestsPerMinute is the rate limit of Rackspace CDN, for estimates.
	requestsPerMinute int64
	// deleted contains the states of resources that were deleted with pending purges.
	deleted *handover
	// open contains the clients to close before the process ends.
	open []closer
}

// service is the client of one API, or the reason why there is none.
type service[C closer] struct {
	client  C
	ready   bool
	unknown bool   // an argument is known only after apply
	title   string // summary of the error, "" if an argument is missing
	problem string // detail of the error
}

// get returns the client, or an error that names the arguments to set.
func (s service[C]) get() (C, error) {
	if err := s.missing(); err != nil {
		return s.client, err
	}
	return s.client, nil
}

// missing returns the reason why there is no client, or nil.
func (s service[C]) missing() *configError {
	if s.ready {
		return nil
	}
	return &configError{title: s.title, problem: s.problem, unknown: s.unknown}
}

// configError describes why a service cannot be used.
type configError struct {
	title, problem string
	unknown        bool
}

func (e *configError) Error() string { return e.problem }

// environment maps the arguments of the provider block to environment variables.
var environment = map[string]string{ //nolint:gosec // names of variables, not their values
	"mstr.base_url":               "MSTR_BASE_URL",
	"mstr.username":               "MSTR_USERNAME",
	"mstr.password":               "MSTR_PASSWORD",
	"mstr.login_mode":             "MSTR_LOGIN_MODE",
	"mstr.api_token":              "MSTR_API_TOKEN",
	"mstr.client_certificate":     "MSTR_CLIENT_CERTIFICATE",
	"mstr.client_key":             "MSTR_CLIENT_KEY",
	"mstr.headers":                "MSTR_HEADERS",
	"cdn.username":                "RAX_USERNAME",
	"cdn.api_key":                 "RAX_API_KEY",
	"cdn.password":                "RAX_PASSWORD",
	"cdn.auth_token":              "RAX_AUTH_TOKEN",
	"cdn.project_id":              "RAX_PROJECT_ID",
	"cdn.identity_url":            "RAX_IDENTITY_URL",
	"cdn.endpoint":                "RAX_CDN_ENDPOINT",
	"cdn.client_certificate":      "RAX_CLIENT_CERTIFICATE",
	"cdn.client_key":              "RAX_CLIENT_KEY",
	"cdn.headers":                 "RAX_HEADERS",
	"wpengine.username":           "WPE_API_USER_ID",
	"wpengine.password":           "WPE_API_PASSWORD",
	"wpengine.base_url":           "WPE_API_BASE_URL",
	"wpengine.client_certificate": "WPE_API_CLIENT_CERTIFICATE",
	"wpengine.client_key":         "WPE_API_CLIENT_KEY",
	"wpengine.headers":            "WPE_API_HEADERS",

	"http_cache.endpoints":          "PURGE_HTTP_CACHE_ENDPOINTS",
	"http_cache.method":             "PURGE_HTTP_CACHE_METHOD",
	"http_cache.path_prefix":        "PURGE_HTTP_CACHE_PATH_PREFIX",
	"http_cache.client_certificate": "PURGE_HTTP_CACHE_CLIENT_CERTIFICATE",
	"http_cache.client_key":         "PURGE_HTTP_CACHE_CLIENT_KEY",
	"http_cache.headers":            "PURGE_HTTP_CACHE_HEADERS",
}

func (o Options) getenv() func(string) string {
	if o.Getenv != nil {
		return o.Getenv
	}
	return os.Getenv
}

func (o Options) configure(ctx context.Context, config *providerModel, diags *diag.Diagnostics) *clients {
	opts, complete := o.transport(config, diags)
	if diags.HasError() {
		return nil
	}
	c := &clients{verify: verify.New(verify.Config{Transport: opts})}
	c.open = append(c.open, c.verify)
	start := func(name, title string) *settings {
		return &settings{
			service: name, title: title, getenv: o.getenv(), unknown: !complete, transport: opts, rand: o.Rand, open: &c.open,
			inConfig: make(map[string]bool), source: make(map[string]string),
			insecure: config.AllowInsecureHTTP.IsUnknown() || config.AllowInsecureHTTP.ValueBool(),
		}
	}
	c.mstr = configureMSTR(ctx, start("mstr", mstr.System), config.MSTR, diags)
	c.cdn, c.requestsPerMinute = configureCDN(ctx, start("cdn", cdn.System), config.CDN, diags)
	c.wpengine = configureWPEngine(ctx, start("wpengine", wpengine.System), config.WPEngine, diags)
	c.httpCache = configureHTTPCache(ctx, start("http_cache", httpcache.System), config.HTTPCache, diags)
	return c
}

func configureMSTR(ctx context.Context, s *settings, object types.Object, diags *diag.Diagnostics) service[*mstr.Client] {
	var m mstrModel
	s.nested(ctx, object, &m)
	config := mstr.Config{
		BaseURL:  s.address("base_url", m.BaseURL, mstr.BaseURL),
		Username: s.credential("username", m.Username),
		Password: s.credential("password", m.Password),
		APIToken: s.credential("api_token", m.APIToken),
	}
	config.LoginMode = s.loginMode(m.LoginMode)
	s.connection(m.connectionModel, mstr.OwnHeaders)
	s.exclusive(map[string]*string{"password": &config.Password, "api_token": &config.APIToken}, "password", "api_token")

	missing := lacking("mstr.base_url (or MSTR_BASE_URL)", config.BaseURL)
	if config.APIToken == "" && (config.Username == "" || config.Password == "") {
		missing = append(missing, lacking("mstr.username (or MSTR_USERNAME)", config.Username)...)
		missing = append(missing, lacking("mstr.password (or MSTR_PASSWORD)", config.Password)...)
		s.alternative = "Instead of mstr.username and mstr.password, you can set mstr.api_token (or MSTR_API_TOKEN)."
	}
	return finish(s, config.BaseURL, missing, diags, func(opts transport.Options) *mstr.Client {
		config.Transport = opts
		return mstr.New(config)
	})
}

func (s *settings) loginMode(value types.String) mstr.LoginMode {
	switch mode := s.text("login_mode", value); {
	case mode == "" || mode == "standard", mode == "1" && value.IsNull():
		return mstr.LoginStandard
	case mode == "ldap", mode == "16" && value.IsNull():
		return mstr.LoginLDAP
	default:
		s.invalid("login_mode", `must be "standard" or "ldap". Users who sign in with SAML or OIDC cannot log in with a password. For them, set mstr.api_token.`)
		return 0
	}
}

func configureCDN(ctx context.Context, s *settings, object types.Object, diags *diag.Diagnostics) (service[*cdn.Client], int64) {
	var m cdnModel
	s.nested(ctx, object, &m)
	config := cdn.Config{
		Username:          s.credential("username", m.Username),
		APIKey:            s.credential("api_key", m.APIKey),
		Password:          s.credential("password", m.Password),
		AuthToken:         s.credential("auth_token", m.AuthToken),
		ProjectID:         s.text("project_id", m.ProjectID),
		IdentityURL:       s.address("identity_url", m.IdentityURL, cdn.IdentityURL),
		Endpoint:          s.address("endpoint", m.Endpoint, cdn.Endpoint),
		AllowInsecure:     s.insecure,
		RequestsPerMinute: int(s.number("requests_per_minute", m.RequestsPerMinute, cdn.DefaultRequestsPerMinute, 1, 6000)),
		Rand:              s.rand,
	}
	if config.IdentityURL == "" {
		config.IdentityURL = cdn.DefaultIdentityURL
	}
	s.connection(m.connectionModel, cdn.OwnHeaders)
	s.exclusive(map[string]*string{"api_key": &config.APIKey, "password": &config.Password, "auth_token": &config.AuthToken},
		"api_key", "password", "auth_token")

	var missing []string
	switch {
	case config.AuthToken != "":
		missing = lacking("cdn.endpoint (or RAX_CDN_ENDPOINT)", config.Endpoint)
		if config.Endpoint == "" || !cdn.HasProject(config.Endpoint) {
			missing = append(missing, lacking("cdn.project_id (or RAX_PROJECT_ID)", config.ProjectID)...)
		}
		s.alternative = "With cdn.auth_token, the provider does not log in and gets no service catalog."
	default:
		missing = lacking("cdn.username (or RAX_USERNAME)", config.Username)
		missing = append(missing, lacking("either cdn.api_key (or RAX_API_KEY) or cdn.password (or RAX_PASSWORD)", config.APIKey+config.Password)...)
		s.alternative = "Alternatively, set cdn.auth_token (or RAX_AUTH_TOKEN), cdn.project_id (or RAX_PROJECT_ID), and cdn.endpoint (or RAX_CDN_ENDPOINT)."
	}
	return finish(s, cmp.Or(config.Endpoint, config.IdentityURL), missing, diags, func(opts transport.Options) *cdn.Client {
		config.Transport = opts
		return cdn.New(config)
	}), int64(config.RequestsPerMinute)
}

func configureWPEngine(ctx context.Context, s *settings, object types.Object, diags *diag.Diagnostics) service[*wpengine.Client] {
	var m wpengineModel
	s.nested(ctx, object, &m)
	config := wpengine.Config{
		BaseURL:  s.address("base_url", m.BaseURL, transport.BaseURL),
		Username: s.credential("username", m.Username),
		Password: s.credential("password", m.Password),
		Rand:     s.rand,
	}
	if config.BaseURL == "" {
		config.BaseURL = wpengine.DefaultBaseURL
	}
	s.connection(m.connectionModel, wpengine.OwnHeaders)
	if strings.Contains(config.Username, ":") {
		s.invalid("username", "must not contain a colon.")
	}
	missing := lacking("wpengine.username (or WPE_API_USER_ID)", config.Username)
	missing = append(missing, lacking("wpengine.password (or WPE_API_PASSWORD)", config.Password)...)
	return finish(s, config.BaseURL, missing, diags, func(opts transport.Options) *wpengine.Client {
		config.Transport = opts
		return wpengine.New(config)
	})
}

// enumerate joins one or more items with commas and a conjunction.
func enumerate(items []string, conjunction string) string {
	last := len(items) - 1
	switch last {
	case 0:
		return items[0]
	case 1:
		return items[0] + " " + conjunction + " " + items[1]
	default:
		return strings.Join(items[:last], ", ") + ", " + conjunction + " " + items[last]
	}
}

func lacking(what, value string) []string {
	if value == "" {
		return []string{what}
	}
	return nil
}

// transport reads the arguments that all services share. It returns false if one of them
// is unknown.
func (o Options) transport(config *providerModel, diags *diag.Diagnostics) (transport.Options, bool) {
	opts := o.Transport
	opts.Proxies = transport.NewProxies(o.getenv())
	opts.UserAgent = "terraform-provider-purge/" + o.Version
	opts.Log = func(ctx context.Context, message string, fields map[string]any) { tflog.Debug(ctx, message, fields) }
	opts.RequestTimeout = 30 * time.Second
	if text := config.RequestTimeout.ValueString(); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			diags.AddAttributeError(path.Root("request_timeout"), "Invalid request_timeout", `request_timeout must be a duration greater than zero, such as "30s".`)
		}
		opts.RequestTimeout = d
	}
	if known(config.MaxRetries) {
		n := config.MaxRetries.ValueInt64()
		if n < 0 || n > 100 {
			diags.AddAttributeError(path.Root("max_retries"), "Invalid max_retries", "max_retries must be from 0 to 100.")
		}
		opts.MaxRetries = int(n)
		if n == 0 {
			opts.MaxRetries = -1
		}
	}
	if bundle := strings.TrimSpace(config.CACertificate.ValueString()); bundle != "" {
		var err error
		if opts.RootCAs, err = transport.Authorities(bundle); err != nil {
			diags.AddAttributeError(path.Root("ca_certificate"), "Invalid ca_certificate", "ca_certificate "+err.Error()+".")
		}
	}
	complete := !config.CACertificate.IsUnknown() && !config.AllowInsecureHTTP.IsUnknown() &&
		!config.RequestTimeout.IsUnknown() && !config.MaxRetries.IsUnknown()
	return opts, complete
}
