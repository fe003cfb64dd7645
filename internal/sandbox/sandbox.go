// Package sandbox puts the fakes of the three upstream systems behind one port,
// with one journal, for the demo, the documentation's examples and tests.
package sandbox

import (
	"net/http"
	"sync"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// Sandbox is the three fakes. It is an http.Handler: each fake is below a path
// of its own, so that a client that builds a wrong URL is found out.
type Sandbox struct {
	MSTR     *mstrtest.Server
	CDN      *cdntest.Server
	WPEngine *wpenginetest.Server
	// Journal is what reached any of them.
	Journal *fake.Journal

	mux *http.ServeMux
	// answering is held for reading while a request is being answered.
	answering sync.RWMutex
}

// The paths below which the fakes are. WP Engine's ends in the version of its API.
const (
	mstrPath     = "/mstr"
	cdnPath      = "/rackspace"
	wpenginePath = "/wpengine"
)

// New returns a sandbox with the fakes' own defaults.
func New() *Sandbox {
	s := &Sandbox{MSTR: mstrtest.New(), CDN: cdntest.New(), WPEngine: wpenginetest.New(), Journal: &fake.Journal{}, mux: http.NewServeMux()}
	s.MSTR.Journal, s.CDN.Journal, s.WPEngine.Journal = s.Journal, s.Journal, s.Journal
	s.mux.Handle(mstrPath+"/", http.StripPrefix(mstrPath, s.MSTR))
	s.mux.Handle(cdnPath+"/", http.StripPrefix(cdnPath, s.CDN))
	s.mux.Handle(wpenginePath+"/", http.StripPrefix(wpenginePath, s.WPEngine))
	return s
}

// ServeHTTP implements http.Handler.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.answering.RLock()
	defer s.answering.RUnlock()
	s.mux.ServeHTTP(w, r)
}

// Reach tells the sandbox the address at which it is reached, for the links in
// its answers, and returns the environment variables that point the provider at
// it.
func (s *Sandbox) Reach(address string) map[string]string {
	s.CDN.PublicURL = address + cdnPath
	return map[string]string{
		"MSTR_BASE_URL":    address + mstrPath + s.MSTR.ContextPath,
		"MSTR_USERNAME":    s.MSTR.Username,
		"MSTR_PASSWORD":    s.MSTR.Password,
		"RAX_IDENTITY_URL": address + cdnPath + "/v2.0",
		"RAX_USERNAME":     s.CDN.Username,
		"RAX_API_KEY":      s.CDN.APIKey,
		"WPE_API_USER_ID":  s.WPEngine.Username,
		"WPE_API_PASSWORD": s.WPEngine.Password,
		"WPE_API_BASE_URL": address + wpenginePath + s.WPEngine.BasePath,
	}
}

// SetClock replaces the clock of all fakes.
func (s *Sandbox) SetClock(now func() time.Time) {
	s.MSTR.Now, s.CDN.Now, s.WPEngine.Now = now, now, now
}

// Secrets returns everything that must not be shown anywhere.
func (s *Sandbox) Secrets() []string {
	secrets := append(s.MSTR.Secrets(), s.CDN.Secrets()...)
	return append(secrets, s.WPEngine.Secrets()...)
}
