package main

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

func TestTable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entries []fake.Entry
		want    string
	}{
		"says that nothing arrived": {nil, "(nothing reached any of the systems)\n"},
		"lines up its columns, in the order of arrival": {
			[]fake.Entry{
				{System: "mstr", Operation: "login", Status: http.StatusNoContent},
				{System: "wpengine", Operation: "purge", Subject: "install/page", Status: http.StatusForbidden},
				{System: "cdn", Operation: "purge", Subject: "service /a hard=true"},
			},
			"SYSTEM     OPERATION   WHAT                   ANSWER\n" +
				"mstr       login                              204 No Content\n" +
				"wpengine   purge       install/page           403 Forbidden\n" +
				"cdn        purge       service /a hard=true   connection cut\n",
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
