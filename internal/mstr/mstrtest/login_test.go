// SPDX-License-Identifier: MPL-2.0

package mstrtest_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
)

func TestAcceptedLogins(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		configure func(*mstrtest.Server)
		body      string
		want      response
	}{
		"standard is mode 1":           {nil, standard, done},
		"LDAP is mode 16":              {nil, `{"username":"ldap.etl","password":"ldap-p@ss/word+&=%","loginMode":16}`, done},
		"an API token is the username": {apiToken, `{"username":"tok","loginMode":4096}`, done},
		"its password may be empty":    {apiToken, `{"username":"tok","password":"","loginMode":4096}`, done},
		"a user may have no password":  {func(s *mstrtest.Server) { s.Password = "" }, `{"username":"etl","password":"","loginMode":1}`, done},
		"anonymous is mode 8":          {func(s *mstrtest.Server) { s.Anonymous = true }, `{"loginMode":8}`, done},
		"the vendor sends more fields": {nil, `{"applicationType":35,` + standard[1:], done},
		"the status may be 200":        {func(s *mstrtest.Server) { s.LoginStatus = 200 }, standard, response{Status: 200}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			c, _ := serve(t, test.configure)
			if diff := cmp.Diff(test.want, c.login(test.body)); diff != "" {
				t.Error(diff)
			}
			if got := c.get("DELETE", purgePath, ""); got != done {
				t.Errorf("purge in the new session: %+v", got)
			}
			if c.fake.Logins() != 1 || c.fake.OpenSessions() != 1 {
				t.Errorf("%d logins, %d sessions", c.fake.Logins(), c.fake.OpenSessions())
			}
		})
	}
}

const form = "application/x-www-form-urlencoded"

// TestLoginAsAForm logs in like the vendor's Python client.
func TestLoginAsAForm(t *testing.T) {
	t.Parallel()
	for sentence, body := range map[string]string{
		"standard": url.Values{"username": {"etl"}, "password": {"mstr-p@ss/word+&=%"}, "loginMode": {"1"}, "applicationType": {"35"}}.Encode(),
		"a token":  url.Values{"username": {"tok"}, "loginMode": {"4096"}}.Encode(),
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			c, _ := serve(t, apiToken)
			res, _ := c.send("POST", loginPath, body, func(r *http.Request) { r.Header.Set("Content-Type", form) })
			if res.Status != http.StatusNoContent || res.Header.Get("X-MSTR-AuthToken") == "" || c.fake.OpenSessions() != 1 {
				t.Errorf("status %d, %d sessions", res.Status, c.fake.OpenSessions())
			}
		})
	}
}

func apiToken(s *mstrtest.Server) { s.APIToken = "tok" }

func TestRejectedLogins(t *testing.T) {
	t.Parallel()
	noMode := response{400, "ERR006", 0, "The loginMode is not supported"}
	wrongType := response{415, "ERR006", 0, "HTTP 415 Unsupported Media Type"}
	field := func(name string) response { return response{400, "ERR007", 0, "Missing required field: " + name} }
	tests := map[string]struct {
		body        string
		contentType string
		want        response
	}{
		"a wrong password":                        {`{"username":"etl","password":"x","loginMode":1}`, "", failed},
		"an unknown user":                         {`{"username":"x","password":"x","loginMode":1}`, "", failed},
		"a standard user in LDAP":                 {`{"username":"etl","password":"mstr-p@ss/word+&=%","loginMode":16}`, "", failed},
		"a wrong API token":                       {`{"username":"x","loginMode":4096}`, "", failed},
		"guests, by default":                      {`{"loginMode":8}`, "", failed},
		"SAML":                                    {`{"username":"etl","password":"x","loginMode":1048576}`, "", noMode},
		"no login mode":                           {`{"username":"etl","password":"x"}`, "", field("loginMode")},
		"no username":                             {`{"password":"x","loginMode":1}`, "", field("username")},
		"no API token":                            {`{"loginMode":4096}`, "", field("username")},
		"no password":                             {`{"username":"etl","loginMode":16}`, "", field("password")},
		"a password with an API token":            {`{"username":"x","password":"x","loginMode":4096}`, "", response{400, "ERR006", 0, "An API token has no password"}},
		"no body":                                 {"", "application/json", response{400, "ERR005", 0, "The request body is missing"}},
		"a body that is not JSON":                 {"username=etl", "application/json; charset=utf-8", response{400, "ERR006", 0, "Invalid JSON"}},
		"two JSON values":                         {standard + standard, "", response{400, "ERR006", 0, "Invalid JSON"}},
		"a login mode that is not a number":       {`{"loginMode":"1"}`, "", response{400, "ERR006", 0, "Invalid JSON"}},
		"JSON with another content type":          {standard, "text/plain", wrongType},
		"JSON with the content type of a form":    {`{"loginMode":1}`, form, field("loginMode")},
		"a form with a wrong password":            {"username=etl&password=x&loginMode=1", form, failed},
		"a form without a password":               {"username=etl&loginMode=1", form, field("password")},
		"a form with a mode that is not a number": {"username=etl&password=x&loginMode=standard", form, noMode},
		"an invalid form":                         {"username=%zz", form, response{400, "ERR006", 0, "Invalid form"}},
		"a body without a content type":           {standard, "-", wrongType},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			c, _ := serve(t, nil)
			got := c.get("POST", loginPath, test.body, func(r *http.Request) {
				switch test.contentType {
				case "":
				case "-":
					r.Header.Del("Content-Type")
				default:
					r.Header.Set("Content-Type", test.contentType)
				}
			})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if c.fake.Logins() != 0 || c.fake.OpenSessions() != 0 {
				t.Errorf("%d logins, %d sessions", c.fake.Logins(), c.fake.OpenSessions())
			}
		})
	}
}

func TestLoginRequiresUseLibrary(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, func(s *mstrtest.Server) { s.UseLibrary = false })
	want := response{403, "ERR014", 0, "The user does not have the privilege UseLibrary"}
	if diff := cmp.Diff(want, c.get("POST", loginPath, standard)); diff != "" {
		t.Error(diff)
	}
}

func TestFailedLoginsLockTheAccount(t *testing.T) {
	t.Parallel()
	const wrong = `{"username":"etl","password":"x","loginMode":1}`
	locked := response{401, "ERR003", -2147202287, "The account is locked"}
	tests := map[string]struct {
		lockAfter int
		bodies    []string
		want      []response
	}{
		"also for the right password":            {2, []string{wrong, wrong, wrong, standard}, []response{failed, failed, locked, locked}},
		"not with a successful login in between": {2, []string{wrong, standard, wrong, standard}, []response{failed, done, failed, done}},
		"after three by default":                 {3, []string{wrong, wrong, wrong, wrong}, []response{failed, failed, failed, locked}},
		"never with zero":                        {0, []string{wrong, wrong, wrong, wrong, standard}, []response{failed, failed, failed, failed, done}},
		"only for that user": {
			1,
			[]string{wrong, standard, `{"username":"ldap.etl","password":"ldap-p@ss/word+&=%","loginMode":16}`},
			[]response{failed, locked, done},
		},
		"not with a wrong API token": {
			1,
			[]string{`{"username":"x","loginMode":4096}`, `{"username":"tok","loginMode":4096}`},
			[]response{failed, done},
		},
	}
	if got := mstrtest.New().LockAfter; got != 3 {
		t.Errorf("LockAfter is %d by default", got)
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			c, _ := serve(t, func(s *mstrtest.Server) { s.LockAfter, s.APIToken = test.lockAfter, "tok" })
			var got []response
			for _, body := range test.bodies {
				got = append(got, c.get("POST", loginPath, body))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
