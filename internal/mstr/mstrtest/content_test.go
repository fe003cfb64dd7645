// SPDX-License-Identifier: MPL-2.0

package mstrtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
)

const (
	nodesPath    = "/MicroStrategyLibrary/api/monitors/iServer/nodes"
	contentsPath = "/MicroStrategyLibrary/api/monitors/caches/contents"
	patchPath    = "/MicroStrategyLibrary/api/v2/monitors/caches/contents"
)

func report(node string, n int) mstrtest.ContentCache {
	return mstrtest.ContentCache{
		Node: node, Project: tutorial, SourceID: fmt.Sprintf("%032X", n), Source: fmt.Sprint("report ", n), Type: "report",
		WarehouseTables: []string{"CUBE"}, DBTables: []string{"F_SALES"},
	}
}

// contents lists content caches. It returns the names of their sources, each with
// its status.
func (c *client) contents(query string) []string {
	c.t.Helper()
	res, body := c.send("GET", contentsPath+"?"+query, "")
	var list struct {
		Offset, Limit, Total int
		ContentCaches        []map[string]struct {
			Source struct{ Name string }
			Status map[string]bool
		}
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil || res.Status != 200 {
		c.t.Fatalf("%d %v in %s", res.Status, err, body)
	}
	all := []string{fmt.Sprintf("%d-%d of %d", list.Offset, list.Limit, list.Total)}
	for _, element := range list.ContentCaches {
		for _, entry := range element {
			for _, state := range []string{"ready", "invalid", "loaded"} {
				if entry.Status[state] {
					entry.Source.Name += " " + state
				}
			}
			all = append(all, entry.Source.Name)
		}
	}
	return all
}

// patch sends operations, written as "<op> <rest of the path> <value>".
func (c *client) patch(node string, operations ...string) answer {
	c.t.Helper()
	list := make([]string, len(operations))
	for i, o := range operations {
		parts := strings.Fields(o)
		list[i] = fmt.Sprintf(`{"op":%q,"path":"/contentCaches/%s","value":%s}`, parts[0], parts[1], parts[2])
	}
	return c.get("PATCH", patchPath+"?clusterNode="+url.QueryEscape(node), `{"operationList":[`+strings.Join(list, ",")+`]}`)
}

func TestNodesAreListed(t *testing.T) {
	t.Parallel()
	c, _ := loggedIn(t, func(s *mstrtest.Server) {
		s.Projects = s.Projects[:3]
		s.Nodes[1].Status = "stopped"
		s.Nodes[1].Projects = map[string]string{tutorial: "unloaded"}
	})
	const (
		first  = `{"name":"iserver-1","port":34952,"status":"running","load":0,"projects":[%s],"default":true}`
		second = `{"name":"iserver-2","port":34952,"status":"stopped","load":0,"projects":[%s]}`
		loaded = `{"id":"` + tutorial + `","name":"MicroStrategy Tutorial","status":"loaded"}`
		others = `,{"id":"CE52831411E696C8BD2F0080EFD5AF44","name":"Consolidated Education Project","status":"loaded"}` +
			`,{"id":"` + archive + `","name":"Archive","status":"unloaded"}`
	)
	unloaded := strings.Replace(loaded, `"loaded"`, `"unloaded"`, 1)
	for query, want := range map[string]string{
		"":                                    `{"nodes":[` + fmt.Sprintf(first, loaded+others) + `,` + fmt.Sprintf(second, unloaded+others) + `]}`,
		"?projects.id=" + tutorial:            `{"nodes":[` + fmt.Sprintf(first, loaded) + `,` + fmt.Sprintf(second, unloaded) + `]}`,
		"?name=iserver-2&projects.id=0":       `{"nodes":[` + fmt.Sprintf(second, "") + `]}`,
		"?name=iserver-3&projects.id=" + "00": `{"nodes":[]}`,
	} {
		res, got := c.send("GET", nodesPath+query, "")
		if diff := cmp.Diff(want, got); diff != "" || res.Status != 200 {
			t.Errorf("%s: %d\n%s", query, res.Status, diff)
		}
	}
}

func TestAListedContentCache(t *testing.T) {
	t.Parallel()
	c, _ := loggedIn(t, nil)
	id := c.fake.AddContentCache(report("iserver-1", 1))
	old := report("iserver-2", 2)
	old.DBTables, old.WarehouseTables, old.Type = nil, nil, "dossier"
	oldID := c.fake.AddContentCache(old)
	c.fake.RunReport(id)
	fields := func(body string) map[string]any {
		var list struct {
			ContentCaches []map[string]map[string]any `json:"contentCaches"`
		}
		if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.ContentCaches) != 1 {
			t.Fatalf("%v in %s", err, body)
		}
		for key, entry := range list.ContentCaches[0] {
			if inner, _ := entry["id"].(string); (key != id && key != oldID) || len(inner) != 32 {
				t.Errorf("%q has the id %q", key, inner)
			}
			delete(entry, "id")
			return entry
		}
		return nil
	}
	want := map[string]any{
		"projectId": tutorial, "source": map[string]any{"id": "00000000000000000000000000000001", "name": "report 1", "type": "report"},
		"status": map[string]any{
			"ready": true, "processing": false, "invalid": false, "expired": false, "loaded": true, "filed": true, "dirty": false,
		},
		"warehouseTablesUsed": []any{"CUBE"}, "dbTablesUsed": []any{"F_SALES"}, "lastUpdateTime": "2026-01-02 03:04:05",
		"creationTime": "2026-01-02 03:04:05", "hitCount": 1.0, "size": 128.0, "host": "iserver-1", "creatorName": "Administrator",
	}
	_, body := c.send("GET", contentsPath+"?clusterNode=iserver-1", "")
	if diff := cmp.Diff(want, fields(body)); diff != "" {
		t.Error(diff)
	}
	_, body = c.send("GET", contentsPath+"?clusterNode=iserver-2", "")
	entry := fields(body)
	if _, has := entry["dbTablesUsed"]; has || !cmp.Equal(entry["warehouseTablesUsed"], []any{}) {
		t.Errorf("a cache of an older server: %v", entry)
	}
}

func TestPagesAndFiltersOfContentCaches(t *testing.T) {
	t.Parallel()
	c, _ := loggedIn(t, func(s *mstrtest.Server) {
		other := report("iserver-1", 3)
		other.Project, other.Type = "CE52831411E696C8BD2F0080EFD5AF44", "cube"
		for _, cache := range []mstrtest.ContentCache{report("iserver-1", 1), report("iserver-1", 2), other, report("iserver-2", 4)} {
			s.AddContentCache(cache)
		}
	})
	one, two, three, four := "report 1 ready loaded", "report 2 ready loaded", "report 3 ready loaded", "report 4 ready loaded"
	for query, want := range map[string][]string{
		"clusterNode=iserver-1":                                 {"0-1000 of 3", one, two, three},
		"clusterNode=iserver-2":                                 {"0-1000 of 1", four},
		"clusterNode=iserver-1&clusterNode=iserver-2":           {"0-1000 of 4", one, two, three, four},
		"clusterNode=iserver-1&projectId=" + tutorial:           {"0-1000 of 2", one, two},
		"clusterNode=iserver-1&limit=2":                         {"0-2 of 3", one, two},
		"clusterNode=iserver-1&limit=2&offset=2":                {"2-2 of 3", three},
		"clusterNode=iserver-1&offset=3":                        {"3-1000 of 3"},
		"clusterNode=iserver-1&status=ready&limit=1":            {"0-1 of 3", one},
		"clusterNode=iserver-1&status=invalid":                  {"0-1000 of 0"},
		"clusterNode=iserver-1&type=cube":                       {"0-1000 of 1", three},
		"clusterNode=iserver-1&type=report&offset=1&limit=1000": {"1-1000 of 2", two},
	} {
		if diff := cmp.Diff(want, c.contents(query)); diff != "" {
			t.Errorf("%s:\n%s", query, diff)
		}
	}
}

func TestRejectedListsOfContentCaches(t *testing.T) {
	t.Parallel()
	bad := func(message string) answer { return answer{400, "ERR006", 0, message} }
	badLimit := func(limit string) answer {
		return bad("The limit value " + limit + " is not valid, it must be greater than or equal to 1, and less than or equal to 1000")
	}
	badOffset := func(offset string) answer {
		return bad("The offset value " + offset + " is not valid, it must be greater than or equal to 0")
	}
	missing := answer{400, "ERR007", 0, "Missing required field: clusterNode"}
	unknownNode := answer{503, "ERR002", 0, "The cluster node 'iserver-9' is not connected or canonical name, " +
		"you should use the cluster node name from the GET /api/monitors/iServer/nodes"}
	c, _ := loggedIn(t, func(s *mstrtest.Server) {
		s.Nodes = append(s.Nodes, mstrtest.Node{Name: "iserver-9", Status: "stopped"})
		s.Nodes[1].Projects = map[string]string{tutorial: "loaded_pending"}
	})
	for query, want := range map[string]answer{
		"":                      missing,
		"clusterNode=":          missing,
		"projectId=" + tutorial: missing,
		"clusterNode=iserver-9": unknownNode,
		"clusterNode=iserver-1&clusterNode=iserver-9": unknownNode,
		"clusterNode=iserver-1&limit=1001":            badLimit("1001"),
		"clusterNode=iserver-1&limit=0":               badLimit("0"),
		"clusterNode=iserver-1&limit=-1":              badLimit("-1"),
		"clusterNode=iserver-1&limit=many":            badLimit("many"),
		"clusterNode=iserver-1&offset=-1":             badOffset("-1"),
		"clusterNode=iserver-1&offset=":               badOffset(""),
		"clusterNode=iserver-1&status=stale":          bad("Invalid filter field status input 'stale'"),
		"clusterNode=iserver-1&owner=Administrator":   {501, "", 0, "This fake does not filter by owner"},
		"clusterNode=iserver-1&projectId=0":           bad("The given Project ID (0) does not exist"),
		"clusterNode=iserver-1&projectId=" + archive:  {404, "ERR001", -2147209151, "The project " + archive + " is not loaded on iserver-1"},
		"clusterNode=iserver-2&projectId=" + tutorial: {404, "ERR001", -2147209151, "The project " + tutorial + " is not loaded on iserver-2"},
	} {
		if diff := cmp.Diff(want, c.get("GET", contentsPath+"?"+query, "")); diff != "" {
			t.Errorf("%s:\n%s", query, diff)
		}
	}
}

func TestAnInvalidationTakesEffectLater(t *testing.T) {
	t.Parallel()
	c, clock := loggedIn(t, func(s *mstrtest.Server) { s.InvalidateAfter, s.RemoveAfter = time.Minute, time.Minute })
	id := c.fake.AddContentCache(report("iserver-1", 1))
	list := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, c.contents("clusterNode=iserver-1")[1:], cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	}
	if got := c.patch("iserver-1", "replace "+id+"/status/invalid true"); got.Status != 202 {
		t.Errorf("%+v", got)
	}
	clock.Advance(59 * time.Second)
	list("report 1 ready loaded")
	c.patch("iserver-1", "replace "+id+"/status/invalid true") // does not delay it
	clock.Advance(time.Second)
	list("report 1 invalid")
	if got := c.contents("clusterNode=iserver-1&status=ready"); len(got) != 1 {
		t.Errorf("ready: %q", got)
	}
	clock.Advance(time.Minute)
	list()
	if got := c.patch("iserver-1", "replace "+id+"/status/invalid true"); got.Status != 404 {
		t.Errorf("%+v", got)
	}
}

func TestUsersRecreateCaches(t *testing.T) {
	t.Parallel()
	for sentence, busy := range map[string]bool{"when a user runs the report": false, "immediately, with BusyUsers": true} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			c, clock := loggedIn(t, func(s *mstrtest.Server) { s.BusyUsers = busy })
			id := c.fake.AddContentCache(report("iserver-1", 1))
			created := clock.Now()
			clock.Advance(time.Minute)
			c.patch("iserver-1", "replace "+id+"/status/invalid true")
			if !busy {
				c.fake.RunReport(id)
			}
			got := c.fake.ContentCaches()
			if len(got) != 1 || got[0].ID != id || !got[0].Ready || got[0].Updated != created.Add(time.Minute) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestOtherChangesOfContentCaches(t *testing.T) {
	t.Parallel()
	c, _ := loggedIn(t, func(s *mstrtest.Server) { s.InvalidateStatus = 200 })
	one, two := c.fake.AddContentCache(report("iserver-1", 1)), c.fake.AddContentCache(report("iserver-1", 2))
	got := []answer{
		c.patch("iserver-1", "replace "+one+"/status/loaded false", "remove "+two+" null"),
		c.patch("iserver-1", "replace "+two+"/status/loaded false"),
		c.patch("iserver-2", "replace "+one+"/status/invalid true"),
	}
	gone := func(id string) answer {
		return answer{404, "ERR004", 0, "The content cache '" + id + "' is not found in Intelligence server"}
	}
	if diff := cmp.Diff([]answer{{Status: 200}, gone(two), gone(one)}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"0-1000 of 1", "report 1 ready"}, c.contents("clusterNode=iserver-1")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{2, 1, 1}, c.fake.ContentBatches()); diff != "" {
		t.Error(diff)
	}
}

func TestMalformedChangesOfContentCaches(t *testing.T) {
	t.Parallel()
	c, _ := loggedIn(t, nil)
	id := c.fake.AddContentCache(report("iserver-1", 1))
	valid := `{"op":"replace","path":"/contentCaches/` + id + `/status/invalid","value":true}`
	operation := func(op, path, value string) string {
		return fmt.Sprintf(`{"operationList":[%s,{"op":%q,"path":%q,"value":%s}]}`, valid, op, path, value)
	}
	path := "/contentCaches/" + id + "/status/invalid"
	for body, want := range map[string]string{
		`{`:                    "Invalid JSON body.",
		`{"operationList":{}}`: "Invalid JSON body.",
		`{}`:                   "Missing required field: operationList",
		operation("add", path, "true"): "Invalid JSON body. Cannot construct instance of " +
			"`com.microstrategy.rest.model.iserver.PatchOperator`, problem: Invalid patch operations",
		operation("replace", "/contents/a/status/invalid", "true"):     "Invalid JSON body. The path /contents/a/status/invalid is not valid",
		operation("replace", "/contentCaches//status/invalid", "true"): "Invalid JSON body. The path /contentCaches//status/invalid is not valid",
		operation("replace", "/contentCaches/a/status/ready", "true"): "Invalid JSON body. Please validate operation type or value. " +
			"Input value can not be 'replace' for the path /contentCaches/a/status/ready",
		operation("replace", "/contentCaches/a", "true"): "Invalid JSON body. Please validate operation type or value. " +
			"Input value can not be 'replace' for the path /contentCaches/a",
		operation("replace", path, "false"):  "Invalid JSON body. Please validate operation type or value. Input value can not be false for the path " + path,
		operation("replace", path, `"true"`): "Invalid JSON body. Please validate operation type or value. Input value can not be \"true\" for the path " + path,
	} {
		if got := c.get("PATCH", patchPath+"?clusterNode=iserver-1", body); got.Status != 400 || got.Message != want {
			t.Errorf("%s:\n%+v\nwant %s", body, got, want)
		}
	}
	form := func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }
	if got := c.get("PATCH", patchPath+"?clusterNode=iserver-1", `{"operationList":[`+valid+`]}`, form); got.Status != 415 {
		t.Errorf("as plain text: %+v", got)
	}
	if got := c.fake.ContentCaches(); !got[0].Ready {
		t.Error("a rejected request has changed a cache")
	}
}

func TestPrivilegesForContentCaches(t *testing.T) {
	t.Parallel()
	lacks := func(privilege string) answer {
		return answer{403, "ERR014", -2147213784, "You do not have " + privilege + " privilege(s) to perform the task."}
	}
	wrongToken := func(c *client) { c.token = "wrong" }
	for sentence, test := range map[string]struct {
		configure func(*mstrtest.Server)
		client    func(*client)
		want      [3]answer // nodes, list, change
	}{
		"without a session": {nil, wrongToken, [3]answer{expired, expired, expired}},
		"without any privilege": {
			func(s *mstrtest.Server) { s.Privileged, s.MonitorCluster = false, false }, nil,
			[3]answer{lacks("Monitor cluster"), lacks("Administer caches"), lacks("Administer caches")},
		},
		"without the routes": {
			func(s *mstrtest.Server) { s.ContentAPI, s.Nodes = mstrtest.ContentNone, nil }, nil,
			[3]answer{{Status: 200}, noRoute, noRoute},
		},
		"before invalidation was added": {
			func(s *mstrtest.Server) { s.ContentAPI = mstrtest.ContentLoadOnly }, nil,
			[3]answer{{Status: 200}, {Status: 200}, {400, "ERR006", 0, "Invalid JSON body. Please validate operation type or value. " +
				"Input value can not be 'replace' for the path /contentCaches/…/status/invalid"}},
		},
		"with the older routes": {
			func(s *mstrtest.Server) { s.ContentAPI = mstrtest.ContentListOnly }, nil,
			[3]answer{{Status: 200}, {Status: 200}, noRoute},
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			c, _ := loggedIn(t, test.configure)
			id := c.fake.AddContentCache(report("iserver-1", 1))
			if test.client != nil {
				test.client(c)
			}
			status := func(method, path string, want answer) answer {
				if want.Status != 200 {
					return c.get(method, path, "")
				}
				res, _ := c.send(method, path, "")
				return answer{Status: res.Status}
			}
			got := [3]answer{
				status("GET", nodesPath, test.want[0]), status("GET", contentsPath+"?clusterNode=iserver-1", test.want[1]),
				c.patch("iserver-1", "replace "+id+"/status/invalid true"),
			}
			got[2].Message = strings.ReplaceAll(got[2].Message, id, "…")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFaultsOfANode(t *testing.T) {
	t.Parallel()
	c, _ := loggedIn(t, nil)
	c.fake.FailNode("iserver-2", "contents", 1, mstrtest.Error(500, "ERR002", "", "failed"))
	var got []int
	for _, node := range []string{"iserver-1", "iserver-2", "iserver-2"} {
		res, _ := c.send("GET", contentsPath+"?clusterNode="+node, "")
		got = append(got, res.Status)
	}
	if diff := cmp.Diff([]int{200, 500, 200}, got); diff != "" {
		t.Error(diff)
	}
	subjects := []string{}
	for _, e := range c.fake.Journal.Select("contents") {
		subjects = append(subjects, fmt.Sprint(e.Subject, " ", e.Status))
	}
	if diff := cmp.Diff([]string{"iserver-1 200", "iserver-2 500", "iserver-2 200"}, subjects); diff != "" {
		t.Error(diff)
	}
}
