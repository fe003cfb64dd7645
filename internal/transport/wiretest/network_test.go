// SPDX-License-Identifier: MPL-2.0

package wiretest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// outcome is the result of one request for the client.
type outcome struct {
	Body    string
	Failure string
	Took    time.Duration
	Dialed  []string
	Open    int
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	dialed := []string{"localhost:80"}
	for name, test := range map[string]struct {
		fault wiretest.Fault
		want  outcome
	}{
		"a connection without a fault":        {nil, outcome{Body: "hello", Dialed: dialed, Open: 1}},
		"nothing listens":                     {wiretest.Refuse, outcome{Failure: "refused", Dialed: dialed}},
		"the host is unknown":                 {wiretest.UnknownHost, outcome{Failure: "not found", Dialed: dialed}},
		"a DNS server fails":                  {wiretest.NoNameServer, outcome{Failure: "temporary", Dialed: dialed}},
		"a dial hangs until the context ends": {wiretest.Hang, outcome{Failure: "timeout", Took: time.Minute, Dialed: dialed}},
		"a reset before the response":         {wiretest.Reset(0), outcome{Failure: "reset", Dialed: dialed}},
		"a reset in the response":             {wiretest.Reset(40), outcome{Failure: "reset", Dialed: dialed}},
		"a stall before the response":         {wiretest.Stall(0), outcome{Failure: "timeout", Took: time.Minute, Dialed: dialed}},
		"a stall in the response":             {wiretest.Stall(40), outcome{Failure: "timeout", Took: time.Minute, Dialed: dialed}},
		"a response that trickles":            {wiretest.Trickle(100 * time.Millisecond), outcome{Body: "hello", Took: 12100 * time.Millisecond, Dialed: dialed, Open: 1}},
		"a fault of no dial":                  {wiretest.Times(0, wiretest.Refuse), outcome{Body: "hello", Dialed: dialed, Open: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := wiretest.Listen()
				network.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
				network.Set(test.fault)
				client := &http.Transport{DialContext: network.Dial}
				began := time.Now()
				got := get(t, client)
				got.Took = time.Since(began)
				synctest.Wait()
				got.Dialed, got.Open = network.Dialed(), network.Open()
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				client.CloseIdleConnections()
				network.Close()
				if open := network.Open(); open != 0 {
					t.Errorf("%d connections are open at the end", open)
				}
			})
		})
	}
}

func get(t *testing.T, client *http.Transport) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.RoundTrip(req)
	if err != nil {
		return outcome{Failure: failure(err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return outcome{Failure: failure(err)}
	}
	return outcome{Body: string(body)}
}

func failure(err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "not found"
	case errors.As(err, &dns) && dns.IsTemporary:
		return "temporary"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	default:
		return err.Error()
	}
}

func TestBreak(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := wiretest.Listen()
		network.Serve(http.NotFoundHandler())
		client := &http.Transport{DialContext: network.Dial}
		get(t, client)
		network.Break()
		synctest.Wait()
		if open := network.Open(); open != 0 {
			t.Errorf("%d connections are open after Break", open)
		}
		get(t, client)
		if dials := len(network.Dialed()); dials != 2 {
			t.Errorf("%d dials, want 2", dials)
		}
		client.CloseIdleConnections()
		network.Close()
		if got := get(t, client); got.Failure != "refused" {
			t.Errorf("after Close: %+v", got)
		}
	})
}
