// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// secureNet is a network in memory with TLS and HTTP/2.
type secureNet struct {
	roots  *x509.CertPool
	config *tls.Config
	accept chan net.Conn

	mu    sync.Mutex
	conns []*droppable
}

// secured runs a test with a client and a server over TLS in a bubble.
func secured(t *testing.T, o Options, serve func(*secureNet), test func(t *testing.T, c *Client, n *secureNet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours := newAuthority(t)
		cert, key := ours.sign(t, &x509.Certificate{NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"localhost"}})
		n := &secureNet{roots: x509.NewCertPool(), accept: make(chan net.Conn)}
		n.roots.AddCert(ours.cert)
		n.config = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}
		o.RootCAs, o.Dial = n.roots, n.dial
		if o.Backoff == nil {
			o.Backoff = func(int) time.Duration { return time.Second }
		}
		c := New("Example", o)
		go serve(n)
		test(t, c, n)
		c.Close()
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, conn := range n.conns {
			_ = conn.Close()
		}
		close(n.accept)
	})
}

func (n *secureNet) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	conn := &droppable{Conn: near, closed: make(chan struct{})}
	n.mu.Lock()
	n.conns = append(n.conns, conn)
	n.mu.Unlock()
	n.accept <- far
	return conn, nil
}

func (n *secureNet) dials() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.conns)
}

// drop drops all connections, like a NAT: writes are lost and reads block.
func (n *secureNet) drop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, conn := range n.conns {
		conn.dropped.Store(true)
	}
}

// each calls talk for each connection.
func each(talk func(net.Conn)) func(*secureNet) {
	return func(n *secureNet) {
		for conn := range n.accept {
			go func() {
				defer conn.Close()
				secure := tls.Server(conn, n.config)
				if secure.HandshakeContext(context.Background()) == nil {
					talk(secure)
				}
			}()
		}
	}
}

// Accept, Close, and Addr implement net.Listener.
func (n *secureNet) Accept() (net.Conn, error) {
	conn, ok := <-n.accept
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (n *secureNet) Close() error { return nil }

func (n *secureNet) Addr() net.Addr { return &net.TCPAddr{} }

type droppable struct {
	net.Conn
	dropped atomic.Bool
	once    sync.Once
	closed  chan struct{}
}

func (d *droppable) Write(b []byte) (int, error) {
	if d.dropped.Load() {
		return len(b), nil
	}
	return d.Conn.Write(b)
}

func (d *droppable) Close() error {
	d.once.Do(func() { close(d.closed) })
	return d.Conn.Close()
}

// purgeSecurely returns a request over TLS.
func purgeSecurely() *Request {
	r := purge()
	r.Base = "https://localhost"
	return r
}
