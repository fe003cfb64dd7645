// SPDX-License-Identifier: MPL-2.0

package wpenginetest_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// listing contains the fields of a page that a client reads.
type listing struct {
	Previous, Next *string
	Count          int
	Results        []wpenginetest.Install
}

// ends is a page with the number of its installs instead of the installs.
type ends struct {
	Previous, Next string
	Count, Length  int
}

func list(t *testing.T, s *wpenginetest.Server, query string) listing {
	t.Helper()
	a := send(t, s, request{method: "GET", path: "/v1/installs" + query})
	if a.Status != 200 || a.ContentType != "application/json" {
		t.Fatalf("GET /installs%s: %+v", query, a)
	}
	var l listing
	if err := json.Unmarshal([]byte(a.Body), &l); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestListPages(t *testing.T) {
	t.Parallel()
	const realHost = "https://api.wpengineapi.com/v1/installs"
	acme := wpenginetest.New().Install("acmeprod").Account.ID
	tests := map[string]struct {
		query string
		want  ends
	}{
		"without a limit, a page is 100":        {"", ends{"", realHost + "?limit=100&offset=100", 130, 100}},
		"the first page of 100":                 {"?limit=100&offset=0", ends{"", realHost + "?limit=100&offset=100", 130, 100}},
		"the last page is short":                {"?limit=100&offset=100", ends{realHost + "?limit=100&offset=0", "", 130, 30}},
		"a page in the middle":                  {"?limit=10&offset=15", ends{realHost + "?limit=10&offset=5", realHost + "?limit=10&offset=25", 130, 10}},
		"previous never starts before the list": {"?limit=10&offset=5", ends{realHost + "?limit=10&offset=0", realHost + "?limit=10&offset=15", 130, 10}},
		"a page that ends with the list":        {"?limit=65&offset=65", ends{realHost + "?limit=65&offset=0", "", 130, 65}},
		"after the end, a page is empty":        {"?limit=65&offset=130", ends{realHost + "?limit=65&offset=65", "", 130, 0}},
		"one account, with more than a page": {
			"?account_id=" + acme, ends{"", realHost + "?account_id=" + acme + "&limit=100&offset=100", 119, 100},
		},
		"an unknown account":         {"?account_id=" + nobody, ends{"", "", 0, 0}},
		"there is no filter by name": {"?name=acmeprod&limit=100", ends{"", realHost + "?limit=100&offset=100", 130, 100}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newFake()
			l := list(t, s, tt.query)
			got := ends{Count: l.Count, Length: len(l.Results)}
			if l.Previous != nil {
				got.Previous = *l.Previous
			}
			if l.Next != nil {
				got.Next = *l.Next
			}
			diff(t, "page", tt.want, got)
			diff(t, "journal", []fake.Entry{{Time: start, System: "wpengine", Operation: "installs", Status: 200}}, s.Journal.Entries())
		})
	}
}

func TestListByOffsetReturnsEveryInstallOnce(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	got := slices.Concat(list(t, s, "?limit=100").Results, list(t, s, "?limit=100&offset=100").Results)
	diff(t, "installs", s.Installs, got)
}

func TestListOfOneAccount(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	twin := s.Installs[len(s.Installs)-1]
	for _, in := range list(t, s, "?account_id="+twin.Account.ID).Results {
		diff(t, "account of "+in.Name, twin.Account, in.Account)
	}
}

func TestListIsRejected(t *testing.T) {
	t.Parallel()
	const (
		limit   = "limit invalid limit must be a number from 1 to 100"
		offset  = "offset invalid offset must be a number from 0 to 2147483647"
		account = "account_id invalid account_id must be a UUID"
	)
	tests := map[string]struct {
		query string
		want  response
	}{
		"a limit over 100":               {"?limit=101", rejected(limit)},
		"a limit of 0":                   {"?limit=0", rejected(limit)},
		"a negative limit":               {"?limit=-1", rejected(limit)},
		"a limit that is not a number":   {"?limit=all", rejected(limit)},
		"an empty limit":                 {"?limit=", rejected(limit)},
		"a negative offset":              {"?offset=-1", rejected(offset)},
		"an offset that is not a number": {"?offset=x", rejected(offset)},
		"an offset that would overflow":  {"?offset=9223372036854775807", rejected(offset)},
		"an account by its name":         {"?account_id=acme", rejected(account)},
		"several errors":                 {"?limit=0&offset=-1&account_id=", rejected(limit, offset, account)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newFake()
			diff(t, "response", tt.want, send(t, s, request{method: "GET", path: "/v1/installs" + tt.query}))
		})
	}
}

func TestListWithAPIAccessOffIsEmpty(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	s.AccessOff = true
	want := response{200, "application/json", "", `{"previous":null,"next":null,"count":0,"results":[]}`}
	diff(t, "response", want, send(t, s, request{method: "GET", path: "/v1/installs"}))
}

func TestInstallShape(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	in := s.Install("acmelegacy")
	s.Installs = []wpenginetest.Install{in}
	want := `{"previous":null,"next":null,"count":1,"results":[{"id":"` + in.ID + `","name":"acmelegacy",` +
		`"account":{"id":"` + in.Account.ID + `"},"environment":null,"cname":"acmelegacy.wpengine.com",` +
		`"primary_domain":"acmelegacy.wpengine.com","php_version":"8.2","status":"active",` +
		`"site":{"id":"` + in.Site.ID + `"},"is_multisite":false,"created_at":"2024-03-01T12:00:00Z"}]}`
	diff(t, "response", response{200, "application/json", "", want}, send(t, s, request{method: "GET", path: "/v1/installs"}))
}

func TestDefaultInstalls(t *testing.T) {
	t.Parallel()
	var (
		uuid     = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$`)
		name     = regexp.MustCompile(`^[a-z][a-z0-9]{2,13}$`)
		ids      = make(map[string]bool)
		accounts = make(map[string]bool)
		twins    = make(map[string]bool)
	)
	installs := wpenginetest.DefaultInstalls()
	for _, in := range installs {
		if !uuid.MatchString(in.ID) || !uuid.MatchString(in.Account.ID) || !uuid.MatchString(in.Site.ID) {
			t.Errorf("%s: an ID is not a UUID: %+v", in.Name, in)
		}
		if !name.MatchString(in.Name) {
			t.Errorf("%s is not a name that WP Engine allows", in.Name)
		}
		ids[in.ID], accounts[in.Account.ID] = true, true
		if in.Name == "acmetwin" {
			twins[in.Account.ID] = true
		}
	}
	diff(t, "ids", len(installs), len(ids))
	diff(t, "accounts", 2, len(accounts))
	diff(t, "accounts with an acmetwin", 2, len(twins))
	diff(t, "the same in every run", installs, wpenginetest.DefaultInstalls())
}

func TestInstallByName(t *testing.T) {
	t.Parallel()
	type kind struct {
		Environment wpenginetest.Environment
		Status      string
	}
	tests := map[string]kind{
		"acmeprod":   {"production", "active"},
		"acmestage":  {"staging", "active"},
		"acmedev":    {"development", "active"},
		"acmelegacy": {"", "active"},
		"acmenew":    {"development", "pending"},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := wpenginetest.New().Install(name)
			diff(t, "install", want, kind{in.Environment, in.Status})
		})
	}
	t.Run("an unknown name panics", func(t *testing.T) {
		t.Parallel()
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		wpenginetest.New().Install("nobody")
	})
}
