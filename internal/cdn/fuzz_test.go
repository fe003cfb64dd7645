package cdn_test

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

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// FuzzErrorBody answers the login and the purge with any status and body: the
// client never panics, and what it says is one clean line.
func FuzzErrorBody(f *testing.F) {
	for _, body := range []string{
		"", "null", "[]", "{}", `"text"`, "<html><title>x\x00</title>", "out of\nmemory", "\xff\xfe",
		`{"message":"Service x is not deployed."}`, `{"message":{"a":["b\n"]}}`, `{"message":null}`,
		`{"overLimit":{"code":413,"message":"OverLimit Retry..."}}`, `{"unauthorized":{"message":"Additional authentication credentials required"}}`,
		`{"a":{"message":1},"b":{"message":"x"}}`, `{"message":"` + strings.Repeat("ü", 600) + `"}`, `{"message":"\u001b[31mred\u202e"}`,
	} {
		for _, status := range []int{200, 202, 400, 401, 403, 404, 405, 500, 503} {
			f.Add(status, status%2 == 0, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, login bool, body string) {
		if status < 200 || status > 599 || status == http.StatusNoContent {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			network := wiretest.Listen()
			network.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}))
			config := cdn.Config{IdentityURL: "http://localhost/v2.0", Username: "u", APIKey: "4p1-k3y", Wire: transport.Options{
				Dial: network.Dial, MaxRetries: -1, RequestTimeout: time.Second,
			}}
			if !login {
				config.AuthToken, config.ProjectID, config.Endpoint = "t0k3n", "1", "http://localhost/v1.0"
			}
			client := cdn.New(config)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err := client.Purge(ctx, cdntest.DeployedID, "/a")
			_ = client.Close(ctx)
			network.Close()
			var e *transport.Error
			if !errors.As(err, &e) {
				if err == nil && status == http.StatusAccepted && !login {
					return
				}
				t.Fatalf("a request answered with %d ended with %v", status, err)
			}
			for _, text := range []string{e.Message, e.Code, e.ID} {
				if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || utf8.RuneCountInString(text) > 500 {
					t.Errorf("not one clean line: %q", text)
				}
			}
		})
	})
}
