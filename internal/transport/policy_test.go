// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

const accepted Kind = -1

// seen is the result of a request and its cost.
type seen struct {
	Requests int
	Took     time.Duration
	Kind     Kind
	TooLong  bool
}

func outcomeOf(r *rig, began time.Time, err error) seen {
	var e *Error
	return seen{r.requests(), time.Since(began), kindOf(err), errors.As(err, &e) && e.TooLong()}
}

// TestPolicy checks the result if the first response has a given status and the
// next one is an acceptance. Each key states the reason.
func TestPolicy(t *testing.T) {
	t.Parallel()
	again, outage, limitedFor, final := seen{2, time.Second, accepted, false}, seen{2, time.Second / 2, accepted, false}, time.Minute, func(kind Kind) seen { return seen{1, 0, kind, false} }
	for why, row := range map[string]struct {
		status int
		body   []byte
		header string // Retry-After
		want   seen
	}{
		"202 is an acceptance": {202, nil, "", seen{1, 0, accepted, false}},
		"200 is not documented, so it may come from another server":         {200, nil, "", final(KindUnexpected)},
		"204 is not documented either":                                      {204, nil, "", final(KindUnexpected)},
		"301 would send the credentials to another address":                 {301, nil, "", final(KindRedirect)},
		"307 would also send the body":                                      {307, []byte("{}"), "", final(KindRedirect)},
		"304 is invalid for an unconditional request":                       {304, nil, "", final(KindRedirect)},
		"400 is permanent":                                                  {400, nil, "", final(KindInvalid)},
		"401 locks accounts if it is retried":                               {401, nil, "", final(KindCredentials)},
		"403 is permanent":                                                  {403, nil, "", final(KindForbidden)},
		"404 is permanent":                                                  {404, nil, "", final(KindNotFound)},
		"405 is a wrong address":                                            {405, nil, "", final(KindInvalid)},
		"407 requires a change of the proxy settings":                       {407, nil, "", final(KindInvalid)},
		"408 is a gateway that did not receive the request in time":         {408, nil, "", again},
		"409 is permanent":                                                  {409, nil, "", final(KindInvalid)},
		"410 is permanent":                                                  {410, nil, "", final(KindNotFound)},
		"413 without a body is from the rate limiter, whose window is 60 s": {413, nil, "", seen{2, limitedFor, accepted, false}},
		"413 with a body is about the body":                                 {413, []byte("{}"), "", final(KindInvalid)},
		"418 has no meaning for these APIs":                                 {418, nil, "", final(KindInvalid)},
		"429 without a wait, because the documented windows are 60 s":       {429, nil, "", seen{2, limitedFor, accepted, false}},
		"429 with a wait":                                                   {429, nil, "7", seen{2, 7 * time.Second, accepted, false}},
		"429 with a wait of 0 is retried after the backoff":                 {429, nil, "0", seen{2, time.Second, accepted, false}},
		"429 with a wait beyond the deadline fails immediately":             {429, nil, "86400", seen{1, 0, KindLimited, true}},
		"429 with a wait beyond a time.Duration fails immediately":          {429, nil, "9223372037", seen{1, 0, KindLimited, true}},
		"500 is retried, because a second purge is harmless":                {500, nil, "", again},
		"500 with a wait":                                                   {500, nil, "9", seen{2, 9 * time.Second, accepted, false}},
		"500 with a wait beyond the deadline fails immediately":             {500, nil, "86400", seen{1, 0, KindServer, true}},
		"501 is permanent":                                                  {501, nil, "", final(KindServer)},
		"502 is a gateway without its server":                               {502, nil, "", outage},
		"503 with a wait is from a rate limiter":                            {503, nil, "7", seen{2, 7 * time.Second, accepted, false}},
		"503 without a wait is a host that is down":                         {503, nil, "", outage},
		"503 with an invalid wait is a host that is down":                   {503, nil, "soon", outage},
		"504 is a gateway whose server did not respond":                     {504, nil, "", outage},
		"505 is permanent":                                                  {505, nil, "", final(KindServer)},
		"101 is a connection that the client did not request":               {101, nil, "", final(KindUnexpected)},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			first := respond(row.status, "")
			if row.header != "" {
				first = respond(row.status, "", "Retry-After", row.header)
			}
			if row.status == http.StatusSwitchingProtocols {
				first = switchProtocols
			}
			inBubble(t, Options{}, inTurn(first, respond(202, "")), func(t *testing.T, r *rig) {
				began := time.Now()
				req := purge()
				req.Body = row.body
				_, err := r.Do(within(t, 10*time.Minute), req)
				same(t, "outcome", row.want, outcomeOf(r, began, err))
			})
		})
	}
}

func switchProtocols(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack() //nolint:forcetypeassert // HTTP/1 implements it
	if err != nil {
		panic(err)
	}
	_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"))
	_, _ = io.Copy(io.Discard, conn) // writes nothing more until the client closes the connection
	_ = conn.Close()
}

var huge, long = strings.Repeat("x", 300<<10), strings.Repeat("hello ", 2000)

// TestPolicyForever checks the cost of a failure that never ends.
func TestPolicyForever(t *testing.T) {
	t.Parallel()
	backoffs := 1*time.Second + 2*time.Second + 3*time.Second + 4*time.Second // four retries
	const unanswered = 2 * time.Minute                                        // the default of Options.Unanswered
	for why, row := range map[string]struct {
		handler http.HandlerFunc
		fault   wiretest.Fault
		want    seen
	}{
		"a failing server receives five requests":                          {respond(500, ""), nil, seen{5, backoffs, KindServer, false}},
		"a rate-limited response is no retry, and limited by the deadline": {respond(429, "", "Retry-After", "60"), nil, seen{10, 9 * time.Minute, KindLimited, true}},
		"the backoff of rate-limited responses without a wait grows":       {respond(429, "", "Retry-After", "0"), nil, seen{35, 10 * time.Minute, KindTimeout, false}},
		"a refused connection is temporary":                                {nil, wiretest.Refuse, seen{0, unanswered, KindNoResponse, false}},
		"an unknown host is a typo":                                        {nil, wiretest.UnknownHost, seen{0, 0, KindUnknownHost, false}},
		"a DNS failure is temporary":                                       {nil, wiretest.NoNameServer, seen{0, unanswered, KindNoResponse, false}},
		"a reset before the response is temporary":                         {respond(202, ""), wiretest.Reset(0), seen{11, unanswered, KindNoResponse, false}},
		"a reset in the headers is temporary":                              {respond(202, ""), wiretest.Reset(20), seen{11, unanswered, KindNoResponse, false}},
		"a stall takes the request timeout, each time":                     {respond(202, ""), wiretest.Stall(0), seen{4, unanswered + time.Minute, KindNoResponse, false}},
		"a dial that hangs takes the request timeout, each time":           {nil, wiretest.Hang, seen{0, unanswered + time.Minute, KindNoResponse, false}},
		"headers that trickle take the request timeout, each time":         {respond(202, ""), wiretest.Trickle(10 * time.Second), seen{4, unanswered + time.Minute, KindNoResponse, false}},
		"headers that are too long are not read to the end":                {respond(202, "", "X-Huge", huge), nil, seen{11, unanswered, KindNoResponse, false}},
		"a gateway without its server may be a wrong address":              {respond(502, ""), nil, seen{11, unanswered, KindOutage, false}},
		"an acceptance whose body is cut off":                              {respond(202, long), wiretest.Reset(5000), seen{1, 0, accepted, false}},
		"an acceptance whose body stalls, after a second":                  {respond(202, long), wiretest.Stall(5000), seen{1, time.Second, accepted, false}},
		"a denial whose body is cut off":                                   {respond(403, long), wiretest.Reset(5000), seen{1, 0, KindForbidden, false}},
		"a final response whose body stalls":                               {respond(404, long), wiretest.Stall(5000), seen{1, 30 * time.Second, KindNotFound, false}},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Options{}, row.handler, func(t *testing.T, r *rig) {
				r.network.Set(row.fault)
				began := time.Now()
				_, err := r.Do(within(t, 10*time.Minute), purge())
				same(t, "outcome", row.want, outcomeOf(r, began, err))
			})
		})
	}
}

func TestNoRetries(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		retries int
		once    bool
		status  int
	}{
		"Once, after a failure":               {0, true, 500},
		"Once, after a rate-limited response": {0, true, 429},
		"MaxRetries -1":                       {-1, false, 500},
		"MaxRetries -1, after a timeout":      {-1, false, 408},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Options{MaxRetries: row.retries}, respond(row.status, ""), func(t *testing.T, r *rig) {
				req := purge()
				req.Once = row.once
				_, err := r.Do(t.Context(), req)
				same(t, "requests", 1, r.requests())
				same(t, "status", row.status, err.(*Error).Status) //nolint:forcetypeassert,errorlint // Do promises it
			})
		})
	}
}

func TestFullJitter(t *testing.T) {
	t.Parallel()
	for retry, ceiling := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 8 * time.Second, 5: 16 * time.Second,
		6: 30 * time.Second, 7: 30 * time.Second, 1000: 30 * time.Second,
	} {
		var longest time.Duration
		for range 1000 {
			wait := fullJitter(retry)
			if wait <= 0 || wait > ceiling+time.Millisecond {
				t.Fatalf("retry %d: %s is not between 0 and %s", retry, wait, ceiling)
			}
			longest = max(longest, wait)
		}
		if longest < ceiling/2 {
			t.Errorf("retry %d: of 1000 waits none was over half of %s", retry, ceiling)
		}
	}
}
