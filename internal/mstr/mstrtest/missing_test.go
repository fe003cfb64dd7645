// SPDX-License-Identifier: MPL-2.0

package mstrtest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
)

func TestUnknownRoutes(t *testing.T) {
	t.Parallel()
	const library = "/MicroStrategyLibrary"
	requests := map[string][2]string{
		"an endpoint that does not exist": {"GET", library + "/api/nothing"},
		"the API's root":                  {"GET", library + "/api"},
		"/api twice":                      {"GET", library + "/api/api/projects"},
		"a double slash":                  {"GET", library + "//api/projects"},
		"a trailing slash":                {"GET", library + "/api/projects/"},
		"a purge by POST":                 {"POST", purgePath},
		"a login by GET":                  {"GET", loginPath},
		"a logout by DELETE of the login": {"DELETE", loginPath},
		"a logout by GET":                 {"GET", logoutPath},
		"a purge without a project":       {"DELETE", caches("", "caches", "object")},
		"a purge without a type":          {"DELETE", caches(tutorial, "caches", "")},
		"a purge with a trailing slash":   {"DELETE", purgePath + "/"},
		"a purge with dots in the path":   {"DELETE", caches(tutorial, "caches/../caches", "object")},
		"the path in another case":        {"GET", library + "/API/projects"},
		"a purge of the project itself":   {"DELETE", library + "/api/monitors/projects/" + tutorial},
	}
	for sentence, request := range requests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			c, _ := loggedIn(t, nil)
			if diff := cmp.Diff(noRoute, c.get(request[0], request[1], "")); diff != "" {
				t.Error(diff)
			}
			if len(c.fake.Journal.Select("unknown")) != 1 {
				t.Errorf("%+v", c.fake.Journal.Entries())
			}
		})
	}
}

func TestPathsOutsideTheContextPath(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/", "/api/projects", "/MicroStrategyLibrary", "/MicroStrategyLibrary2/api/projects", "/microstrategylibrary/api/projects",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			c, _ := loggedIn(t, nil)
			res, body := c.send("GET", path, "")
			if res.Status != 404 || res.Header.Get("Content-Type") != "text/html;charset=utf-8" || !strings.Contains(body, "<html>") {
				t.Errorf("%d %v %s", res.Status, res.Header, body)
			}
			if len(c.fake.Journal.Select("unknown")) != 1 {
				t.Errorf("%+v", c.fake.Journal.Entries())
			}
		})
	}
}

func TestResponsesForMissingRoutes(t *testing.T) {
	t.Parallel()
	type response struct {
		Status      int
		ContentType string
		Body        string
	}
	tests := map[string]struct {
		style mstrtest.Missing
		want  response
	}{
		"404 without JSON": {mstrtest.MissingPlain, response{404, "text/plain; charset=utf-8", "Not Found\n"}},
		"405":              {mstrtest.MissingMethod, response{405, "", ""}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			c, _ := loggedIn(t, func(s *mstrtest.Server) { s.MissingRoute, s.TooOld = test.style, true })
			res, body := c.send("DELETE", purgePath, "")
			if diff := cmp.Diff(test.want, response{res.Status, res.Header.Get("Content-Type"), body}); diff != "" {
				t.Error(diff)
			}
		})
	}
}
