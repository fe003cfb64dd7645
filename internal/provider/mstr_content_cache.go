// SPDX-License-Identifier: MPL-2.0

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

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
)

// contentItem is the name of the one item of a resource, and the end of its ID.
const contentItem = "content"

var mstrContentCache = &target{
	name: "mstr_content_cache", service: "mstr", title: mstr.System,
	about: "Invalidates the cached results of reports, documents, and dashboards of a MicroStrategy project, on every node of the cluster, " +
		"when Terraform creates the resource and whenever `triggers` change, for example after a warehouse load. It waits until the caches are invalid.",
	aboutAction: "Invalidates the cached results of reports, documents, and dashboards of a MicroStrategy project, on every node of the cluster, " +
		"each time the action is invoked. It waits until the caches are invalid.",
	timeoutNote: "Default 20 minutes, including the time spent waiting for caches to become invalid.",
	arguments: map[string]argument{
		"project_id":       {required: true, kind: types.StringType, about: "ID of the project: 32 hexadecimal digits, in uppercase or lowercase."},
		"warehouse_tables": {kind: listOfStrings, about: "Invalidate only the results that use at least one of these warehouse tables. Order and case do not matter. If omitted, results of all tables match. An empty list is an error."},
		"content_ids":      {kind: listOfStrings, about: "Invalidate only the results of these reports, documents, and dashboards, by their IDs of 32 hexadecimal digits. Order and case do not matter. With `warehouse_tables`, a result must match both. If omitted, results of all content match. An empty list is an error."},
	},
	resourceOnly: map[string]argument{
		"invalidated": {computed: true, kind: types.Int64Type, about: "Number of caches that the latest purge invalidated, on all nodes together. Null before the first purge."},
	},
	identity:    []string{"project_id"},
	join:        func(values []string) string { return values[0] + "/" + contentItem },
	finder:      "The data source purge_mstr_project finds the ID of a project by its name.",
	split:       splitContent,
	configured:  func(c *clients) *configError { return c.mstr.missing() },
	model:       func() model { return &mstrContentCacheModel{} },
	actionModel: func() actionModel { return &mstrContentCacheAction{} },
}

var listOfStrings = types.ListType{ElemType: types.StringType}

func splitContent(id string) ([]string, error) {
	project, ok := strings.CutSuffix(id, "/"+contentItem)
	if !ok || project == "" {
		return nil, errors.New("<project_id>/content, such as B7CA92F04B9FAE8D941C3E9B7E0CD754/content")
	}
	return []string{project}, nil
}

// contentFilter contains the arguments that select caches.
type contentFilter struct {
	WarehouseTables types.List `tfsdk:"warehouse_tables"`
	ContentIDs      types.List `tfsdk:"content_ids"`
}

func (f *contentFilter) check(diags *diag.Diagnostics) {
	checkList(diags, "warehouse_tables", f.WarehouseTables, mstr.CheckWarehouseTables)
	checkList(diags, "content_ids", f.ContentIDs, mstr.CheckContentIDs)
}

// checkList reports an empty list, and each invalid element.
func checkList(diags *diag.Diagnostics, name string, list types.List, check func([]string) error) {
	if known(list) && len(list.Elements()) == 0 {
		diags.AddAttributeError(path.Root(name), "Empty "+name, errorText(check([]string{}))+".")
	}
	for i, value := range list.Elements() {
		at, label := path.Root(name).AtListIndex(i), fmt.Sprintf("%s[%d]", name, i)
		text, _ := value.(types.String)
		switch {
		case text.IsUnknown():
		case text.IsNull():
			diags.AddAttributeError(at, "Null value in "+name, label+" is null. Remove it, or set it to a value.")
		case check([]string{text.ValueString()}) != nil:
			diags.AddAttributeError(at, "Invalid "+label, errorText(check([]string{text.ValueString()}))+".")
		}
	}
}

// filter returns the filter for the client, or false if a part of it is unknown.
func (f *contentFilter) filter() (mstr.ContentFilter, bool) {
	tables, tablesKnown := textsOf(f.WarehouseTables)
	ids, idsKnown := textsOf(f.ContentIDs)
	return mstr.ContentFilter{WarehouseTables: tables, ContentIDs: ids}, tablesKnown && idsKnown
}

// textsOf returns the elements of a list, or nil if the list is null. It returns
// false if an element is unknown.
func textsOf(list types.List) ([]string, bool) {
	if !known(list) {
		return nil, !list.IsUnknown()
	}
	texts := make([]string, len(list.Elements()))
	for i, value := range list.Elements() {
		text, _ := value.(types.String)
		if text.IsUnknown() {
			return nil, false
		}
		texts[i] = text.ValueString()
	}
	return texts, true
}

// keepList keeps the prior spelling if both lists are equal except for order, case,
// and duplicates.
func keepList(next *types.List, prior types.List) {
	after, afterKnown := textsOf(*next)
	before, _ := textsOf(prior)
	if afterKnown && after != nil && before != nil && sameSet(after, before) {
		*next = prior
	}
}

func sameSet(a, b []string) bool {
	return mstr.ContentFilter{WarehouseTables: a}.Key() == mstr.ContentFilter{WarehouseTables: b}.Key()
}

type mstrContentCacheModel struct {
	commonModel
	single
	contentFilter
	ProjectID   types.String `tfsdk:"project_id"`
	Invalidated types.Int64  `tfsdk:"invalidated"`
}

func (m *mstrContentCacheModel) check(diags *diag.Diagnostics) {
	m.checkCommon(diags)
	checkProjectID(diags, "project_id", m.ProjectID)
	m.contentFilter.check(diags)
}

func (m *mstrContentCacheModel) adopt(identity []string) {
	m.ProjectID = types.StringValue(identity[0])
}

func (m *mstrContentCacheModel) keepSpelling(prior model) {
	if p, ok := prior.(*mstrContentCacheModel); ok {
		keepText(&m.ProjectID, p.ProjectID, strings.EqualFold)
		keepList(&m.WarehouseTables, p.WarehouseTables)
		keepList(&m.ContentIDs, p.ContentIDs)
	}
}

func (m *mstrContentCacheModel) identify() ([]string, bool) {
	return []string{strings.ToUpper(m.ProjectID.ValueString())}, known(m.ProjectID)
}

func (m *mstrContentCacheModel) items() (map[string]item, bool) {
	return itemNamed(types.StringValue(contentItem))
}

// mode returns the filter, because another filter selects other caches.
func (m *mstrContentCacheModel) mode() (string, bool) {
	f, ok := m.filter()
	return f.Key(), ok
}

func (m *mstrContentCacheModel) counted() *types.Int64 { return &m.Invalidated }

func (m *mstrContentCacheModel) send(ctx context.Context, c *clients, _ request, _ string) (receipt, error) {
	client, err := c.mstr.get()
	if err != nil {
		return receipt{}, err
	}
	id, _ := m.identify()
	f, _ := m.filter()
	result, err := client.PurgeContent(ctx, id[0], f)
	return receipt{at: time.Now(), count: int64(result.Invalidated), warning: unusedTables(id[0], result.UnusedTables)}, err
}

// unusedTables returns a warning about tables that no cache uses.
func unusedTables(project string, tables []string) warning {
	if len(tables) == 0 {
		return warning{}
	}
	list := "  " + strings.Join(tables[:min(len(tables), maxNamed)], "\n  ")
	return warning{"No cached result uses some warehouse tables", fmt.Sprintf(
		"No cached result of project %s uses these tables:\n%s\n\nCheck the names in warehouse_tables. "+
			"If they are correct, nobody has run a report on these tables since their results were last invalidated.",
		project, strings.Join(append([]string{list}, andOthers(len(tables))...), "\n"))}
}

type mstrContentCacheAction struct {
	commonActionModel
	contentFilter
	ProjectID types.String `tfsdk:"project_id"`
}

func (m *mstrContentCacheAction) check(diags *diag.Diagnostics) {
	checkProjectID(diags, "project_id", m.ProjectID)
	m.contentFilter.check(diags)
}

func (m *mstrContentCacheAction) purge() (model, []string) {
	return &mstrContentCacheModel{ProjectID: m.ProjectID, contentFilter: m.contentFilter}, []string{contentItem}
}
