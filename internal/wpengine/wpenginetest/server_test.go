// SPDX-License-Identifier: MPL-2.0

package wpenginetest_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// clock is a clock that only Advance moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var start = time.Date(2025, time.June, 1, 9, 0, 0, 0, time.UTC)

func newFake() (*wpenginetest.Server, *clock) {
	s, c := wpenginetest.New(), &clock{now: start}
	s.Now = c.Now
	return s, c
}

// request is one request with valid credentials, unless edit changes them.
type request struct {
	method, path, body string
	edit               func(*http.Request)
}

// response contains the parts of a response that the tests compare: all but the
// request ID, which try checks.
type response struct {
	Status      int
	ContentType string
	RetryAfter  string
	Body        string
}

func send(t *testing.T, s *wpenginetest.Server, r request) response {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	a, err := try(t, server, s, r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func try(t *testing.T, server *httptest.Server, s *wpenginetest.Server, r request) (response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, server.URL+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(s.Username, s.Password)
	req.Header.Set("Content-Type", "application/json")
	if r.edit != nil {
		r.edit(req)
	}
	client := &http.Client{
		Transport:     server.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return response{}, err
	}
	if resp.Header.Get("x-amzn-requestid") == "" {
		t.Errorf("%s %s: the response has no x-amzn-requestid", r.method, r.path)
	}
	return response{
		Status:      resp.StatusCode,
		ContentType: resp.Header.Get("Content-Type"),
		RetryAfter:  resp.Header.Get("Retry-After"),
		Body:        strings.TrimSuffix(string(body), "\n"),
	}, nil
}

func message(status int, text string) response {
	return response{Status: status, ContentType: "application/json", Body: `{"message":"` + text + `"}`}
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func basic(username, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(username, password) }
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func anonymous(r *http.Request) { r.Header.Del("Authorization") }

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	id := wpenginetest.New().Install("acmeprod").ID
	tests := map[string]request{
		"a path without the base path":             {method: "GET", path: "/installs"},
		"a wrong base path":                        {method: "GET", path: "/v2/installs"},
		"a base path with more characters":         {method: "GET", path: "/v1installs"},
		"the base path itself":                     {method: "GET", path: "/v1"},
		"the root":                                 {method: "GET", path: "/"},
		"a doubled slash, which is not redirected": {method: "GET", path: "/v1//installs"},
		"a trailing slash":                         {method: "GET", path: "/v1/installs/"},
		"a path of another API":                    {method: "GET", path: "/v1/sites"},
		"a wrong method of a known path":           {method: "GET", path: "/v1/installs/" + id + "/purge_cache"},
		"a purge without an install":               {method: "POST", path: "/v1/installs//purge_cache", body: `{"type":"all"}`},
		"an install that is not escaped":           {method: "POST", path: "/v1/installs/a/b/purge_cache", body: `{"type":"all"}`},
		"without credentials":                      {method: "GET", path: "/v2/installs", edit: anonymous},
	}
	for name, r := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newFake()
			diff(t, "response", message(403, "Missing Authentication Token"), send(t, s, r))
			diff(t, "journal", []fake.Entry{{
				Time: start, System: "wpengine", Operation: "unknown", Subject: r.method + " " + r.path, Status: 403,
			}}, s.Journal.Entries())
		})
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	edits := map[string]func(*http.Request){
		"no credentials":                  anonymous,
		"a wrong password":                basic(s.Username, "wrong"),
		"a wrong user":                    basic("wrong", s.Password),
		"an empty password":               basic(s.Username, ""),
		"a bearer token":                  header("Authorization", "Bearer "+s.Password),
		"credentials that are not base64": header("Authorization", "Basic %%%"),
	}
	requests := map[string]request{
		"purge":    {method: "POST", path: purgePath(s.Install("acmeprod").ID), body: `{"type":"page"}`},
		"installs": {method: "GET", path: "/v1/installs"},
		"user":     {method: "GET", path: "/v1/user"},
	}
	for what, edit := range edits {
		for operation, r := range requests {
			t.Run(what+" for "+operation+" is a 401", func(t *testing.T) {
				t.Parallel()
				s, _ := newFake()
				r.edit = edit
				diff(t, "response", message(401, "Bad Credentials"), send(t, s, r))
				diff(t, "purges", []wpenginetest.Purge(nil), s.Purges())
				diff(t, "journal", 401, s.Journal.Select(operation)[0].Status)
			})
		}
	}
}

func TestUserAndStatus(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	status := response{200, "application/json", "", `{"created_on":"2025-06-01T09:00:00Z","success":true}`}
	tests := map[string]struct {
		r    request
		want response
	}{
		"GET /user returns the user": {
			request{method: "GET", path: "/v1/user"},
			response{200, "application/json", "", fmt.Sprintf(
				`{"email":"ada@example.com","first_name":"Ada","id":%q,"last_name":"Purger"}`, s.Username)},
		},
		"GET /status needs no credentials":      {request{method: "GET", path: "/v1/status", edit: anonymous}, status},
		"GET /status ignores wrong credentials": {request{method: "GET", path: "/v1/status", edit: basic("a", "b")}, status},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newFake()
			diff(t, "response", tt.want, send(t, s, tt.r))
		})
	}
}

func TestBasePathCanBeReplaced(t *testing.T) {
	t.Parallel()
	for base, path := range map[string]string{
		"": "/status", "/": "/status", "/wpengine/v1": "/wpengine/v1/status", "/wpengine/": "/wpengine/status",
	} {
		t.Run("base path "+base, func(t *testing.T) {
			t.Parallel()
			s, _ := newFake()
			s.BasePath = base
			diff(t, "status below the base path", 200, send(t, s, request{method: "GET", path: path}).Status)
			diff(t, "status below the default", 403, send(t, s, request{method: "GET", path: "/v1/status"}).Status)
		})
	}
}

func TestRequestIDsDiffer(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	seen := make(map[string]bool)
	for range 3 {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/nowhere", http.NoBody))
		seen[w.Header().Get("x-amzn-requestid")] = true
	}
	diff(t, "different ids", 3, len(seen))
}

func TestSecretsContainEveryFormOfTheCredentials(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	pair := base64.StdEncoding.EncodeToString([]byte(s.Username + ":" + s.Password))
	if !strings.ContainsAny(pair, "+/") || !strings.HasSuffix(pair, "=") {
		t.Errorf("the forms of base64 of the default credentials do not differ: %s", pair)
	}
	for _, form := range []string{s.Password, url.QueryEscape(s.Password), pair, strings.TrimRight(pair, "="), url.QueryEscape(pair)} {
		if !slices.Contains(s.Secrets(), form) {
			t.Errorf("Secrets lacks %s", form)
		}
	}
	if slices.Contains(s.Secrets(), s.Username) {
		t.Error("the user id is no secret")
	}
}

func TestTheJournalContainsNoSecret(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	send(t, s, request{method: "GET", path: "/v1/user"})
	send(t, s, request{method: "POST", path: purgePath(s.Install("acmeprod").ID), body: `{"type":"` + s.Password + `"}`})
	send(t, s, request{method: "GET", path: "/v2/user"})
	written := fmt.Sprint(s.Journal.Entries())
	for _, secret := range s.Secrets() {
		if strings.Contains(written, secret) {
			t.Errorf("the journal contains %s", secret)
		}
	}
}
