// SPDX-License-Identifier: MPL-2.0

package mstr

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// ContentFilter limits a purge of content caches. A nil list matches all caches,
// and an empty list is an error. Order, duplicates, and case do not matter.
type ContentFilter struct {
	// WarehouseTables chooses the caches that use at least one of these tables.
	WarehouseTables []string
	// ContentIDs chooses the caches of these reports, documents, and dashboards,
	// by their 32 hexadecimal digits.
	ContentIDs []string
}

// CheckWarehouseTables returns an error if ContentFilter.WarehouseTables is
// invalid. The error does not contain the names, because they can be sensitive.
func CheckWarehouseTables(tables []string) error {
	if tables != nil && len(tables) == 0 {
		return emptyList("warehouse_tables", "tables")
	}
	for _, table := range tables {
		switch {
		case table == "":
			return errors.New("warehouse_tables must not contain an empty name")
		case strings.TrimSpace(table) != table:
			return errors.New("warehouse_tables must not contain a name that begins or ends with a space")
		case strings.ContainsFunc(table, unicode.IsControl):
			return errors.New("warehouse_tables must not contain a name with a line break or another control character")
		}
	}
	return nil
}

// CheckContentIDs returns an error if ContentFilter.ContentIDs is invalid. The
// error does not contain the IDs.
func CheckContentIDs(ids []string) error {
	if ids != nil && len(ids) == 0 {
		return emptyList("content_ids", "reports, documents, and dashboards")
	}
	for _, id := range ids {
		if len(id) != 32 || strings.Trim(id, "0123456789ABCDEFabcdef") != "" {
			return errors.New("content_ids must contain IDs of 32 hexadecimal digits, without hyphens")
		}
	}
	return nil
}

// emptyList is the error for an empty list. It looks like nothing, but null means
// everything.
func emptyList(name, what string) error {
	return fmt.Errorf("%s must not be empty. To purge the results of all %s, omit it", name, what)
}

func (f ContentFilter) check() error {
	return errors.Join(CheckWarehouseTables(f.WarehouseTables), CheckContentIDs(f.ContentIDs))
}

// Key returns the same text for filters that match the same caches.
func (f ContentFilter) Key() string {
	return fmt.Sprintf("warehouse_tables %q content_ids %q", folded(f.WarehouseTables), folded(f.ContentIDs))
}

// folded returns the distinct elements of a list, folded and sorted.
func folded(list []string) []string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = fold(s)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// fold returns the same text for texts that differ only in case. It converts to
// upper case first, because some letters, such as sigma, have two lower cases.
func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// set is a list of a filter. A nil set contains everything.
type set map[string]struct{}

func setOf(list []string) set {
	if list == nil {
		return nil
	}
	s := make(set, len(list))
	for _, each := range folded(list) {
		s[each] = struct{}{}
	}
	return s
}

func (s set) contains(text string) bool {
	if s == nil {
		return true
	}
	_, ok := s[fold(text)]
	return ok
}
