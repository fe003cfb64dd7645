// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/httpcache"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// cluster points the provider at three instances: one fake with three names. Some
// of the names do not respond.
func (w *world) cluster(network *wiretest.Network, down map[string]wiretest.Fault) {
	w.HTTPCache.Key = ""
	delete(w.env, "PURGE_HTTP_CACHE_HEADERS")
	w.env["PURGE_HTTP_CACHE_ENDPOINTS"] = "http://one/http_cache, http://two/http_cache/,http://three/http_cache"
	network.Break()
	network.Set(func(ctx context.Context, address string, connect func(context.Context) (net.Conn, error)) (net.Conn, error) {
		name, _, _ := strings.Cut(address, ":")
		if f := down[name]; f != nil {
			return f(ctx, address, connect)
		}
		return connect(ctx)
	})
}

// TestAnInstanceThatIsDownAndComesBack checks that the other instances get
// everything, that nothing counts as purged, and that the next apply sends it to
// all instances.
func TestAnInstanceThatIsDownAndComesBack(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world, network *wiretest.Network) {
		w.cluster(network, map[string]wiretest.Fault{"two": wiretest.Refuse})
		const kind = "purge_http_cache"
		p := w.speak(t)
		config := object{"host": "www.example.com", "assets": object{"/a": "1", "/b": "1"}, "purge_on_create": true}
		planned, _ := p.plan(kind, nil, config)
		began := time.Now()
		state, reported := p.apply(kind, nil, planned, config)
		if len(reported) != 1 || !containing(
			"error: No complete response from HTTP cache", "0 of 2 purges were accepted. The next apply sends all 2.", "at http://two/http_cache, the provider received no response",
			"Missing at 1 of 3 endpoints: http://two/http_cache: no response from HTTP cache",
		).MatchString(reported[0]) || strings.Contains(reported[0], "http://one") || strings.Contains(reported[0], "http://three") {
			t.Errorf("diagnostics: %q", reported)
		}
		if took := time.Since(began); took > 5*time.Minute {
			t.Errorf("it took %s", took)
		}
		if diff := cmp.Diff(object(nil), state); diff != "" {
			t.Errorf("a create without an accepted purge leaves a state (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"www.example.com/a", "www.example.com/a", "www.example.com/b", "www.example.com/b"}, slices.Sorted(slices.Values(w.purges()))); diff != "" {
			t.Errorf("sent to the instances that are up (-want +got):\n%s", diff)
		}

		network.Set(nil)
		p = w.speak(t) // another process
		planned, _ = p.plan(kind, nil, config)
		state, reported = p.apply(kind, nil, planned, config)
		if len(reported) > 0 || state["pending"] != nil || state["summary"] != "2 created; 2 purges" {
			t.Errorf("diagnostics: %q, and the state is %v", reported, state)
		}
		if n := len(w.purges()); n != 6 {
			t.Errorf("%d purges were sent, want each of 2 paths to all of 3 endpoints", n)
		}

		network.Break()
		w.cluster(network, map[string]wiretest.Fault{"three": wiretest.Refuse})
		config = object{"host": "www.example.com", "assets": object{"/a": "2", "/c": "1"}, "purge_on_create": true}
		planned, _ = p.plan(kind, state, config)
		if planned["summary"] != "since "+state["last_purged_at"].(string)+": 1 added, 1 changed, 1 removed; 3 purges" { //nolint:forcetypeassert // or it panics
			t.Errorf("the summary is %v", planned["summary"])
		}
		failed, reported := p.apply(kind, state, planned, config)
		want := object{"/a": "changed", "/b": "removed", "/c": "added"}
		if diff := cmp.Diff(want, failed["pending"]); diff != "" || len(reported) != 1 {
			t.Errorf("diagnostics: %q; pending (-want +got):\n%s", reported, diff)
		}
		w.purges()

		network.Set(nil)
		p = w.speak(t)
		planned, _ = p.plan(kind, failed, config)
		state, reported = p.apply(kind, failed, planned, config)
		if n := len(w.purges()); n != 9 || len(reported) > 0 || state["pending"] != nil {
			t.Errorf("%d purges were sent; diagnostics: %q; the state is %v", n, reported, state)
		}
	})
}

// TestEndpointsThatFailForDifferentReasons checks that the error names all of them,
// in an action too.
func TestEndpointsThatFailForDifferentReasons(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world, network *wiretest.Network) {
		w.cluster(network, map[string]wiretest.Fault{"two": wiretest.UnknownHost, "three": wiretest.Refuse})
		_, reported := w.speak(t).invoke(t.Context(), "purge_http_cache", object{"host": "www.example.com", "urls": texts("/a", "/b")})
		if len(reported) != 1 || !containing(
			"error: Unknown host for HTTP cache", "0 of 2 purges were accepted.", "Missing at 2 of 3 endpoints:",
			"http://three/http_cache: no response from HTTP cache", "http://two/http_cache: no response from HTTP cache", "no such host",
		).MatchString(reported[0]) {
			t.Errorf("diagnostics: %q", reported)
		}
		if diff := cmp.Diff([]string{"www.example.com/a", "www.example.com/b"}, slices.Sorted(slices.Values(w.purges()))); diff != "" {
			t.Errorf("sent to the instance that is up (-want +got):\n%s", diff)
		}
	})
}

// TestEndpoints checks that an error at one endpoint does not stop the others, and
// that a task is accepted when all endpoints have accepted it.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	rejected := &transport.Error{System: httpcache.System, Kind: transport.KindInvalid, Status: 400}
	denied := &transport.Error{System: httpcache.System, Kind: transport.KindForbidden, Status: 403}
	failing := &transport.Error{System: httpcache.System, Kind: transport.KindServer, Status: 500}
	type bad map[string]error // by "endpoint/task", or by endpoint
	for name, test := range map[string]struct {
		bad      bad
		reason   string
		accepted []string
		failed   []string
		dropped  int
		sent     string
		missing  string
	}{
		"none fails": {nil, reasonChanged, []string{"0", "1", "2", "3", "4"}, nil, 0, "a5 b5", ""},
		"one denies": {
			bad{"b": denied},
			reasonChanged, nil, nil, 0, "a5 b1",
			"Missing at 1 of 2 endpoints:\n  b: HTTP cache returned 403 Forbidden",
		},
		"both deny": {
			bad{"a": denied, "b": denied},
			reasonChanged, nil, nil, 0, "a1 b1",
			"Missing at 2 of 2 endpoints:\n  a: HTTP cache returned 403 Forbidden\n  b: HTTP cache returned 403 Forbidden",
		},
		"one rejects a path": {
			bad{"b/2": rejected},
			reasonChanged,
			[]string{"0", "1", "3", "4"},
			[]string{"2"},
			0, "a5 b5",
			"Missing at 1 of 2 endpoints:\n  b: HTTP cache returned 400 Bad Request",
		},
		"both reject a path": {
			bad{"a/2": rejected, "b/2": rejected},
			reasonChanged,
			[]string{"0", "1", "3", "4"},
			[]string{"2"},
			0, "a5 b5",
			"Missing at 2 of 2 endpoints:\n  a: HTTP cache returned 400 Bad Request\n  b: HTTP cache returned 400 Bad Request",
		},
		"one rejects a removed path": {bad{"b/2": rejected}, reasonRemoved, []string{"0", "1", "3", "4"}, nil, 1, "a5 b5", ""},
		"both reject a removed path": {bad{"a/2": rejected, "b/2": rejected}, reasonRemoved, []string{"0", "1", "3", "4"}, nil, 1, "a5 b5", ""},
		"one rejects a path and the other fails": {
			bad{"a/2": rejected, "b/2": failing},
			reasonRemoved,
			[]string{"0", "1", "3", "4"},
			[]string{"2"},
			0, "a5 b5",
			"Missing at 1 of 2 endpoints:\n  b: HTTP cache returned 500 Internal Server Error",
		},
		"errors in a row are counted for each endpoint": {
			bad{"a/0": failing, "b/0": failing, "a/1": failing, "b/1": failing},
			reasonChanged,
			[]string{"2", "3", "4"},
			[]string{"0", "1"},
			0, "a5 b5",
			"Missing at 2 of 2 endpoints:\n  a: HTTP cache returned 500 Internal Server Error\n  b: HTTP cache returned 500 Internal Server Error",
		},
		"three in a row stop one": {
			bad{"b": failing},
			reasonChanged, nil,
			[]string{"0", "1", "2"},
			0, "a5 b3",
			"Missing at 1 of 2 endpoints:\n  b: HTTP cache returned 500 Internal Server Error",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := fleet(5, nil)
				for i := range b.tasks {
					b.tasks[i].reason = test.reason
				}
				var mu sync.Mutex
				sent := make(map[string]int)
				b.parallel, b.endpoints, b.concerns = 1, []string{"a", "b"}, httpCache.concerns
				b.send = func(_ context.Context, r request, endpoint string) (receipt, error) {
					if endpoint == "b" {
						time.Sleep(time.Second) // for a fixed order
					}
					mu.Lock()
					sent[endpoint]++
					mu.Unlock()
					err := test.bad[endpoint]
					if own := test.bad[endpoint+"/"+r.name]; own != nil {
						err = own
					}
					time.Sleep(2 * time.Second)
					return receipt{at: time.Now()}, err
				}
				o := run(t.Context(), b)
				got := []any{doneOf(b, o, fateAccepted), doneOf(b, o, fateFailed), fmt.Sprintf("a%d b%d", sent["a"], sent["b"]), missingAt(o)}
				want := []any{test.accepted, test.failed, test.sent, test.missing}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("accepted, failed, sent, missing (-want +got):\n%s", diff)
				}
				if len(o.dropped) != test.dropped || o.accepted != len(test.accepted) {
					t.Errorf("%d are dropped and %d accepted, want %d and %d", len(o.dropped), o.accepted, test.dropped, len(test.accepted))
				}
			})
		})
	}
}
