// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// TestNoSecretInAnyText checks a server that returns the secrets that it received.
// Neither the error, nor the errors that it wraps, nor the log contains them.
func TestNoSecretInAnyText(t *testing.T) {
	t.Parallel()
	const planted = `hunter"22/s3cret`
	encoded := base64.StdEncoding.EncodeToString([]byte("user:" + planted))
	echo := fmt.Sprintf("%s %s %s %s", planted, encoded, url.QueryEscape(planted), strings.ReplaceAll(planted, `"`, `\"`))
	everywhere := []string{"Server", echo, "Via", echo, "Retry-After", echo, "X-Trans-Id", echo, "Location", "https://" + encoded + ".example/" + url.PathEscape(planted)}
	for name, row := range map[string]struct {
		handler http.HandlerFunc
		fault   wiretest.Fault
		change  func(*Request)
	}{
		"in text":                   {respond(400, echo, everywhere...), nil, nil},
		"in a page":                 {respond(502, "<title>"+echo+"</title>", everywhere...), nil, nil},
		"in a redirect":             {respond(302, echo, everywhere...), nil, nil},
		"in an acceptance":          {respond(202, `{"error":"`+encoded+`"}`, everywhere...), nil, func(r *Request) { r.Check = AcceptedBody }},
		"in the error of a check":   {respond(202, ""), nil, func(r *Request) { r.Check = func(resp *Response) error { return errors.New(resp.Line(echo)) } }},
		"in the name of a field":    {respond(202, `{"`+encoded+`":1}`), nil, into(&map[string]string{})},
		"in the error of the API":   {respond(400, ""), nil, explained(echo)},
		"in an address":             {respond(400, ""), nil, func(r *Request) { r.Path = "/%zz" + encoded }},
		"in a body that is cut off": {respond(400, strings.Repeat("x", 100)+encoded+"yyy", "Content-Type", "text/plain"), wiretest.Reset(120 + 100 + 14), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Options{}, row.handler, func(t *testing.T, r *rig) {
				r.Hide(planted, "user:"+planted)
				r.network.Set(row.fault)
				req := purge()
				req.Header = http.Header{"Authorization": {"Basic " + encoded}}
				if row.change != nil {
					row.change(req)
				}
				_, err := r.Do(t.Context(), req)
				if err == nil {
					t.Fatal("no error")
				}
				shown := fmt.Sprint(everyText(err), r.logged)
				for _, part := range []string{planted, encoded, encoded[:8], "s3cret"} {
					if strings.Contains(shown, part) {
						t.Errorf("%q is in %s", part, shown)
					}
				}
			})
		})
	}
}

func explained(text string) func(*Request) {
	return func(r *Request) {
		r.Explain = func(resp *Response, e *Error) {
			line := resp.Line(text)
			e.Code, e.Message, e.ID, e.Docs, e.Input = line, line, line, line, line
		}
	}
}

// everyText returns the texts of an error and of all errors that it wraps, and
// their fields.
func everyText(err error) []string {
	texts := []string{err.Error()}
	if e, ok := err.(*Error); ok { //nolint:errorlint // each error is checked
		texts = append(texts, e.Doing, e.Code, e.Message, e.ID, e.Docs, e.Input, e.Advice, e.Outcome())
	}
	switch wrapper := err.(type) { //nolint:errorlint // each error is checked
	case interface{ Unwrap() []error }:
		for _, inner := range wrapper.Unwrap() {
			texts = append(texts, everyText(inner)...)
		}
	case interface{ Unwrap() error }:
		texts = append(texts, everyText(wrapper.Unwrap())...)
	}
	return texts
}

// TestLog checks that there is one message per attempt, with loggedHeaders only.
func TestLog(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{MaxRetries: 1}, respond(500, "busy", "X-Auth-Token", "hunter22", "Set-Cookie", "s=hunter22", "Server", "poppy", "X-Trans-Id", "tx1"), func(t *testing.T, r *rig) {
		req := purge()
		req.Header = http.Header{"X-Auth-Token": {"hunter22"}}
		_, _ = r.Do(within(t, time.Minute), req)
		r.network.Set(wiretest.Refuse)
		r.Close()
		_, _ = r.Do(within(t, 600*time.Millisecond), req)
		responded := map[string]any{
			"message": "Received response", "system": "Example", "doing": "purging /a", "method": "DELETE", "host": "localhost", "path": "/base/a", "took_ms": int64(0),
			"status": 500, "header_Content-Length": "4", "header_Content-Type": "text/plain; charset=utf-8", "header_Server": "poppy", "header_X-Trans-Id": "tx1",
		}
		failed := map[string]any{
			"message": "Request failed", "system": "Example", "doing": "purging /a", "method": "DELETE", "host": "localhost", "path": "/base/a", "took_ms": int64(0),
			"error": "dial tcp: connect: connection refused",
		}
		same(t, "log", []map[string]any{responded, responded, failed, failed}, r.logged,
			cmpopts.IgnoreMapEntries(func(name string, _ any) bool { return name == "header_Date" }), cmp.AllowUnexported())
	})
}

// TestTextsOfTheProvider checks that a password is redacted in texts of a server, but not
// in texts of the provider, because that would reveal the password.
func TestTextsOfTheProvider(t *testing.T) {
	t.Parallel()
	const echo = "Check the page at localhost: it is no answer"
	for name, row := range map[string]struct {
		handler http.HandlerFunc
		fault   wiretest.Fault
		change  func(*Request)
		hide    string
		want    string // part of the error
		advice  string
	}{
		"in the advice": {
			respond(302, "", "Location", "https://evil.example/"), nil, nil, "credentials", "redirect to evil.example",
			"The provider does not follow redirects, because that would send the credentials to another address. Set the final address.",
		},
		"in the description of the request":          {respond(400, echo), nil, nil, "purging", echo, ""},
		"in the text of the server":                  {respond(400, echo), nil, nil, "page", "Check the [redacted] at localhost: it is no answer", ""},
		"in the text before a title":                 {respond(403, "<title>Page</title>"), nil, nil, "page", `an HTML page with the title "[redacted]"`, ""},
		"in a check":                                 {respond(202, "<html>"), nil, func(r *Request) { r.Check = AcceptedBody }, "page", "the response is an HTML page", notFromAPI},
		"in the text before an error":                {respond(202, `{"error":"answer 42"}`), nil, func(r *Request) { r.Check = AcceptedBody }, "answer", `the response contains an error: "[redacted] 42"`, notFromAPI},
		"in JSON":                                    {respond(202, `{"id":1}`), nil, into(&project{}), "field", `the field "id" contains an unexpected number`, notFromAPI},
		"in a dial that fails":                       {nil, wiretest.Refuse, nil, "refused", "dial tcp: connect: connection refused", ""},
		"in an unknown host":                         {nil, wiretest.UnknownHost, nil, "localhost", "dial tcp: lookup localhost: no such host", ""},
		"in a stall":                                 {respond(202, ""), wiretest.Stall(0), nil, "request", "the attempt exceeded the request timeout", ""},
		"three characters in a redirect":             {respond(302, "see other", "Location", "https://evil.example/see"), nil, nil, "see", "redirect to evil.example", ""},
		"three characters in the text of the server": {respond(400, "see other"), nil, nil, "see", redacted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Options{MaxRetries: -1}, row.handler, func(t *testing.T, r *rig) {
				r.Hide(row.hide)
				r.network.Set(row.fault)
				req := purge()
				if row.change != nil {
					row.change(req)
				}
				_, err := r.Do(t.Context(), req)
				e := err.(*Error) //nolint:forcetypeassert,errorlint // Do promises it
				if text := e.Error(); !strings.HasPrefix(text, "purging /a: ") || !strings.Contains(text, ": "+row.want) || strings.Count(text, redacted) != strings.Count(row.want, redacted) {
					t.Errorf("%q is not all of %q", row.want, text)
				}
				if row.advice != "" {
					same(t, "advice", row.advice, e.Advice)
				}
			})
		})
	}
}

// TestProxyUserinfo checks that the credentials in HTTPS_PROXY are redacted.
func TestProxyUserinfo(t *testing.T) {
	t.Parallel()
	for value, secrets := range map[string][]string{
		"http://me:hunter22@proxy:3128":        {"hunter22"},
		"http://me:hunt%2Fer%3A22@proxy:3128":  {"hunt%2Fer%3A22", "hunt/er:22"},
		"me:hunter22@proxy:3128":               {"hunter22"},
		"http://hunter22@proxy:3128":           {"hunter22"},
		"http://me:hunter@22@proxy:not a port": {"hunter@22"},
		"http://me:hunter%zz@proxy:3128":       {"hunter%zz"},
		"http://me:@proxy":                     {"me:"},
	} {
		proxies := NewProxies(func(name string) string { return map[string]string{"HTTPS_PROXY": value}[name] })
		inBubble(t, Options{MaxRetries: -1, Proxies: proxies}, nil, func(t *testing.T, r *rig) {
			for _, secret := range secrets {
				encoded := base64.StdEncoding.EncodeToString([]byte("me:" + secret))
				for _, text := range []string{secret, encoded, url.QueryEscape(secret)} {
					if got := r.Line("proxyconnect: " + text + " is wrong"); strings.Contains(got, secret) || strings.Contains(got, text) {
						t.Errorf("%s: %q is shown in %s", value, text, got)
					}
				}
			}
			same(t, "other text", "me at the proxy", r.Line("me at the proxy"))
		})
	}
}
