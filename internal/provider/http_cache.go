// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/httpcache"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

const httpCachePath = ", such as `/images/logo.png`, without a scheme and host. " + encodingNote + " A query is part of the path. Wildcards and regular expressions (`BAN`) are not supported."

var httpCache = &target{
	name: "http_cache", service: "http_cache", title: httpcache.System,
	about: "Purges content from HTTP caches, such as Varnish and nginx, with a `PURGE` request to every instance. " +
		"With `url`, it purges one object when Terraform creates the resource and whenever `triggers` change. " +
		"With `assets`, it purges exactly the objects whose fingerprints changed.",
	aboutAction: "Purges content from HTTP caches, such as Varnish and nginx, with a `PURGE` request to every instance each time the action is invoked.",
	timeoutNote: "Default 20 minutes, plus the time that all requests take at `http_cache.requests_per_second`.",
	arguments: map[string]argument{
		"host": {required: true, kind: types.StringType, about: "Host header of the content: the name that visitors use, such as `www.example.com`, with a port if it is not the default one. A purge for the address of an instance purges nothing."},
	},
	resourceOnly: map[string]argument{
		"url":    {kind: types.StringType, about: "Path of one object" + httpCachePath + " Set exactly one of `url` and `assets`."},
		"assets": {kind: types.MapType{ElemType: types.StringType}, about: "Map from the paths of objects, written as for `url`, to fingerprints: arbitrary strings that change with the content, such as the result of `filemd5`. An update purges the paths that were added, changed, or removed. If `triggers` change, it purges all of them."},
	},
	actionOnly: map[string]argument{
		"urls": {required: true, kind: types.ListType{ElemType: types.StringType}, about: "Paths of the objects" + httpCachePath},
	},
	many:        true,
	fewer:       "raise http_cache.requests_per_second",
	rejectable:  "url",
	identity:    []string{"host", "url"},
	join:        func(values []string) string { return strings.Join(values, "") },
	split:       splitHostAndPath,
	configured:  func(c *clients) *configError { return c.httpCache.missing() },
	model:       func() model { return &httpCachePurge{} },
	actionModel: func() actionModel { return &httpCacheAction{} },
	endpoints: func(c *clients) []string {
		client, err := c.httpCache.get()
		if err != nil {
			return nil // send returns the error
		}
		return client.Endpoints()
	},
}

type httpCachePurge struct {
	commonModel
	pathsModel
	Host types.String `tfsdk:"host"`
}

func (m *httpCachePurge) check(diags *diag.Diagnostics) {
	m.checkCommon(diags)
	checkHost(m.Host, diags)
	m.checkPaths(httpCachePathProblem, diags)
}

func checkHost(host types.String, diags *diag.Diagnostics) {
	if !known(host) {
		return
	}
	if _, err := httpcache.Host(host.ValueString()); err != nil {
		diags.AddAttributeError(path.Root("host"), "Invalid host", "host "+err.Error()+".")
	}
}

// httpCachePathProblem describes the problem with a path, or returns an empty string.
func httpCachePathProblem(path string) string {
	_, err := urlpath.Encode(path)
	if err != nil && urlpath.HasWildcard(path) {
		if _, other := urlpath.EncodePattern(path); other == nil {
			return "must not contain a wildcard, because a PURGE request is for one object. List the paths, or write %2A for a * in a file name"
		}
	}
	return errorText(err)
}

func (m *httpCachePurge) adopt(identity []string) {
	m.Host = types.StringValue(identity[0])
	m.adoptPath(identity[1])
}

func (m *httpCachePurge) keepSpelling(prior model) {
	if p, ok := prior.(*httpCachePurge); ok {
		keepText(&m.Host, p.Host, strings.EqualFold)
		m.keepPath(&p.pathsModel)
	}
}

// identify returns an empty url for assets, so their ID is the host.
func (m *httpCachePurge) identify() ([]string, bool) {
	return []string{strings.ToLower(m.Host.ValueString()), m.URL.ValueString()}, known(m.Host) && !m.URL.IsUnknown()
}

func (*httpCachePurge) mode() (string, bool) { return "", true }

func (*httpCachePurge) requests(tasks []task) [][]request { return [][]request{oneEach(tasks)} }

func (m *httpCachePurge) pace(phases [][]request, c *clients) pace {
	p := pace{parallel: maxParallel, timeout: defaultTimeout}
	if c == nil || !c.httpCache.ready {
		return p
	}
	if limit := c.httpCache.client.RequestsPerSecond(); limit > 0 {
		p.wait = time.Duration((requestsIn(phases)*httpcache.RequestsPerPurge-1)/limit) * time.Second
	}
	return p
}

func (m *httpCachePurge) send(ctx context.Context, c *clients, r request, endpoint string) (receipt, error) {
	client, err := c.httpCache.get()
	if err != nil {
		return receipt{}, err
	}
	host, err := httpcache.Host(m.Host.ValueString())
	if err != nil {
		return receipt{}, unsendable("host", r.name, err)
	}
	encoded, err := urlpath.Encode(r.name)
	if err != nil {
		return receipt{}, unsendable("url", r.name, err)
	}
	err = client.Purge(ctx, endpoint, host, encoded)
	return receipt{at: time.Now()}, err
}

// unsendable returns the error for a value of a state that check would reject.
func unsendable(input, name string, err error) error {
	return &transport.Error{System: httpcache.System, Kind: transport.KindInvalid, Input: input, Doing: "purging " + name, Err: err}
}

func (m *httpCachePurge) warn(prior model, d decision, diags *diag.Diagnostics) {
	m.warnEmpty(prior, d, diags)
}

// splitHostAndPath returns an empty path for the ID of assets.
func splitHostAndPath(id string) ([]string, error) {
	host, _, _ := strings.Cut(id, "/")
	if _, err := httpcache.Host(host); err != nil {
		return nil, errors.New("<host><url>, such as www.example.com/index.html. For assets, the ID is the host")
	}
	return []string{host, id[len(host):]}, nil
}

type httpCacheAction struct {
	commonActionModel
	pathsActionModel
	Host types.String `tfsdk:"host"`
}

func (m *httpCacheAction) check(diags *diag.Diagnostics) {
	checkHost(m.Host, diags)
	m.checkURLs(httpCachePathProblem, diags)
}

func (m *httpCacheAction) purge() (model, []string) { return &httpCachePurge{Host: m.Host}, m.names() }
