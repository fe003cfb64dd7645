package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

var cdnAsset = &target{
	name: "cdn_asset", service: "cdn", title: cdn.System,
	about: "Purges an asset from Rackspace CDN when it is created and whenever `triggers` change.",
	timeoutNote: "Default 20 minutes, with `hard = false` 60. Waiting for the rate limit counts, " +
		"waiting for other purges of the same service does not.",
	arguments: map[string]argument{
		"service_id":          {required: true, kind: types.StringType, about: "Id of the CDN service: a UUID, in upper or lower case."},
		"url":                 {required: true, kind: types.StringType, about: "Path of the asset on the CDN, for instance `/images/logo.png`, without scheme and host. Spaces and what is not ASCII are percent-encoded; what is encoded already stays so. With `hard = false` it may be a directory or hold `*` wildcards."},
		"hard":                {kind: types.BoolType, about: "`true` drops one asset from all of the edge, in about 10 minutes. `false` expires it, wildcards included, in about 60 seconds and a deployment of the service, which takes no other purge meanwhile. Default `true`."},
		"wait_until_deployed": {kind: types.BoolType, about: "With `hard = false`: whether to wait until the service is deployed again. If that takes longer than the timeout, the purge still counts as done, with a warning. Default `true`."},
	},
	identity:   []string{"service_id", "url"},
	join:       func(values []string) string { return strings.Join(values, "") },
	split:      splitServiceAndPath,
	configured: func(c *clients) *configError { return c.cdn.missing() },
	model:      func() model { return &cdnAssetModel{} },
}

type cdnAssetModel struct {
	commonModel
	single
	ServiceID         types.String `tfsdk:"service_id"`
	URL               types.String `tfsdk:"url"`
	Hard              types.Bool   `tfsdk:"hard"`
	WaitUntilDeployed types.Bool   `tfsdk:"wait_until_deployed"`
}

func (m *cdnAssetModel) check(diags *diag.Diagnostics) {
	m.checkCommon(diags)
	checkUUID(diags, "service_id", m.ServiceID, "The control panel shows it with the service.")
	if known(m.URL) {
		m.checkPath(path.Root("url"), "url", m.URL.ValueString(), diags)
	}
}

// checkPath reports what is wrong with a path of an asset.
func (m *cdnAssetModel) checkPath(at path.Path, label, value string, diags *diag.Diagnostics) {
	if _, err := cdn.EncodePath(value); err != nil {
		diags.AddAttributeError(at, "Invalid path of an asset", fmt.Sprintf("%s %s; it is %q.", label, err, value))
		return
	}
	if cdn.HasWildcard(value) && !m.Hard.IsUnknown() && m.hard() {
		diags.AddAttributeError(at, "Wildcard in a hard purge", fmt.Sprintf(
			"%s is %q, and a hard purge takes no wildcard: the CDN would accept it and purge nothing. Set hard = false, which expires all that match.", label, value))
	}
}

// hard is what is always sent, because the CDN's own default has changed.
func (m *cdnAssetModel) hard() bool { return m.Hard.IsNull() || m.Hard.ValueBool() }

func (m *cdnAssetModel) keepSpelling(prior model) {
	if p, ok := prior.(*cdnAssetModel); ok {
		keepText(&m.ServiceID, p.ServiceID, strings.EqualFold)
		keepText(&m.URL, p.URL, cdn.SamePath)
	}
}

func (m *cdnAssetModel) identify() ([]string, bool) {
	return []string{strings.ToLower(m.ServiceID.ValueString()), m.URL.ValueString()},
		known(m.ServiceID) && known(m.URL)
}

func (m *cdnAssetModel) manner() (string, bool) { return fmt.Sprint(m.hard()), !m.Hard.IsUnknown() }

func (m *cdnAssetModel) units() (map[string]unit, bool) {
	if m.URL.IsUnknown() {
		return nil, false
	}
	return map[string]unit{cdn.PathKey(m.URL.ValueString()): {name: m.URL.ValueString()}}, true
}

const softTimeout = 60 * time.Minute

func (m *cdnAssetModel) pace(int, *clients) pace {
	if m.hard() {
		return pace{sideBySide: 1, patience: defaultTimeout}
	}
	return pace{sideBySide: 1, patience: softTimeout}
}

func (m *cdnAssetModel) send(ctx context.Context, c *clients, name string) (string, error) {
	client, err := c.cdn.get()
	if err != nil {
		return "", err
	}
	encoded, err := cdn.EncodePath(name)
	if err != nil {
		return "", err
	}
	service := strings.ToLower(m.ServiceID.ValueString())
	deployment, err := client.Purge(ctx, cdn.Purge{Service: service, Path: encoded, Hard: m.hard()})
	if err != nil || deployment == nil || !m.WaitUntilDeployed.IsNull() && !m.WaitUntilDeployed.ValueBool() {
		return "", err
	}
	return deployed(service, deployment.Wait(ctx))
}

// deployed sorts the ways in which waiting for a deployment ends. The purge is
// accepted in any case: only when it is known to have failed, it is asked for
// again.
func deployed(service string, err error) (warning string, _ error) {
	var e *transport.Error
	switch {
	case err == nil:
		return "", nil
	case errors.As(err, &e) && (e.Kind == transport.KindState || e.Kind == transport.KindNotFound):
		return "", err
	default:
		return fmt.Sprintf("The invalidation was accepted, but service %s was not seen deployed: %s. "+
			"It usually follows by itself; the control panel shows the state of the service.", service, err), nil
	}
}

// serviceIDLength is that of a UUID.
const serviceIDLength = 36

func splitServiceAndPath(id string) ([]string, error) {
	if len(id) <= serviceIDLength || id[serviceIDLength] != '/' {
		return nil, errors.New("the service id (a UUID) with the path of the asset right behind it")
	}
	return []string{id[:serviceIDLength], id[serviceIDLength:]}, nil
}
