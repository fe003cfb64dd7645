// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

// Start serves the sandbox at an address such as 127.0.0.1:0; port 0 stands for
// any free port. It returns the environment variables that configure the
// provider to use the sandbox, and a function that stops serving.
func (s *Sandbox) Start(ctx context.Context, address string) (env map[string]string, stop func(), err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, nil, err
	}
	env = s.SetAddress("http://" + listener.Addr().String())
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // returns when it is closed
	}()
	return env, func() {
		_ = server.Close() // only closing the listener could fail
		<-done
	}, nil
}

// Inputs returns IDs of objects in the sandbox, by the names of the variables
// of examples/complete.
func (s *Sandbox) Inputs() map[string]string {
	return map[string]string{
		"mstr_project_id":     s.MSTR.Projects[0].ID,
		"cdn_service_id":      cdntest.DeployedID,
		"wpengine_install_id": s.WPEngine.Install("acmeprod").ID,
	}
}

// Page is the page that Populate adds to the site, and PageText is a text in it.
const (
	Page     = "/index.html"
	PageText = "Welcome to the sandbox"
)

// Populate adds a page to the site, and users who run each report again after its
// cache is invalidated, so that later purges find cached results.
func (s *Sandbox) Populate() {
	s.Site.Origin.Put(Page, verifytest.File{Body: "<!doctype html>\n<title>" + PageText + "</title>\n"}, 0)
	s.MSTR.BusyUsers = true
}

// TakeEntries returns the entries since the last call. It waits until no request is in
// flight.
func (s *Sandbox) TakeEntries() []fake.Entry {
	s.inFlight.Lock()
	defer s.inFlight.Unlock()
	entries := s.Journal.Entries()
	s.Journal.Reset()
	return entries
}
