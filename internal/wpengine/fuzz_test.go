package wpengine_test

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

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine"
)

// FuzzErrorBody answers a purge with any status and body: the
// client never panics, and what it says is one clean line.
func FuzzErrorBody(f *testing.F) {
	for _, body := range []string{
		"", "null", "[]", "{}", `"text"`, "<html><title>x\x00</title>", "out of\nmemory", "\xff\xfe",
		`{"message":"Invalid Request","documentation_url":"https://a","errors":[{"resource":"Install","field":"type","code":"invalid","message":"b\nc"}]}`,
		`{"errors":[{"field":{"a":1},"code":7,"message":null}]}`, `{"errors":["a"]}`, `{"errors":{}}`, `{"errors":[null]}`,
		`{"message":"Missing Authentication Token"}`, `{"message":"one request every 60 seconds"}`, `{"message":"every 0 seconds"}`,
		`{"message":"` + strings.Repeat("ü", 600) + `"}`, `{"message":"\u001b[31mred\u202e"}`,
	} {
		for _, status := range []int{200, 202, 400, 401, 403, 404, 429, 500, 503} {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status == http.StatusNoContent {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			network := wiretest.Listen()
			network.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}))
			client := wpengine.New(wpengine.Config{BaseURL: "http://localhost/v1", Username: "u", Password: "p4ssw0rd", Wire: transport.Options{
				Dial: network.Dial, MaxRetries: -1, RequestTimeout: time.Second,
			}})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err := client.Purge(ctx, "0a1b2c3d-1111-2222-3333-444455556666", "page")
			_ = client.Close(ctx)
			network.Close()
			var e *transport.Error
			if !errors.As(err, &e) {
				if err == nil && (status == http.StatusAccepted || status == http.StatusOK) {
					return
				}
				t.Fatalf("a request answered with %d ended with %v", status, err)
			}
			for _, text := range []string{e.Message, e.Code, e.ID, e.Docs, e.Input} {
				if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || utf8.RuneCountInString(text) > 500 {
					t.Errorf("not one clean line: %q", text)
				}
			}
		})
	})
}
