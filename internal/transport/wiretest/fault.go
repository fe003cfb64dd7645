// SPDX-License-Identifier: MPL-2.0

package wiretest

import (
	"context"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// Fault dials a connection that fails in some way. connect dials a connection
// that works.
type Fault func(ctx context.Context, address string, connect func(context.Context) (net.Conn, error)) (net.Conn, error)

type connect = func(context.Context) (net.Conn, error)

// Refuse fails like a port on which no process listens.
func Refuse(context.Context, string, connect) (net.Conn, error) {
	return nil, opError("dial", syscall.ECONNREFUSED)
}

// UnknownHost fails like DNS for a name that does not exist.
func UnknownHost(_ context.Context, address string, _ connect) (net.Conn, error) {
	return nil, opError("dial", &net.DNSError{Err: "no such host", Name: host(address), IsNotFound: true})
}

// NoNameServer fails like DNS with a server that fails.
func NoNameServer(_ context.Context, address string, _ connect) (net.Conn, error) {
	return nil, opError("dial", &net.DNSError{Err: "server misbehaving", Name: host(address), IsTemporary: true})
}

// Hang blocks a dial until the context ends.
func Hang(ctx context.Context, _ string, _ connect) (net.Conn, error) {
	<-ctx.Done()
	return nil, opError("dial", ctx.Err())
}

// Reset resets a connection after the client has read a number of bytes from it. With
// 0, that is after the client has written its request and before it reads any
// response.
func Reset(bytes int) Fault {
	return limited(bytes, func(*conn) error { return opError("read", syscall.ECONNRESET) })
}

// Stall blocks all reads from a connection after a number of bytes.
func Stall(bytes int) Fault {
	return limited(bytes, func(c *conn) error {
		<-c.closed
		return net.ErrClosed
	})
}

// CloseWhenKept returns a connection that the peer closes after its first
// response. The client notices when it writes its next request, of which
// nothing is sent.
func CloseWhenKept(ctx context.Context, _ string, connect connect) (net.Conn, error) {
	inner, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	return &stale{conn: inner.(*conn)}, nil //nolint:forcetypeassert // Network has no other
}

// Trickle delivers bytes one by one, with a pause before each.
func Trickle(pause time.Duration) Fault {
	return func(ctx context.Context, _ string, connect connect) (net.Conn, error) {
		inner, err := connect(ctx)
		if err != nil {
			return nil, err
		}
		return &slow{conn: inner.(*conn), pause: pause}, nil //nolint:forcetypeassert // Network has no other
	}
}

// Times applies a fault to the first dials only.
func Times(times int, f Fault) Fault {
	var left atomic.Int64
	left.Store(int64(times))
	return func(ctx context.Context, address string, connect connect) (net.Conn, error) {
		if left.Add(-1) < 0 {
			return connect(ctx)
		}
		return f(ctx, address, connect)
	}
}

func limited(bytes int, after func(*conn) error) Fault {
	return func(ctx context.Context, _ string, connect connect) (net.Conn, error) {
		inner, err := connect(ctx)
		if err != nil {
			return nil, err
		}
		return &short{conn: inner.(*conn), left: bytes, after: after}, nil //nolint:forcetypeassert // Network has no other
	}
}

// short is a connection that ends or stalls after a number of bytes. Only one
// goroutine at a time may read from it, as net/http does.
type short struct {
	*conn
	left  int
	after func(*conn) error
}

func (s *short) Read(b []byte) (int, error) {
	// Wait for the first byte even if the client must not see it: when the peer
	// responds, it has read the request.
	if s.left <= 0 {
		if _, err := s.conn.Read(b[:min(1, len(b))]); err != nil {
			return 0, err
		}
		return 0, s.after(s.conn)
	}
	n, err := s.conn.Read(b[:min(s.left, len(b))])
	s.left -= n
	return n, err
}

type stale struct {
	*conn
	responded atomic.Bool
}

func (s *stale) Read(b []byte) (int, error) {
	n, err := s.conn.Read(b)
	s.responded.Store(s.responded.Load() || n > 0)
	return n, err
}

func (s *stale) Write(b []byte) (int, error) {
	if !s.responded.Load() {
		return s.conn.Write(b)
	}
	_ = s.Conn.Close() // the read returns io.EOF
	<-s.closed
	return 0, opError("write", net.ErrClosed)
}

type slow struct {
	*conn
	pause time.Duration
}

func (s *slow) Read(b []byte) (int, error) {
	timer := time.NewTimer(s.pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.closed:
		return 0, net.ErrClosed
	}
	return s.conn.Read(b[:min(1, len(b))])
}

// opError wraps an error as package net does.
func opError(op string, err error) error {
	if errno, ok := err.(syscall.Errno); ok { //nolint:errorlint // the callers pass it unwrapped
		call := op
		if op == "dial" {
			call = "connect"
		}
		err = os.NewSyscallError(call, errno)
	}
	return &net.OpError{Op: op, Net: "tcp", Err: err}
}

func host(address string) string {
	name, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return name
}
