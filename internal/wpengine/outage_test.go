// SPDX-License-Identifier: MPL-2.0

package wpengine_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// underLoad runs a test with a thousand purges of page caches, which have no
// limit, of five hundred installs.
func underLoad(t *testing.T, test func(b *clienttest.Bubble, l clienttest.Load)) {
	t.Helper()
	inWorld(t, func(_ *testing.T, w *world) {
		w.withInstalls(500)
		w.Latency = 200 * time.Millisecond
		w.config.Transport.Backoff, w.config.Transport.ProbePause = nil, nil
		test(w.Bubble, clienttest.Load{
			Purge: func(ctx context.Context, i int) error {
				return w.connect().Purge(ctx, installID(i/2), []string{"page", "cdn"}[i%2])
			},
			Timeout: 20 * time.Minute, Usual: 20 * time.Second, Accepted: http.StatusAccepted, Limited: http.StatusTooManyRequests,
		})
	})
}

// withInstalls gives the fake n installs.
func (w *world) withInstalls(n int) {
	first := w.Installs[0]
	w.Installs = w.Installs[:0]
	for i := range n {
		first.ID = installID(i)
		w.Installs = append(w.Installs, first)
	}
}

func installID(i int) string { return fmt.Sprintf("%08x-0000-4000-8000-000000000000", i+1) }

func TestOutages(t *testing.T) {
	t.Parallel()
	clienttest.TestOutages(t, underLoad)
}

// TestAGatewayWithoutItsServer tests that a purge fails after two minutes if the
// host has never responded, with the message of the gateway.
func TestAGatewayWithoutItsServer(t *testing.T) {
	t.Parallel()
	for sentence, row := range map[string]struct {
		fault http.HandlerFunc
		want  errorFields
	}{
		"503 without a body": {wpenginetest.EmptyUnavailable(), errorFields{Kind: transport.KindOutage, Status: 503}},
		"502 in HTML": {wpenginetest.HTML(502), errorFields{
			Kind: transport.KindOutage, Status: 502, Message: `an HTML page with the title "502 Bad Gateway"`,
		}},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("purge", -1, row.fault)
				err := w.purge(w.prod(), "page")
				wantError(t, err, row.want)
				if want := "; the host has been down for 2 minutes"; !strings.HasSuffix(err.Error(), want) {
					t.Errorf("%q does not end in %q", err, want)
				}
				diff(t, "requests", 11, len(w.Statuses("purge")))
				diff(t, "elapsed", 2*time.Minute, w.Elapsed())
			})
		})
	}
}

// TestAnObjectPurgeThatMayHaveBeenCounted tests that such a purge is retried after a
// minute.
func TestAnObjectPurgeThatMayHaveBeenCounted(t *testing.T) {
	t.Parallel()
	for _, status := range []int{503, 504} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("purge", 1, respond(status, nil, ""))
				wantNoErrors(t, w.purge(w.prod(), "object"))
				diff(t, "purges", []int{status, 202}, w.Statuses("purge"))
				diff(t, "elapsed", time.Minute, w.Elapsed())
			})
		})
	}
}

// TestOneFailingInstall tests that an install without a response, or with 503, does
// not delay the purges of other installs.
func TestOneFailingInstall(t *testing.T) {
	t.Parallel()
	for how, fault := range map[string]http.HandlerFunc{
		"503": respond(503, nil, ""),
		"hanging": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.withInstalls(3)
				w.Latency = 200 * time.Millisecond
				bad := w.Installs[0].ID
				w.Around = func(_ string, next http.HandlerFunc) http.HandlerFunc {
					return func(rw http.ResponseWriter, r *http.Request) {
						if strings.Contains(r.URL.Path, bad) {
							fault(rw, r)
							return
						}
						next(rw, r)
					}
				}
				wantNoErrors(t, w.purge(w.Installs[1].ID, "page"))
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				ended := make(chan error)
				go func() { ended <- w.purgeUnder(ctx, bad, "page") }()
				for range 50 {
					<-time.After(37 * time.Second)
					began := time.Now()
					wantNoErrors(t, w.purge(w.Installs[2].ID, "page"))
					if took := time.Since(began); took > time.Second {
						t.Errorf("a purge of another install took %s", took)
					}
				}
				cancel()
				if err := <-ended; err == nil {
					t.Error("the failing install was purged")
				}
				<-time.After(w.Latency) // the fake may still handle the last request
			})
		})
	}
}

// TestFiftyWindows tests that the windows of the object cache hold in an outage.
func TestFiftyWindows(t *testing.T) {
	t.Parallel()
	for how := range clienttest.Outages {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.withInstalls(50)
				w.Latency = 200 * time.Millisecond
				w.config.Transport.Backoff, w.config.Transport.ProbePause = nil, nil
				met := w.Outage(how, 90*time.Second, time.Minute)
				errs := together(500, func(i int) error {
					// All purges differ, because identical purges are coalesced.
					return w.purge(w.Installs[i%50].ID, []string{"object", "all"}[i/50%2])
				})
				wantNoErrors(t, errs...)
				if n := met(); n > 100 {
					t.Errorf("%d dials and requests met the outage", n)
				}
				if slices.Contains(w.Statuses("purge"), http.StatusTooManyRequests) {
					t.Error("a window was exceeded")
				}
			})
		})
	}
}
