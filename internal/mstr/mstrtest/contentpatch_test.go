// SPDX-License-Identifier: MPL-2.0

package mstrtest_test

import (
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

// patch sends operations, written as "<op> <rest of the path> <value>".
func (c *client) patch(node string, operations ...string) response {
	c.t.Helper()
	list := make([]string, len(operations))
	for i, o := range operations {
		parts := strings.Fields(o)
		list[i] = fmt.Sprintf(`{"op":%q,"path":"/contentCaches/%s","value":%s}`, parts[0], parts[1], parts[2])
	}
	return c.get("PATCH", patchPath+"?clusterNode="+url.QueryEscape(node), `{"operationList":[`+strings.Join(list, ",")+`]}`)
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
	got := []response{
		c.patch("iserver-1", "replace "+one+"/status/loaded false", "remove "+two+" null"),
		c.patch("iserver-1", "replace "+two+"/status/loaded false"),
		c.patch("iserver-2", "replace "+one+"/status/invalid true"),
	}
	gone := func(id string) response {
		return response{404, "ERR004", 0, "The content cache '" + id + "' is not found in Intelligence server"}
	}
	if diff := cmp.Diff([]response{{Status: 200}, gone(two), gone(one)}, got); diff != "" {
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
