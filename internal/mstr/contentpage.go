// SPDX-License-Identifier: MPL-2.0

package mstr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// cacheEntry is an element of a list of caches. Lists also contain cubes.
type cacheEntry struct {
	ProjectID string `json:"projectId"`
	Source    struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	} `json:"source"`
	Status *struct {
		Ready   bool `json:"ready"`
		Invalid bool `json:"invalid"`
	} `json:"status"`
	WarehouseTables []string       `json:"warehouseTablesUsed"`
	DBTables        []string       `json:"dbTablesUsed"`
	LastUpdate      transport.Text `json:"lastUpdateTime"`
}

// tables returns the warehouse tables that the cache uses. Newer servers list
// them in dbTablesUsed, and list cubes in warehouseTablesUsed.
func (e *cacheEntry) tables() []string {
	if e.DBTables != nil {
		return e.DBTables
	}
	return e.WarehouseTables
}

// ready reports whether users can get the cache. The server lists a cache for some
// time after its invalidation.
func (e *cacheEntry) ready() bool { return e.Status.Ready && !e.Status.Invalid }

// isCube reports whether the cache is a cube, or similar to one, and not a result.
// Invalidating the cache of a cube would unpublish the cube.
func (e *cacheEntry) isCube() bool { return strings.Contains(strings.ToLower(e.Source.Type), "cube") }

// cachePage receives one page of a list of content caches.
type cachePage struct {
	Offset *int    `json:"offset"`
	Total  *int    `json:"total"`
	Caches entries `json:"contentCaches"`
}

// check returns an error if a page is not a valid page for an offset.
func (p *cachePage) check(offset int) error {
	switch {
	case p.Caches.err != nil:
		return p.Caches.err
	case p.Total == nil || *p.Total < 0:
		return errors.New("the list of content caches has no total")
	case p.Offset != nil && *p.Offset != offset:
		return fmt.Errorf("the list of content caches begins at offset %d instead of %d", *p.Offset, offset)
	case len(p.Caches.ids) == 0 && offset < *p.Total:
		return fmt.Errorf("the list of content caches ends at %d of %d", offset, *p.Total)
	default:
		return nil
	}
}

// entries visits the caches of a page one by one, and keeps only their IDs in
// memory.
type entries struct {
	visit func(id string, e *cacheEntry)
	ids   []string
	err   error
}

// UnmarshalJSON implements json.Unmarshaler. It keeps its errors for check,
// because package transport reports only errors of encoding/json.
func (l *entries) UnmarshalJSON(b []byte) error {
	l.ids, l.err = nil, nil
	if string(b) != "null" {
		l.err = l.read(json.NewDecoder(bytes.NewReader(b)))
	}
	return nil
}

func (l *entries) read(decoder *json.Decoder) error {
	if token, err := decoder.Token(); err != nil || token != json.Delim('[') {
		return errors.New("contentCaches is not a list")
	}
	for i := 0; decoder.More(); i++ {
		var element map[string]*cacheEntry // its only key is the combined ID
		if err := decoder.Decode(&element); err != nil {
			return fmt.Errorf("element %d of the list of content caches is invalid: %w", i, withoutGo(err))
		}
		for id, e := range element {
			if id == "" || e == nil || e.Source.Type == "" || e.Status == nil {
				return fmt.Errorf("element %d of the list of content caches lacks its ID, source.type, or status", i)
			}
			l.ids = append(l.ids, id)
			l.visit(id, e)
		}
	}
	return nil
}

// withoutGo returns an error of encoding/json without the names of Go types.
func withoutGo(err error) error {
	wrong := (*json.UnmarshalTypeError)(nil)
	switch {
	case !errors.As(err, &wrong):
		return err
	case wrong.Field == "":
		return fmt.Errorf("it is a %s", wrong.Value)
	default:
		return fmt.Errorf("%q is a %s", wrong.Field, wrong.Value)
	}
}
