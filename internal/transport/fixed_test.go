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
)

// TestFixedGoesAlone checks how many requests are sent before the credentials are
// known to be valid, and how many are in flight together.
func TestFixedGoesAlone(t *testing.T) {
	t.Parallel()
	type cost struct{ Requests, Together int }
	for why, row := range map[string]struct {
		statuses []int // the last one for all further requests
		want     cost
	}{
		"accepted credentials are sent in parallel after the first request": {[]int{202}, cost{50, 16}},
		"wrong credentials are sent once":                                   {[]int{401}, cost{1, 1}},
		"a failed gateway proves nothing":                                   {[]int{501, 401}, cost{2, 1}},
		"a rate-limited response proves nothing":                            {[]int{429, 401}, cost{2, 1}},
		"a redirect proves nothing":                                         {[]int{302, 401}, cost{2, 1}},
		"a proxy that requires a password proves nothing":                   {[]int{407, 401}, cost{2, 1}},
		"a response that the API does not define proves nothing":            {[]int{200, 401}, cost{2, 1}},
		"a denied request proves that the credentials are valid":            {[]int{403}, cost{50, 16}},
		"a missing object proves that the credentials are valid":            {[]int{404}, cost{50, 16}},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			arrived, inFlight, most := 0, 0, 0
			inBubble(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
				mu.Lock()
				status := row.statuses[min(arrived, len(row.statuses)-1)]
				arrived++
				inFlight++
				most = max(most, inFlight)
				mu.Unlock()
				<-time.After(time.Second)
				mu.Lock()
				inFlight--
				mu.Unlock()
				w.WriteHeader(status)
			}, func(t *testing.T, r *rig) {
				auth := NewFixed(&Credential{Base: base, Header: http.Header{"Authorization": {"Basic eDp5"}}})
				together(r, 50, func() *Request {
					req := purge()
					req.Auth = auth
					return req
				}, t.Context())
				same(t, "cost", row.want, cost{arrived, most})
			})
		})
	}
}

func TestFixedReturnsItsTurn(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, respond(202, ""), func(t *testing.T, r *rig) {
		auth := NewFixed(&Credential{Base: base})
		grant, err := auth.Authorize(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		left := make(chan error, 1)
		req := purge()
		req.Auth = auth
		go func() {
			_, err := r.Do(ctx, req)
			left <- err
		}()
		synctest.Wait()
		errGone := errors.New("gone")
		cancel(errGone)
		err = <-left
		same(t, "text", "purging /a: interrupted while logging in", textOf(err))
		same(t, "cause", true, errors.Is(err, errGone))
		grant.received(0, nil, nil) // not sent, so the next request has the turn
		_, err = r.Do(t.Context(), req)
		same(t, "the next", "", textOf(err))
	})
}

// TestRejectionIsCopied checks, with the race detector, that other requests read
// the remembered error while the first one completes its own.
func TestRejectionIsCopied(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, respond(401, "wrong"), func(t *testing.T, r *rig) {
		auth := NewFixed(&Credential{Base: base})
		texts := together(r, 50, func() *Request {
			req := purge()
			req.Auth, req.Doing = auth, "purging /b"
			return req
		}, t.Context())
		same(t, "texts", map[string]int{"purging /b: Example returned 401 Unauthorized: wrong": 50}, texts)
		same(t, "requests", 1, r.requests())
	})
}

// TestOneBadRequestWithFixedCredentials checks that a 401 response fails only its
// own request after the credentials were accepted, up to five in a row.
func TestOneBadRequestWithFixedCredentials(t *testing.T) {
	t.Parallel()
	for sentence, row := range map[string]struct {
		bad    func(i int) bool
		failed int
		kinds  map[Kind]int
		alone  bool
	}{
		"one of many":                    {func(i int) bool { return i == 20 }, 1, map[Kind]int{KindForbidden: 1}, false},
		"four in a row":                  {func(i int) bool { return i >= 20 && i < 24 }, 4, map[Kind]int{KindForbidden: 4}, false},
		"the password changes meanwhile": {func(i int) bool { return i >= 20 }, 80, map[Kind]int{KindForbidden: 4, KindCredentials: 76}, true},
		"a wrong password is sent once":  {func(int) bool { return true }, 100, map[Kind]int{KindCredentials: 100}, true},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			var served int
			inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				served++
				w.WriteHeader(map[bool]int{true: 401, false: 202}[r.URL.Path == "/base/bad"])
			}, func(t *testing.T, r *rig) {
				auth := NewFixed(&Credential{Base: base})
				kinds := make(map[Kind]int)
				for i := range 100 {
					req := purge()
					req.Base, req.Auth = "", auth
					if row.bad(i) {
						req.Path = "/bad"
					}
					if _, err := r.Do(t.Context(), req); err != nil {
						kinds[kindOf(err)]++
					}
				}
				same(t, "kinds", row.kinds, kinds)
				if row.alone && served > 25 {
					t.Errorf("%d requests", served)
				}
			})
		})
	}
}

// TestFixedAfterADenial checks that after a 401 response, requests are sent one at
// a time until one is accepted. Requests in flight with the first do not count.
func TestFixedAfterADenial(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	denying, denied, inFlight, most := false, 0, 0, 0
	inBubble(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		deny := denying
		inFlight++
		if most = max(most, inFlight); deny {
			denied++
		}
		mu.Unlock()
		<-time.After(time.Second)
		mu.Lock()
		inFlight--
		mu.Unlock()
		w.WriteHeader(map[bool]int{true: 401, false: 202}[deny])
	}, func(t *testing.T, r *rig) {
		auth := NewFixed(&Credential{Base: base})
		send := func() *Request {
			req := purge()
			req.Base, req.Auth = "", auth
			return req
		}
		same(t, "accepted", map[string]int{"": 16}, together(r, 16, send, t.Context()))
		denying = true
		together(r, 16, send, t.Context())
		same(t, "denied together", 16, denied)
		most = 0
		together(r, 16, send, t.Context())
		same(t, "denied one at a time, up to five", []int{20, 1}, []int{denied, most})
	})
}
