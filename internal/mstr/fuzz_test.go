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

// FuzzContentLists answers the lists of nodes and content caches with anything:
// the client never panics, invalidates nothing without a list that contains a
// ready cache, and what it says is one clean line.
func FuzzContentLists(f *testing.F) {
	const nodes = `{"nodes":[{"name":"n","status":"running","projects":[{"id":"` + tutorial + `","status":"loaded"}]}]}`
	for _, list := range []string{
		"", "null", "[]", "{}", `{"total":0}`, `{"total":1,"contentCaches":[]}`, `{"total":1,"contentCaches":null}`,
		`{"total":1,"contentCaches":[{"a":{"source":{"type":"report"},"status":{"ready":true}}}]}`,
		`{"total":2,"contentCaches":[{"a":{"source":{"type":"report"},"status":{"ready":true}},"b":{"source":{"type":"cube"},"status":{"ready":true}}}]}`,
		`{"total":1,"contentCaches":[{"a":{"source":{"type":"report"},"status":{"ready":true},"lastUpdateTime":{"a":1},"dbTablesUsed":[null]}}]}`,
		`{"total":9223372036854775807,"offset":0,"contentCaches":[{"a":{"source":{"type":"x"},"status":{}}}]}`,
		`{"total":1,"contentCaches":[{"a":{"source":null,"status":null}}]}`, `{"total":1,"total":0,"contentCaches":[1],"contentCaches":[]}`,
	} {
		f.Add(nodes, list)
	}
	f.Add(`{"nodes":[{"name":"n\n","status":"RUNNING","projects":[{"id":"`+strings.ToLower(tutorial)+`"}]},{"name":"m"}]}`, `{"total":0}`)
	f.Fuzz(func(t *testing.T, nodes, list string) {
		synctest.Test(t, func(t *testing.T) {
			network := wiretest.Listen()
			network.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/login"):
					w.Header().Set("X-MSTR-AuthToken", "token")
				case strings.HasSuffix(r.URL.Path, "/nodes"):
					_, _ = w.Write([]byte(nodes))
				case r.Method == http.MethodPatch:
					low := strings.ToLower(list)
					ready := strings.Contains(low, "ready") && strings.Contains(low, "true") || strings.Contains(low, `\`)
					if !ready {
						t.Errorf("an invalidation after %q", list)
					}
				default:
					_, _ = w.Write([]byte(list))
				}
			}))
			client := mstr.New(mstr.Config{BaseURL: "http://localhost", Username: "u", Password: "p4ssw0rd", Wire: transport.Options{
				Dial: network.Dial, MaxRetries: -1, RequestTimeout: time.Second,
			}})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := client.PurgeContent(ctx, tutorial, mstr.ContentFilter{})
			_ = client.Close(ctx)
			network.Close()
			var e *transport.Error
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("not an error of the wire: %v", err)
			}
			if e != nil && strings.ContainsFunc(e.Message+e.Doing, unicode.IsControl) {
				t.Errorf("not one clean line: %q", e)
			}
		})
	})
}
