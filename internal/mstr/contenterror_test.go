// SPDX-License-Identifier: MPL-2.0

package mstr_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

func TestFailedNodeDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	for sentence, operation := range map[string]string{"while listing": "contents", "while invalidating": "invalidate"} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inCluster(t, 3, func(t *testing.T, w *world) {
				for _, node := range w.Nodes {
					w.AddContentCache(result(node.Name, 1))
				}
				w.FailNode(second, operation, 5, mstrtest.Error(500, "ERR002", "", "I-Server failed"))
				_, err := w.purgeContent(mstr.ContentFilter{})
				wantError(t, err, errorFields{Kind: transport.KindServer, Status: 500, Code: "ERR002", Message: "I-Server failed", ID: "ticket " + mstrtest.FaultTicket})
				if !strings.Contains(fmt.Sprint(err), " on node "+second+": ") {
					t.Errorf("%q does not name the node", err)
				}
				diff(t, "ready", []string{second + " report 1"}, w.ready())
				diff(t, "the next result", mstr.ContentResult{Invalidated: 1}, w.mustPurge(mstr.ContentFilter{}))
				diff(t, "ready in the end", []string(nil), w.ready())
			})
		})
	}
}

func TestAllFailedNodesAreNamed(t *testing.T) {
	t.Parallel()
	inCluster(t, 4, func(t *testing.T, w *world) {
		for _, node := range []string{"iserver-2", "iserver-3", "iserver-4"} {
			w.FailNode(node, "contents", -1, respond(418, nil, ""))
		}
		_, err := w.purgeContent(mstr.ContentFilter{})
		want := "listing the content caches of project " + tutorial + " on node iserver-2 (also failed: iserver-3, iserver-4): MicroStrategy returned 418 I'm a teapot"
		diff(t, "error", want, fmt.Sprint(err))
	})
}

// needed is the privilege for content caches, which the advice contains.
const needed = "DssXmlPrivilegesCacheAdministration"

func TestErrorsOfAContentPurge(t *testing.T) {
	t.Parallel()
	missing := func(api mstrtest.ContentAPI, how mstrtest.Missing) func(*world) {
		return func(w *world) { w.ContentAPI, w.MissingRoute = api, how }
	}
	noRoute := errorFields{Kind: transport.KindConfig, Status: 404, Code: "ERR004", Message: "HTTP 404 Not Found", ID: "ticket", Input: "base_url", Advice: "11.3.0700"}
	for sentence, test := range map[string]struct {
		server func(*world)
		want   errorFields
		doing  string
	}{
		"a server that is too old to list": {missing(mstrtest.ContentNone, mstrtest.MissingJSON), noRoute, "listing the content caches"},
		"a server that is too old to list, 405": {
			missing(mstrtest.ContentNone, mstrtest.MissingMethod),
			errorFields{Kind: transport.KindConfig, Status: 405, Input: "base_url", Advice: `purge_mstr_cache with cache_type = "report"`},
			"listing the content caches",
		},
		"a server that is too old to invalidate": {
			missing(mstrtest.ContentListOnly, mstrtest.MissingPlain),
			errorFields{Kind: transport.KindConfig, Status: 404, Message: "Not Found", Input: "base_url", Advice: "invalidating them requires a release from 2025 or later"},
			"invalidating content caches",
		},
		"a server that only loads, unloads, and removes": {
			missing(mstrtest.ContentLoadOnly, mstrtest.MissingJSON),
			errorFields{Kind: transport.KindInvalid, Status: 400, Code: "ERR006", Message: "Invalid JSON body. Please validate operation type or value. Input value can not be 'replace' for the path /contentCaches/…/status/invalid", ID: "ticket", Advice: "Servers before 2025 list content caches but do not invalidate them"},
			"invalidating content caches",
		},
		"a web page of a firewall": {
			func(w *world) {
				w.Fail("invalidate", 1, respond(400, http.Header{"Content-Type": {"text/html"}}, "<html>"))
			},
			errorFields{Kind: transport.KindInvalid, Status: 400, Message: "an HTML page", Advice: "The response is a web page"},
			"invalidating content caches",
		},
		"no route to the nodes": {
			func(w *world) { w.Fail("nodes", 1, mstrtest.Error(404, "ERR004", "", "HTTP 404 Not Found")) },
			errorFields{Kind: transport.KindConfig, Status: 404, Code: "ERR004", Message: "HTTP 404 Not Found", ID: "ticket", Input: "base_url", Advice: "11.3.0700"},
			"listing the nodes",
		},
		"without the privilege to list the nodes": {
			func(w *world) { w.MonitorCluster = false },
			errorFields{Kind: transport.KindForbidden, Status: 403, Code: "ERR014, iServerCode -2147213784", Message: "You do not have Monitor cluster privilege(s) to perform the task.", ID: "ticket", Advice: "(Monitor cluster)"},
			"listing the nodes",
		},
		"without the privilege for caches": {
			func(w *world) { w.Privileged = false },
			errorFields{Kind: transport.KindForbidden, Status: 403, Code: "ERR014, iServerCode -2147213784", Message: "You do not have Administer caches privilege(s) to perform the task.", ID: "ticket", Advice: needed},
			"listing the content caches",
		},
		"a project that is not loaded": {
			func(w *world) { w.Projects[0].Status = -1 },
			errorFields{Kind: transport.KindState, Status: 200, Message: "the project does not exist or is not loaded on any running node", Input: "project_id", Advice: "Load the project"},
			"listing the nodes",
		},
		"an unknown project": {
			func(w *world) { w.Projects = nil },
			errorFields{Kind: transport.KindState, Status: 200, Message: "the project does not exist or is not loaded on any running node", Input: "project_id", Advice: "check project_id"},
			"listing the nodes",
		},
		"a project that is unloaded meanwhile": {
			func(w *world) { w.before("contents", 1, func() { w.Projects[0].Status = -1 }) },
			errorFields{Kind: transport.KindState, Status: 404, Code: "ERR001, iServerCode -2147209151", Message: "The project " + tutorial + " is not loaded on iserver-1", ID: "ticket", Input: "project_id", Advice: "Load the project"},
			"listing the content caches",
		},
		"a node that stops meanwhile": {
			func(w *world) { w.before("contents", 1, func() { w.Nodes[0].Status = "stopped" }) },
			errorFields{Kind: transport.KindServer, Status: 503, Code: "ERR002", Message: "The cluster node 'iserver-1' is not connected or canonical name, you should use the cluster node name from the GET /api/monitors/iServer/nodes", ID: "ticket"},
			"listing the content caches",
		},
		"400 about the project": {
			func(w *world) {
				w.Fail("contents", 1, mstrtest.Error(400, "ERR006", "", "The given Project ID is wrong"))
			},
			errorFields{Kind: transport.KindInvalid, Status: 400, Code: "ERR006", Message: "The given Project ID is wrong", ID: "ticket", Input: "project_id", Advice: "properties"},
			"listing the content caches",
		},
		"404 about something else": {
			func(w *world) { w.Fail("contents", 1, mstrtest.Error(404, "ERR004", "", "Gone")) },
			errorFields{Kind: transport.KindNotFound, Status: 404, Code: "ERR004", Message: "Gone", ID: "ticket", Advice: "may have changed during the purge"},
			"listing the content caches",
		},
		"202 with an error": {
			func(w *world) { w.Fail("invalidate", 1, respond(202, nil, `{"errors":[{"message":"no"}]}`)) },
			errorFields{Kind: transport.KindUnexpected, Status: 202, Message: `the response contains an error: [{"message":"no"}]`, Advice: "not from this API"},
			"invalidating content caches",
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inCluster(t, 1, func(t *testing.T, w *world) {
				id := w.AddContentCache(result(first, 1))
				test.server(w)
				_, err := w.purgeContent(mstr.ContentFilter{})
				got := fieldsOf(err)
				got.ID, _, _ = strings.Cut(got.ID, " ")
				got.Message = strings.ReplaceAll(got.Message, id, "…")
				if strings.Contains(got.Advice, test.want.Advice) {
					got.Advice = test.want.Advice
				}
				diff(t, "the error", test.want, got)
				if !strings.HasPrefix(fmt.Sprint(err), test.doing) {
					t.Errorf("%q does not begin with %q", err, test.doing)
				}
			})
		})
	}
}

func TestContentPurgeRecovers(t *testing.T) {
	t.Parallel()
	for sentence, prepare := range map[string]func(*world){
		"a session that ends between the requests": func(w *world) { w.before("invalidate", 1, w.ExpireSessions) },
		"a session that ends before the check":     func(w *world) { w.before("contents", 2, w.ExpireSessions) },
		"failures": func(w *world) {
			w.Fail("nodes", 2, respond(500, nil, ""))
			w.Fail("contents", 2, respond(502, nil, ""))
			w.Fail("invalidate", 2, respond(503, nil, ""))
		},
		"connections that break": func(w *world) {
			w.Fail("contents", 1, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
			w.Fail("invalidate", 1, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		},
		"rate limits": func(w *world) {
			for _, operation := range []string{"nodes", "contents", "invalidate"} {
				w.Fail(operation, 2, respond(429, http.Header{"Retry-After": {"7"}}, ""))
			}
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inCluster(t, 1, func(t *testing.T, w *world) {
				w.AddContentCache(result(first, 1))
				prepare(w)
				diff(t, "result", mstr.ContentResult{Invalidated: 1}, w.mustPurge(mstr.ContentFilter{}))
				diff(t, "left", []string(nil), w.ready())
			})
		})
	}
}

func TestInvalidListsOfContentCaches(t *testing.T) {
	t.Parallel()
	const entry = `{"source":{"id":"1","type":"report"},"status":{"ready":true}}`
	for sentence, test := range map[string]struct{ operation, body, want string }{
		"no nodes":                  {"nodes", `{}`, "the list of nodes is missing"},
		"nodes that are null":       {"nodes", `{"nodes":null}`, "the list of nodes is missing"},
		"a node without a name":     {"nodes", `{"nodes":[{"status":"running"}]}`, "a node has no name"},
		"a page":                    {"contents", `<html>`, "the response is an HTML page, not JSON"},
		"null":                      {"contents", `null`, "the response is null"},
		"no total":                  {"contents", `{"contentCaches":[]}`, "the list of content caches has no total"},
		"a negative total":          {"contents", `{"total":-1,"contentCaches":[]}`, "the list of content caches has no total"},
		"a total without caches":    {"contents", `{"total":3}`, "the list of content caches ends at 0 of 3"},
		"caches that are null":      {"contents", `{"total":3,"contentCaches":null}`, "the list of content caches ends at 0 of 3"},
		"caches that are an object": {"contents", `{"total":1,"contentCaches":{}}`, "contentCaches is not a list"},
		"a cache that is a string":  {"contents", `{"total":1,"contentCaches":["a"]}`, `element 0 of the list of content caches is invalid: it is a string`},
		"tables that are numbers":   {"contents", `{"total":1,"contentCaches":[{"a":{"dbTablesUsed":[1]}}]}`, `element 0 of the list of content caches is invalid: "dbTablesUsed" is a number`},
		"a cache without an ID":     {"contents", `{"total":1,"contentCaches":[{"":` + entry + `}]}`, "element 0 of the list of content caches lacks its ID, source.type, or status"},
		"a cache that is null":      {"contents", `{"total":1,"contentCaches":[{"a":null}]}`, "element 0 of the list of content caches lacks its ID, source.type, or status"},
		"a cache without a type":    {"contents", `{"total":2,"contentCaches":[{"a":` + entry + `},{"b":{"source":{"id":"1"},"status":{}}}]}`, "element 1 of the list of content caches lacks its ID, source.type, or status"},
		"a cache without a status":  {"contents", `{"total":1,"contentCaches":[{"a":{"source":{"type":"report"}}}]}`, "element 0 of the list of content caches lacks its ID, source.type, or status"},
		"another offset":            {"contents", `{"offset":1000,"total":1,"contentCaches":[{"a":` + entry + `}]}`, "the list of content caches begins at offset 1000 instead of 0"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inCluster(t, 1, func(t *testing.T, w *world) {
				w.Fail(test.operation, 1, respond(200, nil, test.body))
				_, err := w.purgeContent(mstr.ContentFilter{})
				wantError(t, err, errorFields{Kind: transport.KindUnexpected, Status: 200, Message: test.want, Advice: "not from this API"})
				diff(t, "invalidations", 0, w.Count("invalidate"))
			})
		})
	}
}

func TestListWithoutAnEnd(t *testing.T) {
	t.Parallel()
	inCluster(t, 1, func(t *testing.T, w *world) {
		w.Fail("contents", -1, respond(200, nil, `{"total":5000,"contentCaches":[{"a":{"source":{"type":"report"},"status":{"ready":true}}}]}`))
		_, err := w.purgeContent(mstr.ContentFilter{})
		wantError(t, err, errorFields{Kind: transport.KindUnexpected, Status: 200, Message: "the list of content caches has more than 1000 pages, or changes too fast to be read"})
		diff(t, "lists", 1000, w.Count("contents"))
	})
}

func TestIdenticalWaitingContentPurgesAreCoalesced(t *testing.T) {
	t.Parallel()
	inCluster(t, 1, func(t *testing.T, w *world) {
		w.AddContentCache(result(first, 1, "A"))
		w.Fail("nodes", 1, respond(429, http.Header{"Retry-After": {"60"}}, "")) // makes all of them wait
		filters := []mstr.ContentFilter{
			{WarehouseTables: []string{"A", "x"}, ContentIDs: []string{sourceID(10), sourceID(1)}},
			{WarehouseTables: []string{"X", "a", "X"}, ContentIDs: []string{sourceID(1), strings.ToLower(sourceID(10))}},
			{WarehouseTables: []string{"B"}}, // these two must not invalidate the cache
			{ContentIDs: []string{sourceID(2)}},
		}
		results := make([]mstr.ContentResult, len(filters))
		w.connect()
		for i, err := range together(len(filters), func(i int) (err error) {
			if i > 0 {
				<-time.After(time.Duration(i) * time.Second) // after the rate limit
			}
			results[i], err = w.purgeContent(filters[i])
			return err
		}) {
			if err != nil {
				t.Errorf("purge %d: %s", i, err)
			}
		}
		diff(t, "nodes listed", 1+3, w.Count("nodes"))
		diff(t, "the unused tables", [][]string{{"x"}, {"X"}}, [][]string{results[0].UnusedTables, results[1].UnusedTables})
	})
}

// TestContentPurgeInFlightIsNotShared: a purge that starts after the list was read
// needs a new list, because the content has changed meanwhile.
func TestContentPurgeInFlightIsNotShared(t *testing.T) {
	t.Parallel()
	inCluster(t, 1, func(t *testing.T, w *world) {
		w.AddContentCache(result(first, 1))
		w.Fail("invalidate", 1, respond(429, http.Header{"Retry-After": {"60"}}, "")) // makes the first wait again
		for _, err := range together(2, func(i int) error {
			if i == 1 {
				<-time.After(30 * time.Second)
				w.AddContentCache(result(first, 2))
			}
			_, err := w.purgeContent(mstr.ContentFilter{})
			return err
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		diff(t, "left", []string(nil), w.ready())
		diff(t, "nodes listed", 2, w.Count("nodes"))
	})
}
