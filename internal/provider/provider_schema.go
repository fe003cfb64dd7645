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

// connectionModel is what each system has for a gateway in front of it.
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
		MarkdownDescription: "Purges caches as part of an apply, and again whenever their triggers change: MicroStrategy, Rackspace CDN, WP Engine, and HTTP caches such as Varnish and nginx.",
		Attributes: map[string]schema.Attribute{
			"mstr": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "A MicroStrategy Library server. Needed for `purge_mstr_cache` and `purge_mstr_content_cache`.",
				Attributes: withConnection("mstr", map[string]schema.Attribute{
					"base_url":   plain("Address of the Library root, for instance `https://bi.example.com/MicroStrategyLibrary`. A trailing `/` or `/api` is accepted.", "MSTR_BASE_URL"),
					"username":   plain("User to log in as. It needs the privileges UseLibrary and Administer caches.", "MSTR_USERNAME"),
					"password":   secret("Password of the user.", "MSTR_PASSWORD"),
					"login_mode": plain("How the server checks the user: `standard` (the default) or `ldap`. The environment variable also takes the numbers `1` and `16`. Users who sign in by SAML or OIDC need an `api_token`.", "MSTR_LOGIN_MODE"),
					"api_token":  secret("API token of a user, in place of `username` and `password`.", "MSTR_API_TOKEN"),
				}),
			},
			"cdn": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "A Rackspace CDN account, or a Poppy of your own. Needed for `purge_cdn_asset`.",
				Attributes: withConnection("cdn", map[string]schema.Attribute{
					"username":     plain("Rackspace user.", "RAX_USERNAME"),
					"api_key":      secret("API key of the user. Accounts with multi-factor authentication need it.", "RAX_API_KEY"),
					"password":     secret("Password of the user, where there is no API key.", "RAX_PASSWORD"),
					"auth_token":   secret("A token obtained elsewhere, in place of a user and a key. Needs `project_id` and `endpoint`.", "RAX_AUTH_TOKEN"),
					"project_id":   plain("Project (tenant) that the token is for. With a user and a key the login says it.", "RAX_PROJECT_ID"),
					"identity_url": plain("Address of the Identity service, up to and including `/v2.0`. Default `"+cdn.DefaultIdentityURL+"`.", "RAX_IDENTITY_URL"),
					"endpoint":     plain("Address of the CDN, up to and including `/v1.0`, or with the project id behind it. By default the login's service catalog says it.", "RAX_CDN_ENDPOINT"),
					"requests_per_minute": schema.Int64Attribute{
						Optional:            true,
						MarkdownDescription: "How many purges the account may send in any minute, from 1 to 6000. Default `20`, which is what Rackspace documents. If N jobs use the same account at the same time, set it to 20/N.",
					},
				}),
			},
			"wpengine": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "API access to WP Engine. Needed for `purge_wpengine_cache`.",
				Attributes: withConnection("wpengine", map[string]schema.Attribute{
					"username": plain("API user name, from User Portal, API Access.", "WPE_API_USER_ID"),
					"password": secret("API password.", "WPE_API_PASSWORD"),
					"base_url": plain("Address of the API with its version. Default `"+wpengine.DefaultBaseURL+"`.", "WPE_API_BASE_URL"),
				}),
			},
			"http_cache": httpCacheBlock(),
			"ca_certificate": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Certificate authorities to trust in addition to the system's, as one or more certificates in PEM form. For servers with certificates of a private CA.",
			},
			"allow_insecure_http": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Whether credentials may be sent over `http://` to other machines than this one. Default `false`.",
			},
			"request_timeout": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "How long one attempt of one request may take, from the dial to the end of the answer, as a duration such as `30s`. Default `30s`. Waiting for a rate limit does not count.",
			},
			"max_retries": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Maximum number of retries of one request that the system itself fails (500, 408), from 0 to 100. Default `4`. Outages (no response, 502, 503, 504) and rate limits do not count: the provider waits for their end until the timeout.",
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
