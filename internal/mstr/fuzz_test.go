package mstr_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// FuzzErrorBody answers a purge with any status and body: the client never
// panics, takes nothing but a 204 for an acceptance, and what it says is one
// clean line.
func FuzzErrorBody(f *testing.F) {
	for _, body := range []string{
		"", "null", "[]", "{}", `"text"`, "<html><title>x\x00</title>", "out of\nmemory", "\xff\xfe",
		`{"code":"ERR001","iServerCode":-2147072486,"message":"a\nb","ticketId":"0a","subErrors":[{"message":"c"}]}`,
		`{"errors":[{"code":14,"IserverCode":"x","message":{"a":1}}]}`,
		`{"errors":[null]}`, `{"errors":{}}`, `{"code":"ERR004","message":"HTTP 404 Not Found"}`, `{"code":"ERR0014"`,
		`{"message":"` + strings.Repeat("ü", 600) + `"}`, `{"message":"\u001b[31mred\u202e"}`,
	} {
		for _, status := range []int{200, 400, 401, 403, 404, 405, 500} {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status == http.StatusNoContent {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			network := wiretest.Listen()
			network.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/login") {
					w.Header().Set("X-MSTR-AuthToken", "token")
					return
				}
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}))
			client := mstr.New(mstr.Config{BaseURL: "http://localhost", Username: "u", Password: "p4ssw0rd", Wire: transport.Options{
				Dial: network.Dial, MaxRetries: -1, RequestTimeout: time.Second,
			}})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err := client.Purge(ctx, tutorial, "object")
			_ = client.Close(ctx)
			network.Close()
			var e *transport.Error
			if !errors.As(err, &e) {
				t.Fatalf("a purge answered with %d ended with %v", status, err)
			}
			for _, text := range []string{e.Message, e.Code, e.ID} {
				if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || utf8.RuneCountInString(text) > 500 {
					t.Errorf("not one clean line: %q", text)
				}
			}
		})
	})
}
