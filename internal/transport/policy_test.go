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

// seen is what a request cost and what became of it.
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

// TestPolicy is the policy for each kind of answer: what is done about it when
// it comes once and the next answer is an acceptance. Each row says why.
func TestPolicy(t *testing.T) {
	t.Parallel()
	again, outage, refusedFor, final := seen{2, time.Second, accepted, false}, seen{2, time.Second / 2, accepted, false}, time.Minute, func(kind Kind) seen { return seen{1, 0, kind, false} }
	for why, row := range map[string]struct {
		status int
		body   []byte
		header string // Retry-After
		want   seen
	}{
		"202 is the acceptance": {202, nil, "", seen{1, 0, accepted, false}},
		"200 is not what the page says, something else may have answered": {200, nil, "", final(KindUnexpected)},
		"204 is not either":                                                   {204, nil, "", final(KindUnexpected)},
		"300 and up would carry credentials along":                            {301, nil, "", final(KindRedirect)},
		"307 and 308 would carry the body too":                                {307, []byte("{}"), "", final(KindRedirect)},
		"304 is no answer to a request without conditions":                    {304, nil, "", final(KindRedirect)},
		"400 stays wrong however often it is asked":                           {400, nil, "", final(KindInvalid)},
		"401 locks accounts when it is repeated":                              {401, nil, "", final(KindCredentials)},
		"403 stays forbidden":                                                 {403, nil, "", final(KindForbidden)},
		"404 stays missing":                                                   {404, nil, "", final(KindNotFound)},
		"405 is a wrong address":                                              {405, nil, "", final(KindInvalid)},
		"407 is for who set the proxy":                                        {407, nil, "", final(KindInvalid)},
		"408 is a gateway that did not get our request in time":               {408, nil, "", again},
		"409 is for who asks":                                                 {409, nil, "", final(KindInvalid)},
		"410 is missing for good":                                             {410, nil, "", final(KindNotFound)},
		"413 without a body can only be the limiter, whose window is 60 s":    {413, nil, "", seen{2, refusedFor, accepted, false}},
		"413 with a body is about the body":                                   {413, []byte("{}"), "", final(KindInvalid)},
		"418 and the like are not ours to interpret":                          {418, nil, "", final(KindInvalid)},
		"429 does not say for how long, and the documented windows are 60 s":  {429, nil, "", seen{2, refusedFor, accepted, false}},
		"429 says for how long":                                               {429, nil, "7", seen{2, 7 * time.Second, accepted, false}},
		"429 with 0 waits as long as anything else, not for no time":          {429, nil, "0", seen{2, time.Second, accepted, false}},
		"429 for longer than the deadline fails now":                          {429, nil, "86400", seen{1, 0, KindLimited, true}},
		"429 for longer than a Duration holds fails now":                      {429, nil, "9223372037", seen{1, 0, KindLimited, true}},
		"500 is repeated, a purge does no harm twice":                         {500, nil, "", again},
		"500 says for how long":                                               {500, nil, "9", seen{2, 9 * time.Second, accepted, false}},
		"500 for longer than the deadline fails now":                          {500, nil, "86400", seen{1, 0, KindServer, true}},
		"501 will not be implemented in a minute":                             {501, nil, "", final(KindServer)},
		"502 is a gateway without its server":                                 {502, nil, "", outage},
		"503 that says for how long is a limiter":                             {503, nil, "7", seen{2, 7 * time.Second, accepted, false}},
		"503 that does not is a host that is down":                            {503, nil, "", outage},
		"503 with garbage does not say for how long":                          {503, nil, "soon", outage},
		"504 is a gateway that waited for its server":                         {504, nil, "", outage},
		"505 and up are not failures that pass":                               {505, nil, "", final(KindServer)},
		"101 is a connection that nobody asked to be handed, and no deadline": {101, nil, "", final(KindUnexpected)},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			first := answer(row.status, "")
			if row.header != "" {
				first = answer(row.status, "", "Retry-After", row.header)
			}
			if row.status == http.StatusSwitchingProtocols {
				first = switchProtocols
			}
			inBubble(t, Options{}, inTurn(first, answer(202, "")), func(t *testing.T, r *rig) {
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
	conn, _, err := w.(http.Hijacker).Hijack() //nolint:forcetypeassert // HTTP/1 has it
	if err != nil {
		panic(err)
	}
	_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"))
	_, _ = io.Copy(io.Discard, conn) // says no more and stays until the client leaves
	_ = conn.Close()
}

var huge, long = strings.Repeat("x", 300<<10), strings.Repeat("hello ", 2000)

// TestPolicyForEver is what an answer that never gets better costs.
func TestPolicyForEver(t *testing.T) {
	t.Parallel()
	backoffs := 1*time.Second + 2*time.Second + 3*time.Second + 4*time.Second // four retries
	const patience = 2 * time.Minute                                          // with a host that never answered
	for why, row := range map[string]struct {
		handler http.HandlerFunc
		fault   wiretest.Fault
		want    seen
	}{
		"a failing server is asked five times":                             {answer(500, ""), nil, seen{5, backoffs, KindServer, false}},
		"a refusal is no retry, and bounded by the deadline":               {answer(429, "", "Retry-After", "60"), nil, seen{10, 9 * time.Minute, KindLimited, true}},
		"a refusal without a wait backs off further each time":             {answer(429, "", "Retry-After", "0"), nil, seen{35, 10 * time.Minute, KindTimeout, false}},
		"a refused connection may pass":                                    {nil, wiretest.Refuse, seen{0, patience, KindNoAnswer, false}},
		"an unknown host is a typing error":                                {nil, wiretest.UnknownHost, seen{0, 0, KindUnknownHost, false}},
		"a name server in trouble may pass":                                {nil, wiretest.NoNameServer, seen{0, patience, KindNoAnswer, false}},
		"a reset before the answer may pass":                               {answer(202, ""), wiretest.Reset(0), seen{11, patience, KindNoAnswer, false}},
		"a reset in the headers may pass":                                  {answer(202, ""), wiretest.Reset(20), seen{11, patience, KindNoAnswer, false}},
		"a stall takes the request timeout, each time":                     {answer(202, ""), wiretest.Stall(0), seen{4, patience + time.Minute, KindNoAnswer, false}},
		"a dial that hangs takes the request timeout, each time":           {nil, wiretest.Hang, seen{0, patience + time.Minute, KindNoAnswer, false}},
		"headers that trickle take the request timeout, each time":         {answer(202, ""), wiretest.Trickle(10 * time.Second), seen{4, patience + time.Minute, KindNoAnswer, false}},
		"headers without an end are not read to it":                        {answer(202, "", "X-Huge", huge), nil, seen{11, patience, KindNoAnswer, false}},
		"a gateway without a server is no answer, and may be a wrong name": {answer(502, ""), nil, seen{11, patience, KindOutage, false}},
		"an acceptance whose body breaks off is one":                       {answer(202, long), wiretest.Reset(5000), seen{1, 0, accepted, false}},
		"an acceptance whose body stalls is one, after a second":           {answer(202, long), wiretest.Stall(5000), seen{1, time.Second, accepted, false}},
		"a refusal whose body breaks off is one":                           {answer(403, long), wiretest.Reset(5000), seen{1, 0, KindForbidden, false}},
		"a final answer whose body stalls is one, not a lost attempt":      {answer(404, long), wiretest.Stall(5000), seen{1, 30 * time.Second, KindNotFound, false}},
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

func TestNeverRepeated(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		retries int
		once    bool
		status  int
	}{
		"what is sent once is not repeated after a failure":  {0, true, 500},
		"what is sent once is not repeated after a refusal":  {0, true, 429},
		"a negative number of retries is none":               {-1, false, 500},
		"a negative number of retries is none for a timeout": {-1, false, 408},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Options{MaxRetries: row.retries}, answer(row.status, ""), func(t *testing.T, r *rig) {
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
