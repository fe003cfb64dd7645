// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

var cdnAsset = &target{
	name: "cdn_asset", service: "cdn", title: cdn.System,
	about: "Purges assets from Rackspace CDN. With `url`, it purges one asset when Terraform creates the resource and whenever `triggers` change. " +
		"With `assets`, it purges exactly the assets whose fingerprints changed.",
	aboutAction: "Purges assets from Rackspace CDN each time the action is invoked.",
	timeoutNote: "Default 20 minutes, or 60 minutes with `hard = false`, plus the time that all purges take at the allowed rate. " +
		"The time spent waiting for the rate limit counts. The time spent waiting for other purges of the same service does not.",
	arguments: map[string]argument{
		"service_id":          {required: true, kind: types.StringType, about: "ID of the CDN service: a UUID, in uppercase or lowercase."},
		"hard":                {kind: types.BoolType, about: "`true` deletes one asset from the entire edge in about 10 minutes. `false` invalidates it, supports wildcards, and takes about 60 seconds plus a deployment of the service, which accepts no other purge meanwhile. A soft purge replaces the previous one of the service, so its pattern also covers the paths that the same apply has already invalidated there. For two files in different top-level directories, the pattern is `/*`. Default `true`."},
		"wait_until_deployed": {kind: types.BoolType, about: "With `hard = false`, whether to wait until the service is deployed again. If the deployment takes longer than the timeout, the purge counts as accepted, and the provider prints a warning. Default `true`."},
	},
	resourceOnly: map[string]argument{
		"url":                {kind: types.StringType, about: "Path of the asset on the CDN, such as `/images/logo.png`, without a scheme and host. " + encodingNote + " With `hard = false`, it may contain `*` wildcards but no query. `/images/*` is everything below the directory, and `/images/` is a single page. Set exactly one of `url` and `assets`."},
		"assets":             {kind: types.MapType{ElemType: types.StringType}, about: "Map from the paths of assets, written as for `url`, to fingerprints: arbitrary strings that change with the content, such as the result of `filemd5`. An update purges the paths that were added, changed, or removed. If `triggers` or `hard` changes, it purges all of them."},
		"wildcard_threshold": {kind: types.Int64Type, about: "With `assets`, maximum number of paths that one apply purges individually, at least 1. If it has more paths to purge, it sends one soft purge of a pattern that covers all of them instead of a hard purge for each. By default, there is no maximum, because sensitive material requires a hard purge. A change of this argument purges nothing."},
	},
	actionOnly: map[string]argument{
		"urls": {required: true, kind: types.ListType{ElemType: types.StringType}, about: "Paths of the assets on the CDN, such as `/images/logo.png`, without a scheme and host. " + encodingNote + " With `hard = false`, they may contain `*` wildcards but no query. `/images/*` is everything below the directory, and `/images/` is a single page."},
	},
	many:        true,
	fewer:       "purge one wildcard path with hard = false",
	rejectable:  "url",
	identity:    []string{"service_id", "url"},
	finder:      "The data source purge_cdn_service finds the ID of a service by its name or a domain.",
	join:        func(values []string) string { return strings.Join(values, "") },
	split:       splitServiceAndPath,
	configured:  func(c *clients) *configError { return c.cdn.missing() },
	model:       func() model { return &cdnAssetModel{} },
	actionModel: func() actionModel { return &cdnAssetAction{} },
}

type cdnAssetModel struct {
	commonModel
	pathsModel
	ServiceID         types.String `tfsdk:"service_id"`
	Hard              types.Bool   `tfsdk:"hard"`
	WaitUntilDeployed types.Bool   `tfsdk:"wait_until_deployed"`
	WildcardThreshold types.Int64  `tfsdk:"wildcard_threshold"`
}

func (m *cdnAssetModel) check(diags *diag.Diagnostics) {
	m.checkCommon(diags)
	checkUUID(diags, "service_id", m.ServiceID, serviceIDHint)
	m.checkPaths(m.pathProblem, diags)
	if known(m.WildcardThreshold) {
		at := path.Root("wildcard_threshold")
		switch {
		case m.WildcardThreshold.ValueInt64() < 1:
			diags.AddAttributeError(at, "Invalid wildcard_threshold", "wildcard_threshold must be at least 1. To always send one soft purge, set hard = false.")
		case !m.URL.IsNull():
			diags.AddAttributeError(at, "wildcard_threshold without assets", "wildcard_threshold counts the paths of assets. Remove it, or set assets instead of url.")
		}
	}
}

const serviceIDHint = "Copy it from the service in the control panel, or look it up by name or domain with the data source purge_cdn_service."

// pathProblem describes the problem with a path, or returns an empty string.
func (m *cdnAssetModel) pathProblem(value string) string {
	_, err := urlpath.EncodePattern(value)
	if err == nil && !m.Hard.IsUnknown() {
		_, err = cdn.EncodePath(value, m.hard())
	}
	return errorText(err)
}

// hard returns the value to send. It is always sent, because the default of the CDN
// has changed.
func (m *cdnAssetModel) hard() bool { return m.Hard.IsNull() || m.Hard.ValueBool() }

func (m *cdnAssetModel) adopt(identity []string) {
	m.ServiceID = types.StringValue(identity[0])
	m.adoptPath(identity[1])
	if urlpath.HasWildcard(identity[1]) {
		m.Hard = types.BoolValue(false) // a hard purge does not support wildcards
	}
}

func (m *cdnAssetModel) keepSpelling(prior model) {
	if p, ok := prior.(*cdnAssetModel); ok {
		keepText(&m.ServiceID, p.ServiceID, strings.EqualFold)
		m.keepPath(&p.pathsModel)
	}
}

// identify returns an empty url for assets, so their ID is the service ID.
func (m *cdnAssetModel) identify() ([]string, bool) {
	return []string{strings.ToLower(m.ServiceID.ValueString()), m.URL.ValueString()},
		known(m.ServiceID) && !m.URL.IsUnknown()
}

func (m *cdnAssetModel) mode() (string, bool) {
	return strconv.FormatBool(m.hard()), !m.Hard.IsUnknown() && !m.WildcardThreshold.IsUnknown()
}

// warn also warns about a soft purge of a path that looks like a directory.
func (m *cdnAssetModel) warn(prior model, d decision, diags *diag.Diagnostics) {
	m.warnEmpty(prior, d, diags)
	if _, directory := cdn.DirectoryPattern(m.URL.ValueString()); directory && !m.hard() && d.sends() {
		diags.AddAttributeWarning(path.Root("url"), "url is one page, not a directory",
			"url ends in a slash, so a soft purge invalidates only the page at this path. To invalidate everything below it, add * at the end.")
	}
}

func (m *cdnAssetModel) copyOptions(next tracked) {
	m.commonModel.copyOptions(next)
	if n, ok := next.(*cdnAssetModel); ok {
		m.WaitUntilDeployed, m.WildcardThreshold = n.WaitUntilDeployed, n.WildcardThreshold
	}
}

const softTimeout = 60 * time.Minute

// requests returns a hard purge for each path to delete, and then one soft purge for
// all paths to invalidate, because each soft purge of a service replaces the
// previous one.
func (m *cdnAssetModel) requests(tasks []task) [][]request {
	var hard []request
	soft := request{soft: true}
	var paths []string
	for i, t := range tasks {
		encoded, err := urlpath.EncodePattern(t.name)
		// A path with a wildcard can come from a state in which hard was false. An
		// invalid path can only come from a state, and send returns its error.
		if err != nil || m.hard() && !m.tooMany(len(tasks)) && !urlpath.HasWildcard(t.name) {
			hard = append(hard, request{name: t.name, tasks: []int{i}})
			continue
		}
		bare, _, _ := strings.Cut(encoded, "?") // the edge matches the path without the query
		paths = append(paths, bare)
		soft.tasks = append(soft.tasks, i)
	}
	var phases [][]request
	if len(hard) > 0 {
		phases = append(phases, hard)
	}
	if len(paths) > 0 {
		soft.name = cdn.Cover(paths...)
		phases = append(phases, []request{soft})
	}
	return phases
}

// tooMany reports whether n paths exceed wildcard_threshold.
func (m *cdnAssetModel) tooMany(n int) bool {
	return known(m.WildcardThreshold) && int64(n) > m.WildcardThreshold.ValueInt64()
}

func (m *cdnAssetModel) pace(phases [][]request, c *clients) pace {
	p := pace{parallel: maxParallel, timeout: defaultTimeout}
	requests := slices.Concat(phases...)
	hard := slices.DeleteFunc(requests, func(r request) bool { return r.soft })
	if len(hard) < requestsIn(phases) {
		p.timeout = softTimeout
	}
	if n := len(hard); c != nil && c.cdn.ready && n > 0 {
		p.wait = time.Duration((int64(n)-1)/c.requestsPerMinute) * time.Minute
		p.timeout += time.Duration(quota.Jitter * float64(p.wait))
	}
	return p
}

func (m *cdnAssetModel) send(ctx context.Context, c *clients, r request, _ string) (receipt, error) {
	client, err := c.cdn.get()
	if err != nil {
		return receipt{}, err
	}
	service := strings.ToLower(m.ServiceID.ValueString())
	if !r.soft {
		path, err := cdn.EncodePath(r.name, true)
		if err != nil {
			return receipt{}, &transport.Error{System: cdn.System, Kind: transport.KindInvalid, Input: "url", Doing: "purging " + r.name, Err: err}
		}
		err = client.Purge(ctx, service, path)
		return receipt{at: time.Now()}, err
	}
	accepted, err := client.Invalidate(ctx, service, r.name)
	got := receipt{at: time.Now()}
	if err != nil || !m.WaitUntilDeployed.IsNull() && !m.WaitUntilDeployed.ValueBool() {
		return got, err
	}
	got.warning, err = deployed(service, accepted.Wait(ctx))
	return got, err
}

// deployed returns the result of waiting for a deployment. The purge counts as
// accepted, with a warning, unless the deployment is known to have failed.
func deployed(service string, err error) (warning, error) {
	var e *transport.Error
	switch {
	case err == nil:
		return warning{}, nil
	case errors.As(err, &e) && (e.Kind == transport.KindState || e.Kind == transport.KindNotFound):
		return warning{}, err
	default:
		return warning{"Purge accepted, deployment not confirmed", fmt.Sprintf(
			"Rackspace CDN accepted the invalidation, but the provider did not see service %s deployed: %s. "+
				"The deployment usually completes without intervention. The control panel shows the state of the service.", service, err)}, nil
	}
}

// serviceIDLength is the length of a UUID.
const serviceIDLength = 36

// splitServiceAndPath returns an empty path for the ID of assets.
func splitServiceAndPath(id string) ([]string, error) {
	if len(id) < serviceIDLength || len(id) > serviceIDLength && id[serviceIDLength] != '/' {
		return nil, errors.New("<service_id><url>, such as 96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0/index.html. For assets, the ID is the service ID")
	}
	return []string{id[:serviceIDLength], id[serviceIDLength:]}, nil
}

type cdnAssetAction struct {
	commonActionModel
	pathsActionModel
	ServiceID         types.String `tfsdk:"service_id"`
	Hard              types.Bool   `tfsdk:"hard"`
	WaitUntilDeployed types.Bool   `tfsdk:"wait_until_deployed"`
}

func (m *cdnAssetAction) check(diags *diag.Diagnostics) {
	checkUUID(diags, "service_id", m.ServiceID, serviceIDHint)
	m.checkURLs(m.asResource().pathProblem, diags)
}

func (m *cdnAssetAction) asResource() *cdnAssetModel {
	return &cdnAssetModel{ServiceID: m.ServiceID, Hard: m.Hard, WaitUntilDeployed: m.WaitUntilDeployed}
}

func (m *cdnAssetAction) purge() (model, []string) { return m.asResource(), m.names() }
