// SPDX-License-Identifier: MPL-2.0

package clienttest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// Responses is a fuzz test of what a client makes of responses: it never panics,
// takes only what it should for an acceptance, and what it says is one clean
// line.
type Responses struct {
	// Bodies and Statuses are the seeds, each body with each status. Bodies that
	// all clients need are among them anyway.
	Bodies   []string
	Statuses []int
	// Before handles a request that only precedes the one that is tested, such as
	// a login, and returns whether it did. Nil: there are none.
	Before func(w http.ResponseWriter, r *http.Request) bool
	// Send makes a client and sends the request.
	Send func(ctx context.Context, wire transport.Options) error
	// Accepted are the statuses that can mean success.
	Accepted []int
}

// anyBody are seeds for every client.
var anyBody = []string{
	"", "null", "[]", "{}", `"text"`, "<html><title>x\x00</title>", "out of\nmemory", "\xff\xfe",
	`{"message":"` + strings.Repeat("ü", 600) + `"}`, `{"message":"\u001b[31mred\u202e"}`,
}

// Fuzz runs the test.
func (a Responses) Fuzz(f *testing.F) {
	for _, body := range slices.Concat(anyBody, a.Bodies) {
		for _, status := range a.Statuses {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status == http.StatusNoContent {
			return
		}
		err := Over(t, func(w http.ResponseWriter, r *http.Request) {
			if a.Before == nil || !a.Before(w, r) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}
		}, a.Send)
		var e *transport.Error
		switch {
		case errors.As(err, &e):
			WantClean(t, e.Message, e.Code, e.ID, e.Docs, e.Input)
		case err != nil || !slices.Contains(a.Accepted, status):
			t.Fatalf("a request answered with %d ended with %v", status, err)
		}
	})
}

// Over sends requests to a server in virtual time and returns the error.
func Over(t *testing.T, server http.HandlerFunc, send func(context.Context, transport.Options) error) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := wiretest.Listen()
		network.Serve(server)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err = send(ctx, transport.Options{Dial: network.Dial, MaxRetries: -1, RequestTimeout: time.Second})
		network.Close()
	})
	return err
}

// WantClean fails the test for each text that is not one line of at most 500
// characters.
func WantClean(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || utf8.RuneCountInString(text) > 500 {
			t.Errorf("not one clean line: %q", text)
		}
	}
}
