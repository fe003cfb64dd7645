// SPDX-License-Identifier: MPL-2.0

// Package realcache starts real HTTP caches for tests: Varnish, nginx, Squid, and
// Apache Traffic Server, each as a process of its own on loopback, with its own
// directory and configuration and an origin behind it.
//
// On Debian, the packages are varnish, nginx-light with
// libnginx-mod-http-cache-purge, squid, and trafficserver. Their services do not
// have to run.
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

// Kind is a cache that can be started.
type Kind struct {
	Name string
	// NoAge: it returns no Age header.
	NoAge bool
	// VariantsApart: PURGE reaches only the variant that it is asked with.
	VariantsApart bool
	// PurgePrefix is put before the path of a purge, and PurgeMethod is its
	// method.
	PurgePrefix, PurgeMethod string

	// needs are the files without which it is not there: absolute, or in a
	// directory for programs.
	needs []string
	// configure writes the configuration into the directory and returns the
	// command.
	configure func(s *setup) ([]string, error)
}

// Kinds are all caches.
func Kinds() []Kind { return []Kind{Varnish(), Nginx(), Squid(), TrafficServer()} }

// Options are variations of the configuration.
type Options struct {
	// NoPurge: nothing about purging is configured.
	NoPurge bool
	// Deny: purging is configured, and not for this machine.
	Deny bool
	// OneVariant: the cache asks the origin without Accept-Encoding. Only nginx
	// heeds it.
	OneVariant bool
}

// setup is what a configuration is made of.
type setup struct {
	Options
	dir          string
	port, origin string // "127.0.0.1:8080"
}

// Cache is a cache that runs.
type Cache struct {
	Kind
	// URL is the address, without a slash at its end.
	URL string
	// Origin is the address of the origin behind it.
	Origin string

	t       testing.TB
	setup   setup
	process *process
}

// Missing returns what an installation lacks for a cache, "" if it is there.
func (k Kind) Missing() string {
	for _, need := range k.needs {
		if find(need) == "" {
			return need + " is not installed"
		}
	}
	return ""
}

// find returns the path of a program or file. Those of daemons are not on every
// user's PATH.
func find(name string) string {
	dirs := append(filepath.SplitList(os.Getenv("PATH")), "/usr/local/sbin", "/usr/sbin", "/sbin")
	if filepath.IsAbs(name) {
		dirs = []string{""}
	}
	for _, dir := range dirs {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() { //nolint:gosec // PATH is there to be searched
			return filepath.Join(dir, name)
		}
	}
	return ""
}

// Start starts a cache in front of an origin and stops it when the test ends. If
// the cache is not installed, it skips the test.
func Start(t testing.TB, kind Kind, origin http.Handler, o Options) *Cache {
	t.Helper()
	if missing := kind.Missing(); missing != "" {
		t.Skipf("%s is not tested: %s", kind.Name, missing)
	}
	server := httptest.NewServer(origin)
	t.Cleanup(server.Close)
	dir, err := os.MkdirTemp("", "realcache-") //nolint:usetesting // Squid runs as another user, who may not enter t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := &Cache{
		Kind: kind, Origin: server.URL, t: t,
		setup: setup{Options: o, dir: dir, origin: strings.TrimPrefix(server.URL, "http://")},
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the same user
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	// A port that is free now may be taken when the cache listens.
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

// Stop ends the process. What listens on the port after it is nothing.
func (c *Cache) Stop() {
	if c.process != nil {
		c.process.stop()
		c.process = nil
	}
}

// Restart starts a cache that was stopped, on the same port. Whether it has kept
// its content is up to the cache.
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

// Purge purges a path and returns the status.
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

// bare sends what it is given, without an Accept-Encoding of its own or a proxy.
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
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // other users read it
		return err
	}
	return os.WriteFile(path, []byte(content), 0o644) //nolint:gosec // the same
}

// memory is how much a cache may store, in MB.
const memory = 128

// portOf returns the port of an address.
func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address) // of a listener
	return port
}
