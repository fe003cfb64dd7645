// SPDX-License-Identifier: MPL-2.0

package httpcache_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

func TestEachEndpointHasItsOwnRate(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.config.Endpoints = []string{endpoint, "http://10.0.0.12:6081"}
		w.config.RequestsPerSecond = 4
		wantNoErrors(t, together(40, func(i int) error { return w.purgeAt(w.config.Endpoints[i%2], fmt.Sprint("/", i)) })...)
		// 20 purges at each endpoint are 40 requests, 4 of them immediately.
		if want := 9 * time.Second; w.Elapsed() != want {
			t.Errorf("it took %s, want %s", w.Elapsed(), want)
		}
	})
}

func TestRateLimitOfOneEndpoint(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.config.Endpoints = []string{endpoint, "http://10.0.0.12:6081"}
		w.Fail("purge", 1, respond(http.StatusTooManyRequests, http.Header{"Retry-After": {"30"}}, ""))
		var limited time.Duration
		var wg sync.WaitGroup
		wg.Go(func() { // it gets the 429
			wantNoErrors(t, w.purge("/a"))
			limited = w.Elapsed()
		})
		<-time.After(time.Second)
		wantNoErrors(t, w.purgeAt(w.config.Endpoints[1], "/a"))
		if w.Elapsed() != time.Second {
			t.Errorf("the other endpoint waited for %s", w.Elapsed())
		}
		wg.Wait()
		if limited != 30*time.Second {
			t.Errorf("the limited endpoint waited for %s, want 30s", limited)
		}
	})
}

func TestFailedEndpointDoesNotDelayOthers(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		const dead = "http://10.0.0.12:6081"
		w.config.Endpoints = []string{endpoint, dead}
		w.Network.Set(func(ctx context.Context, address string, connect func(context.Context) (net.Conn, error)) (net.Conn, error) {
			if strings.HasPrefix(address, "10.0.0.12:") {
				return wiretest.Hang(ctx, address, connect)
			}
			return connect(ctx)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				if err := w.connect().Purge(ctx, dead, host, fmt.Sprint("/", i)); err == nil {
					t.Error("a dead endpoint accepted a purge")
				}
			})
		}
		<-time.After(time.Second)
		wantNoErrors(t, together(100, func(i int) error { return w.purge(fmt.Sprint("/", i)) })...)
		if w.Elapsed() != time.Second {
			t.Errorf("the purges at the other endpoint took until %s", w.Elapsed())
		}
		cancel()
		wg.Wait()
	})
}

func TestAWrongKeyIsTriedOnceAtEachEndpoint(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.config.Endpoints = []string{endpoint, "http://10.0.0.12:6081"}
		w.config.Transport.Header.Set(w.KeyHeader, "wrong-key")
		errs := together(20, func(i int) error { return w.purgeAt(w.config.Endpoints[i%2], fmt.Sprint("/", i)) })
		for _, err := range errs {
			if fieldsOf(err).Kind != transport.KindCredentials {
				t.Errorf("the error is %v", err)
			}
		}
		diff(t, "requests", []int{401, 401}, w.Statuses("purge"))
	})
}

func TestUnknownEndpoint(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		if err := w.purgeAt("http://10.0.0.99", "/a"); err == nil {
			t.Error("no error")
		}
	})
}
