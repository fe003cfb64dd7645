// SPDX-License-Identifier: MPL-2.0

// Package sandbox serves the fakes of the APIs, and of a site behind the CDN,
// on one port with one journal. The demo, the examples in the documentation,
// and tests use it.
package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"sync"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/httpcache/httpcachetest"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// Sandbox contains the fakes. It is an http.Handler that serves each fake below
// a path of its own, so a client that builds wrong URLs fails.
type Sandbox struct {
	MSTR      *mstrtest.Server
	CDN       *cdntest.Server
	WPEngine  *wpenginetest.Server
	HTTPCache *httpcachetest.Server
	// Site is the edge of the CDN and its origin, which has no files before
	// Populate. Hard purges of the CDN fake purge the edge.
	Site *verifytest.Edge
	// SiteURL and OriginURL are the addresses of the site and of its origin.
	// SetAddress sets them.
	SiteURL, OriginURL string
	// Journal records the requests that reached any of the fakes.
	Journal *fake.Journal

	mux *http.ServeMux
	// inFlight is read-locked while a request is in flight.
	inFlight sync.RWMutex
}

// system is one fake in the sandbox.
type system struct {
	path     string // the prefix of its URLs
	recorder *fake.Recorder
	fake     interface {
		http.Handler
		Secrets() []string
	}
	// setAddress receives the address of the path. It returns the environment
	// variables that configure the provider to use the fake.
	setAddress func(address string) map[string]string
}

// systems returns all fakes.
func (s *Sandbox) systems() []system {
	return []system{
		{"/mstr", s.MSTR.Recorder, s.MSTR, func(address string) map[string]string {
			return map[string]string{
				"MSTR_BASE_URL": address + s.MSTR.ContextPath,
				"MSTR_USERNAME": s.MSTR.Username,
				"MSTR_PASSWORD": s.MSTR.Password,
			}
		}},
		{"/rackspace", s.CDN.Recorder, s.CDN, func(address string) map[string]string {
			s.CDN.PublicURL = address // for the links in its responses
			return map[string]string{
				"RAX_IDENTITY_URL": address + "/v2.0",
				"RAX_USERNAME":     s.CDN.Username,
				"RAX_API_KEY":      s.CDN.APIKey,
			}
		}},
		{"/wpengine", s.WPEngine.Recorder, s.WPEngine, func(address string) map[string]string {
			return map[string]string{
				"WPE_API_BASE_URL": address + s.WPEngine.BasePath,
				"WPE_API_USER_ID":  s.WPEngine.Username,
				"WPE_API_PASSWORD": s.WPEngine.Password,
			}
		}},
		{"/http_cache", s.HTTPCache.Recorder, s.HTTPCache, func(address string) map[string]string {
			headers, _ := json.Marshal(map[string]string{s.HTTPCache.KeyHeader: s.HTTPCache.Key}) // cannot fail for strings
			return map[string]string{"PURGE_HTTP_CACHE_ENDPOINTS": address, "PURGE_HTTP_CACHE_HEADERS": string(headers)}
		}},
		{"/site", s.Site.Recorder, s.Site, func(address string) map[string]string {
			s.SiteURL = address
			return nil
		}},
		{"/origin", s.Site.Origin.Recorder, s.Site.Origin, func(address string) map[string]string {
			s.OriginURL = address
			return nil
		}},
	}
}

// New returns a sandbox with the defaults of each fake, and with content caches
// of the first MicroStrategy project.
func New() *Sandbox {
	s := &Sandbox{
		MSTR: mstrtest.New(), CDN: cdntest.New(), WPEngine: wpenginetest.New(), HTTPCache: httpcachetest.New(),
		Site: verifytest.NewEdge(), Journal: &fake.Journal{}, mux: http.NewServeMux(),
	}
	s.CDN.Purged = func(p cdntest.Purge) {
		if p.Hard {
			s.Site.Purge(p.URL)
		}
	}
	for _, system := range s.systems() {
		system.recorder.Journal = s.Journal
		s.mux.Handle(system.path+"/", http.StripPrefix(system.path, system.fake))
	}
	s.runReports()
	return s
}

// runReports fills the content caches of each node. One of them belongs to a
// cube, which no purge may delete.
func (s *Sandbox) runReports() {
	for _, node := range s.MSTR.Nodes {
		for _, c := range []mstrtest.ContentCache{
			{SourceID: "5E4D3C2B1A0F9E8D7C6B5A4F3E2D1C0B", Source: "Sales by store", Type: "report", WarehouseTables: []string{"F_SALES", "D_STORE"}},
			{SourceID: "0A1B2C3D4E5F60718293A4B5C6D7E8F9", Source: "Daily sales", Type: "dossier", WarehouseTables: []string{"F_SALES"}},
			{SourceID: "9F8E7D6C5B4A39281706F5E4D3C2B1A0", Source: "Stock", Type: "document", WarehouseTables: []string{"F_STOCK"}},
			{SourceID: "1F2E3D4C5B6A798897A6B5C4D3E2F101", Source: "Sales cube", Type: "cube", WarehouseTables: []string{"F_SALES"}},
		} {
			c.Node, c.Project = node.Name, s.MSTR.Projects[0].ID
			s.MSTR.AddContentCache(c)
		}
	}
}

// ServeHTTP implements http.Handler.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.inFlight.RLock()
	defer s.inFlight.RUnlock()
	s.mux.ServeHTTP(w, r)
}

// SetAddress sets the address of the sandbox, for the links in its responses. It
// returns the environment variables that configure the provider to use the
// sandbox.
func (s *Sandbox) SetAddress(address string) map[string]string {
	env := make(map[string]string)
	for _, system := range s.systems() {
		maps.Copy(env, system.setAddress(address+system.path))
	}
	return env
}

// Secrets returns the credentials of all fakes, which must not be shown
// anywhere.
func (s *Sandbox) Secrets() []string {
	var secrets []string
	for _, system := range s.systems() {
		secrets = append(secrets, system.fake.Secrets()...)
	}
	return secrets
}
