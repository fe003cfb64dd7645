// SPDX-License-Identifier: MPL-2.0

package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

func TestTable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entries []fake.Entry
		want    string
	}{
		"no requests": {nil, "(no requests)\n"},
		"aligned columns, in the order of arrival": {
			[]fake.Entry{
				{System: "mstr", Operation: "login", Status: http.StatusNoContent},
				{System: "wpengine", Operation: "purge", Subject: "install/page", Status: http.StatusForbidden},
				{System: "cdn", Operation: "purge", Subject: "service /a hard=true"},
			},
			"SYSTEM     OPERATION   TARGET                 RESPONSE\n" +
				"mstr       login                              204 No Content\n" +
				"wpengine   purge       install/page           403 Forbidden\n" +
				"cdn        purge       service /a hard=true   connection cut\n",
		},
		"identical requests to a site between two purges": {
			[]fake.Entry{
				{System: "origin", Operation: "get", Subject: "/a", Status: http.StatusNotFound, Time: time.Unix(1, 0)},
				{System: "origin", Operation: "get", Subject: "/b", Status: http.StatusOK, Time: time.Unix(2, 0)},
				{System: "origin", Operation: "get", Subject: "/a", Status: http.StatusNotFound, Time: time.Unix(3, 0)},
				{System: "origin", Operation: "get", Subject: "/a", Status: http.StatusOK, Time: time.Unix(4, 0)},
				{System: "cdn", Operation: "purge", Subject: "s", Status: http.StatusAccepted},
				{System: "cdn", Operation: "purge", Subject: "s", Status: http.StatusAccepted},
				{System: "origin", Operation: "get", Subject: "/b", Status: http.StatusOK, Time: time.Unix(5, 0)},
			},
			"SYSTEM   OPERATION   TARGET   RESPONSE\n" +
				"origin   get         /a       404 Not Found (2 requests)\n" +
				"origin   get         /b       200 OK\n" +
				"origin   get         /a       200 OK\n" +
				"cdn      purge       s        202 Accepted\n" +
				"cdn      purge       s        202 Accepted\n" +
				"origin   get         /b       200 OK\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, table(c.entries)); diff != "" {
				t.Errorf("table (-want +got):\n%s", diff)
			}
		})
	}
}
