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

// Responses is a fuzz test of how a client handles responses. The client must
// not panic, must accept only responses that are acceptances, and must return
// errors whose texts are clean lines.
type Responses struct {
	// Bodies and Statuses are the seeds: each body with each status. The test
	// adds bodies that are useful for all clients.
	Bodies   []string
	Statuses []int
	// Before handles a request that precedes the tested one, such as a login, and
	// reports whether it did. If nil, there are none.
	Before func(w http.ResponseWriter, r *http.Request) bool
	// Send creates a client and sends the request.
	Send func(ctx context.Context, opts transport.Options) error
	// Accepted are the statuses that can mean success.
	Accepted []int
}

// anyBody contains seeds for every client.
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
			t.Fatalf("a response with status %d: error %v", status, err)
		}
	})
}

// Over runs a server and send in virtual time, and returns the error of send.
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
