// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestSessionIsOneLogin(t *testing.T) {
	t.Parallel()
	a := newAccount()
	inSession(t, a, func(t *testing.T, r *rig, s *Session) {
		same(t, "errors", map[string]int{"": 50}, together(r, 50, func() *Request { return withSession(s) }, t.Context()))
		same(t, "tally", tally{1, 50, 1}, a.tally())
	})
}

func TestSessionIsNotTiedToTheFirstCaller(t *testing.T) {
	t.Parallel()
	a := newAccount()
	inSession(t, a, func(t *testing.T, r *rig, s *Session) {
		first, leave := context.WithCancelCause(t.Context())
		left := make(chan error, 1)
		began := time.Now()
		go func() {
			_, err := r.Do(first, withSession(s))
			left <- err
		}()
		synctest.Wait()
		errGone := errors.New("gone")
		leave(errGone)
		err := <-left
		same(t, "took", time.Duration(0), time.Since(began))
		same(t, "cause", true, errors.Is(err, errGone))
		same(t, "text", "purging /a: interrupted while logging in", textOf(err))
		same(t, "the others", map[string]int{"": 9}, together(r, 9, func() *Request { return withSession(s) }, t.Context()))
		same(t, "tally", tally{1, 9, 1}, a.tally())
	})
}

// TestSessionRemembersRejection checks that rejected credentials are sent once.
func TestSessionRemembersRejection(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		respond http.HandlerFunc
		logins  int // of 50 callers together and then 10 in sequence
	}{
		"a wrong password":                        {respond(401, "wrong"), 1},
		"a user without permission to log in":     {respond(403, ""), 1},
		"an invalid login":                        {respond(400, ""), 1},
		"an address without a login":              {respond(404, ""), 1},
		"502, which the server may count":         {respond(502, ""), 2},
		"504, which the server may count":         {respond(504, ""), 2},
		"a redirect, perhaps of a captive portal": {respond(302, "", "Location", "https://portal.example/"), 11},
		"a page, perhaps of a captive portal":     {respond(200, "<html>"), 11},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount()
			a.loggedIn = row.respond
			inSession(t, a, func(t *testing.T, r *rig, s *Session) {
				if texts := together(r, 50, func() *Request { return withSession(s) }, t.Context()); len(texts) != 1 {
					t.Errorf("the callers received different errors: %v", texts)
				}
				for range 10 {
					_, err := r.Do(t.Context(), withSession(s))
					same(t, "doing", "purging /a", err.(*Error).Doing)            //nolint:forcetypeassert,errorlint // Do promises it
					same(t, "waiting", "logging in", err.(*Error).Waiting)        //nolint:forcetypeassert,errorlint // Do promises it
					same(t, "requests of the purge itself", 0, err.(*Error).Sent) //nolint:forcetypeassert,errorlint // Do promises it
				}
				same(t, "tally", tally{Logins: row.logins}, a.tally())
			})
		})
	}
}

func TestSessionIsReplacedOnce(t *testing.T) {
	t.Parallel()
	a := newAccount()
	inSession(t, a, func(t *testing.T, r *rig, s *Session) {
		for range 3 {
			same(t, "errors", map[string]int{"": 16}, together(r, 16, func() *Request { return withSession(s) }, t.Context()))
			<-time.After(settleTime)
			a.revoke()
		}
		same(t, "tally", tally{3, 3*16 + 2*16, 0}, a.tally())
	})
}

// TestLate401KeepsTheNewToken checks that a late 401 response to a request with the
// old token does not drop the new token.
func TestLate401KeepsTheNewToken(t *testing.T) {
	t.Parallel()
	a := newAccount()
	inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Token") == "token1" && r.Header.Get("X-Slow") != "" {
			<-time.After(10 * time.Second)
		}
		a.serve(w, r)
	}, func(t *testing.T, r *rig) {
		s := r.session()
		if _, err := r.Do(t.Context(), withSession(s)); err != nil {
			t.Fatal(err)
		}
		<-time.After(settleTime)
		late := make(chan error, 1)
		go func() {
			req := withSession(s)
			req.Header = http.Header{"X-Slow": {"1"}}
			_, err := r.Do(t.Context(), req)
			late <- err
		}()
		synctest.Wait()
		a.revoke()
		for range 2 {
			if _, err := r.Do(t.Context(), withSession(s)); err != nil {
				t.Fatal(err)
			}
		}
		same(t, "the late request is retried", "", textOf(<-late))
		same(t, "tokens", []string{"token1", "token1", "token2", "token2", "token1", "token2"}, a.arrived)
		same(t, "logins", 2, a.tally().Logins)
		_ = s.Close(t.Context())
	})
}

// TestSessionThatIsNeverAccepted checks that useless logins end, because each leaves
// a session at the server.
func TestSessionThatIsNeverAccepted(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fromPurge int // number of purges before the responses are 401
		want      tally
	}{
		"never":                 {0, tally{1 + maxUnaccepted, 3*30 + 3 + 1 + 1, 1 + maxUnaccepted}},
		"not after five purges": {5, tally{2 + maxUnaccepted, 5 + 3*25 + 3*3 + 1 + 2, 2 + maxUnaccepted}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, n := newAccount(), 0
			a.purge = func(string, bool) int {
				n++
				if n > row.fromPurge {
					return 401
				}
				return 202
			}
			inSession(t, a, func(t *testing.T, r *rig, s *Session) {
				for range 30 {
					_, _ = r.Do(t.Context(), withSession(s))
				}
				same(t, "tally", row.want, a.tally())
				_, err := r.Do(t.Context(), withSession(s))
				same(t, "text", "purging /a: Example returned 401 Unauthorized", textOf(err))
			})
		})
	}
}

// TestGatewayFailureIsNoAcceptance checks that a 502 response does not prove that
// the credentials are valid.
func TestGatewayFailureIsNoAcceptance(t *testing.T) {
	t.Parallel()
	a, n := newAccount(), 0
	a.purge = func(string, bool) int {
		n++
		return []int{502, 401}[n%2]
	}
	inSession(t, a, func(t *testing.T, r *rig, s *Session) {
		for range 30 {
			_, _ = r.Do(t.Context(), withSession(s))
		}
		same(t, "logins", 1+maxUnaccepted, a.tally().Logins)
	})
}

func TestCloseDuringALogin(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		timeout time.Duration
		took    time.Duration
		err     string
	}{
		"with enough time, Close ends the session": {time.Minute, 10 * time.Second, ""},
		"otherwise, the login ends its session":    {time.Second, time.Second, "context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount()
			a.delay = 10 * time.Second
			inBubble(t, Options{}, a.serve, func(t *testing.T, r *rig) {
				s := r.session()
				result := make(chan error, 1)
				go func() {
					_, err := r.Do(t.Context(), withSession(s))
					result <- err
				}()
				synctest.Wait()
				began := time.Now()
				same(t, "Close", row.err, textOf(s.Close(within(t, row.timeout))))
				same(t, "took", row.took, time.Since(began))
				err := <-result
				same(t, "text", "purging /a: interrupted while logging in: the provider is shutting down", textOf(err))
				same(t, "cause", true, errors.Is(err, ErrClosed))
				_, err = r.Do(t.Context(), withSession(s))
				same(t, "kind of later errors", KindCanceled, kindOf(err))
				synctest.Wait()
				same(t, "tally", tally{1, 0, 0}, a.tally())
			})
		})
	}
}

func TestCloseReturnsAnError(t *testing.T) {
	t.Parallel()
	a := newAccount()
	inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/base/logout" {
			w.WriteHeader(500)
			return
		}
		a.serve(w, r)
	}, func(t *testing.T, r *rig) {
		s := r.session()
		if _, err := r.Do(t.Context(), withSession(s)); err != nil {
			t.Fatal(err)
		}
		same(t, "Close", "logging out: Example returned 500 Internal Server Error", textOf(s.Close(t.Context())))
	})
}

// TestSessionThatTheServerForgot checks that Close ignores a 401 response.
func TestSessionThatTheServerForgot(t *testing.T) {
	t.Parallel()
	a := newAccount()
	inSession(t, a, func(t *testing.T, r *rig, s *Session) {
		if _, err := r.Do(t.Context(), withSession(s)); err != nil {
			t.Fatal(err)
		}
		a.revoke()
	})
}

// TestCanceledCallersDoNotLogIn checks that a context that has ended sends nothing.
func TestCanceledCallersDoNotLogIn(t *testing.T) {
	t.Parallel()
	a := newAccount()
	inSession(t, a, func(t *testing.T, r *rig, s *Session) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := r.Do(ctx, withSession(s))
		same(t, "text", "purging /a: interrupted", textOf(err))
		_, err = s.Authorize(ctx)
		same(t, "from Authorize", "context canceled", textOf(err))
		synctest.Wait()
		same(t, "tally", tally{}, a.tally())
	})
}

func TestCookiesAreSentBack(t *testing.T) {
	t.Parallel()
	a := newAccount()
	var sent []string
	a.loggedIn = respond(204, "", "X-Token", "token1", "Set-Cookie", "SESSION=abcdefgh; Secure; Path=/elsewhere; HttpOnly", "Set-Cookie", "node=n1", "Set-Cookie", "gone=x")
	inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/base/a" {
			sent = append(sent, r.Header.Get("Cookie"))
			w.Header().Add("Set-Cookie", "node=n2")
			w.Header().Add("Set-Cookie", "gone=; Expires=Thu, 01 Jan 1970 00:00:10 GMT")
			w.WriteHeader(202)
			return
		}
		a.serve(w, r)
	}, func(t *testing.T, r *rig) {
		s := r.session()
		for range 2 {
			if _, err := r.Do(t.Context(), withSession(s)); err != nil {
				t.Fatal(err)
			}
		}
		same(t, "cookies", []string{"SESSION=abcdefgh; gone=x; node=n1", "SESSION=abcdefgh; node=n2"}, sent)
		same(t, "a session cookie is a secret", "[redacted]", r.scrubber.Scrub("abcdefgh"))
	})
}

// TestLoginElsewhere checks that the error of a login names the API of the login.
func TestLoginElsewhere(t *testing.T) {
	t.Parallel()
	a := newAccount()
	a.loggedIn = respond(403, "no")
	inSession(t, a, func(t *testing.T, r *rig, s *Session) {
		login := s.Login
		s.Login = func(ctx context.Context) (*Credential, error) {
			cred, err := login(ctx)
			err.(*Error).System = "Identity" //nolint:forcetypeassert,errorlint // Do promises it
			return cred, err
		}
		_, err := r.Do(t.Context(), withSession(s))
		same(t, "text", "purging /a: Identity returned 403 Forbidden while logging in: no", textOf(err))
	})
}

// TestOneLoginForOneCaller checks that a caller waits for the login that it started,
// even if the login ends before the caller waits.
func TestOneLoginForOneCaller(t *testing.T) {
	t.Parallel()
	const callers = 2000
	var logins atomic.Int64
	s := &Session{
		Timeout: time.Minute, Backoff: fullJitter,
		Reach: func(context.Context) error { return nil },
		Login: func(context.Context) (*Credential, error) {
			logins.Add(1)
			return nil, &Error{Kind: KindRedirect, Status: http.StatusFound} // not remembered
		},
	}
	for range callers {
		_, err := s.Authorize(t.Context())
		same(t, "kind", KindRedirect, kindOf(err))
	}
	same(t, "logins", int64(callers), logins.Load())
}
