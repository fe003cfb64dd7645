// SPDX-License-Identifier: MPL-2.0

// Package wiretest is a network in memory for tests of HTTP clients. It works
// in a testing/synctest bubble, where sockets hang. It counts open connections,
// so that a test can check that none was left open.
//
// Use an address of this machine ("http://localhost/base"), because a proxy in
// the environment does not apply to it.
package wiretest

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// Network connects every address to one handler.
type Network struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
	served sync.WaitGroup

	mu     sync.Mutex
	server *http.Server
	fault  Fault
	open   map[*conn]struct{}
	dialed []string
}

// Listen returns a network without a server. Dials wait for Serve.
func Listen() *Network {
	return &Network{accept: make(chan net.Conn), closed: make(chan struct{}), open: make(map[*conn]struct{})}
}

// Serve starts to serve requests with a handler, until Close. Call it once.
func (n *Network) Serve(h http.Handler) {
	server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)} //nolint:gosec // the tests set timeouts
	n.mu.Lock()
	n.server = server
	n.mu.Unlock()
	n.served.Go(func() { _ = server.Serve(listener{n}) })
}

// Close stops the server and closes all connections. Later dials are refused.
func (n *Network) Close() {
	n.once.Do(func() { close(n.closed) })
	n.mu.Lock()
	server := n.server
	n.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
	n.Break()
	n.served.Wait()
}

// Dial is the Dial function of transport.Options.
func (n *Network) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dialed = append(n.dialed, address)
	fault := n.fault
	n.mu.Unlock()
	if fault != nil {
		return fault(ctx, address, n.connect)
	}
	return n.connect(ctx)
}

func (n *Network) connect(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case n.accept <- far:
	case <-n.closed:
		return nil, opError("dial", syscall.ECONNREFUSED)
	case <-ctx.Done():
		return nil, opError("dial", ctx.Err())
	}
	c := &conn{Conn: near, network: n, closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open[c] = struct{}{}
	return c, nil
}

// Set sets the fault of all further dials. Nil means none.
func (n *Network) Set(f Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fault = f
}

// Break closes the open connections from the server's side, like a server that
// closes idle connections.
func (n *Network) Break() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.open {
		_ = c.Conn.Close() // the client's next read returns io.EOF
	}
}

// Open returns the number of connections that the client has not closed.
func (n *Network) Open() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.open)
}

// Dialed returns the dialed addresses in order, including those of failed
// dials.
func (n *Network) Dialed() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.dialed...)
}

// conn is the client's side of a connection.
type conn struct {
	net.Conn
	network *Network
	once    sync.Once
	closed  chan struct{}
}

// Read returns io.EOF instead of io.ErrClosedPipe, which the pipe returns after
// Break.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == io.ErrClosedPipe { //nolint:errorlint // net.Pipe does not wrap it
		err = io.EOF
	}
	return n, err
}

func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	c.network.mu.Lock()
	delete(c.network.open, c)
	c.network.mu.Unlock()
	return c.Conn.Close()
}

// listener is the server's side of a Network.
type listener struct{ network *Network }

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.network.accept:
		return c, nil
	case <-l.network.closed:
		return nil, net.ErrClosed
	}
}

func (listener) Close() error   { return nil }
func (listener) Addr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "memory" }
func (addr) String() string  { return "memory" }
