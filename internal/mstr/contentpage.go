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

// cacheEntry is what a list contains about one cache, as far as a purge needs
// it. Lists also contain cubes.
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
// them in dbTablesUsed, and then warehouseTablesUsed contains cubes.
func (e *cacheEntry) tables() []string {
	if e.DBTables != nil {
		return e.DBTables
	}
	return e.WarehouseTables
}

// ready reports whether users can get the cache: the server lists some for a
// while after their invalidation.
func (e *cacheEntry) ready() bool { return e.Status.Ready && !e.Status.Invalid }

// isCube reports whether the cache is no result but a cube, or something built
// like one: without its cache, a cube is unpublished.
func (e *cacheEntry) isCube() bool { return strings.Contains(strings.ToLower(e.Source.Type), "cube") }

// cachePage receives one page of a list of content caches.
type cachePage struct {
	Offset *int    `json:"offset"`
	Total  *int    `json:"total"`
	Caches entries `json:"contentCaches"`
}

// check returns what is wrong with a page that was asked for from an offset on.
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

// entries passes the caches of a page on, one by one, so that only their IDs
// have to fit into memory.
type entries struct {
	visit func(id string, e *cacheEntry)
	ids   []string
	err   error
}

// UnmarshalJSON implements json.Unmarshaler. It keeps its errors for check:
// package transport only reports those of encoding/json.
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
		var element map[string]*cacheEntry // with one key, the combined ID
		if err := decoder.Decode(&element); err != nil {
			return fmt.Errorf("element %d of the list of content caches is not one: %w", i, withoutGo(err))
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
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return fmt.Errorf("%q is a %s", wrong.Field, wrong.Value)
	}
	return err
}
