// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine"
)

type providerModel struct {
	MSTR              types.Object `tfsdk:"mstr"`
	CDN               types.Object `tfsdk:"cdn"`
	WPEngine          types.Object `tfsdk:"wpengine"`
	HTTPCache         types.Object `tfsdk:"http_cache"`
	CACertificate     types.String `tfsdk:"ca_certificate"`
	AllowInsecureHTTP types.Bool   `tfsdk:"allow_insecure_http"`
	RequestTimeout    types.String `tfsdk:"request_timeout"`
	MaxRetries        types.Int64  `tfsdk:"max_retries"`
}

// connectionModel is the arguments of every system that a gateway in front of it
// can require.
type connectionModel struct {
	ClientCertificate types.String `tfsdk:"client_certificate"`
	ClientKey         types.String `tfsdk:"client_key"`
	Headers           types.Map    `tfsdk:"headers"`
}

type mstrModel struct {
	connectionModel

	BaseURL   types.String `tfsdk:"base_url"`
	Username  types.String `tfsdk:"username"`
	Password  types.String `tfsdk:"password"`
	LoginMode types.String `tfsdk:"login_mode"`
	APIToken  types.String `tfsdk:"api_token"`
}

type cdnModel struct {
	connectionModel

	Username          types.String `tfsdk:"username"`
	APIKey            types.String `tfsdk:"api_key"`
	Password          types.String `tfsdk:"password"`
	AuthToken         types.String `tfsdk:"auth_token"`
	ProjectID         types.String `tfsdk:"project_id"`
	IdentityURL       types.String `tfsdk:"identity_url"`
	Endpoint          types.String `tfsdk:"endpoint"`
	RequestsPerMinute types.Int64  `tfsdk:"requests_per_minute"`
}

type wpengineModel struct {
	connectionModel

	Username types.String `tfsdk:"username"`
	Password types.String `tfsdk:"password"`
	BaseURL  types.String `tfsdk:"base_url"`
}

// Schema implements provider.Provider.
func (p *Provider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Purges MicroStrategy, Rackspace CDN, WP Engine, and HTTP caches (such as Varnish and nginx) during an apply, and again whenever triggers change.",
		Attributes: map[string]schema.Attribute{
			"mstr": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "MicroStrategy Library server. Required by `purge_mstr_cache`, `purge_mstr_content_cache`, and the MicroStrategy data sources.",
				Attributes: withConnection("mstr", map[string]schema.Attribute{
					"base_url":   plain("URL of the Library root, such as `https://bi.example.com/MicroStrategyLibrary`. A trailing `/` or `/api` is accepted.", "MSTR_BASE_URL"),
					"username":   plain("Username to log in with. The user needs the privileges UseLibrary and Administer caches.", "MSTR_USERNAME"),
					"password":   secret("Password of the user.", "MSTR_PASSWORD"),
					"login_mode": plain("Authentication mode: `standard` (the default) or `ldap`. The environment variable also accepts the numbers `1` and `16`. Users who sign in with SAML or OIDC need `api_token`.", "MSTR_LOGIN_MODE"),
					"api_token":  secret("API token of a user, instead of `username` and `password`.", "MSTR_API_TOKEN"),
				}),
			},
			"cdn": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Rackspace CDN account or self-hosted OpenStack Poppy. Required by `purge_cdn_asset` and the Rackspace CDN data sources.",
				Attributes: withConnection("cdn", map[string]schema.Attribute{
					"username":     plain("Rackspace username.", "RAX_USERNAME"),
					"api_key":      secret("API key of the user. Accounts with multi-factor authentication require it.", "RAX_API_KEY"),
					"password":     secret("Password of the user, instead of `api_key`.", "RAX_PASSWORD"),
					"auth_token":   secret("Token obtained elsewhere, instead of `api_key` or `password`. Requires `endpoint`, and requires `project_id` unless `endpoint` contains the project ID.", "RAX_AUTH_TOKEN"),
					"project_id":   plain("ID of the project (tenant) that the token is for. With a username and a key, the provider reads it from the login response.", "RAX_PROJECT_ID"),
					"identity_url": plain("URL of the Identity API, up to and including `/v2.0`. Default `"+cdn.DefaultIdentityURL+"`.", "RAX_IDENTITY_URL"),
					"endpoint":     plain("URL of the CDN API, up to and including `/v1.0`, optionally followed by the project ID. By default, the provider reads it from the service catalog in the login response.", "RAX_CDN_ENDPOINT"),
					"requests_per_minute": schema.Int64Attribute{
						Optional:            true,
						MarkdownDescription: "Maximum number of purges that the provider sends in any minute, from 1 to 6000. Default `20`, the limit that Rackspace documents for an account. If N CI jobs use the same account at the same time, set it to 20/N.",
					},
				}),
			},
			"wpengine": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "WP Engine API access. Required by `purge_wpengine_cache` and the WP Engine data sources.",
				Attributes: withConnection("wpengine", map[string]schema.Attribute{
					"username": plain("API username, from the API Access page of the User Portal.", "WPE_API_USER_ID"),
					"password": secret("API password.", "WPE_API_PASSWORD"),
					"base_url": plain("URL of the API, including its version. Default `"+wpengine.DefaultBaseURL+"`.", "WPE_API_BASE_URL"),
				}),
			},
			"http_cache": httpCacheAttribute(),
			"ca_certificate": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Certificate authorities to trust in addition to those of the operating system, as one or more certificates in PEM format. Required for servers with certificates from a private CA.",
			},
			"allow_insecure_http": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Whether the provider may send credentials over `http://` to hosts other than this machine. Default `false`.",
			},
			"request_timeout": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Timeout of a single attempt, from dialing to the end of the response, as a duration such as `30s`. Default `30s`. The time spent waiting for a rate limit does not count.",
			},
			"max_retries": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Maximum number of retries per request after the API fails to process it (status 408 or 500), from 0 to 100. Default `4`. Outages (no response, 502, 503, 504) and rate limits do not count: the provider waits for their end until the timeout.",
			},
		},
	}
}

func plain(description, env string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: description + " Environment variable: `" + env + "`."}
}

func secret(description, env string) schema.StringAttribute {
	a := plain(description, env)
	a.Sensitive = true
	return a
}
