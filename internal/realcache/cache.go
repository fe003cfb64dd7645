// SPDX-License-Identifier: MPL-2.0

// Package realcache starts real HTTP caches for tests: Varnish, nginx, Squid,
// and Apache Traffic Server. Each runs in its own process on loopback, with its
// own directory and configuration, in front of an origin.
//
// On Debian, the packages are varnish, nginx-light with
// libnginx-mod-http-cache-purge, squid, and trafficserver. Their services do
// not have to run.
package realcache

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Kind is a kind of cache.
type Kind struct {
	Name string
	// NoAge reports that the cache returns no Age header.
	NoAge bool
	// VariantsApart reports that a purge deletes only the variant of its own
	// Accept-Encoding.
	VariantsApart bool
	// PurgePrefix precedes the path of a purge. PurgeMethod is the method of a
	// purge.
	PurgePrefix, PurgeMethod string

	// needs lists the files that must be installed, as absolute paths or names of
	// programs.
	needs []string
	// configure writes the configuration into the directory and returns the
	// command.
	configure func(s *setup) ([]string, error)
}

// Kinds returns all kinds of caches.
func Kinds() []Kind { return []Kind{Varnish(), Nginx(), Squid(), TrafficServer()} }

// Options are variations of the configuration.
type Options struct {
	// NoPurge omits the configuration for purges.
	NoPurge bool
	// Deny configures purges, but denies them to this machine.
	Deny bool
	// OneVariant makes the cache send no Accept-Encoding to the origin. Only
	// nginx supports it.
	OneVariant bool
}

// setup contains the inputs of a configuration.
type setup struct {
	Options
	dir          string
	port, origin string // "127.0.0.1:8080"
}

// Cache is a running cache.
type Cache struct {
	Kind
	// URL is the address, without a trailing slash.
	URL string
	// Origin is the address of the origin.
	Origin string

	t       testing.TB
	setup   setup
	process *process
}

// Missing describes a file that is not installed. It returns "" if the cache is
// installed.
func (k Kind) Missing() string {
	for _, need := range k.needs {
		if find(need) == "" {
			return need + " is not installed"
		}
	}
	return ""
}

// find returns the path of a program or file. It also searches the directories
// of daemons, which are not on every user's PATH.
func find(name string) string {
	dirs := append(filepath.SplitList(os.Getenv("PATH")), "/usr/local/sbin", "/usr/sbin", "/sbin")
	if filepath.IsAbs(name) {
		dirs = []string{""}
	}
	for _, dir := range dirs {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() { //nolint:gosec // the path comes from PATH
			return filepath.Join(dir, name)
		}
	}
	return ""
}

// Start starts a cache in front of an origin and stops it when the test ends.
// If the cache is not installed, Start skips the test.
func Start(t testing.TB, kind Kind, origin http.Handler, o Options) *Cache {
	t.Helper()
	if missing := kind.Missing(); missing != "" {
		t.Skipf("%s is not tested: %s", kind.Name, missing)
	}
	server := httptest.NewServer(origin)
	t.Cleanup(server.Close)
	dir, err := os.MkdirTemp("", "realcache-") //nolint:usetesting // Squid runs as another user, which cannot access t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := &Cache{
		Kind: kind, Origin: server.URL, t: t,
		setup: setup{Options: o, dir: dir, origin: strings.TrimPrefix(server.URL, "http://")},
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // for the user of Squid
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	// Another process may take a free port before the cache listens on it.
	for range 3 {
		if c.setup.port, err = freePort(t.Context()); err != nil {
			break
		}
		c.URL = "http://" + c.setup.port
		if err = c.run(); err == nil {
			return c
		}
	}
	t.Fatalf("%s: %s", kind.Name, err)
	return nil
}

// Stop ends the process. Nothing listens on the port afterward.
func (c *Cache) Stop() {
	if c.process != nil {
		c.process.stop()
		c.process = nil
	}
}

// Restart starts a stopped cache on the same port. Some caches keep their
// content.
func (c *Cache) Restart() {
	c.t.Helper()
	if err := c.run(); err != nil {
		c.t.Fatalf("%s: %s", c.Name, err)
	}
}

// run writes the configuration, starts the process, and waits for its first
// response.
func (c *Cache) run() error {
	command, err := c.configure(&c.setup)
	if err != nil {
		return err
	}
	if c.process, err = start(c.setup.dir, command); err != nil {
		return err
	}
	if err := c.process.await(c.setup.port); err != nil {
		c.Stop()
		return err
	}
	return nil
}

// Purge purges a path and returns the status of the response.
func (c *Cache) Purge(path string, header http.Header) int {
	c.t.Helper()
	return c.status(c.PurgeMethod, c.PurgePrefix+path, header)
}

// PurgeAll purges both variants of a path.
func (c *Cache) PurgeAll(path string) {
	c.t.Helper()
	for _, header := range []http.Header{nil, {"Accept-Encoding": {"gzip"}}} {
		if status := c.Purge(path, header); status != http.StatusOK && status != http.StatusNotFound {
			c.t.Errorf("%s: the purge of %s returned %d", c.Name, path, status)
		}
	}
}

func (c *Cache) status(method, path string, header http.Header) int {
	c.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, c.URL+path, http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := bare.RoundTrip(req)
	if err != nil {
		c.t.Fatalf("%s: %s", c.Name, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// bare sends requests unchanged, without an Accept-Encoding header and without
// a proxy.
var bare = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: 10 * time.Second}

func freePort(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// write writes a file of the configuration.
func (s *setup) write(name, content string) error {
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // other users read the files
		return err
	}
	return os.WriteFile(path, []byte(content), 0o644) //nolint:gosec // as above
}

// memory is the maximum size of a cache in MB.
const memory = 128

// portOf returns the port of an address.
func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address) // of a listener
	return port
}
