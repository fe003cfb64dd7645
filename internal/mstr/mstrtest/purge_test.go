// SPDX-License-Identifier: MPL-2.0

package mstrtest_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
)

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func caches(project, spelling, cacheType string) string {
	return "/MicroStrategyLibrary/api/monitors/projects/" + project + "/" + spelling + "/" + cacheType
}

// older accepts only the cache types of 2021 Update 8.
func older(s *mstrtest.Server) { s.CacheTypes = []string{"element", "object"} }

func TestPurge(t *testing.T) {
	t.Parallel()
	bad := func(message string) response { return response{400, "ERR006", 0, message} }
	noSuchType := bad("The cache type has to be element or object or report or all")
	unknown := func(id string) response { return bad("The given Project ID (" + id + ") does not exist") }
	notLoaded := response{
		404, "ERR001", -2147209151,
		"There are no Intelligence Servers in the cluster with the project " + archive + " available.",
	}
	idle := func(s *mstrtest.Server) { s.Projects[0].Status = 7 }
	failing := func(s *mstrtest.Server) { s.Projects[2].Status = -3 }
	unprivileged := func(s *mstrtest.Server) { s.Privileged = false }
	noPrivilege := response{403, "ERR014", 0, "The user does not have the privilege DssXmlPrivilegesCacheAdministration"}
	tests := map[string]struct {
		configure func(*mstrtest.Server)
		path      string
		want      response
	}{
		"element caches":                              {nil, caches(tutorial, "caches", "element"), done},
		"object caches":                               {nil, caches(tutorial, "caches", "object"), done},
		"report caches, on newer servers":             {nil, caches(tutorial, "caches", "report"), done},
		"all caches, on newer servers":                {nil, caches(tutorial, "caches", "all"), done},
		"report caches on older servers":              {older, caches(tutorial, "caches", "report"), bad("The cache type has to be element or object")},
		"all caches on older servers":                 {older, caches(tutorial, "caches", "all"), bad("The cache type has to be element or object")},
		"object caches on older servers":              {older, caches(tutorial, "caches", "object"), done},
		"another type of cache":                       {nil, caches(tutorial, "caches", "cube"), noSuchType},
		"a type in capitals":                          {nil, caches(tutorial, "caches", "Object"), noSuchType},
		"an unknown project":                          {nil, caches(strings.Repeat("0", 32), "caches", "object"), unknown(strings.Repeat("0", 32))},
		"a project in lower case":                     {nil, caches(strings.ToLower(tutorial), "caches", "object"), unknown(strings.ToLower(tutorial))},
		"the name of a project":                       {nil, caches("Archive", "caches", "object"), unknown("Archive")},
		"a project that is not loaded":                {nil, caches(archive, "caches", "object"), notLoaded},
		"a project that failed to load":               {failing, caches(archive, "caches", "object"), notLoaded},
		"an idle project":                             {idle, caches(tutorial, "caches", "object"), done},
		"without the privilege":                       {unprivileged, caches(tutorial, "caches", "object"), noPrivilege},
		"a query":                                     {nil, caches(tutorial, "caches", "object?x=1"), bad("A purge takes neither a query nor a body")},
		"an empty query":                              {nil, caches(tutorial, "caches", "object?"), bad("A purge takes neither a query nor a body")},
		"the other spelling":                          {nil, caches(tutorial, "cache", "object"), noRoute},
		"the singular, if that is the spelling":       {singular, caches(tutorial, "cache", "object"), done},
		"the plural, if the singular is the spelling": {singular, caches(tutorial, "caches", "object"), noRoute},
		"the plural on a server that is too old":      {tooOld, caches(tutorial, "caches", "object"), noRoute},
		"the singular on a server that is too old":    {tooOld, caches(tutorial, "cache", "object"), noRoute},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			c, _ := loggedIn(t, test.configure)
			if diff := cmp.Diff(test.want, c.get("DELETE", test.path, "")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func singular(s *mstrtest.Server) { s.Spelling = "cache" }

func tooOld(s *mstrtest.Server) { s.TooOld = true }

func TestPurgeRejectsABody(t *testing.T) {
	t.Parallel()
	chunked := func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(io.LimitReader(strings.NewReader("{}"), 2)), -1
	}
	want := response{400, "ERR006", 0, "A purge takes neither a query nor a body"}
	c, _ := loggedIn(t, nil)
	got := []response{c.get("DELETE", purgePath, "{}"), c.get("DELETE", purgePath, "", chunked)}
	if diff := cmp.Diff([]response{want, want}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, func(s *mstrtest.Server) { s.Privileged = false })
	if got := c.get("DELETE", caches("x", "caches", "x"), ""); got != expired {
		t.Errorf("without a session: %+v", got)
	}
	if got := c.get("DELETE", caches("x", "cache", "x"), ""); got != noRoute {
		t.Errorf("without a route: %+v", got)
	}
	c.login(standard)
	if got := c.get("DELETE", caches("x", "caches", "x"), ""); got.Status != 403 {
		t.Errorf("without the privilege: %+v", got)
	}
}

func TestJournal(t *testing.T) {
	t.Parallel()
	c, _ := loggedIn(t, nil)
	c.send("GET", projectsPath, "")
	c.send("DELETE", purgePath, "")
	c.send("DELETE", caches(tutorial, "cache", "all"), "")
	c.send("GET", "/api/projects", "")
	c.send("POST", logoutPath, "")
	c.send("DELETE", purgePath, "")
	want := []fake.Entry{
		{System: "mstr", Operation: "login", Status: 204},
		{System: "mstr", Operation: "projects", Status: 200},
		{System: "mstr", Operation: "purge", Subject: tutorial + "/object", Status: 204},
		{System: "mstr", Operation: "unknown", Subject: "DELETE " + caches(tutorial, "cache", "all"), Status: 404},
		{System: "mstr", Operation: "unknown", Subject: "GET /api/projects", Status: 404},
		{System: "mstr", Operation: "logout", Status: 204},
		{System: "mstr", Operation: "purge", Subject: tutorial + "/object", Status: 401},
	}
	if diff := cmp.Diff(want, c.fake.Journal.Entries(), cmpopts.IgnoreFields(fake.Entry{}, "Time")); diff != "" {
		t.Error(diff)
	}
}
