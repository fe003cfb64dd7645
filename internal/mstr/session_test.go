// SPDX-License-Identifier: MPL-2.0

package mstr_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

func TestOneLoginForAll(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		for _, err := range together(50, func(int) error { return w.purge(tutorial, "object") }) {
			if err != nil {
				t.Error(err)
			}
		}
		diff(t, "logins", 1, w.Count("login"))
	})
}

func TestExpiredSessions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		expire func(*world)
		want   []int // statuses of the purges
		logins int
	}{
		"closed by an administrator": {
			func(w *world) { <-time.After(time.Minute + time.Second); w.ExpireSessions() }, []int{204, 401, 204}, 2,
		},
		"closed immediately after the login, like a node that does not have the session yet": {
			func(w *world) { w.ExpireSessions() }, []int{204, 401, 401, 401, 204}, 2,
		},
		"idle for too long": {
			func(w *world) { <-time.After(w.SessionIdle) }, []int{204, 401, 204}, 2,
		},
		"a new session that is rejected, too": {
			func(w *world) { w.Fail("purge", -1, mstrtest.Error(401, "ERR009", "", "expired")) }, []int{204, 401, 401, 401, 401, 401, 401, 401, 401, 401}, 3,
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				if err := w.purge(tutorial, "object"); err != nil {
					t.Fatal(err)
				}
				test.expire(w)
				err := w.purge(tutorial, "object")
				if rejected := test.want[len(test.want)-1] == 401; rejected != (err != nil) {
					t.Errorf("the purge ended with %v", err)
				}
				var got []int
				for _, e := range w.Journal.Select("purge") {
					got = append(got, e.Status)
				}
				diff(t, "purges", test.want, got)
				diff(t, "logins", test.logins, w.Count("login"))
				w.ClearFaults()
			})
		})
	}
}

func TestASessionThatExpiresUnderManyIsReplacedOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		if err := w.purge(tutorial, "all"); err != nil {
			t.Fatal(err)
		}
		w.ExpireSessions()
		types := make(chan string, 4)
		for _, cacheType := range mstr.CacheTypes {
			types <- cacheType
		}
		for _, err := range together(4, func(int) error { return w.purge(tutorial, <-types) }) {
			if err != nil {
				t.Error(err)
			}
		}
		diff(t, "logins", 2, w.Count("login"))
	})
}

func TestCookiesAreSentBack(t *testing.T) {
	t.Parallel()
	// In every test, the fake requires the cookies of the login, which are Secure and
	// have another path. Here, the load balancer changes them later.
	inWorld(t, func(t *testing.T, w *world) {
		var seen []string
		see := func(set string) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				var names []string
				for _, c := range r.Cookies() {
					if c.Name == "node" || c.Name == "extra" {
						names = append(names, c.Name+"="+c.Value)
					}
				}
				seen = append(seen, strings.Join(names, " "))
				if set != "" {
					rw.Header().Add("Set-Cookie", set)
				}
				rw.WriteHeader(http.StatusNoContent)
			}
		}
		for _, set := range []string{"node=aaaa1; Path=/elsewhere; Secure", "node=bbbb2", "extra=cccc3", "node=; Max-Age=0", ""} {
			w.Fail("purge", 1, see(set))
			if err := w.purge(tutorial, "object"); err != nil {
				t.Error(err)
			}
		}
		diff(t, "cookies", []string{"", "node=aaaa1", "node=bbbb2", "extra=cccc3 node=bbbb2", "extra=cccc3"}, seen)
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		before  func(*world)
		logouts []int // statuses
		err     string
	}{
		"without a session": {func(*world) {}, nil, ""},
		"after a purge":     {func(w *world) { _ = w.purge(tutorial, "object") }, []int{204}, ""},
		"after a failed purge": {
			func(w *world) { w.Privileged = false; _ = w.purge(tutorial, "object") }, []int{204}, "",
		},
		"after an interrupted purge": {
			func(w *world) {
				w.Fail("purge", -1, respond(500, nil, ""))
				ctx, cancel := context.WithTimeout(w.T.Context(), time.Second/2)
				defer cancel()
				_ = w.connect().Purge(ctx, tutorial, "object")
			},
			[]int{204},
			"",
		},
		"after the server has ended the session": {
			func(w *world) { _ = w.purge(tutorial, "object"); w.ExpireSessions() }, []int{401}, "",
		},
		"after a rejected login": {
			func(w *world) { w.config.Password = "wrong"; _ = w.purge(tutorial, "object") }, nil, "",
		},
		"a failed logout, which is not retried": {
			func(w *world) {
				_ = w.purge(tutorial, "object")
				w.Fail("logout", -1, respond(503, nil, ""))
				// The test fails if a session stays open.
				w.ExpireSessions()
			},
			[]int{503},
			"logging out of MicroStrategy: MicroStrategy returned 503 Service Unavailable",
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				test.before(w)
				text := ""
				if err := w.connect().Close(t.Context()); err != nil {
					text = err.Error()
				}
				var got []int
				for _, e := range w.Journal.Select("logout") {
					got = append(got, e.Status)
				}
				diff(t, "logouts", test.logouts, got)
				diff(t, "error", test.err, text)
				if err := w.purge(tutorial, "object"); err == nil {
					t.Error("a closed client purges")
				}
			})
		})
	}
}

func TestCloseWaitsForALoginInFlight(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		slow := func(rw http.ResponseWriter, r *http.Request) {
			<-time.After(3 * time.Second)
			w.ClearFaults()
			w.ServeHTTP(rw, r)
		}
		w.Fail("login", 1, slow)
		ctx, cancel := context.WithCancel(t.Context())
		purged := make(chan error)
		go func() { purged <- w.connect().Purge(ctx, tutorial, "object") }()
		synctest.Wait()
		cancel()
		if kind := fieldsOf(<-purged).Kind; kind != transport.KindCanceled {
			t.Errorf("the interrupted purge ended with kind %d", kind)
		}
		diff(t, "interrupted after", time.Duration(0), w.Elapsed())
		if err := w.connect().Close(t.Context()); err != nil {
			t.Error(err)
		}
		diff(t, "closed after", 3*time.Second, w.Elapsed())
		diff(t, "logouts", 1, w.Count("logout"))
	})
}

func TestSecretsInResponsesAreRedacted(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Fail("purge", 1, func(rw http.ResponseWriter, r *http.Request) {
			mstrtest.Error(400, "ERR006", "", "token "+r.Header.Get("X-MSTR-AuthToken")+" and "+r.Header.Get("Cookie"))(rw, r)
		})
		err := w.purge(tutorial, "object")
		diff(t, "message", "token [redacted] and AWSALB=[redacted]; JSESSIONID=[redacted]", fieldsOf(err).Message)
	})
}
