// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/wpengine"
)

var wpengineCache = &target{
	name: "wpengine_cache", service: "wpengine", title: wpengine.System,
	about: "Purges a cache of a WP Engine install when Terraform creates the resource and whenever `triggers` change, " +
		"for example after a deploy.",
	aboutAction: "Purges a cache of a WP Engine install each time the action is invoked.",
	timeoutNote: timeoutNote,
	arguments: map[string]argument{
		"install_id": {required: true, kind: types.StringType, about: "ID of the install: a UUID, in uppercase or lowercase. The name of an install is not its ID."},
		"cache_type": {required: true, kind: types.StringType, about: "Cache to purge: `object`, `page`, `cdn`, or `all`. For each install, WP Engine accepts one purge of `object` or `all` in 60 seconds, and the provider delays further ones accordingly."},
	},
	identity:    []string{"install_id", "cache_type"},
	join:        joinWithSlash,
	finder:      "The data source purge_wpengine_install finds the ID of an install by its name.",
	split:       splitAtSlash("<install_id>/<cache_type>, such as a5b768f4-c7c4-46bd-88e6-157fd3d77e58/page"),
	configured:  func(c *clients) *configError { return c.wpengine.missing() },
	inputs:      map[string]string{"type": "cache_type"},
	model:       func() model { return &wpengineCacheModel{} },
	actionModel: func() actionModel { return &wpengineCacheAction{} },
}

const installIDHint = "The name of an install is not its ID. To look up the ID by name, use the data source purge_wpengine_install."

type wpengineCacheModel struct {
	commonModel
	single
	InstallID types.String `tfsdk:"install_id"`
	CacheType types.String `tfsdk:"cache_type"`
}

func (m *wpengineCacheModel) check(diags *diag.Diagnostics) {
	m.checkCommon(diags)
	checkUUID(diags, "install_id", m.InstallID, installIDHint)
	checkOneOf(diags, "cache_type", m.CacheType, wpengine.CacheTypes)
}

func (m *wpengineCacheModel) adopt(identity []string) {
	m.InstallID, m.CacheType = types.StringValue(identity[0]), types.StringValue(identity[1])
}

func (m *wpengineCacheModel) keepSpelling(prior model) {
	if p, ok := prior.(*wpengineCacheModel); ok {
		keepText(&m.InstallID, p.InstallID, strings.EqualFold)
	}
}

func (m *wpengineCacheModel) identify() ([]string, bool) {
	return []string{strings.ToLower(m.InstallID.ValueString()), m.CacheType.ValueString()},
		known(m.InstallID) && known(m.CacheType)
}

func (m *wpengineCacheModel) items() (map[string]item, bool) { return itemNamed(m.CacheType) }

func (m *wpengineCacheModel) send(ctx context.Context, c *clients, _ request, _ string) (receipt, error) {
	client, err := c.wpengine.get()
	if err != nil {
		return receipt{}, err
	}
	id, _ := m.identify()
	err = client.Purge(ctx, id[0], id[1])
	return receipt{at: time.Now()}, err
}

type wpengineCacheAction struct {
	commonActionModel
	InstallID types.String `tfsdk:"install_id"`
	CacheType types.String `tfsdk:"cache_type"`
}

func (m *wpengineCacheAction) check(diags *diag.Diagnostics) {
	purge, _ := m.purge()
	purge.check(diags)
}

func (m *wpengineCacheAction) purge() (model, []string) {
	return &wpengineCacheModel{InstallID: m.InstallID, CacheType: m.CacheType}, []string{m.CacheType.ValueString()}
}
