// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	keyLogin      = `{"auth":{"RAX-KSKEY:apiKeyCredentials":{"username":"purge-fake","apiKey":"5f3c0e9a71b84d26a0d7c4e8b1962f35"}}}`
	passwordLogin = `{"auth":{"passwordCredentials":{"username":"purge-fake","password":"Fake & \"quoted\" pass/word+1"}}}`
)

// access contains the fields of a login that a client reads.
type access struct {
	Access struct {
		Token struct {
			ID, Expires string
			Tenant      struct{ ID string }
		}
		ServiceCatalog []struct {
			Name, Type string
			Endpoints  []struct{ Region, PublicURL string }
		}
	}
}

func (b *bench) login(body string) access {
	b.t.Helper()
	resp, text := b.send(http.MethodPost, "/v2.0/tokens", body, "X-Auth-Token: ", "X-Project-Id: ")
	same(b.t, "status", resp.StatusCode, http.StatusOK)
	var a access
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		b.t.Fatal(err)
	}
	return a
}

func TestLoginReturnsATokenAndACatalog(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"with an API key": keyLogin, "with a password": passwordLogin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			a := b.login(body).Access
			same(t, "expires", a.Token.Expires, "2024-03-01T23:30:00.000Z")
			same(t, "tenant", a.Token.Tenant.ID, "110011")
			same(t, "longer than 130 characters", len(a.Token.ID), 185)
			same(t, "logins", b.Logins(), 1)

			regions := map[string][]string{}
			for _, entry := range a.ServiceCatalog {
				for _, endpoint := range entry.Endpoints {
					regions[entry.Name+" "+entry.Type] = append(regions[entry.Name+" "+entry.Type], endpoint.Region)
					if entry.Type == "rax:cdn" {
						same(t, "publicURL", endpoint.PublicURL, b.url+"/v1.0/110011")
					}
				}
			}
			same(t, "catalog", regions, map[string][]string{
				"cloudFilesCDN rax:object-cdn":  {"DFW", "LON"},
				"cloudDNS rax:dns":              {"DFW"},
				"rackCDN rax:cdn":               {"DFW", "LON"},
				"cloudServersOpenStack compute": {"DFW"},
			})
			same(t, "GET with the token", b.do(http.MethodGet, "/v1.0/110011/services", "X-Auth-Token: "+a.Token.ID).Status, 200)
		})
	}
}

func TestRejectedLogins(t *testing.T) {
	t.Parallel()
	const malformed = `{"badRequest":{"code":400,"message":"Invalid json request body"}}`
	const wrong = `{"unauthorized":{"code":401,"message":"Unable to authenticate user with credentials provided."}}`
	for name, tc := range map[string]struct {
		body, header string
		want         response
	}{
		"a wrong key":                 {strings.Replace(keyLogin, "5f3c", "5f3d", 1), "", response{401, "", wrong}},
		"a wrong user with a key":     {strings.Replace(keyLogin, "purge-fake", "purge", 1), "", response{401, "", wrong}},
		"a wrong password":            {strings.Replace(passwordLogin, "+1", "+2", 1), "", response{401, "", wrong}},
		"a wrong user and a password": {strings.Replace(passwordLogin, "purge-fake", "purge", 1), "", response{401, "", wrong}},
		"a key as a password":         {strings.Replace(keyLogin, "RAX-KSKEY:apiKeyCredentials", "passwordCredentials", 1), "", response{401, "", wrong}},
		"no JSON":                     {"username=purge-fake", "", response{400, "", malformed}},
		"JSON and more":               {keyLogin + "{}", "", response{400, "", malformed}},
		"no credentials":              {`{"auth":{}}`, "", response{400, "", malformed}},
		"both credentials":            {`{"auth":{"passwordCredentials":{},"RAX-KSKEY:apiKeyCredentials":{}}}`, "", response{400, "", malformed}},
		"a body without an end":       {strings.Repeat(" ", maxLogin) + keyLogin, "", response{400, "", malformed}},
		"the content type of a form": {
			keyLogin, "Content-Type: application/x-www-form-urlencoded",
			response{415, "", `{"unsupportedMediaType":{"code":415,"message":"Unsupported Media Type"}}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			headers := []string{"Accept: application/json"}
			if tc.header != "" {
				headers = append(headers, tc.header)
			}
			resp, body := b.send(http.MethodPost, "/v2.0/tokens", tc.body, headers...)
			same(t, "response", response{resp.StatusCode, "", body}, tc.want)
			same(t, "logins", b.Logins(), 0)
		})
	}
}

func TestMultiFactorAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(s *Server) { s.MultiFactor = true })
	resp, body := b.send(http.MethodPost, "/v2.0/tokens", passwordLogin)
	same(t, "a password", response{resp.StatusCode, "", body}, response{
		401, "",
		`{"unauthorized":{"code":401,"message":"Additional authentication credentials required"}}`,
	})

	session, _, _ := strings.Cut(strings.TrimPrefix(resp.Header.Get("WWW-Authenticate"), "OS-MF sessionId='"), "'")
	same(t, "the session is a secret", slices.Contains(b.Secrets(), session), true)
	same(t, "the session is no token", b.do(http.MethodGet, "/v1.0/110011/services", "X-Auth-Token: "+session).Status, 401)
	b.login(keyLogin)
	same(t, "logins", b.Logins(), 1)
}

func TestExpiryFormats(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		format string
		zone   *time.Location
		want   string
	}{
		"Z with fractions":         {New().ExpiresFormat, nil, "2024-03-01T23:30:00.000Z"},
		"Z without fractions":      {time.RFC3339, nil, "2024-03-01T23:30:00Z"},
		"an offset with fractions": {New().ExpiresFormat, time.FixedZone("", -6*3600), "2024-03-01T17:30:00.000-06:00"},
		"an offset of zero":        {"2006-01-02T15:04:05-07:00", nil, "2024-03-01T23:30:00+00:00"},
		"an offset without colon":  {"2006-01-02T15:04:05.000-0700", time.FixedZone("", 3600), "2024-03-02T00:30:00.000+0100"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(s *Server) { s.ExpiresFormat, s.ExpiresZone = tc.format, tc.zone })
			same(t, "expires", b.login(keyLogin).Access.Token.Expires, tc.want)
		})
	}
}

func TestTokensEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	valid := func(token string) bool {
		return b.do(http.MethodGet, "/v1.0/110011/services", "X-Auth-Token: "+token).Status == http.StatusOK
	}
	first := b.login(keyLogin).Access.Token.ID
	b.pass(24*time.Hour - 1)
	second := b.login(keyLogin).Access.Token.ID
	same(t, "before 24 hours, with a newer token", valid(first), true)
	b.pass(1)
	same(t, "after 24 hours", valid(first), false)
	same(t, "the newer token", valid(second), true)
	same(t, "the static token does not expire", valid(b.StaticToken), true)

	b.ExpireTokens()
	same(t, "the newer token, expired", valid(second), false)
	same(t, "the static token, expired", valid(b.StaticToken), false)
	third := b.login(keyLogin).Access.Token.ID
	same(t, "a token from after that", valid(third), true)
	same(t, "logins", b.Logins(), 3)
	same(t, "secrets", b.Secrets(), []string{b.APIKey, b.Password, b.StaticToken, first, second, third})
}

func TestSecretsOmitEmptyValues(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(s *Server) { s.Password, s.StaticToken = "", "" })
	same(t, "secrets", b.Secrets(), []string{b.APIKey})
	same(t, "an empty token", b.do(http.MethodGet, "/v1.0/110011/services").Status, 401)
}
