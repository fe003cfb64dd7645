// SPDX-License-Identifier: MPL-2.0

package mstr_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

func TestLoginModes(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*world){
		"standard, the default": func(*world) {},
		"LDAP": func(w *world) {
			w.config.Username, w.config.Password, w.config.LoginMode = w.LDAPUsername, w.LDAPPassword, mstr.LoginLDAP
		},
		"an API token without a user": func(w *world) {
			w.config.Username, w.config.Password, w.config.APIToken = "", "", w.APIToken
		},
		"an API token and a password": func(w *world) { w.config.APIToken = w.APIToken },
		"200 instead of 204":          func(w *world) { w.LoginStatus = http.StatusOK },
	}
	for sentence, configure := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				configure(w)
				diff(t, "errors", []error{nil, nil}, []error{w.purge(tutorial, "object"), w.purge(tutorial, "element")})
				diff(t, "logins", 1, w.Count("login"))
			})
		})
	}
}

func TestRejectedLogins(t *testing.T) {
	t.Parallel()
	const ticket = "ticket " + mstrtest.FaultTicket
	wrong := errorFields{Kind: transport.KindCredentials, Status: 401, Code: "ERR003, iServerCode -2147216959", Message: "Login failure", Input: "password", Advice: "mstr.login_mode"}
	tests := map[string]struct {
		configure func(*world)
		want      errorFields
		again     int // logins after a second purge
	}{
		"a wrong password": {
			func(w *world) { w.config.Password = "wrong" }, wrong, 1,
		},
		"the right password in the wrong mode": {
			func(w *world) { w.config.LoginMode = mstr.LoginLDAP }, errorFields{
				Kind: wrong.Kind, Status: 401, Code: wrong.Code, Message: wrong.Message, Input: "password", Advice: "SAML or OIDC cannot log in here. For such a user, set mstr.api_token",
			}, 1,
		},
		"a wrong API token": {
			func(w *world) { w.config.APIToken = "revoked-token" },
			errorFields{Kind: wrong.Kind, Status: 401, Code: wrong.Code, Message: wrong.Message, Input: "api_token", Advice: "Check mstr.api_token"},
			1,
		},
		"a locked account": {
			func(w *world) {
				w.Fail("login", -1, mstrtest.Error(401, "ERR003", mstrtest.AccountLocked, "The account is locked"))
			},
			errorFields{Kind: transport.KindCredentials, Status: 401, Code: "ERR003, iServerCode -2147202287", Message: "The account is locked", ID: ticket, Input: "password", Advice: "Unlock it"},
			1,
		},
		"the session limit": {
			func(w *world) {
				w.Fail("login", -1, mstrtest.Error(500, "ERR001", mstrtest.SessionCap, "Maximum number of sessions"))
			},
			errorFields{Kind: transport.KindState, Status: 500, Code: "ERR001, iServerCode -2147072486", Message: "Maximum number of sessions", ID: ticket, Advice: "reached the server's limit of sessions"},
			1,
		},
		"a user without UseLibrary": {
			func(w *world) { w.UseLibrary = false },
			errorFields{Kind: transport.KindForbidden, Status: 403, Code: "ERR014", Message: "The user does not have the privilege UseLibrary", Advice: "UseLibrary"},
			1,
		},
		"a mode that the server does not support": {
			func(w *world) {
				w.Fail("login", -1, mstrtest.Error(400, "ERR006", "", "The loginMode is not supported"))
			},
			errorFields{Kind: transport.KindCredentials, Status: 400, Code: "ERR006", Message: "The loginMode is not supported", ID: ticket, Input: "password", Advice: "mstr.login_mode"},
			1,
		},
		"a wrong base_url": {
			func(w *world) { w.config.BaseURL = "http://localhost/Library" },
			errorFields{Kind: transport.KindConfig, Status: 404, Message: `an HTML page with the title "HTTP Status 404 – Not Found"`, Input: "base_url", Advice: "Check mstr.base_url. It is the Library root"},
			0,
		},
		"404 of a gateway": {
			func(w *world) {
				w.Fail("login", -1, respond(404, http.Header{"Content-Type": {"application/json"}}, `{"message":"no Route matched with those values"}`))
			},
			errorFields{Kind: transport.KindConfig, Status: 404, Message: "no Route matched with those values", Input: "base_url", Advice: "Check mstr.base_url. It is the Library root"},
			1,
		},
		"404 of the API": {
			func(w *world) { w.Fail("login", -1, mstrtest.Error(404, "ERR004", "", "Resource not found")) },
			errorFields{Kind: transport.KindConfig, Status: 404, Code: "ERR004", Message: "Resource not found", ID: ticket, Input: "base_url", Advice: "Check mstr.base_url. It is the Library root"},
			1,
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				test.configure(w)
				err := w.purge(tutorial, "object")
				if tickets := w.Tickets(); test.want.ID == "" && len(tickets) > 0 {
					test.want.ID = "ticket " + tickets[0]
				}
				wantError(t, err, test.want)
				if !strings.Contains(err.Error(), "while logging in") {
					t.Errorf("%q does not contain \"while logging in\"", err)
				}
				_ = w.purge(tutorial, "object")
				diff(t, "logins in the end", test.again, w.Count("login"))
				diff(t, "purges sent", 0, w.Count("purge"))
			})
		})
	}
}

// TestTemporaryLoginFailures checks that one retry serves all callers.
func TestTemporaryLoginFailures(t *testing.T) {
	t.Parallel()
	for sentence, test := range map[string]struct {
		fault http.HandlerFunc
		took  time.Duration
	}{
		"a failing server": {respond(503, nil, ""), time.Second},
		"a rate limit":     {respond(429, nil, ""), time.Minute},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("login", 1, test.fault)
				for _, err := range together(50, func(i int) error { return w.purge(tutorial, mstr.CacheTypes[i%4]) }) {
					if err != nil {
						t.Error(err)
					}
				}
				diff(t, "logins", 2, w.Count("login"))
				diff(t, "elapsed", test.took, w.Elapsed())
			})
		})
	}
}

// TestSessionLimitIsFinal: the status is 500, but there is no retry.
func TestSessionLimitIsFinal(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Fail("login", -1, mstrtest.Error(500, "ERR001", mstrtest.SessionCap, "Maximum number of sessions"))
		for _, err := range together(50, func(i int) error { return w.purge(tutorial, mstr.CacheTypes[i%4]) }) {
			diff(t, "kind", transport.KindState, fieldsOf(err).Kind)
		}
		diff(t, "logins", 1, w.Count("login"))
	})
}

func TestAccountsAreNotLocked(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.config.Password = "wrong"
		for i, err := range together(50, func(int) error { return w.purge(tutorial, "object") }) {
			if fieldsOf(err).Kind != transport.KindCredentials {
				t.Errorf("caller %d got %v", i, err)
			}
		}
		diff(t, "requests", []request{{"login", "", 401}}, w.requests())
	})
}

func TestInvalidTokens(t *testing.T) {
	t.Parallel()
	const name = "X-MSTR-AuthToken"
	tests := map[string]struct {
		login http.HandlerFunc
		want  string // the message
	}{
		"no token":       {respond(204, nil, ""), "the login response contains 0 tokens in X-MSTR-AuthToken instead of one"},
		"two tokens":     {respond(204, http.Header{name: {"one", "two"}}, ""), "the login response contains 2 tokens in X-MSTR-AuthToken instead of one"},
		"an empty token": {respond(204, http.Header{name: {""}}, ""), "the login response contains an invalid token in X-MSTR-AuthToken"},
		"a folded line":  {raw("HTTP/1.1 204 No Content\r\n" + name + ": one\r\n two\r\n\r\n"), "the login response contains an invalid token in X-MSTR-AuthToken"},
		"an umlaut":      {raw("HTTP/1.1 204 No Content\r\n" + name + ": \xc3\xa4\r\n\r\n"), "the login response contains an invalid token in X-MSTR-AuthToken"},
		"a login page":   {respond(200, nil, "<html><title>Sign in</title>"), "the login response contains 0 tokens in X-MSTR-AuthToken instead of one"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("login", -1, test.login)
				wantError(t, w.purge(tutorial, "object"), errorFields{
					Kind: transport.KindUnexpected, Status: fieldsOf(w.purge(tutorial, "object")).Status, Message: test.want, Advice: "Check the address",
				})
				diff(t, "purges sent", 0, w.Count("purge"))
			})
		})
	}
}

// raw writes bytes that net/http does not.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = c.Write([]byte(text))
		_ = c.Close()
	}
}
