// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

var start = time.Date(2024, 2, 29, 23, 30, 0, 0, time.UTC)

// bench is a fake on a server, with a clock that only pass advances.
type bench struct {
	*Server
	t         *testing.T
	url       string
	transport http.RoundTripper

	mu  sync.Mutex
	now time.Time
}

// newBench serves the fake. The functions set its fields first.
func newBench(t *testing.T, set ...func(*Server)) *bench {
	t.Helper()
	b := &bench{Server: New(), t: t, now: start}
	b.Now = func() time.Time {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.now
	}
	for _, f := range set {
		f(b.Server)
	}
	web := httptest.NewServer(b.Server)
	t.Cleanup(web.Close)
	// Not http.DefaultTransport: closing another test's server closes its idle
	// connections.
	b.url, b.transport = web.URL, web.Client().Transport
	return b
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// response contains the parts of a response that the tests compare.
type response struct {
	Status   int
	Location string
	Body     string
}

// received is a response without its body.
type received struct {
	StatusCode int
	Header     http.Header
}

// send sends a request with the static token and the project. Each header is
// "Name: value" and replaces a default. An empty value removes the header.
func (b *bench) send(method, path, body string, headers ...string) (received, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", b.StaticToken)
	req.Header.Set("X-Project-Id", b.ProjectID)
	req.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
		if value == "" {
			req.Header.Del(name)
		}
	}
	resp, err := b.transport.RoundTrip(req)
	if err != nil {
		b.t.Error(err)
		return received{}, ""
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Error(err)
	}
	return received{resp.StatusCode, resp.Header}, strings.TrimSuffix(string(text), "\n")
}

func (b *bench) do(method, path string, headers ...string) response {
	b.t.Helper()
	resp, body := b.send(method, path, "", headers...)
	return response{resp.StatusCode, strings.TrimPrefix(resp.Header.Get("Location"), b.url), body}
}

func (b *bench) purge(service, query string) response {
	b.t.Helper()
	return b.do(http.MethodDelete, assets(service, query))
}

func assets(service, query string) string {
	return "/v1.0/110011/services/" + service + "/assets?" + query
}

func accepted(service string) response {
	return response{Status: http.StatusAccepted, Location: "/v1.0/services/" + service}
}

func rejected(status int, message string) response {
	body, _ := json.Marshal(map[string]string{"message": message})
	return response{Status: status, Body: string(body)}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func page(status string) string {
	return "<html>\n <head>\n  <title>" + status + "</title>\n </head>\n <body>\n  <h1>" + status + "</h1>\n </body>\n</html>"
}

func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	notFound := response{Status: 404, Body: page("404 Not Found")}
	notAllowed := response{Status: 405, Body: page("405 Method Not Allowed")}
	for name, tc := range map[string]struct {
		method, path string
		want         response
	}{
		"a path without the version is not found":          {"GET", "/110011/services", notFound},
		"a path without the project is not found":          {"GET", "/v1.0/services", notFound},
		"the Location of a purge is not found":             {"GET", "/v1.0/services/" + DeployedID, notFound},
		"a doubled slash is not cleaned by a redirect":     {"GET", "//v1.0/110011/services", notFound},
		"dots are not cleaned by a redirect":               {"GET", "/v1.0/110011/x/../services", notFound},
		"there is no list of purges":                       {"GET", "/v1.0/110011/services/" + DeployedID + "/purges", notFound},
		"assets accept only DELETE":                        {"GET", assets(DeployedID, "url=/a&hard=true"), notAllowed},
		"a purge without its last element is not allowed":  {"DELETE", "/v1.0/110011/services/" + DeployedID, notAllowed},
		"tokens accept only POST":                          {"GET", "/v2.0/tokens", notAllowed},
		"an escaped slash in a service id splits the path": {"GET", "/v1.0/110011/services/a%2Fb", notFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			same(t, "response", b.do(tc.method, tc.path), tc.want)
			path, _, _ := strings.Cut(strings.ReplaceAll(tc.path, "%2F", "/"), "?")
			same(t, "journal", b.Journal.Entries(), []fake.Entry{{
				Time: start, System: "cdn", Operation: "unknown", Subject: tc.method + " " + path, Status: tc.want.Status,
			}})
		})
	}
}

func TestJournalNamesEveryOperation(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.send(http.MethodPost, "/v2.0/tokens", `{}`)
	b.do(http.MethodGet, "/v1.0/110011/services?marker="+OtherID+"&limit=2")
	b.do(http.MethodGet, "/v1.0/110011/services/"+MissingID)
	b.purge(DeployedID, "url=%2Fa%2520b&hard=true")
	b.purge(DeployedID, "hard=")
	b.purge(DeployedID, "url=/x")

	entry := func(operation, subject string, status int) fake.Entry {
		return fake.Entry{Time: start, System: "cdn", Operation: operation, Subject: subject, Status: status}
	}
	same(t, "journal", b.Journal.Entries(), []fake.Entry{
		entry("login", "", 400),
		entry("services", "marker="+OtherID+"&limit=2", 200),
		entry("service", MissingID, 404),
		entry("purge", DeployedID+" /a%20b hard=true", 202),
		entry("purge", DeployedID+" /* hard=", 500),
		entry("purge", DeployedID+" /x hard=(missing)", 202),
	})
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		public string
		tls    *tls.ConnectionState
		want   string
	}{
		"is the request's host by default":       {"", nil, "http://cdn.example"},
		"is https for a request over TLS":        {"", &tls.ConnectionState{}, "https://cdn.example"},
		"is the field, without a trailing slash": {"https://box.example/cdn/", nil, "https://box.example/cdn"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := New()
			s.PublicURL = tc.public
			req := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, "http://cdn.example/mounted"+assets(OtherID, "url=/a&hard=true"), nil)
			req.TLS = tc.tls
			req.Header.Set("X-Auth-Token", s.StaticToken)
			req.Header.Set("X-Project-Id", s.ProjectID)
			w := httptest.NewRecorder()
			http.StripPrefix("/mounted", s).ServeHTTP(w, req)
			same(t, "Location", w.Header().Get("Location"), tc.want+"/v1.0/services/"+OtherID)
		})
	}
}

func TestFaultsTakePrecedence(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault          http.HandlerFunc
		want           response
		retryAfter, ct string
	}{
		"an error with a string":            {Error(500, "boom"), response{500, "", `{"message":"boom"}`}, "", "application/json"},
		"an error with an object":           {Error(400, map[string]any{"url": "bad"}), response{400, "", `{"message":{"url":"bad"}}`}, "", "application/json"},
		"an HTML page":                      {HTML(405), response{405, "", page("405 Method Not Allowed")}, "", "text/html; charset=UTF-8"},
		"a rate limit with any Retry-After": {OverLimit(503, "-1"), response{503, "", overLimit("503")}, "-1", "application/json"},
		"a rate limit without Retry-After":  {OverLimit(429, ""), response{429, "", overLimit("429")}, "", "application/json"},
		"a 401 for a valid token":           {unauthorized, response{401, "", page("401 Unauthorized")}, "", "text/html; charset=UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(s *Server) { s.PurgesPerMinute = 1 })
			b.Fail("purge", 1, tc.fault)
			resp, body := b.send(http.MethodDelete, assets(OtherID, "url=/a&hard=true"), "", "X-Auth-Token: ")
			same(t, "response", response{resp.StatusCode, "", body}, tc.want)
			same(t, "Retry-After", resp.Header.Get("Retry-After"), tc.retryAfter)
			same(t, "Content-Type", resp.Header.Get("Content-Type"), tc.ct)
			same(t, "the quota is unchanged", b.purge(OtherID, "url=/a&hard=true"), accepted(OtherID))
		})
	}
}

func overLimit(status string) string {
	return `{"overLimit":{"code":` + status + `,"details":"Error Details...","message":"OverLimit Retry..."}}`
}
