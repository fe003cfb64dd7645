// SPDX-License-Identifier: MPL-2.0

package wpenginetest_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

const nobody = "11111111-2222-4333-8444-555555555555"

var (
	accepted = response{Status: 202}
	tooMany  = message(429, "Object cache purges are rate-limited to one request every 60 seconds for each install")
)

func purgePath(id string) string { return "/v1/installs/" + id + "/purge_cache" }

func purgeOf(id, kind string) request {
	return request{method: "POST", path: purgePath(id), body: `{"type":"` + kind + `"}`}
}

// rejected is a 400 with these elements in errors[], each "field code message".
func rejected(problems ...string) response {
	var elements []string
	for _, p := range problems {
		parts := strings.SplitN(p, " ", 3)
		elements = append(elements, fmt.Sprintf(
			`{"resource":"Install","field":%q,"type":"invalid_request","code":%q,"message":%q}`, parts[0], parts[1], parts[2]))
	}
	return response{400, "application/json", "", `{"message":"Invalid Request",` +
		`"documentation_url":"https://wpengineapi.com/reference","errors":[` + strings.Join(elements, ",") + `]}`}
}

func TestPurgeIsAccepted(t *testing.T) {
	t.Parallel()
	id := wpenginetest.New().Install("acmeprod").ID
	tests := map[string]struct {
		r    request
		kind string
	}{
		"object":              {purgeOf(id, "object"), "object"},
		"page":                {purgeOf(id, "page"), "page"},
		"cdn":                 {purgeOf(id, "cdn"), "cdn"},
		"all":                 {purgeOf(id, "all"), "all"},
		"an id in upper case": {purgeOf(strings.ToUpper(id), "page"), "page"},
		"a charset in the content type": {
			request{"POST", purgePath(id), `{"type":"page"}`, header("Content-Type", "application/json; charset=utf-8")}, "page",
		},
		"unknown fields": {
			request{method: "POST", path: purgePath(id), body: ` {"x":1,"type":"page"} `}, "page",
		},
		"an escaped id": {purgeOf(strings.ReplaceAll(id, "-", "%2D"), "page"), "page"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newFake()
			diff(t, "202 without a body", accepted, send(t, s, tt.r))
			diff(t, "purges", []wpenginetest.Purge{{Time: start, Install: id, Type: tt.kind}}, s.Purges())
		})
	}
}

func TestPurgeIsAcceptedForAPendingInstall(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	diff(t, "response", accepted, send(t, s, purgeOf(s.Install("acmenew").ID, "all")))
}

func TestPurgeAcceptStatus(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		want   response
	}{
		"202 is documented":                  {202, accepted},
		"200 was reported":                   {200, response{Status: 200}},
		"an undeclared status becomes a 500": {204, message(500, "Internal Server Error")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newFake()
			s.AcceptStatus = tt.status
			id := s.Install("acmeprod").ID
			diff(t, "response", tt.want, send(t, s, purgeOf(id, "object")))
			diff(t, "purges, whatever the response", []wpenginetest.Purge{{Time: start, Install: id, Type: "object"}}, s.Purges())
		})
	}
}

func TestPurgeIsRejected(t *testing.T) {
	t.Parallel()
	const (
		media   = "type missing_field type is required in a body of the content type application/json"
		missing = "type missing_field type is required in a JSON object"
		unknown = "type invalid type must be one of object, page, cdn, all"
		notUUID = "install_id invalid install_id must be a UUID"
	)
	id := wpenginetest.New().Install("acmeprod").ID
	body := func(b string) request { return request{method: "POST", path: purgePath(id), body: b} }
	tests := map[string]struct {
		r    request
		want response
	}{
		"no body":                    {body(""), rejected(missing)},
		"a body that is not JSON":    {body("type=all"), rejected(missing)},
		"a body that is cut off":     {body(`{"type":"all"`), rejected(missing)},
		"a body of two values":       {body(`{"type":"all"}{}`), rejected(missing)},
		"a list":                     {body(`["all"]`), rejected(missing)},
		"null":                       {body(`null`), rejected(missing)},
		"an object without a type":   {body(`{}`), rejected(missing)},
		"a type in another case":     {body(`{"Type":"all"}`), rejected(missing)},
		"a body that is too long":    {body(`{"type":"all","x":"` + strings.Repeat("x", 1<<17) + `"}`), rejected(missing)},
		"a type that is null":        {body(`{"type":null}`), rejected(unknown)},
		"a type that is a number":    {body(`{"type":1}`), rejected(unknown)},
		"an empty type":              {body(`{"type":""}`), rejected(unknown)},
		"an unknown type":            {body(`{"type":"network"}`), rejected(unknown)},
		"a type in upper case":       {body(`{"type":"ALL"}`), rejected(unknown)},
		"no content type":            {request{"POST", purgePath(id), `{"type":"all"}`, header("Content-Type", "")}, rejected(media)},
		"the content type of a form": {request{"POST", purgePath(id), `{"type":"all"}`, header("Content-Type", "application/x-www-form-urlencoded")}, rejected(media)},
		"a name instead of an id":    {purgeOf("acmeprod", "all"), rejected(notUUID)},
		"an id in braces":            {purgeOf("%7B"+id+"%7D", "all"), rejected(notUUID)},
		"an id without dashes":       {purgeOf(strings.ReplaceAll(id, "-", ""), "all"), rejected(notUUID)},
		"an escaped slash":           {purgeOf("a%2Fb", "all"), rejected(notUUID)},
		"several errors":             {purgeOf("acmeprod", "network"), rejected(notUUID, unknown)},
		"an unknown install":         {purgeOf(nobody, "all"), message(404, "Install not found")},
		"wrong credentials before an invalid body": {
			request{"POST", purgePath("x"), "", basic("a", "b")}, message(401, "Bad Credentials"),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newFake()
			diff(t, "response", tt.want, send(t, s, tt.r))
			diff(t, "purges", []wpenginetest.Purge(nil), s.Purges())
			diff(t, "a rejected purge does not count", accepted, send(t, s, purgeOf(id, "object")))
		})
	}
}

func TestPurgeIsForbiddenPerInstall(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	prod, stage := s.Install("acmeprod").ID, s.Install("acmestage").ID
	s.Forbidden[prod] = true
	denied := message(403, "You do not have permission to access this install")
	diff(t, "the forbidden install", denied, send(t, s, purgeOf(prod, "all")))
	diff(t, "its id in upper case", denied, send(t, s, purgeOf(strings.ToUpper(prod), "all")))
	diff(t, "another install", accepted, send(t, s, purgeOf(stage, "all")))
	diff(t, "purges", []wpenginetest.Purge{{Time: start, Install: stage, Type: "all"}}, s.Purges())
}

func TestPurgeWithAPIAccessOffFindsNoInstall(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	s.AccessOff = true
	diff(t, "response", message(404, "Install not found"), send(t, s, purgeOf(s.Install("acmeprod").ID, "all")))
}

func TestObjectWindow(t *testing.T) {
	t.Parallel()
	// step is one purge of "<install name> <type>", some time after the previous one.
	type step struct {
		after time.Duration
		purge string
		want  response
	}
	tests := map[string][]step{
		"a second object purge is rate-limited": {{0, "acmeprod object", accepted}, {0, "acmeprod object", tooMany}},
		"all and object share the window": {
			{0, "acmeprod all", accepted}, {0, "acmeprod object", tooMany}, {0, "acmeprod all", tooMany},
		},
		"just before 60 s, the window is closed": {
			{0, "acmeprod object", accepted}, {time.Minute - 1, "acmeprod all", tooMany},
		},
		"after 60 s, the window is open": {
			{0, "acmeprod object", accepted}, {time.Minute, "acmeprod all", accepted}, {0, "acmeprod all", tooMany},
		},
		"a rate-limited purge does not extend it": {
			{0, "acmeprod object", accepted},
			{40 * time.Second, "acmeprod object", tooMany},
			{20 * time.Second, "acmeprod object", accepted},
		},
		"page, object, and cdn at the same time": {
			{0, "acmeprod page", accepted},
			{0, "acmeprod object", accepted},
			{0, "acmeprod cdn", accepted},
			{0, "acmeprod page", accepted},
			{0, "acmeprod cdn", accepted},
			{0, "acmeprod object", tooMany},
		},
		"every install has its own window": {{0, "acmeprod object", accepted}, {0, "acmestage object", accepted}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := newFake()
			for i, st := range steps {
				c.Advance(st.after)
				install, kind, _ := strings.Cut(st.purge, " ")
				diff(t, fmt.Sprintf("step %d, %s", i+1, st.purge), st.want, send(t, s, purgeOf(s.Install(install).ID, kind)))
			}
		})
	}
}

func TestTheMessageNamesTheObjectWindow(t *testing.T) {
	t.Parallel()
	for window, seconds := range map[time.Duration]string{90 * time.Second: "90", 200 * time.Millisecond: "1"} {
		s, _ := newFake()
		s.ObjectWindow = window
		id := s.Install("acmeprod").ID
		send(t, s, purgeOf(id, "object"))
		want := message(429, "Object cache purges are rate-limited to one request every "+seconds+" seconds for each install")
		diff(t, window.String(), want, send(t, s, purgeOf(id, "object")))
	}
}

func TestOneOfManyObjectPurgesIsAccepted(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	id := s.Install("acmeprod").ID
	server := httptest.NewServer(s)
	defer server.Close()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := try(t, server, s, purgeOf(id, "object")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	diff(t, "purges", []wpenginetest.Purge{{Time: start, Install: id, Type: "object"}}, s.Purges())
}

func TestPurgeJournal(t *testing.T) {
	t.Parallel()
	s, c := newFake()
	id := s.Install("acmeprod").ID
	send(t, s, purgeOf(id, "object"))
	c.Advance(time.Second)
	send(t, s, purgeOf(id, "object"))
	send(t, s, purgeOf("acmeprod", "network"))
	s.Fail("purge", 1, wpenginetest.EmptyUnavailable())
	send(t, s, purgeOf(id, "cdn"))
	entry := func(after time.Duration, subject string, status int) fake.Entry {
		return fake.Entry{Time: start.Add(after), System: "wpengine", Operation: "purge", Subject: subject, Status: status}
	}
	diff(t, "journal", []fake.Entry{
		entry(0, id+"/object", 202),
		entry(time.Second, id+"/object", 429),
		entry(time.Second, "acmeprod/invalid", 400),
		entry(time.Second, id+"/cdn", 503),
	}, s.Journal.Entries())
}
