// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/httpcache"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

type httpCacheModel struct {
	connectionModel

	Endpoints         types.List   `tfsdk:"endpoints"`
	Method            types.String `tfsdk:"method"`
	PathPrefix        types.String `tfsdk:"path_prefix"`
	RequestsPerSecond types.Int64  `tfsdk:"requests_per_second"`
}

func httpCacheAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "All instances of a cluster of HTTP caches that accept purges over HTTP, such as Varnish, nginx, Squid, Traffic Server, or Fastly. Required by `purge_http_cache`. " +
			"For several clusters, use one provider alias for each.",
		Attributes: withConnection("http_cache", map[string]schema.Attribute{
			"endpoints": schema.ListAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "URLs of all instances, such as `http://10.0.0.11:6081`. The provider sends each purge to all of them. The environment variable contains a comma-separated list. Environment variable: `" + environment["http_cache.endpoints"] + "`.",
			},
			"method":      plain("HTTP method of a purge, sent literally. Default `"+httpcache.DefaultMethod+"`.", environment["http_cache.method"]),
			"path_prefix": plain("Path to insert before the path of the content, such as `/purge` for nginx with `method = \"GET\"`. By default, nothing is inserted.", environment["http_cache.path_prefix"]),
			"requests_per_second": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Maximum number of requests to each endpoint in any second, from 1 to 10000. A purge of one path takes two requests. By default, there is no limit.",
			},
		}),
	}
}

// endpoint checks the URL of an instance. The only credentials that it receives are in
// headers.
func endpoint(address string, insecure bool) (string, error) {
	base, err := transport.BaseURL(address, insecure)
	if _, insecureErr := transport.BaseURL(address, true); err != nil && insecureErr == nil {
		return "", errors.New("must start with https://, because http:// sends the headers (http_cache.headers or " + environment["http_cache.headers"] +
			") unencrypted (to permit it, set allow_insecure_http = true in the provider block)")
	}
	return base, err
}

func configureHTTPCache(ctx context.Context, s *settings, object types.Object, diags *diag.Diagnostics) service[*httpcache.Client] {
	var m httpCacheModel
	s.nested(ctx, object, &m)
	s.connection(m.connectionModel, nil)
	s.insecure = s.insecure || len(s.transport.Header) == 0 // without headers, there is nothing to protect
	config := httpcache.Config{
		Endpoints:         s.addresses("endpoints", m.Endpoints, endpoint),
		Method:            s.checked("method", m.Method, httpcache.Method),
		PathPrefix:        s.checked("path_prefix", m.PathPrefix, httpcache.PathPrefix),
		RequestsPerSecond: int(s.number("requests_per_second", m.RequestsPerSecond, 0, 1, 10_000)),
	}
	first := strings.Join(config.Endpoints[:min(len(config.Endpoints), 1)], "")
	return finish(s, first, lacking("http_cache.endpoints (or PURGE_HTTP_CACHE_ENDPOINTS)", first), diags, func(opts transport.Options) *httpcache.Client {
		config.Transport = opts
		return httpcache.New(config)
	})
}
