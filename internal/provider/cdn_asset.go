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
	fewer:       "purge with fewer requests: one path with a wildcard and hard = false",
	rejectable:  "url",
	identity:    []string{"service_id", "url"},
	finder:      "The data source purge_cdn_service finds the id of a service by its name or a domain.",
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
	m.checkPaths(m.pathFault, diags)
	if known(m.WildcardThreshold) {
		at := path.Root("wildcard_threshold")
		switch {
		case m.WildcardThreshold.ValueInt64() < 1:
			diags.AddAttributeError(at, "Invalid wildcard_threshold", "wildcard_threshold must be at least 1. To purge with one soft purge in any case, set hard = false.")
		case !m.URL.IsNull():
			diags.AddAttributeError(at, "wildcard_threshold without assets", "wildcard_threshold counts the paths of assets. Remove it, or set assets instead of url.")
		}
	}
}

const serviceIDHint = "The control panel shows it with the service, and the data source purge_cdn_service finds it by the name or a domain."

// pathFault says what is wrong with a path, nothing where it is all right.
func (m *cdnAssetModel) pathFault(value string) string {
	_, err := urlpath.EncodePattern(value)
	if err == nil && !m.Hard.IsUnknown() {
		_, err = cdn.EncodePath(value, m.hard())
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// hard is what is always sent, because the CDN's own default has changed.
func (m *cdnAssetModel) hard() bool { return m.Hard.IsNull() || m.Hard.ValueBool() }

func (m *cdnAssetModel) adopt(identity []string) {
	m.ServiceID = types.StringValue(identity[0])
	m.adoptPath(identity[1])
	if urlpath.HasWildcard(identity[1]) {
		m.Hard = types.BoolValue(false) // nothing else takes one
	}
}

func (m *cdnAssetModel) keepSpelling(prior model) {
	if p, ok := prior.(*cdnAssetModel); ok {
		keepText(&m.ServiceID, p.ServiceID, strings.EqualFold)
		m.keepPath(&p.pathsModel)
	}
}

// identify has no url for many assets, so that their id is the service's.
func (m *cdnAssetModel) identify() ([]string, bool) {
	return []string{strings.ToLower(m.ServiceID.ValueString()), m.URL.ValueString()},
		known(m.ServiceID) && !m.URL.IsUnknown()
}

func (m *cdnAssetModel) mode() (string, bool) {
	return strconv.FormatBool(m.hard()), !m.Hard.IsUnknown() && !m.WildcardThreshold.IsUnknown()
}

// warn also warns of what looks like a directory and is one page.
func (m *cdnAssetModel) warn(prior model, d decision, diags *diag.Diagnostics) {
	m.warnEmpty(prior, d, diags)
	if _, directory := cdn.DirectoryPattern(m.URL.ValueString()); directory && !m.hard() && d.sends() {
		diags.AddAttributeWarning(path.Root("url"), "url is one page, not a directory",
			"url ends in a slash. A soft purge of it invalidates the one page at that address. To invalidate everything below it, add a * at the end.")
	}
}

func (m *cdnAssetModel) keepQuiet(next tracked) {
	m.commonModel.keepQuiet(next)
	if n, ok := next.(*cdnAssetModel); ok {
		m.WaitUntilDeployed, m.WildcardThreshold = n.WaitUntilDeployed, n.WildcardThreshold
	}
}

const softTimeout = 60 * time.Minute

// requests returns one request for each path of a hard purge, and then one soft
// purge for all that is invalidated, because the CDN replaces the rule of a soft
// purge with that of the next one.
func (m *cdnAssetModel) requests(tasks []task) [][]request {
	var hard []request
	soft := request{soft: true}
	var paths []string
	for i, t := range tasks {
		encoded, err := urlpath.EncodePattern(t.name)
		// A wildcard comes from a state in which hard was false. What cannot be
		// sent left the configuration, which is checked; sending it says why.
		if err != nil || m.hard() && !m.tooMany(len(tasks)) && !urlpath.HasWildcard(t.name) {
			hard = append(hard, request{name: t.name, tasks: []int{i}})
			continue
		}
		bare, _, _ := strings.Cut(encoded, "?") // the edge matches paths without their query
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

// tooMany tells whether so many paths are purged with one soft purge.
func (m *cdnAssetModel) tooMany(n int) bool {
	return known(m.WildcardThreshold) && int64(n) > m.WildcardThreshold.ValueInt64()
}

func (m *cdnAssetModel) pace(phases [][]request, c *clients) pace {
	p := pace{parallel: maxParallel, patience: defaultTimeout}
	requests := slices.Concat(phases...)
	hard := slices.DeleteFunc(requests, func(r request) bool { return r.soft })
	if len(hard) < requestsIn(phases) {
		p.patience = softTimeout
	}
	if n := len(hard); c != nil && c.cdn.ready && n > 0 {
		p.wait = time.Duration((int64(n)-1)/c.requestsPerMinute) * time.Minute
		p.patience += time.Duration(quota.Jitter * float64(p.wait))
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

// deployed sorts the ways in which waiting for a deployment ends. The purge is
// accepted in any case: only when it is known to have failed, it is asked for
// again.
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

// serviceIDLength is that of a UUID.
const serviceIDLength = 36

// splitServiceAndPath leaves the path empty for the id of many assets.
func splitServiceAndPath(id string) ([]string, error) {
	if len(id) < serviceIDLength || len(id) > serviceIDLength && id[serviceIDLength] != '/' {
		return nil, errors.New("<service id><path>, for instance 96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0/index.html, or for many assets the service id alone")
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
	m.checkURLs(m.asResource().pathFault, diags)
}

func (m *cdnAssetAction) asResource() *cdnAssetModel {
	return &cdnAssetModel{ServiceID: m.ServiceID, Hard: m.Hard, WaitUntilDeployed: m.WaitUntilDeployed}
}

func (m *cdnAssetAction) purge() (model, []string) { return m.asResource(), m.names() }
