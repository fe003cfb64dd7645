// SPDX-License-Identifier: MPL-2.0

package mstrtest_test

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
)

func TestErrorBodies(t *testing.T) {
	t.Parallel()
	const ticket = `"ticketId":"` + mstrtest.FaultTicket + `"`
	tests := map[string]struct {
		respond http.HandlerFunc
		want    string
	}{
		"Error": {
			mstrtest.Error(500, "ERR001", mstrtest.SessionCap, "m"),
			`{"code":"ERR001","iServerCode":-2147072486,"message":"m",` + ticket + `}`,
		},
		"no fields": {mstrtest.Error(500, "", "", ""), `{` + ticket + `}`},
		"RespelledError": {
			mstrtest.RespelledError(500, "ERR0014", "-1", "m"),
			`{"IserverCode":-1,"code":"ERR0014","message":"m",` + ticket + `}`,
		},
		"WrappedError": {
			mstrtest.WrappedError(500, "ERR014", "", "m"),
			`{"errors":[{"code":"ERR014","message":"m",` + ticket + `}]}`,
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			c, _ := loggedIn(t, nil)
			c.fake.Fail("purge", 1, test.respond)
			res, body := c.send("DELETE", purgePath, "")
			if diff := cmp.Diff(test.want, body); diff != "" || res.Status != 500 {
				t.Errorf("%d %s", res.Status, diff)
			}
			if got := c.get("DELETE", purgePath, ""); got != done {
				t.Errorf("after the fault: %+v", got)
			}
		})
	}
}

func TestEachErrorHasItsOwnTicket(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, nil)
	c.get("DELETE", purgePath, "")
	c.get("DELETE", purgePath, "")
	tickets := c.fake.Tickets()
	if len(tickets) != 2 || tickets[0] == tickets[1] {
		t.Errorf("%q", tickets)
	}
	for _, ticket := range tickets {
		if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(ticket) {
			t.Errorf("the ticket %q is not 32 hexadecimal digits", ticket)
		}
	}
}
