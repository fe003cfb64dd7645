// SPDX-License-Identifier: MPL-2.0

package mstrtest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	bad := func(message string) response { return response{400, "ERR006", 0, message} }
	badLimit := func(limit string) response {
		return bad("The limit value " + limit + " is not valid, it must be greater than or equal to 1, and less than or equal to 1000")
	}
	badOffset := func(offset string) response {
		return bad("The offset value " + offset + " is not valid, it must be greater than or equal to 0")
	}
	missing := response{400, "ERR007", 0, "Missing required field: clusterNode"}
	unknownNode := response{503, "ERR002", 0, "The cluster node 'iserver-9' is not connected or canonical name, " +
		"you should use the cluster node name from the GET /api/monitors/iServer/nodes"}
	c, _ := loggedIn(t, func(s *mstrtest.Server) {
		s.Nodes = append(s.Nodes, mstrtest.Node{Name: "iserver-9", Status: "stopped"})
		s.Nodes[1].Projects = map[string]string{tutorial: "loaded_pending"}
	})
	for query, want := range map[string]response{
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

func TestPrivilegesForContentCaches(t *testing.T) {
	t.Parallel()
	lacks := func(privilege string) response {
		return response{403, "ERR014", -2147213784, "You do not have " + privilege + " privilege(s) to perform the task."}
	}
	wrongToken := func(c *client) { c.token = "wrong" }
	for sentence, test := range map[string]struct {
		configure func(*mstrtest.Server)
		client    func(*client)
		want      [3]response // nodes, list, change
	}{
		"without a session": {nil, wrongToken, [3]response{expired, expired, expired}},
		"without any privilege": {
			func(s *mstrtest.Server) { s.Privileged, s.MonitorCluster = false, false }, nil,
			[3]response{lacks("Monitor cluster"), lacks("Administer caches"), lacks("Administer caches")},
		},
		"without the routes": {
			func(s *mstrtest.Server) { s.ContentAPI, s.Nodes = mstrtest.ContentNone, nil }, nil,
			[3]response{{Status: 200}, noRoute, noRoute},
		},
		"before invalidation was added": {
			func(s *mstrtest.Server) { s.ContentAPI = mstrtest.ContentLoadOnly }, nil,
			[3]response{{Status: 200}, {Status: 200}, {400, "ERR006", 0, "Invalid JSON body. Please validate operation type or value. " +
				"Input value can not be 'replace' for the path /contentCaches/…/status/invalid"}},
		},
		"with the older routes": {
			func(s *mstrtest.Server) { s.ContentAPI = mstrtest.ContentListOnly }, nil,
			[3]response{{Status: 200}, {Status: 200}, noRoute},
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			c, _ := loggedIn(t, test.configure)
			id := c.fake.AddContentCache(report("iserver-1", 1))
			if test.client != nil {
				test.client(c)
			}
			status := func(method, path string, want response) response {
				if want.Status != 200 {
					return c.get(method, path, "")
				}
				res, _ := c.send(method, path, "")
				return response{Status: res.Status}
			}
			got := [3]response{
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
