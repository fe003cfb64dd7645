// SPDX-License-Identifier: MPL-2.0

package mstrtest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
)

const (
	logoutPath   = "/MicroStrategyLibrary/api/auth/logout"
	projectsPath = "/MicroStrategyLibrary/api/projects"
)

func TestLoginReturnsATokenAndTwoCookies(t *testing.T) {
	t.Parallel()
	for _, contextPath := range []string{"/MicroStrategyLibrary", "/bi/library", ""} {
		t.Run("under "+contextPath, func(t *testing.T) {
			t.Parallel()
			c, _ := serve(t, func(s *mstrtest.Server) { s.ContextPath = contextPath })
			res, body := c.send("POST", contextPath+"/api/auth/login", standard)
			if body != "" {
				t.Errorf("body %q", body)
			}
			got, values := []string{}, []string{res.Header.Get("X-MSTR-AuthToken")}
			for _, cookie := range res.Cookies {
				values = append(values, cookie.Value)
				cookie.Value = ""
				got = append(got, cookie.String())
			}
			path := max(contextPath, "/")
			want := []string{"JSESSIONID=; Path=" + path + "; HttpOnly; Secure", "AWSALB=; Path=/"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			s := mstrtest.New()
			configured := []string{s.Password, s.LDAPPassword, c.fake.APIToken}
			if diff := cmp.Diff(append(configured, values...), c.fake.Secrets()); diff != "" {
				t.Errorf("secrets: %s", diff)
			}
		})
	}
}

func TestSecretsAreDistinctAndNotEmpty(t *testing.T) {
	t.Parallel()
	c, _ := loggedIn(t, func(s *mstrtest.Server) { s.APIToken = "" })
	c.login(standard)
	secrets := c.fake.Secrets()
	slices.Sort(secrets)
	if len(secrets) != 2+3+3 || slices.Contains(secrets, "") || len(slices.Compact(secrets)) != 8 {
		t.Errorf("%q", secrets)
	}
}

func TestRequestsRequireTheTokenAndBothCookies(t *testing.T) {
	t.Parallel()
	drop := func(name string) func(*http.Request) {
		return func(r *http.Request) {
			cookies := r.Cookies()
			r.Header.Del("Cookie")
			for _, cookie := range cookies {
				if cookie.Name != name {
					r.AddCookie(cookie)
				}
			}
		}
	}
	edits := map[string]func(*http.Request){
		"no token":             func(r *http.Request) { r.Header.Del("X-MSTR-AuthToken") },
		"a wrong token":        func(r *http.Request) { r.Header.Set("X-MSTR-AuthToken", "x") },
		"no session cookie":    drop("JSESSIONID"),
		"no affinity cookie":   drop("AWSALB"),
		"a wrong cookie value": func(r *http.Request) { drop("AWSALB")(r); r.AddCookie(&http.Cookie{Name: "AWSALB", Value: "x"}) },
	}
	requests := map[string][2]string{
		"purge": {"DELETE", purgePath}, "projects": {"GET", projectsPath}, "logout": {"POST", logoutPath},
	}
	for operation, request := range requests {
		for sentence, edit := range edits {
			t.Run(operation+" with "+sentence, func(t *testing.T) {
				t.Parallel()
				c, _ := loggedIn(t, nil)
				cookies := c.http.Jar.Cookies(mustURL(t, c.url+purgePath))
				c.http.Jar = nil
				got := c.get(request[0], request[1], "", func(r *http.Request) {
					for _, cookie := range cookies {
						r.AddCookie(cookie)
					}
					edit(r)
				})
				if diff := cmp.Diff(expired, got); diff != "" {
					t.Error(diff)
				}
				if c.fake.OpenSessions() != 1 {
					t.Error("the session is gone")
				}
			})
		}
	}
}

func TestTokenWithCookiesOfAnotherSession(t *testing.T) {
	t.Parallel()
	first, _ := loggedIn(t, nil)
	second := first.fresh()
	second.login(standard)
	second.token = first.token
	if diff := cmp.Diff(expired, second.get("DELETE", purgePath, "")); diff != "" {
		t.Error(diff)
	}
}

func TestLogoutClosesTheSessionOnce(t *testing.T) {
	t.Parallel()
	c, _ := loggedIn(t, nil)
	other := c.fresh()
	other.login(standard)
	got := []response{c.get("POST", logoutPath, ""), c.get("DELETE", purgePath, ""), c.get("POST", logoutPath, "")}
	if diff := cmp.Diff([]response{done, expired, expired}, got); diff != "" {
		t.Error(diff)
	}
	if c.fake.OpenSessions() != 1 || c.fake.Logins() != 2 {
		t.Errorf("%d sessions, %d logins", c.fake.OpenSessions(), c.fake.Logins())
	}
	if got := other.get("DELETE", purgePath, ""); got != done {
		t.Errorf("the other session: %+v", got)
	}
}

func TestExpiredSessionsAreRejected(t *testing.T) {
	t.Parallel()
	c, _ := loggedIn(t, nil)
	c.fake.ExpireSessions()
	if diff := cmp.Diff(expired, c.get("DELETE", purgePath, "")); diff != "" {
		t.Error(diff)
	}
	if c.fake.OpenSessions() != 0 {
		t.Error("a session is open")
	}
	c.login(standard)
	if got := c.get("DELETE", purgePath, ""); got != done {
		t.Errorf("after one more login: %+v", got)
	}
}

func TestIdleSessionsExpireAfterHalfAnHour(t *testing.T) {
	t.Parallel()
	c, clock := loggedIn(t, nil)
	var got []response
	for _, pause := range []time.Duration{29 * time.Minute, 29 * time.Minute, 30 * time.Minute} {
		clock.Advance(pause)
		got = append(got, c.get("DELETE", purgePath, ""))
	}
	if diff := cmp.Diff([]response{done, done, expired}, got); diff != "" {
		t.Error(diff)
	}
	if c.fake.OpenSessions() != 0 {
		t.Error("a session is open")
	}
}

func TestRejectedRequestDoesNotExtendASession(t *testing.T) {
	t.Parallel()
	c, clock := loggedIn(t, nil)
	stranger := c.fresh()
	stranger.token = c.token
	clock.Advance(20 * time.Minute)
	stranger.get("DELETE", purgePath, "")
	clock.Advance(20 * time.Minute)
	if c.fake.OpenSessions() != 0 {
		t.Error("a session is open")
	}
}

func TestSessionLimitPerUser(t *testing.T) {
	t.Parallel()
	const ldap = `{"username":"ldap.etl","password":"ldap-p@ss/word+&=%","loginMode":16}`
	capped := response{
		500, "ERR001", -2147072486,
		"(Maximum number of interactive session per user exceeded while trying to login user etl.)",
	}
	c, clock := serve(t, nil)
	for i := range 20 {
		c.login(standard)
		if c.token == "" {
			t.Fatalf("login %d was rejected", i+1)
		}
	}
	if diff := cmp.Diff(capped, c.get("POST", loginPath, standard)); diff != "" {
		t.Error(diff)
	}
	if got := c.fresh().login(ldap); got != done {
		t.Errorf("another user: %+v", got)
	}
	c.get("POST", logoutPath, "")
	if got := c.get("POST", loginPath, standard); got != done {
		t.Errorf("after a logout: %+v", got)
	}
	clock.Advance(30 * time.Minute)
	if got := c.get("POST", loginPath, standard); got != done || c.fake.OpenSessions() != 1 {
		t.Errorf("after half an hour: %+v, %d sessions", got, c.fake.OpenSessions())
	}
}

func TestZeroMeansNoLimit(t *testing.T) {
	t.Parallel()
	c, clock := serve(t, func(s *mstrtest.Server) { s.MaxSessions, s.SessionIdle = 0, 0 })
	for range 25 {
		c.login(standard)
	}
	clock.Advance(1000 * time.Hour)
	if got := c.get("DELETE", purgePath, ""); got != done || c.fake.OpenSessions() != 25 {
		t.Errorf("%+v, %d sessions", got, c.fake.OpenSessions())
	}
}

func TestConcurrentSessions(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, nil)
	var wg sync.WaitGroup
	for range 10 {
		one := c.fresh()
		wg.Go(func() {
			one.send("POST", loginPath, standard)
			one.send("DELETE", purgePath, "")
			one.fake.Secrets()
		})
	}
	wg.Wait()
	journal := fmt.Sprint(c.fake.Journal.Entries())
	if c.fake.Logins() != 10 || c.fake.OpenSessions() != 10 {
		t.Errorf("%d logins, %d sessions", c.fake.Logins(), c.fake.OpenSessions())
	}
	for _, secret := range c.fake.Secrets() {
		if strings.Contains(journal, secret) {
			t.Errorf("the journal contains %q", secret)
		}
	}
}
