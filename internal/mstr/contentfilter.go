// SPDX-License-Identifier: MPL-2.0

package mstr

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// ContentFilter narrows a purge of content caches. A nil list does not narrow
// it, and an empty one is an error. Order, repetition, and case do not matter.
type ContentFilter struct {
	// WarehouseTables chooses the caches that use at least one of these tables.
	WarehouseTables []string
	// ContentIDs chooses the caches of these reports, documents, and dashboards,
	// by their 32 hexadecimal digits.
	ContentIDs []string
}

// CheckWarehouseTables reports what is wrong with ContentFilter.WarehouseTables.
// Its errors do not contain the names: they can be sensitive.
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

// CheckContentIDs reports what is wrong with ContentFilter.ContentIDs. Its errors
// do not contain the IDs.
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

// emptyList is the error of a list that looks like "nothing" next to null, which
// means everything.
func emptyList(name, what string) error {
	return fmt.Errorf("%s must not be empty. To purge the results of all %s, omit it", name, what)
}

func (f ContentFilter) check() error {
	return errors.Join(CheckWarehouseTables(f.WarehouseTables), CheckContentIDs(f.ContentIDs))
}

// Key returns a text that is equal for filters that choose the same caches.
func (f ContentFilter) Key() string {
	return fmt.Sprintf("warehouse_tables %q content_ids %q", folded(f.WarehouseTables), folded(f.ContentIDs))
}

// folded returns the set of a list as a sorted list, without regard to case.
func folded(list []string) []string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = fold(s)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// fold returns equal texts for what differs only by case. Some letters, such as
// the final sigma, have two lower cases, and so one in upper case is not enough.
func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// set is a filter's list, ready to be asked. A nil one contains everything.
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
