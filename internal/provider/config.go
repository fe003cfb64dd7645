package provider

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine"
)

// clients is what resources, data sources and actions get from the provider.
type clients struct {
	mstr     service[*mstr.Client]
	cdn      service[*cdn.Client]
	wpengine service[*wpengine.Client]
	// requestsPerMinute of the CDN, for estimates; 0 while it is unknown.
	requestsPerMinute int64
	// deleted holds the states of resources that were deleted with something
	// pending.
	deleted *handover
	// open is those of them that there are, to be closed at the end.
	open []closer
}

// service is the client of one upstream system, or why there is none.
type service[C closer] struct {
	client  C
	ready   bool
	unknown bool // an argument is not known yet, which is no fault
	problem string
}

// get returns the client, or an error that says what to set.
func (s service[C]) get() (C, error) {
	if err := s.missing(); err != nil {
		return s.client, err
	}
	return s.client, nil
}

// missing returns why there is no client, nil where there is one.
func (s service[C]) missing() *configError {
	if s.ready {
		return nil
	}
	return &configError{problem: s.problem, unknown: s.unknown}
}

// configError is a use of a service that is not configured.
type configError struct {
	problem string
	unknown bool
}

func (e *configError) Error() string { return e.problem }

// environment is where an argument of the provider block comes from that is not
// in the configuration.
var environment = map[string]string{ //nolint:gosec // names of variables, not their values
	"mstr.base_url":     "MSTR_BASE_URL",
	"mstr.username":     "MSTR_USERNAME",
	"mstr.password":     "MSTR_PASSWORD",
	"mstr.login_mode":   "MSTR_LOGIN_MODE",
	"mstr.api_token":    "MSTR_API_TOKEN",
	"cdn.username":      "RAX_USERNAME",
	"cdn.api_key":       "RAX_API_KEY",
	"cdn.password":      "RAX_PASSWORD",
	"cdn.auth_token":    "RAX_AUTH_TOKEN",
	"cdn.project_id":    "RAX_PROJECT_ID",
	"cdn.identity_url":  "RAX_IDENTITY_URL",
	"cdn.endpoint":      "RAX_CDN_ENDPOINT",
	"wpengine.username": "WPE_API_USER_ID",
	"wpengine.password": "WPE_API_PASSWORD",
	"wpengine.base_url": "WPE_API_BASE_URL",
}

// settings reads the arguments of one service: the attribute, else the
// environment variable, else nothing. An unknown attribute is neither missing
// nor a reason to fall back.
type settings struct {
	service  string
	title    string // the upstream system's name
	getenv   func(string) string
	insecure bool
	diags    diag.Diagnostics
	unknown  bool
	inConfig map[string]bool   // which were set in the configuration
	source   map[string]string // what each is called in messages
	open     *[]closer         // of all services
}

// text reads an argument that the table environment has a variable for.
func (s *settings) text(name string, value types.String) string {
	if value.IsUnknown() {
		s.unknown = true
		return ""
	}
	s.source[name] = s.service + "." + name
	env, text := environment[s.source[name]], value.ValueString()
	switch {
	case !value.IsNull():
		s.inConfig[name] = true
		if text == "" {
			s.fault(name, "is empty. Remove it to use the environment variable "+env+", or give it a value.")
		}
	default:
		text = s.getenv(env)
		s.source[name] += " (from " + env + ")"
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		s.fault(name, "holds a control character. A line break that was pasted along is the usual cause; the value is not shown here.")
		return ""
	}
	return text
}

// address reads an argument that is a URL and checks it.
func (s *settings) address(name string, value types.String, check func(string, bool) (string, error)) string {
	text := s.text(name, value)
	if text == "" {
		return ""
	}
	base, err := check(text, s.insecure)
	if err != nil {
		s.fault(name, err.Error()+".")
	}
	return base
}

// fault reports what is wrong with an argument, in words that follow its name.
func (s *settings) fault(name, problem string) {
	s.diags.AddAttributeError(path.Root(s.service).AtName(name), "Invalid "+s.service+"."+name, s.source[name]+" "+problem)
}

// rivals keeps one of several kinds of credentials: what is in the
// configuration beats the environment, two in the same place are an error.
func (s *settings) rivals(values map[string]*string, names ...string) {
	var inConfig, set []string
	for _, name := range names {
		if *values[name] == "" {
			continue
		}
		set = append(set, name)
		if s.inConfig[name] {
			inConfig = append(inConfig, name)
		}
	}
	if len(inConfig) > 0 {
		for _, name := range set {
			if !s.inConfig[name] {
				*values[name] = ""
			}
		}
		set = inConfig
	}
	if len(set) > 1 {
		s.diags.AddAttributeError(path.Root(s.service).AtName(set[1]), "Two credentials for "+s.title,
			s.source[set[1]]+" and "+s.source[set[0]]+" are both set, and only one of them can be used.")
	}
}

// finish makes the service from its settings. Faults in the configuration are
// shown at once; faults in the environment only when the service is used,
// because the variables may be meant for something else.
func finish[C closer](s *settings, block types.Object, missing []string, diags *diag.Diagnostics, create func() C) service[C] {
	switch {
	case s.diags.HasError() && known(block):
		diags.Append(s.diags...)
		return service[C]{problem: s.diags[0].Detail()}
	case s.unknown:
		return service[C]{unknown: true, problem: "An argument of the provider's " + s.service + " block is not known yet."}
	case s.diags.HasError():
		return service[C]{problem: s.diags[0].Detail()}
	case len(missing) > 0:
		return service[C]{problem: "Set " + enumerate(missing) + "."}
	}
	client := create()
	*s.open = append(*s.open, client)
	return service[C]{client: client, ready: true}
}

func (o Options) configure(ctx context.Context, config *providerModel, diags *diag.Diagnostics) *clients {
	wire, complete := o.wire(config, diags)
	if diags.HasError() {
		return nil
	}
	c := &clients{}
	start := func(name, title string) *settings {
		getenv := o.Getenv
		if getenv == nil {
			getenv = os.Getenv
		}
		return &settings{
			service: name, title: title, getenv: getenv, unknown: !complete, open: &c.open,
			inConfig: make(map[string]bool), source: make(map[string]string),
			insecure: config.AllowInsecureHTTP.IsUnknown() || config.AllowInsecureHTTP.ValueBool(),
		}
	}
	c.mstr = configureMSTR(ctx, start("mstr", mstr.System), config.MSTR, wire, diags)
	c.cdn, c.requestsPerMinute = configureCDN(ctx, start("cdn", cdn.System), config.CDN, wire, diags)
	c.wpengine = configureWPEngine(ctx, start("wpengine", wpengine.System), config.WPEngine, wire, diags)
	return c
}

// block reads a nested attribute that may be null or unknown as a whole.
func block(ctx context.Context, s *settings, object types.Object, into any) {
	if object.IsUnknown() {
		s.unknown = true
	}
	s.diags.Append(object.As(ctx, into, basetypes.ObjectAsOptions{UnhandledNullAsEmpty: true, UnhandledUnknownAsEmpty: true})...)
}

func configureMSTR(ctx context.Context, s *settings, object types.Object, wire transport.Options, diags *diag.Diagnostics) service[*mstr.Client] {
	var m mstrModel
	block(ctx, s, object, &m)
	config := mstr.Config{
		BaseURL:  s.address("base_url", m.BaseURL, mstr.BaseURL),
		Username: s.text("username", m.Username),
		Password: s.text("password", m.Password),
		APIToken: s.text("api_token", m.APIToken),
		Wire:     wire,
	}
	config.LoginMode = s.loginMode(m.LoginMode)
	s.rivals(map[string]*string{"password": &config.Password, "api_token": &config.APIToken}, "password", "api_token")

	missing := lacking("mstr.base_url (or MSTR_BASE_URL)", config.BaseURL)
	if config.APIToken == "" && (config.Username == "" || config.Password == "") {
		missing = append(missing, lacking("mstr.username (or MSTR_USERNAME)", config.Username)...)
		missing = append(missing, lacking("mstr.password (or MSTR_PASSWORD)", config.Password)...)
		missing[len(missing)-1] += ", or mstr.api_token (or MSTR_API_TOKEN) in place of both username and password"
	}
	return finish(s, object, missing, diags, func() *mstr.Client { return mstr.New(config) })
}

func (s *settings) loginMode(value types.String) mstr.LoginMode {
	switch mode := s.text("login_mode", value); {
	case mode == "" || mode == "standard", mode == "1" && value.IsNull():
		return mstr.LoginStandard
	case mode == "ldap", mode == "16" && value.IsNull():
		return mstr.LoginLDAP
	default:
		s.fault("login_mode", "must be \"standard\" or \"ldap\". Users who sign in by SAML or OIDC can't log in with a password: set mstr.api_token.")
		return 0
	}
}

func configureCDN(ctx context.Context, s *settings, object types.Object, wire transport.Options, diags *diag.Diagnostics) (service[*cdn.Client], int64) {
	var m cdnModel
	block(ctx, s, object, &m)
	config := cdn.Config{
		Username:          s.text("username", m.Username),
		APIKey:            s.text("api_key", m.APIKey),
		Password:          s.text("password", m.Password),
		AuthToken:         s.text("auth_token", m.AuthToken),
		ProjectID:         s.text("project_id", m.ProjectID),
		IdentityURL:       s.address("identity_url", m.IdentityURL, cdn.IdentityURL),
		Endpoint:          s.address("endpoint", m.Endpoint, cdn.Endpoint),
		AllowInsecure:     s.insecure,
		RequestsPerMinute: int(s.number("requests_per_minute", m.RequestsPerMinute, cdn.DefaultRequestsPerMinute, 1, 6000)),
		Wire:              wire,
	}
	if config.IdentityURL == "" {
		config.IdentityURL = cdn.DefaultIdentityURL
	}
	s.rivals(map[string]*string{"api_key": &config.APIKey, "password": &config.Password, "auth_token": &config.AuthToken},
		"api_key", "password", "auth_token")

	var missing []string
	switch {
	case config.AuthToken != "":
		missing = lacking("cdn.endpoint (or RAX_CDN_ENDPOINT; without a login there is no service catalog that says it)", config.Endpoint)
		if config.Endpoint == "" || !cdn.HasProject(config.Endpoint) {
			missing = append(missing, lacking("cdn.project_id (or RAX_PROJECT_ID)", config.ProjectID)...)
		}
	default:
		missing = lacking("cdn.username (or RAX_USERNAME)", config.Username)
		missing = append(missing, lacking("either cdn.api_key (or RAX_API_KEY) or cdn.password (or RAX_PASSWORD)", config.APIKey+config.Password)...)
		if len(missing) > 0 {
			missing[len(missing)-1] += ", or in their place cdn.auth_token (or RAX_AUTH_TOKEN) with cdn.project_id (or RAX_PROJECT_ID) and cdn.endpoint (or RAX_CDN_ENDPOINT)"
		}
	}
	return finish(s, object, missing, diags, func() *cdn.Client { return cdn.New(config) }), int64(config.RequestsPerMinute)
}

func configureWPEngine(ctx context.Context, s *settings, object types.Object, wire transport.Options, diags *diag.Diagnostics) service[*wpengine.Client] {
	var m wpengineModel
	block(ctx, s, object, &m)
	config := wpengine.Config{
		BaseURL:  s.address("base_url", m.BaseURL, transport.BaseURL),
		Username: s.text("username", m.Username),
		Password: s.text("password", m.Password),
		Wire:     wire,
	}
	if config.BaseURL == "" {
		config.BaseURL = wpengine.DefaultBaseURL
	}
	if strings.Contains(config.Username, ":") {
		s.fault("username", "must not hold a colon.")
	}
	missing := lacking("wpengine.username (or WPE_API_USER_ID)", config.Username)
	missing = append(missing, lacking("wpengine.password (or WPE_API_PASSWORD)", config.Password)...)
	return finish(s, object, missing, diags, func() *wpengine.Client { return wpengine.New(config) })
}

// enumerate joins what is all needed.
func enumerate(items []string) string {
	last := len(items) - 1
	if last == 0 {
		return items[0]
	}
	return strings.Join(items[:last], ", ") + " and " + items[last]
}

func lacking(what, value string) []string {
	if value == "" {
		return []string{what}
	}
	return nil
}

func (s *settings) number(name string, value types.Int64, otherwise, lowest, highest int64) int64 {
	s.source[name] = s.service + "." + name
	if value.IsUnknown() {
		s.unknown = true
	}
	if value.IsNull() || value.IsUnknown() {
		return otherwise
	}
	if n := value.ValueInt64(); lowest <= n && n <= highest {
		return n
	}
	s.fault(name, fmt.Sprintf("must be from %d to %d.", lowest, highest))
	return otherwise
}

// wire reads the arguments that all services share. It returns false while one
// of them is unknown.
func (o Options) wire(config *providerModel, diags *diag.Diagnostics) (transport.Options, bool) {
	wire := o.Wire
	wire.UserAgent = "terraform-provider-purge/" + o.Version
	wire.Log = func(ctx context.Context, message string, fields map[string]any) { tflog.Debug(ctx, message, fields) }
	wire.RequestTimeout = 30 * time.Second
	if known(config.RequestTimeout) {
		d, err := time.ParseDuration(config.RequestTimeout.ValueString())
		if err != nil || d <= 0 {
			diags.AddAttributeError(path.Root("request_timeout"), "Invalid request_timeout", `request_timeout must be a duration such as "30s", greater than zero.`)
		}
		wire.RequestTimeout = d
	}
	if known(config.MaxRetries) {
		n := config.MaxRetries.ValueInt64()
		if n < 0 || n > 100 {
			diags.AddAttributeError(path.Root("max_retries"), "Invalid max_retries", "max_retries must be from 0 to 100.")
		}
		wire.MaxRetries = int(n)
		if n == 0 {
			wire.MaxRetries = -1
		}
	}
	if known(config.CACertificate) {
		var err error
		if wire.RootCAs, err = transport.Authorities(config.CACertificate.ValueString()); err != nil {
			diags.AddAttributeError(path.Root("ca_certificate"), "Invalid ca_certificate", "ca_certificate "+err.Error()+".")
		}
	}
	complete := !config.CACertificate.IsUnknown() && !config.AllowInsecureHTTP.IsUnknown() &&
		!config.RequestTimeout.IsUnknown() && !config.MaxRetries.IsUnknown()
	return wire, complete
}
