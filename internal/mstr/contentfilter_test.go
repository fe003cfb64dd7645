// SPDX-License-Identifier: MPL-2.0

package mstr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
)

func TestContentFiltersAreChecked(t *testing.T) {
	t.Parallel()
	const (
		hex   = "B7CA92F04B9FAE8D941C3E9B7E0CD754"
		noHex = "content_ids must contain IDs of 32 hexadecimal digits, without hyphens"
	)
	for sentence, test := range map[string]struct {
		filter mstr.ContentFilter
		want   string
	}{
		"null is everything":         {mstr.ContentFilter{}, ""},
		"tables and contents":        {mstr.ContentFilter{WarehouseTables: []string{"dbo.F SALES", "Ü"}, ContentIDs: []string{hex, strings.ToLower(hex)}}, ""},
		"no tables":                  {mstr.ContentFilter{WarehouseTables: []string{}}, "warehouse_tables must not be empty. To purge the results of all tables, omit it"},
		"an empty table":             {mstr.ContentFilter{WarehouseTables: []string{"A", ""}}, "warehouse_tables must not contain an empty name"},
		"a table that is a space":    {mstr.ContentFilter{WarehouseTables: []string{" "}}, `warehouse_tables must not contain a name that begins or ends with a space`},
		"a space before a table":     {mstr.ContentFilter{WarehouseTables: []string{" A"}}, `warehouse_tables must not contain a name that begins or ends with a space`},
		"a line break after a table": {mstr.ContentFilter{WarehouseTables: []string{"A\n"}}, `warehouse_tables must not contain a name that begins or ends with a space`},
		"a tab in a table":           {mstr.ContentFilter{WarehouseTables: []string{"A\tB"}}, `warehouse_tables must not contain a name with a line break or another control character`},
		"no contents":                {mstr.ContentFilter{ContentIDs: []string{}}, "content_ids must not be empty. To purge the results of all reports, documents, and dashboards, omit it"},
		"a content without an ID":    {mstr.ContentFilter{ContentIDs: []string{""}}, noHex},
		"31 digits":                  {mstr.ContentFilter{ContentIDs: []string{hex, hex[1:]}}, noHex},
		"hyphens":                    {mstr.ContentFilter{ContentIDs: []string{"b7ca92f0-4b9f-ae8d-941c-3e9b7e0cd754"}}, noHex},
		"another letter":             {mstr.ContentFilter{ContentIDs: []string{"G" + hex[1:]}}, noHex},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			got := ""
			for _, err := range []error{mstr.CheckWarehouseTables(test.filter.WarehouseTables), mstr.CheckContentIDs(test.filter.ContentIDs)} {
				if err != nil {
					got += err.Error()
				}
			}
			diff(t, "error", test.want, got)
			if test.want == "" {
				return
			}
			inWorld(t, func(t *testing.T, w *world) {
				_, err := w.purgeContent(test.filter)
				diff(t, "error of the purge", test.want, fmt.Sprint(err))
				diff(t, "requests", []request(nil), w.requests())
			})
		})
	}
}

func TestKeysOfContentFilters(t *testing.T) {
	t.Parallel()
	// Each line has filters that choose the same, and no other line does.
	same := [][]mstr.ContentFilter{
		{{}},
		{
			{WarehouseTables: []string{"A", "Straße", "ΟΔΟΣ"}},
			{WarehouseTables: []string{"ΟΔΟς", "a", "STRAßE", "A", "οδοσ"}},
		},
		{{WarehouseTables: []string{`A" "B`}}},
		{{WarehouseTables: []string{"A", "B"}}, {WarehouseTables: []string{"b", "a"}}},
		{{WarehouseTables: []string{sourceID(10)}}},
		{{ContentIDs: []string{sourceID(10)}}, {ContentIDs: []string{strings.ToLower(sourceID(10))}}},
	}
	keys := make(map[string]int)
	for line, filters := range same {
		for _, f := range filters {
			key := f.Key()
			if other, ok := keys[key]; ok && other != line {
				t.Errorf("lines %d and %d have the same key %q", other, line, key)
			} else if !ok && f.Key() != filters[0].Key() {
				t.Errorf("%v has another key than %v", f, filters[0])
			}
			keys[key] = line
		}
	}
}
