// SPDX-License-Identifier: MPL-2.0

package mstrtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
)

const (
	loginPath = "/MicroStrategyLibrary/api/auth/login"
	tutorial  = "B7CA92F04B9FAE8D941C3E9B7E0CD754"
	archive   = "A1B2C3D44E5F60718293A4B5C6D7E8F9"
	purgePath = "/MicroStrategyLibrary/api/monitors/projects/" + tutorial + "/caches/object"
)

// response contains the fields of a response that the tests compare. The ticket is
// different each time, so get checks it.
type response struct {
	Status      int
	Code        string
	IServerCode int
	Message     string
}

var (
	done    = response{Status: 204}
	expired = response{401, "ERR009", 0, "The user's session has expired, please reauthenticate"}
	noRoute = response{404, "ERR004", 0, "HTTP 404 Not Found"}
	failed  = response{401, "ERR003", -2147216959, "Login failure"}
)

// client is the state of one session: a cookie jar and a token.
type client struct {
	t     *testing.T
	fake  *mstrtest.Server
	url   string
	http  *http.Client
	token string
}

// serve starts a server with a manual clock.
func serve(t *testing.T, configure func(*mstrtest.Server)) (*client, *clock) {
	t.Helper()
	fake, c := mstrtest.New(), &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	fake.Now = c.Now
	if configure != nil {
		configure(fake)
	}
	web := httptest.NewTLSServer(fake)
	t.Cleanup(web.Close)
	return &client{t: t, fake: fake, url: web.URL, http: withJar(t, web.Client())}, c
}

// fresh returns a client of the same server, without cookies and a token.
func (c *client) fresh() *client {
	return &client{t: c.t, fake: c.fake, url: c.url, http: withJar(c.t, c.http)}
}

func withJar(t *testing.T, base *http.Client) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: base.Transport, Jar: jar}
}

// head is a response without its body.
type head struct {
	Status  int
	Header  http.Header
	Cookies []*http.Cookie
}

// send sends one request with the token, and with a JSON content type if it has
// a body.
func (c *client) send(method, path, body string, edits ...func(*http.Request)) (head, string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("X-MSTR-AuthToken", c.token)
	}
	for _, edit := range edits {
		edit(req)
	}
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return head{res.StatusCode, res.Header, res.Cookies()}, string(read)
}

// get is send for a response that is empty or an error with a ticket.
func (c *client) get(method, path, body string, edits ...func(*http.Request)) response {
	c.t.Helper()
	res, read := c.send(method, path, body, edits...)
	a := response{Status: res.Status}
	if read == "" {
		return a
	}
	var e struct {
		Code        string `json:"code"`
		IServerCode int    `json:"iServerCode"`
		Message     string `json:"message"`
		TicketID    string `json:"ticketId"`
	}
	if err := json.Unmarshal([]byte(read), &e); err != nil {
		c.t.Fatalf("%v in %q", err, read)
	}
	tickets := c.fake.Tickets()
	if len(tickets) == 0 || e.TicketID == "" || e.TicketID != tickets[len(tickets)-1] {
		c.t.Errorf("ticketId %q is not the latest of %q", e.TicketID, tickets)
	}
	return response{a.Status, e.Code, e.IServerCode, e.Message}
}

func (c *client) login(body string) response {
	c.t.Helper()
	res, read := c.send("POST", loginPath, body)
	c.token = res.Header.Get("X-MSTR-AuthToken")
	if read != "" {
		c.t.Fatalf("login: %d %s", res.Status, read)
	}
	return response{Status: res.Status}
}

const standard = `{"username":"etl","password":"mstr-p@ss/word+&=%","loginMode":1}`

// loggedIn serves and logs in.
func loggedIn(t *testing.T, configure func(*mstrtest.Server)) (*client, *clock) {
	t.Helper()
	c, clock := serve(t, configure)
	c.login(standard)
	return c, clock
}

// clock is a manual clock.
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
