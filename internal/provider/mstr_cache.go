// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
)

var mstrCache = &target{
	name: "mstr_cache", service: "mstr", title: mstr.System,
	about: "Purges a cache of a MicroStrategy project when Terraform creates the resource and whenever `triggers` change, " +
		"for example after a warehouse load.",
	aboutAction: "Purges a cache of a MicroStrategy project each time the action is invoked.",
	timeoutNote: timeoutNote,
	arguments: map[string]argument{
		"project_id": {required: true, kind: types.StringType, about: "ID of the project: 32 hexadecimal digits, in uppercase or lowercase."},
		"cache_type": {required: true, kind: types.StringType, about: "Cache to purge: `element` or `object` (2021 Update 8 and later), or on newer servers `report` or `all`."},
	},
	identity:    []string{"project_id", "cache_type"},
	join:        joinWithSlash,
	finder:      "The data source purge_mstr_project finds the ID of a project by its name.",
	split:       splitAtSlash("<project_id>/<cache_type>, such as B7CA92F04B9FAE8D941C3E9B7E0CD754/element"),
	configured:  func(c *clients) *configError { return c.mstr.missing() },
	model:       func() model { return &mstrCacheModel{} },
	actionModel: func() actionModel { return &mstrCacheAction{} },
}

type mstrCacheModel struct {
	commonModel
	single
	ProjectID types.String `tfsdk:"project_id"`
	CacheType types.String `tfsdk:"cache_type"`
}

var projectID = regexp.MustCompile(`^[0-9A-Fa-f]{32}$`)

func (m *mstrCacheModel) check(diags *diag.Diagnostics) {
	m.checkCommon(diags)
	checkProjectID(diags, "project_id", m.ProjectID)
	checkOneOf(diags, "cache_type", m.CacheType, mstr.CacheTypes)
}

func checkProjectID(diags *diag.Diagnostics, name string, value types.String) {
	if known(value) && !projectID.MatchString(value.ValueString()) {
		diags.AddAttributeError(path.Root(name), "Invalid "+name, fmt.Sprintf(
			"%s must be 32 hexadecimal digits, without hyphens. Copy it from the properties of the project, or look it up by name with the data source purge_mstr_project.", name))
	}
}

func (m *mstrCacheModel) adopt(identity []string) {
	m.ProjectID, m.CacheType = types.StringValue(identity[0]), types.StringValue(identity[1])
}

func (m *mstrCacheModel) keepSpelling(prior model) {
	if p, ok := prior.(*mstrCacheModel); ok {
		keepText(&m.ProjectID, p.ProjectID, strings.EqualFold)
	}
}

func (m *mstrCacheModel) identify() ([]string, bool) {
	return []string{strings.ToUpper(m.ProjectID.ValueString()), m.CacheType.ValueString()},
		known(m.ProjectID) && known(m.CacheType)
}

func (m *mstrCacheModel) items() (map[string]item, bool) { return itemNamed(m.CacheType) }

func (m *mstrCacheModel) send(ctx context.Context, c *clients, _ request, _ string) (receipt, error) {
	client, err := c.mstr.get()
	if err != nil {
		return receipt{}, err
	}
	id, _ := m.identify()
	err = client.Purge(ctx, id[0], id[1])
	return receipt{at: time.Now()}, err
}

type mstrCacheAction struct {
	commonActionModel
	ProjectID types.String `tfsdk:"project_id"`
	CacheType types.String `tfsdk:"cache_type"`
}

func (m *mstrCacheAction) check(diags *diag.Diagnostics) {
	purge, _ := m.purge()
	purge.check(diags)
}

func (m *mstrCacheAction) purge() (model, []string) {
	return &mstrCacheModel{ProjectID: m.ProjectID, CacheType: m.CacheType}, []string{m.CacheType.ValueString()}
}

func joinWithSlash(values []string) string { return strings.Join(values, "/") }

// splitAtSlash returns a function that splits an ID of two values. Its error is the
// form.
func splitAtSlash(form string) func(id string) ([]string, error) {
	return func(id string) ([]string, error) {
		values := strings.Split(id, "/")
		if len(values) != 2 || values[0] == "" || values[1] == "" {
			return nil, errors.New(form)
		}
		return values, nil
	}
}
