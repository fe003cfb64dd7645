// SPDX-License-Identifier: MPL-2.0

package cdn_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	token := func(w *world, project, endpoint string) {
		w.config.APIKey, w.config.Username = "", ""
		w.config.AuthToken, w.config.ProjectID, w.config.Endpoint = w.StaticToken, project, endpoint
	}
	tests := map[string]struct {
		configure func(*world)
		logins    int
	}{
		"API key, the endpoint from the service catalog": {func(*world) {}, 1},
		"password":                     {func(w *world) { w.config.APIKey, w.config.Password = "", w.Password }, 1},
		"an API key with multi-factor": {func(w *world) { w.MultiFactor = true }, 1},
		"a configured endpoint, the project from the login": {func(w *world) { w.config.Endpoint = "http://localhost/v1.0" }, 1},
		"a configured endpoint with the project":            {func(w *world) { w.config.Endpoint = "http://localhost/v1.0/" + w.ProjectID }, 1},
		"a configured project":                              {func(w *world) { w.config.ProjectID = w.ProjectID }, 1},
		"a token with project and endpoint":                 {func(w *world) { token(w, w.ProjectID, "http://localhost/v1.0") }, 0},
		"a token with the project in the endpoint":          {func(w *world) { token(w, "", "http://localhost/v1.0/"+w.ProjectID) }, 0},
		"a self-hosted Poppy, with a project of letters":    {func(w *world) { w.ProjectID = "6f0c8a4c"; token(w, w.ProjectID, "http://localhost/v1.0") }, 0},
		"the same with the project in the endpoint":         {func(w *world) { w.ProjectID = "6f0c8a4c"; token(w, "", "http://localhost/v1.0/6f0c8a4c") }, 0},
		"the same with the project from the login":          {func(w *world) { w.ProjectID = "6f0c8a4c" }, 1},
		"an expiry in another format":                       {func(w *world) { w.ExpiresFormat, w.ExpiresZone = time.RFC3339, time.FixedZone("", -6*3600) }, 1},
		"an expiry that is not a time":                      {func(w *world) { w.ExpiresFormat = "soon" }, 1},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				test.configure(w)
				wantNoErrors(t, w.purge(hard("/a")), w.purge(hard("/b")))
				diff(t, "logins", test.logins, w.Count("login"))
				diff(t, "purges", []int{202, 202}, w.Statuses("purge"))
			})
		})
	}
}

func TestRejectedLogins(t *testing.T) {
	t.Parallel()
	rejected := errorFields{System: "Rackspace Identity", Kind: transport.KindCredentials, Status: 401, Message: "Unable to authenticate user with credentials provided.", Input: "api_key", Advice: "Check cdn.username, and cdn.api_key or cdn.password", Waiting: "logging in"}
	tests := map[string]struct {
		configure func(*world)
		want      errorFields
		again     int // logins after a second purge
	}{
		"a wrong API key is tried once": {func(w *world) { w.config.APIKey = "wrong-key" }, rejected, 1},
		"a password for an account with multi-factor": {
			func(w *world) { w.config.APIKey, w.config.Password, w.MultiFactor = "", w.Password, true },
			errorFields{System: rejected.System, Kind: rejected.Kind, Status: 401, Message: "Additional authentication credentials required", Input: "password", Advice: "Set cdn.api_key instead of cdn.password", Waiting: "logging in"},
			1,
		},
		"a wrong identity_url": {
			func(w *world) { w.config.IdentityURL = "http://localhost/identity/v2.0" },
			errorFields{System: rejected.System, Kind: transport.KindConfig, Status: 404, Message: `an HTML page with the title "404 Not Found"`, Input: "identity_url", Advice: "cdn.identity_url", Waiting: "logging in"},
			0,
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				test.configure(w)
				err := w.purge(hard("/a"))
				wantError(t, err, test.want)
				_ = w.purge(hard("/a"))
				diff(t, "all logins", test.again, w.Count("login"))
				diff(t, "purges sent", 0, w.Count("purge"))
			})
		})
	}
}

// TestTemporaryFailuresOfALogin tests that a login is retried once for all waiting
// purges.
func TestTemporaryFailuresOfALogin(t *testing.T) {
	t.Parallel()
	for sentence, test := range map[string]struct {
		fault http.HandlerFunc
		took  time.Duration
	}{
		"a failing Identity":             {respond(503, nil, ""), time.Second},
		"a rate limit":                   {cdntest.OverLimit(413, "60"), time.Minute},
		"a request that comes too late":  {respond(408, nil, ""), time.Second},
		"a gateway that got no response": {respond(504, nil, ""), time.Second},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("login", 1, test.fault)
				wantNoErrors(t, together(20, func(i int) error { return w.purge(hard("/" + strings.Repeat("a", i+1))) })...)
				diff(t, "logins", 2, w.Count("login"))
				diff(t, "elapsed", test.took, w.Elapsed())
			})
		})
	}
}

func TestFiftyPurgesTryAWrongKeyOrTokenOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		configure func(*world)
		operation string
	}{
		"a wrong API key": {func(w *world) { w.config.APIKey = "wrong-key" }, "login"},
		"a wrong token": {func(w *world) {
			w.config.AuthToken, w.config.ProjectID, w.config.Endpoint = "wrong-token", w.ProjectID, "http://localhost/v1.0"
		}, "purge"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				test.configure(w)
				errs := together(50, func(i int) error { return w.purge(hard("/" + strings.Repeat("a", i))) })
				for i, err := range errs {
					if fieldsOf(err).Kind != transport.KindCredentials {
						t.Errorf("caller %d received %v", i, err)
					}
				}
				diff(t, "requests", 1, len(w.Journal.Entries()))
				diff(t, "their statuses", []int{401}, w.Statuses(test.operation))
			})
		})
	}
}

func TestUnusableLoginResponses(t *testing.T) {
	t.Parallel()
	catalog := func(token, url string) string {
		return `{"access":{"token":{"id":"` + token + `","tenant":{"id":"1"}},"serviceCatalog":[{"type":"rax:dns"},{"type":"rax:cdn","endpoints":[{"publicURL":"` + url + `"},{"publicURL":"http://localhost/second"}]}]}}`
	}
	unusable := func(advice, message string) errorFields {
		return errorFields{System: "Rackspace Identity", Kind: transport.KindConfig, Status: 200, Message: message, Advice: advice, Waiting: "logging in"}
	}
	unexpected := func(message string) errorFields {
		return errorFields{System: "Rackspace Identity", Kind: transport.KindUnexpected, Status: 200, Message: message, Advice: "Check the address", Waiting: "logging in"}
	}
	tests := map[string]struct {
		status int
		body   string
		want   errorFields
	}{
		"a page":           {200, "<html>", unexpected("the response is an HTML page, not JSON")},
		"an empty body":    {200, "", unexpected("the response is empty")},
		"no token":         {200, "{}", unexpected("the login response contains no token")},
		"null":             {200, "null", unexpected("the response is null")},
		"a broken token":   {200, catalog(`to\nken`, "http://localhost/v1.0/1"), unexpected("the login response contains an invalid token")},
		"a number":         {200, `{"access":{"token":{"id":1}}}`, unexpected(`the field "access.token.id" contains an unexpected number`)},
		"an http endpoint": {200, catalog("token", "http://cdn.example.com/v1.0/1"), unusable("Set cdn.endpoint.", "the CDN's address in the service catalog must start with https://, because http:// sends credentials unencrypted (to permit it, set allow_insecure_http = true in the provider block)")},
		"no endpoint":      {200, catalog("token", ""), unusable("Set cdn.endpoint.", "the CDN's address in the service catalog must start with https://")},
		"no project":       {200, `{"access":{"token":{"id":"token"},"serviceCatalog":[{"type":"rax:cdn","endpoints":[{"publicURL":"http://localhost/v1.0"}]}]}}`, unusable("Set cdn.project_id.", "the login response contains no project (tenant)")},
		"no CDN in the catalog": {200, `{"access":{"token":{"id":"token"}}}`, errorFields{
			System: "Rackspace Identity", Kind: transport.KindConfig, Status: 200, Message: "the service catalog of the account contains no entry of type rax:cdn", Advice: "not enabled for this account", Waiting: "logging in",
		}},
		"a 204": {204, "", errorFields{System: "Rackspace Identity", Kind: transport.KindUnexpected, Status: 204, Waiting: "logging in"}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("login", -1, respond(test.status, nil, test.body))
				wantError(t, w.purge(hard("/a")), test.want)
				diff(t, "purges", 0, w.Count("purge"))
			})
		})
	}
}

// TestTheHostInTheCatalog tests that the token is sent only to a host in the domain
// of the configured one.
func TestTheHostInTheCatalog(t *testing.T) {
	t.Parallel()
	const rackspace = "http://identity.api.rackspacecloud.com/v2.0"
	for sentence, test := range map[string]struct {
		identity, named string
		trusted         bool
	}{
		"Rackspace's hosts":                     {rackspace, "http://global.cdn.api.rackspacecloud.com/v1.0/7", true},
		"the same host":                         {"http://poppy.example.com/v2.0", "http://poppy.example.com:8443/v1.0/7", true},
		"the same host in another spelling":     {"http://poppy.example.com/v2.0", "http://POPPY.example.com./v1.0/7", true},
		"the same IP address":                   {"http://10.0.0.1/v2.0", "http://10.0.0.1:8443/v1.0/7", true},
		"the same single label":                 {"http://poppy/v2.0", "http://poppy:8443/v1.0/7", true},
		"a country domain":                      {"http://id.example.co.uk/v2.0", "http://cdn.example.co.uk/v1.0/7", true},
		"the metadata address of a cloud":       {rackspace, "http://169.254.169.254/v1.0/7", false},
		"this machine":                          {rackspace, "http://127.0.0.1/v1.0/7", false},
		"this machine by name":                  {rackspace, "http://localhost/v1.0/7", false},
		"another domain":                        {rackspace, "http://cdn.example.com/v1.0/7", false},
		"a domain with the same end":            {rackspace, "http://evilrackspacecloud.com/v1.0/7", false},
		"a domain with the same start":          {rackspace, "http://rackspacecloud.com.evil.example/v1.0/7", false},
		"another domain of the same country":    {"http://id.example.co.uk/v2.0", "http://cdn.evil.co.uk/v1.0/7", false},
		"another customer of the same platform": {"http://example.github.io/v2.0", "http://evil.github.io/v1.0/7", false},
		"an IP address with the same end":       {"http://10.0.169.254/v2.0", "http://169.254.169.254/v1.0/7", false},
		"an IPv6 address":                       {"http://[fd00::1]/v2.0", "http://[fd00::2]/v1.0/7", false},
		"another single label":                  {"http://poppy/v2.0", "http://cdn/v1.0/7", false},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.config.IdentityURL, w.config.AllowInsecure = test.identity, true
				w.config.Transport.Proxies = transport.NewProxies(func(string) string { return "" })
				w.Fail("login", -1, respond(200, nil, `{"access":{"token":{"id":"token-1","tenant":{"id":"7"}},"serviceCatalog":[
					{"type":"rax:cdn","endpoints":[{"publicURL":"`+test.named+`"}]}]}}`))
				err := w.purge(hard("/a"))
				if test.trusted {
					diff(t, "the token is sent", true, w.Count("purge") > 0)
					return
				}
				diff(t, "dialed: only Identity", 1, len(w.Network.Dialed()))
				wantError(t, err, errorFields{
					System: cdn.IdentitySystem, Kind: transport.KindConfig, Status: 200, Message: fieldsOf(err).Message,
					Advice: "If the address is correct, set cdn.endpoint.", Waiting: "logging in",
				})
				if !strings.Contains(fieldsOf(err).Message, "is not in the domain of") {
					t.Errorf("the message is %q", fieldsOf(err).Message)
				}
			})
		})
	}
}

func TestTheFirstEndpointIsUsed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Fail("login", 1, respond(200, nil, `{"access":{"token":{"id":"token-1","tenant":{"id":"7"}},"serviceCatalog":[
			{"type":"rax:object-cdn","endpoints":[{"publicURL":"http://localhost/wrong"}]},
			{"type":"rax:cdn","endpoints":[]},
			{"type":"rax:cdn","endpoints":[{"publicURL":"http://localhost/first/v1.0/7/"},{"publicURL":"http://localhost/second/v1.0/7"}]}]}}`))
		_ = w.purge(hard("/a"))
		diff(t, "the path", "DELETE /first/v1.0/7/services/"+cdntest.DeployedID+"/assets", w.Journal.Select("unknown")[0].Subject)
	})
}

func TestExpiredTokens(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		expire func(*world)
		purges []int
		logins int
		fails  bool
	}{
		"one login and one retry":      {func(*world) { <-time.After(24 * time.Hour) }, []int{202, 401, 202}, 2, false},
		"a new token is also rejected": {func(w *world) { w.Fail("purge", -1, cdntest.HTML(http.StatusUnauthorized)) }, []int{202, 401, 401, 401, 401, 401, 401, 401, 401, 401}, 3, true},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				wantNoErrors(t, w.purge(hard("/a")))
				test.expire(w)
				diff(t, "fails", test.fails, w.purge(hard("/a")) != nil)
				diff(t, "purges", test.purges, w.Statuses("purge"))
				diff(t, "logins", test.logins, w.Count("login"))
			})
		})
	}
}

func TestOneLoginForAll(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		wantNoErrors(t, together(50, func(i int) error { return w.purge(hard("/" + strings.Repeat("a", i))) })...)
		diff(t, "logins", 1, w.Count("login"))
	})
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		check     func(string, bool) (string, error)
		in        string
		want, err string
	}{
		"an endpoint":                              {cdn.Endpoint, "https://global.cdn.api.rackspacecloud.com/v1.0/", "https://global.cdn.api.rackspacecloud.com/v1.0", ""},
		"an endpoint with a project":               {cdn.Endpoint, "https://cdn.example.com/v1.0/110011", "https://cdn.example.com/v1.0/110011", ""},
		"an endpoint without a version":            {cdn.Endpoint, "https://cdn.example.com", "", "must end in /v1.0 or /v1.0/<project ID>"},
		"an endpoint of a service":                 {cdn.Endpoint, "https://cdn.example.com/v1.0/1/services", "", "must end in /v1.0 or /v1.0/<project ID>"},
		"an endpoint without TLS":                  {cdn.Endpoint, "http://cdn.example.com/v1.0", "", "must start with https://, because http:// sends credentials unencrypted (to permit it, set allow_insecure_http = true in the provider block)"},
		"an identity_url":                          {cdn.IdentityURL, cdn.DefaultIdentityURL + "/", cdn.DefaultIdentityURL, ""},
		"an identity_url without a version":        {cdn.IdentityURL, "https://identity.api.rackspacecloud.com", "", "must end in /v2.0"},
		"an identity_url with the path of a login": {cdn.IdentityURL, cdn.DefaultIdentityURL + "/tokens", "", "must end in /v2.0"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			got, err := test.check(test.in, false)
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Errorf("the error is %v, want %s", err, test.err)
				}
				return
			}
			if err != nil {
				t.Error(err)
			}
			diff(t, "the address", test.want, got)
		})
	}
}

func TestServicesAreListed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		services, err := w.connect().Services(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "services", 23, len(services))
		diff(t, "requests: two pages of 20, by marker", []int{200, 200}, w.Statuses("services"))
		diff(t, "the second page", "limit=20&marker="+services[19].ID, w.Journal.Select("services")[1].Subject)
	})
}

func TestInvalidListsOfServices(t *testing.T) {
	t.Parallel()
	full := `{"services":[` + strings.TrimSuffix(strings.Repeat(`{"id":"a","name":"b","status":"deployed"},`, 20), ",") + `]}`
	tests := map[string]struct{ body, want string }{
		"null":                       {"null", "the response is null"},
		"an empty object":            {"{}", "the response contains no list of services"},
		"a service without a name":   {`{"services":[{"id":"a"}]}`, "a service has no ID or no name"},
		"a page that repeats itself": {full, "the list of services does not end: it repeats service a"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("services", -1, respond(200, nil, test.body))
				_, err := w.connect().Services(t.Context())
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("the error is %v, want %s", err, test.want)
				}
			})
		})
	}
}
