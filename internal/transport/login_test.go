// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// TestLoginsThatFailOnce checks that a login is retried for all waiting callers.
func TestLoginsThatFailOnce(t *testing.T) {
	t.Parallel()
	for sentence, row := range map[string]struct {
		first  http.HandlerFunc
		fault  wiretest.Fault
		logins int
		took   time.Duration // a login and a purge take a second each, fifty purges four
	}{
		"a refused connection":            {nil, wiretest.Refuse, 1, 5*time.Second + time.Second},
		"a DNS failure":                   {nil, wiretest.NoNameServer, 1, 6 * time.Second},
		"a dial that hangs":               {nil, wiretest.Hang, 1, 36 * time.Second},
		"a reset":                         {nil, wiretest.Reset(0), 2, 7 * time.Second},
		"408":                             {respond(408, ""), nil, 2, 7 * time.Second},
		"429 with a wait":                 {respond(429, "", "Retry-After", "20"), nil, 2, 26 * time.Second},
		"429 without a wait":              {respond(429, ""), nil, 2, 66 * time.Second},
		"500":                             {respond(500, ""), nil, 2, 7 * time.Second},
		"500 with a wait":                 {respond(500, "", "Retry-After", "9"), nil, 2, 15 * time.Second},
		"502, which the server may count": {respond(502, ""), nil, 2, 7 * time.Second},
		"503":                             {respond(503, ""), nil, 2, 7 * time.Second},
		"504, which the server may count": {respond(504, ""), nil, 2, 7 * time.Second},
		"no response":                     {nil, wiretest.Stall(0), 2, 36 * time.Second},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			a := newAccount()
			a.loggedIn = row.first
			inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				a.serve(w, r)
				if r.URL.Path == "/base/login" {
					a.heal()
				}
			}, func(t *testing.T, r *rig) {
				if row.fault != nil {
					r.network.Set(wiretest.Times(1, row.fault))
				}
				s := r.session()
				began := time.Now()
				same(t, "errors", map[string]int{"": 50}, together(r, 50, func() *Request { return withSession(s) }, within(t, 10*time.Minute)))
				same(t, "logins", row.logins, a.tally().Logins)
				same(t, "took", row.took, time.Since(began).Truncate(time.Second))
				_ = s.Close(t.Context())
			})
		})
	}
}

func (a *account) heal() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loggedIn = nil
}

// TestALoginThatIsAlwaysRateLimited checks that the login is sent once a minute for
// one timeout in total. Later callers receive the wait that the server stated.
func TestALoginThatIsAlwaysRateLimited(t *testing.T) {
	t.Parallel()
	a := newAccount()
	a.loggedIn = respond(429, "slow down", "Retry-After", "60")
	inSession(t, a, func(t *testing.T, r *rig, s *Session) {
		const timeout = 10 * time.Minute
		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			<-time.After(30 * time.Second)
			_, err := r.Do(within(t, 20*time.Second), withSession(s))
			e := err.(*Error) //nolint:forcetypeassert,errorlint // Do promises it
			same(t, "a caller with little time fails immediately", ending{KindLimited, 30 * time.Second, 0}, endingOf(began, err))
			same(t, "the wait", []any{true, 31 * time.Second}, []any{e.TooLong(), e.Wait})
		})
		texts := together(r, 100, func() *Request { return withSession(s) }, within(t, timeout))
		wg.Wait()
		same(t, "texts", map[string]int{"purging /a: Example returned 429 Too Many Requests while logging in: slow down": 100}, texts)
		same(t, "took, because the wait after the tenth login is too long", timeout-time.Minute, time.Since(began).Truncate(time.Minute))
		same(t, "logins", 10, a.tally().Logins)
		for _, rest := range []time.Duration{51 * time.Second, 0} {
			again := time.Now()
			_, err := r.Do(within(t, timeout), withSession(s))
			same(t, "a later caller waits for the rest of one timeout", ending{KindLimited, rest, 0}, endingOf(again, err))
		}
		same(t, "without another login", 10, a.tally().Logins)
	})
}

// TestALoginThatMayBeCounted checks logins without a response, which the server may
// count as attempts with a wrong password, unless a login was accepted before.
func TestALoginThatMayBeCounted(t *testing.T) {
	t.Parallel()
	for sentence, row := range map[string]struct {
		respond http.HandlerFunc
		fault   wiretest.Fault
		trusted bool
		logins  int
		ok      bool
	}{
		"502 always":                             {respond(502, ""), nil, false, 2, false},
		"504 always":                             {respond(504, ""), nil, false, 2, false},
		"502 six times, after an accepted login": {respond(502, ""), nil, true, 7, true},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			a := newAccount()
			inBubble(t, Options{}, a.serve, func(t *testing.T, r *rig) {
				s := r.session()
				if row.trusted {
					if _, err := r.Do(t.Context(), withSession(s)); err != nil {
						t.Fatal(err)
					}
					<-time.After(settleTime)
					a.revoke()
				}
				before := a.tally().Logins
				failures := 0
				a.loggedIn = func(w http.ResponseWriter, req *http.Request) {
					failures++
					if failures == 6 && row.trusted {
						a.loggedIn = nil
					}
					row.respond(w, req)
				}
				for range 20 { // ten at a time, as Terraform does
					texts := together(r, 10, func() *Request { return withSession(s) }, within(t, 10*time.Minute))
					same(t, "delivered", row.ok, texts[""] == 10)
				}
				same(t, "logins", row.logins, a.tally().Logins-before)
				_ = s.Close(t.Context())
			})
		})
	}
}

// TestCallersLeaveALogin checks that a caller can leave while it waits.
func TestCallersLeaveALogin(t *testing.T) {
	t.Parallel()
	a := newAccount()
	a.loggedIn = respond(429, "", "Retry-After", "60")
	inSession(t, a, func(t *testing.T, r *rig, s *Session) {
		ctx, cancel := context.WithCancelCause(t.Context())
		left := make(chan error)
		go func() {
			_, err := r.Do(ctx, withSession(s))
			left <- err
		}()
		<-time.After(10 * time.Second)
		began := time.Now()
		errGone := errors.New("gone")
		cancel(errGone)
		err := <-left
		same(t, "took", time.Duration(0), time.Since(began))
		same(t, "cause", true, errors.Is(err, errGone))
		same(t, "text", "purging /a: interrupted while logging in; before that, Example returned 429 Too Many Requests while logging in", textOf(err))
		<-time.After(10 * time.Minute)
		same(t, "logins", 1, a.tally().Logins)
	})
}

// TestOneDeniedRequestFailsNoOther checks a server that denies one request with 401
// and accepts all others of the session.
func TestOneDeniedRequestFailsNoOther(t *testing.T) {
	t.Parallel()
	for sentence, row := range map[string]struct {
		requests int
		bad      func(i int) bool
		logins   int // at most
	}{
		"one bad request, sent first": {11, func(i int) bool { return i == 0 }, 3},
		"20 of 200":                   {200, func(i int) bool { return i%10 == 3 }, 1},
		"20 bad requests first":       {200, func(i int) bool { return i < 20 }, 1 + maxUnaccepted},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			a := newAccount()
			inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/base/bad" {
					<-time.After(time.Second)
					w.WriteHeader(401)
					return
				}
				a.serve(w, r)
			}, func(t *testing.T, r *rig) {
				s := r.session()
				next := make(chan int)
				var wg sync.WaitGroup
				for range 10 {
					wg.Go(func() {
						for i := range next {
							req := withSession(s)
							if row.bad(i) {
								req.Path = "/bad"
							}
							_, err := r.Do(within(t, 20*time.Minute), req)
							if row.bad(i) != (err != nil) {
								t.Errorf("request %d returned %v", i, err)
							}
						}
					})
				}
				for i := range row.requests {
					next <- i
				}
				close(next)
				wg.Wait()
				if n := a.tally().Logins; n > row.logins {
					t.Errorf("%d logins, want %d at most", n, row.logins)
				}
				_ = s.Close(t.Context())
			})
		})
	}
}

// TestADeniedRequestIsItsOwn checks the error of a denied request if others of the
// session are accepted.
func TestADeniedRequestIsItsOwn(t *testing.T) {
	t.Parallel()
	a := newAccount()
	inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/base/bad" {
			w.WriteHeader(401)
			return
		}
		a.serve(w, r)
	}, func(t *testing.T, r *rig) {
		s := r.session()
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 10 {
				_, _ = r.Do(t.Context(), withSession(s))
			}
		})
		bad := withSession(s)
		bad.Path = "/bad"
		_, err := r.Do(within(t, time.Minute), bad)
		e := err.(*Error) //nolint:forcetypeassert,errorlint // Do promises it
		same(t, "kind", KindForbidden, e.Kind)
		same(t, "single", true, e.Single())
		same(t, "sent", 3, e.Sent)
		wg.Wait()
		_ = s.Close(t.Context())
	})
}

// TestTwoProcessesWithOneSession checks two processes and a server that allows one
// session per user: each login ends the other session, and both deliver.
func TestTwoProcessesWithOneSession(t *testing.T) {
	t.Parallel()
	for sentence, began := range map[string]time.Duration{"young": 0, "old": 5 * time.Minute} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			a := newAccount()
			a.single = true
			inBubble(t, Options{Backoff: fullJitter}, a.serve, func(t *testing.T, r *rig) {
				sessions := []*Session{r.session(), r.session()}
				if _, err := r.Do(t.Context(), withSession(sessions[0])); err != nil {
					t.Fatal(err)
				}
				<-time.After(began)
				var wg sync.WaitGroup
				for _, s := range sessions {
					wg.Go(func() {
						for range 10 {
							same(t, "errors", map[string]int{"": 10}, together(r, 10, func() *Request { return withSession(s) }, within(t, 20*time.Minute)))
						}
					})
				}
				wg.Wait()
				if n := a.tally().Logins; n > 12 {
					t.Errorf("%d logins, want a few", n)
				}
				for _, s := range sessions {
					_ = s.Close(t.Context())
				}
			})
		})
	}
}

// TestASessionThatEndsEarly checks the advice.
func TestASessionThatEndsEarly(t *testing.T) {
	t.Parallel()
	a := newAccount()
	inSession(t, a, func(t *testing.T, r *rig, s *Session) {
		if _, err := r.Do(t.Context(), withSession(s)); err != nil {
			t.Fatal(err)
		}
		a.purge = func(string, bool) int { return 401 }
		_, err := r.Do(within(t, 5*time.Minute), withSession(s))
		same(t, "advice", endedEarlyAdvice, err.(*Error).Advice) //nolint:forcetypeassert,errorlint // Do promises it
		synctest.Wait()
	})
}
