// SPDX-License-Identifier: MPL-2.0

package mstr_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

const (
	plural   = "DELETE /MicroStrategyLibrary/api/monitors/projects/" + tutorial + "/caches/object"
	singular = "DELETE /MicroStrategyLibrary/api/monitors/projects/" + tutorial + "/cache/object"
)

func TestEachCacheTypeIsPurged(t *testing.T) {
	t.Parallel()
	for _, cacheType := range mstr.CacheTypes {
		t.Run(cacheType, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				if err := w.purge(tutorial, cacheType); err != nil {
					t.Error(err)
				}
				diff(t, "requests", []request{{"login", "", 204}, {"purge", tutorial + "/" + cacheType, 204}}, w.requests())
			})
		})
	}
}

func TestSpellingOfTheRoute(t *testing.T) {
	t.Parallel()
	login, purge := request{"login", "", 204}, request{"purge", tutorial + "/object", 204}
	missing := func(path string, status int) request { return request{"unknown", path, status} }
	tests := map[string]struct {
		server func(*mstrtest.Server)
		want   []request // of two purges
	}{
		"the plural": {func(*mstrtest.Server) {}, []request{login, purge, purge}},
		"the singular after ERR004, and then only the singular": {
			func(s *mstrtest.Server) { s.Spelling = "cache" },
			[]request{login, missing(plural, 404), purge, purge},
		},
		"the singular after a 404 without JSON": {
			func(s *mstrtest.Server) { s.Spelling, s.MissingRoute = "cache", mstrtest.MissingPlain },
			[]request{login, missing(plural, 404), purge, purge},
		},
		"the singular after a 405": {
			func(s *mstrtest.Server) { s.Spelling, s.MissingRoute = "cache", mstrtest.MissingMethod },
			[]request{login, missing(plural, 405), purge, purge},
		},
		"neither route exists": {
			func(s *mstrtest.Server) { s.TooOld = true },
			[]request{login, missing(plural, 404), missing(singular, 404), missing(plural, 404), missing(singular, 404)},
		},
		"a rejection confirms the route": {
			func(s *mstrtest.Server) {
				s.Spelling = "cache"
				s.Fail("purge", 1, mstrtest.Error(400, "ERR006", "", "The cache type has to be element"))
			},
			[]request{login, missing(plural, 404), {"purge", tutorial + "/object", 400}, purge},
		},
		"a server error does not confirm the route": {
			func(s *mstrtest.Server) {
				s.Spelling = "cache"
				s.Fail("purge", 5, mstrtest.Error(500, "", "", ""))
			},
			[]request{
				login, missing(plural, 404),
				{"purge", tutorial + "/object", 500},
				{"purge", tutorial + "/object", 500},
				{"purge", tutorial + "/object", 500},
				{"purge", tutorial + "/object", 500},
				{"purge", tutorial + "/object", 500},
				missing(plural, 404), purge,
			},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				test.server(w.Server)
				_, _ = w.purge(tutorial, "object"), w.purge(tutorial, "object")
				diff(t, "requests", test.want, w.requests())
			})
		})
	}
}

func TestRememberedSpellingCanChange(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Spelling = "cache"
		first := w.purge(tutorial, "object")
		w.Spelling = "caches" // the server was replaced by a newer one
		second, third := w.purge(tutorial, "object"), w.purge(tutorial, "object")
		diff(t, "errors", []error{nil, nil, nil}, []error{first, second, third})
		purge := request{"purge", tutorial + "/object", 204}
		diff(t, "requests", []request{
			{"login", "", 204}, {"unknown", plural, 404}, purge, {"unknown", singular, 404}, purge, purge,
		}, w.requests())
	})
}

// TestErrors checks the fields of each documented error, and whether the client
// retries it.
func TestErrors(t *testing.T) {
	t.Parallel()
	const ticket = "ticket " + mstrtest.FaultTicket
	tests := map[string]struct {
		fault http.HandlerFunc
		want  errorFields
		sent  int
	}{
		"400 about the project": {
			mstrtest.Error(400, "ERR006", "", "The given Project ID does not exist"),
			errorFields{Kind: transport.KindInvalid, Status: 400, Code: "ERR006", Message: "The given Project ID does not exist", ID: ticket, Input: "project_id", Advice: "Check project_id"},
			1,
		},
		"400 about the cache type": {
			mstrtest.Error(400, "ERR006", "", "The cache type has to be element or object"),
			errorFields{Kind: transport.KindInvalid, Status: 400, Code: "ERR006", Message: "The cache type has to be element or object", ID: ticket, Input: "cache_type", Advice: "newer server"},
			1,
		},
		"400 about something else": {
			mstrtest.Error(400, "ERR005", "", "Bad input"),
			errorFields{Kind: transport.KindInvalid, Status: 400, Code: "ERR005", Message: "Bad input", ID: ticket, Advice: "Check project_id and cache_type."},
			1,
		},
		"403": {
			mstrtest.Error(403, "ERR014", "", "No privilege"),
			errorFields{Kind: transport.KindForbidden, Status: 403, Code: "ERR014", Message: "No privilege", ID: ticket, Advice: "DssXmlPrivilegesCacheAdministration"},
			1,
		},
		"ERR0014 with 500, a missing privilege": {
			mstrtest.Error(500, "ERR0014", "", "No privilege"),
			errorFields{Kind: transport.KindForbidden, Status: 500, Code: "ERR0014", Message: "No privilege", ID: ticket, Advice: "DssXmlPrivilegesCacheAdministration"},
			1,
		},
		"err17 with 500, a missing permission": {
			mstrtest.Error(500, "err17", "", "No permission"),
			errorFields{Kind: transport.KindForbidden, Status: 500, Code: "err17", Message: "No permission", ID: ticket, Advice: "DssXmlPrivilegesCacheAdministration"},
			1,
		},
		"a project that is not loaded, by its iServerCode": {
			mstrtest.Error(404, "ERR001", mstrtest.ProjectNotLoaded, "not available"),
			errorFields{Kind: transport.KindState, Status: 404, Code: "ERR001, iServerCode -2147209151", Message: "not available", ID: ticket, Input: "project_id", Advice: "Load it"},
			1,
		},
		"a project that is not loaded, with 500": {
			mstrtest.Error(500, "ERR002", mstrtest.ProjectNotLoaded, "not available"),
			errorFields{Kind: transport.KindState, Status: 500, Code: "ERR002, iServerCode -2147209151", Message: "not available", ID: ticket, Input: "project_id", Advice: "Load it"},
			1,
		},
		"the spelling IserverCode": {
			mstrtest.RespelledError(404, "ERR001", mstrtest.ProjectNotLoaded, "not available"),
			errorFields{Kind: transport.KindState, Status: 404, Code: "ERR001, iServerCode -2147209151", Message: "not available", ID: ticket, Input: "project_id", Advice: "Load it"},
			1,
		},
		"an error in a list, as in the Modeling service": {
			mstrtest.WrappedError(404, "ERR001", mstrtest.ProjectNotLoaded, "not available"),
			errorFields{Kind: transport.KindState, Status: 404, Code: "ERR001, iServerCode -2147209151", Message: "not available", ID: ticket, Input: "project_id", Advice: "Load it"},
			1,
		},
		"404 about the project": {
			mstrtest.Error(404, "ERR004", "", "The project could not be found"),
			errorFields{Kind: transport.KindNotFound, Status: 404, Code: "ERR004", Message: "The project could not be found", ID: ticket, Input: "project_id", Advice: "Check project_id"},
			1,
		},
		"404 with invalid subErrors": {
			respond(404, nil, `{"code":"ERR004","message":"Gone","subErrors":"none"}`),
			errorFields{Kind: transport.KindNotFound, Status: 404, Code: "ERR004", Message: "Gone", Input: "project_id", Advice: "Check project_id"},
			1,
		},
		"500, which is retried": {
			mstrtest.Error(500, "ERR002", "-2147212800", "I-Server failed"),
			errorFields{Kind: transport.KindServer, Status: 500, Code: "ERR002, iServerCode -2147212800", Message: "I-Server failed", ID: ticket},
			5,
		},
		"subErrors in the message": {
			respond(500, nil, `{"code":"ERR001","message":"Failed","subErrors":[{"message":"node 1"},{"message":"node 2"}]}`),
			errorFields{Kind: transport.KindServer, Status: 500, Code: "ERR001", Message: "Failed; node 1; node 2"},
			5,
		},
		"a code that is a number": {respond(400, nil, `{"code":14,"iServerCode":"7"}`), errorFields{Kind: transport.KindForbidden, Status: 400, Code: "14, iServerCode 7", Message: "", Advice: "DssXml"}, 1},
		"no fields":               {respond(500, nil, `{}`), errorFields{Kind: transport.KindServer, Status: 500}, 5},
		"no body":                 {respond(500, nil, ``), errorFields{Kind: transport.KindServer, Status: 500}, 5},
		"a plain-text body":       {respond(500, nil, "out of\nmemory"), errorFields{Kind: transport.KindServer, Status: 500, Message: "out of memory"}, 5},
		"an HTML body":            {respond(500, nil, "<html><title>Apache Tomcat</title>"), errorFields{Kind: transport.KindServer, Status: 500, Message: `an HTML page with the title "Apache Tomcat"`}, 5},
		"409":                     {respond(409, nil, ``), errorFields{Kind: transport.KindInvalid, Status: 409}, 1},
		"200":                     {respond(200, nil, `<html><title>Sign in</title>`), errorFields{Kind: transport.KindUnexpected, Status: 200, Message: `an HTML page with the title "Sign in"`}, 1},
		"202":                     {respond(202, nil, ``), errorFields{Kind: transport.KindUnexpected, Status: 202}, 1},
		"a redirect":              {respond(302, http.Header{"Location": {"https://sso.example.com/?token=x"}}, ``), errorFields{Kind: transport.KindRedirect, Status: 302, Message: "redirect to sso.example.com", Advice: "does not follow redirects"}, 1},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("purge", -1, test.fault)
				wantError(t, w.purge(tutorial, "object"), test.want)
				diff(t, "purges sent", test.sent, w.Count("purge"))
				diff(t, "requests to missing routes", 0, w.Count("unknown"))
				diff(t, "elapsed", time.Duration(test.sent-1)*time.Second, w.Elapsed())
			})
		})
	}
}

func TestErrorsOfTheServer(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		server             func(*mstrtest.Server)
		project, cacheType string
		want               errorFields
	}{
		"an unknown project": {
			func(*mstrtest.Server) {}, "00000000000000000000000000000000", "object",
			errorFields{Kind: transport.KindInvalid, Status: 400, Code: "ERR006", Message: "The given Project ID (00000000000000000000000000000000) does not exist", Input: "project_id", Advice: "GET /api/projects"},
		},
		"a cache type that an older server does not have": {
			func(s *mstrtest.Server) { s.CacheTypes = []string{"element", "object"} }, tutorial, "report",
			errorFields{Kind: transport.KindInvalid, Status: 400, Code: "ERR006", Message: "The cache type has to be element or object", Input: "cache_type", Advice: "newer server"},
		},
		"a project that is not loaded": {
			func(*mstrtest.Server) {}, archive, "object",
			errorFields{Kind: transport.KindState, Status: 404, Code: "ERR001, iServerCode -2147209151", Message: "There are no Intelligence Servers in the cluster with the project " + archive + " available.", Input: "project_id", Advice: "Load it"},
		},
		"a user without the privilege": {
			func(s *mstrtest.Server) { s.Privileged = false }, tutorial, "object",
			errorFields{Kind: transport.KindForbidden, Status: 403, Code: "ERR014", Message: "The user does not have the privilege DssXmlPrivilegesCacheAdministration", Advice: "Administer caches"},
		},
		"a server that is too old, or a wrong base_url": {
			func(s *mstrtest.Server) { s.TooOld = true }, tutorial, "object",
			errorFields{Kind: transport.KindConfig, Status: 404, Code: "ERR004", Message: "HTTP 404 Not Found", Input: "base_url", Advice: "older than 2021 Update 8 (I-Server 11.3.0800), which does not have this API, or mstr.base_url"},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				test.server(w.Server)
				err := w.purge(test.project, test.cacheType)
				test.want.ID = "ticket " + w.Tickets()[0] // of the first spelling, if there are two
				wantError(t, err, test.want)
			})
		})
	}
}

func TestIdenticalWaitingPurgesAreCoalesced(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		// The rate limit makes all of them wait.
		w.Fail("purge", 1, respond(429, http.Header{"Retry-After": {"60"}}, ""))
		for _, err := range together(10, func(int) error { return w.purge(tutorial, "object") }) {
			if err != nil {
				t.Error(err)
			}
		}
		if n := w.Count("purge"); n < 2 || n > 3 {
			t.Errorf("%d purges were sent, want the rate-limited one and one or two after it", n)
		}
	})
}

func TestTheProjectInThePathIsEscaped(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		_ = w.purge("../../auth/logout?x=", "object")
		diff(t, "requests", []request{{"login", "", 204}, {"purge", "../../auth/logout?x=/object", 400}}, w.requests())
	})
}

func TestProjectsAreListed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		projects, err := w.connect().Projects(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range projects {
			loaded := "not loaded"
			if p.Loaded() {
				loaded = "loaded"
			}
			got = append(got, p.Name+": "+p.StatusName()+", "+loaded)
		}
		diff(t, "projects", []string{
			"MicroStrategy Tutorial: active, loaded", "Consolidated Education Project: active, loaded",
			"Archive: offline, not loaded", "Consolidated Education Project: active, loaded",
		}, got)
	})
}

func TestInvalidLists(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ body, want string }{
		"null":                    {"null", "the response is null"},
		"an id that is a number":  {`[{"id":1}]`, `the field "id" contains an unexpected number`},
		"a project without an ID": {`[{"name":"a"}]`, "a project has no ID or no name"},
		"cut short":               {`[{"id":"a"`, "the response is not valid JSON"},
		"trailing junk":           {`[] x`, "the response is not valid JSON"},
		"an empty response":       {``, "the response is empty"},
		"a page":                  {`<html>`, "the response is an HTML page, not JSON"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("projects", -1, respond(200, nil, test.body))
				_, err := w.connect().Projects(t.Context())
				wantError(t, err, errorFields{Kind: transport.KindUnexpected, Status: 200, Message: test.want, Advice: "not from this API"})
				diff(t, "requests", 1, w.Count("projects"))
			})
		})
	}
}
