// SPDX-License-Identifier: MPL-2.0

package wpenginetest_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	credentials := base64.StdEncoding.EncodeToString([]byte(s.Username + ":" + s.Password))
	const docs = "https://wpengineapi.com/reference#purge"
	tests := map[string]struct {
		fault http.HandlerFunc
		want  response
	}{
		"an error contains a message": {
			wpenginetest.Error(500, "Internal Server Error"), message(500, "Internal Server Error"),
		},
		"a 400 names the field and the documentation": {
			wpenginetest.FieldError("type", "invalid", "no", docs),
			response{400, "application/json", "", `{"message":"Invalid Request","documentation_url":"` + docs +
				`","errors":[{"field":"type","code":"invalid","message":"no"}]}`},
		},
		"every part of a 400 is optional": {
			wpenginetest.FieldError("", "", "", ""),
			response{400, "application/json", "", `{"message":"Invalid Request","errors":[{}]}`},
		},
		"a 503 has no body": {wpenginetest.EmptyUnavailable(), response{Status: 503}},
		"the gateway echoes the credentials": {
			wpenginetest.GatewayEcho(), message(403, "'"+credentials+"' not a valid key=value pair (missing equal-sign)"+
				" in Authorization header: 'Basic "+credentials+"'."),
		},
		"the gateway responds with HTML": {
			wpenginetest.HTML(502), response{502, "text/html", "", "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n" +
				"<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newFake()
			s.Fail("purge", 1, tt.fault)
			r := purgeOf(s.Install("acmeprod").ID, "object")
			diff(t, "response", tt.want, send(t, s, r))
			diff(t, "purges", []wpenginetest.Purge(nil), s.Purges())
			diff(t, "response after the fault", accepted, send(t, s, r))
		})
	}
}

func TestLostResponse(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	s.Fail("purge", 1, s.LostResponse())
	id := s.Install("acmeprod").ID
	server := httptest.NewServer(s)
	defer server.Close()

	if a, err := try(t, server, s, purgeOf(id, "object")); err == nil {
		t.Fatalf("the response is not lost: %+v", a)
	}
	diff(t, "the purge was done", []wpenginetest.Purge{{Time: start, Install: id, Type: "object"}}, s.Purges())

	again, err := try(t, server, s, purgeOf(id, "object"))
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "the response to a second attempt", tooMany, again)

	entry := fake.Entry{Time: start, System: "wpengine", Operation: "purge", Subject: id + "/object"}
	limited := entry
	limited.Status = 429
	diff(t, "journal", []fake.Entry{entry, limited}, s.Journal.Entries())
}
