// SPDX-License-Identifier: MPL-2.0

package mstr_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

func TestLoginModes(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*world){
		"standard, which is the default": func(*world) {},
		"LDAP": func(w *world) {
			w.config.Username, w.config.Password, w.config.LoginMode = w.LDAPUsername, w.LDAPPassword, mstr.LoginLDAP
		},
		"an API token travels alone": func(w *world) {
			w.config.Username, w.config.Password, w.config.APIToken = "", "", w.APIToken
		},
		"an API token wins over a password": func(w *world) { w.config.APIToken = w.APIToken },
		"a 200 is as good as a 204":         func(w *world) { w.LoginStatus = http.StatusOK },
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
	wrong := said{Kind: transport.KindCredentials, Status: 401, Code: "ERR003, iServerCode -2147216959", Message: "Login failure", Input: "password", Advice: "mstr.login_mode"}
	tests := map[string]struct {
		configure func(*world)
		want      said
		again     int // logins after a second purge
	}{
		"a wrong password is tried once": {
			func(w *world) { w.config.Password = "wrong" }, wrong, 1,
		},
		"the right password in the wrong mode says to look at the mode, and at SAML": {
			func(w *world) { w.config.LoginMode = mstr.LoginLDAP }, said{
				Kind: wrong.Kind, Status: 401, Code: wrong.Code, Message: wrong.Message, Input: "password", Advice: "SAML or OIDC cannot log in here. For such a user, set mstr.api_token",
			}, 1,
		},
		"a wrong API token": {
			func(w *world) { w.config.APIToken = "revoked-token" },
			said{Kind: wrong.Kind, Status: 401, Code: wrong.Code, Message: wrong.Message, Input: "api_token", Advice: "Check mstr.api_token"},
			1,
		},
		"a locked account is not tried again": {
			func(w *world) {
				w.Fail("login", -1, mstrtest.Error(401, "ERR003", mstrtest.AccountLocked, "The account is locked"))
			},
			said{Kind: transport.KindCredentials, Status: 401, Code: "ERR003, iServerCode -2147202287", Message: "The account is locked", ID: ticket, Input: "password", Advice: "Unlock it"},
			1,
		},
		"the session cap is not the password's fault, and is not tried again": {
			func(w *world) {
				w.Fail("login", -1, mstrtest.Error(500, "ERR001", mstrtest.SessionCap, "Maximum number of sessions"))
			},
			said{Kind: transport.KindState, Status: 500, Code: "ERR001, iServerCode -2147072486", Message: "Maximum number of sessions", ID: ticket, Advice: "reached the server's limit of sessions"},
			1,
		},
		"a user without UseLibrary": {
			func(w *world) { w.UseLibrary = false },
			said{Kind: transport.KindForbidden, Status: 403, Code: "ERR014", Message: "The user does not have the privilege UseLibrary", Advice: "UseLibrary"},
			1,
		},
		"a mode that the server does not support": {
			func(w *world) {
				w.Fail("login", -1, mstrtest.Error(400, "ERR006", "", "The loginMode is not supported"))
			},
			said{Kind: transport.KindCredentials, Status: 400, Code: "ERR006", Message: "The loginMode is not supported", ID: ticket, Input: "password", Advice: "mstr.login_mode"},
			1,
		},
		"a wrong base_url": {
			func(w *world) { w.config.BaseURL = "http://localhost/Library" },
			said{Kind: transport.KindConfig, Status: 404, Message: `an HTML page with the title "HTTP Status 404 – Not Found"`, Input: "base_url", Advice: "Check mstr.base_url. It is the Library root"},
			0,
		},
		"a gateway that does not know the path": {
			func(w *world) {
				w.Fail("login", -1, answer(404, http.Header{"Content-Type": {"application/json"}}, `{"message":"no Route matched with those values"}`))
			},
			said{Kind: transport.KindConfig, Status: 404, Message: "no Route matched with those values", Input: "base_url", Advice: "Check mstr.base_url. It is the Library root"},
			1,
		},
		"an error of its own that nothing is there": {
			func(w *world) { w.Fail("login", -1, mstrtest.Error(404, "ERR004", "", "Resource not found")) },
			said{Kind: transport.KindConfig, Status: 404, Code: "ERR004", Message: "Resource not found", ID: ticket, Input: "base_url", Advice: "Check mstr.base_url. It is the Library root"},
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
				wantSaid(t, err, test.want)
				if !strings.Contains(err.Error(), "while logging in") {
					t.Errorf("%q does not say that it was the login", err)
				}
				_ = w.purge(tutorial, "object")
				diff(t, "logins in the end", test.again, w.Count("login"))
				diff(t, "purges sent", 0, w.Count("purge"))
			})
		})
	}
}

// TestTemporaryLoginFailures are repeated for all who wait.
func TestTemporaryLoginFailures(t *testing.T) {
	t.Parallel()
	for sentence, test := range map[string]struct {
		fault http.HandlerFunc
		took  time.Duration
	}{
		"a failing server": {answer(503, nil, ""), time.Second},
		"a rate limit":     {answer(429, nil, ""), time.Minute},
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

// TestSessionLimitIsFinal although it is a 500.
func TestSessionLimitIsFinal(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Fail("login", -1, mstrtest.Error(500, "ERR001", mstrtest.SessionCap, "Maximum number of sessions"))
		for _, err := range together(50, func(i int) error { return w.purge(tutorial, mstr.CacheTypes[i%4]) }) {
			diff(t, "kind", transport.KindState, hear(err).Kind)
		}
		diff(t, "logins", 1, w.Count("login"))
	})
}

func TestAccountsAreNotLocked(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.config.Password = "wrong"
		for i, err := range together(50, func(int) error { return w.purge(tutorial, "object") }) {
			if hear(err).Kind != transport.KindCredentials {
				t.Errorf("caller %d was told %v", i, err)
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
		want  string // message, or the beginning of the error where no answer could be read
	}{
		"no token":       {answer(204, nil, ""), "the answer to the login holds 0 tokens in X-MSTR-AuthToken in place of one"},
		"two tokens":     {answer(204, http.Header{name: {"one", "two"}}, ""), "the answer to the login holds 2 tokens in X-MSTR-AuthToken in place of one"},
		"an empty token": {answer(204, http.Header{name: {""}}, ""), "the answer to the login holds an unusable token in X-MSTR-AuthToken"},
		"a folded line":  {raw("HTTP/1.1 204 No Content\r\n" + name + ": one\r\n two\r\n\r\n"), "the answer to the login holds an unusable token in X-MSTR-AuthToken"},
		"an umlaut":      {raw("HTTP/1.1 204 No Content\r\n" + name + ": \xc3\xa4\r\n\r\n"), "the answer to the login holds an unusable token in X-MSTR-AuthToken"},
		"a login page":   {answer(200, nil, "<html><title>Sign in</title>"), "the answer to the login holds 0 tokens in X-MSTR-AuthToken in place of one"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("login", -1, test.login)
				wantSaid(t, w.purge(tutorial, "object"), said{
					Kind: transport.KindUnexpected, Status: hear(w.purge(tutorial, "object")).Status, Message: test.want, Advice: "Check the address",
				})
				diff(t, "purges sent", 0, w.Count("purge"))
			})
		})
	}
}

// raw writes bytes that net/http would not.
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

func TestOneLoginForAll(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		for _, err := range together(50, func(int) error { return w.purge(tutorial, "object") }) {
			if err != nil {
				t.Error(err)
			}
		}
		diff(t, "logins", 1, w.Count("login"))
	})
}

func TestExpiredSessions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		expire func(*world)
		want   []int // statuses of the purges
		logins int
	}{
		"closed by an administrator: one login, one replay": {
			func(w *world) { <-time.After(time.Minute + time.Second); w.ExpireSessions() }, []int{204, 401, 204}, 2,
		},
		"closed right after the login: the server may only be slow to know it": {
			func(w *world) { w.ExpireSessions() }, []int{204, 401, 401, 401, 204}, 2,
		},
		"idle for too long": {
			func(w *world) { <-time.After(w.SessionIdle) }, []int{204, 401, 204}, 2,
		},
		"a new session that is not accepted either is followed by one more, in case something else ended it": {
			func(w *world) { w.Fail("purge", -1, mstrtest.Error(401, "ERR009", "", "expired")) }, []int{204, 401, 401, 401, 401, 401, 401, 401, 401, 401}, 3,
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				if err := w.purge(tutorial, "object"); err != nil {
					t.Fatal(err)
				}
				test.expire(w)
				err := w.purge(tutorial, "object")
				if refused := test.want[len(test.want)-1] == 401; refused != (err != nil) {
					t.Errorf("the purge ended with %v", err)
				}
				var got []int
				for _, e := range w.Journal.Select("purge") {
					got = append(got, e.Status)
				}
				diff(t, "purges", test.want, got)
				diff(t, "logins", test.logins, w.Count("login"))
				w.Heal()
			})
		})
	}
}

func TestASessionThatExpiresUnderManyIsReplacedOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		if err := w.purge(tutorial, "all"); err != nil {
			t.Fatal(err)
		}
		w.ExpireSessions()
		types := make(chan string, 4)
		for _, cacheType := range mstr.CacheTypes {
			types <- cacheType
		}
		for _, err := range together(4, func(int) error { return w.purge(tutorial, <-types) }) {
			if err != nil {
				t.Error(err)
			}
		}
		diff(t, "logins", 2, w.Count("login"))
	})
}

func TestCookiesAreSentBack(t *testing.T) {
	t.Parallel()
	// That those of the login come back, Secure and with another path, the fake
	// demands in every test. Here the load balancer changes its mind later.
	inWorld(t, func(t *testing.T, w *world) {
		var seen []string
		see := func(set string) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				var names []string
				for _, c := range r.Cookies() {
					if c.Name == "node" || c.Name == "extra" {
						names = append(names, c.Name+"="+c.Value)
					}
				}
				seen = append(seen, strings.Join(names, " "))
				if set != "" {
					rw.Header().Add("Set-Cookie", set)
				}
				rw.WriteHeader(http.StatusNoContent)
			}
		}
		for _, set := range []string{"node=aaaa1; Path=/elsewhere; Secure", "node=bbbb2", "extra=cccc3", "node=; Max-Age=0", ""} {
			w.Fail("purge", 1, see(set))
			if err := w.purge(tutorial, "object"); err != nil {
				t.Error(err)
			}
		}
		diff(t, "cookies", []string{"", "node=aaaa1", "node=bbbb2", "extra=cccc3 node=bbbb2", "extra=cccc3"}, seen)
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		before  func(*world)
		logouts []int // statuses
		err     string
	}{
		"without a session sends nothing": {func(*world) {}, nil, ""},
		"ends the session":                {func(w *world) { _ = w.purge(tutorial, "object") }, []int{204}, ""},
		"ends it after a failed purge too": {
			func(w *world) { w.Privileged = false; _ = w.purge(tutorial, "object") }, []int{204}, "",
		},
		"ends it after a purge that was interrupted": {
			func(w *world) {
				w.Fail("purge", -1, answer(500, nil, ""))
				ctx, cancel := context.WithTimeout(w.T.Context(), time.Second/2)
				defer cancel()
				_ = w.connect().Purge(ctx, tutorial, "object")
			},
			[]int{204},
			"",
		},
		"takes a session that the server ended for closed": {
			func(w *world) { _ = w.purge(tutorial, "object"); w.ExpireSessions() }, []int{401}, "",
		},
		"sends nothing after a refused login": {
			func(w *world) { w.config.Password = "wrong"; _ = w.purge(tutorial, "object") }, nil, "",
		},
		"tells when the session could not be closed, and does not try again": {
			func(w *world) {
				_ = w.purge(tutorial, "object")
				w.Fail("logout", -1, answer(503, nil, ""))
				// Somebody has to end it, or the world complains.
				w.ExpireSessions()
			},
			[]int{503},
			"logging out of MicroStrategy: MicroStrategy returned 503 Service Unavailable",
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				test.before(w)
				said := ""
				if err := w.connect().Close(t.Context()); err != nil {
					said = err.Error()
				}
				var got []int
				for _, e := range w.Journal.Select("logout") {
					got = append(got, e.Status)
				}
				diff(t, "logouts", test.logouts, got)
				diff(t, "error", test.err, said)
				if err := w.purge(tutorial, "object"); err == nil {
					t.Error("a client that is closed purges")
				}
			})
		})
	}
}

func TestCloseWaitsForALoginInFlight(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		slow := func(rw http.ResponseWriter, r *http.Request) {
			<-time.After(3 * time.Second)
			w.Heal()
			w.ServeHTTP(rw, r)
		}
		w.Fail("login", 1, slow)
		ctx, cancel := context.WithCancel(t.Context())
		purged := make(chan error)
		go func() { purged <- w.connect().Purge(ctx, tutorial, "object") }()
		synctest.Wait()
		cancel()
		if kind := hear(<-purged).Kind; kind != transport.KindCanceled {
			t.Errorf("the interrupted purge ended with kind %d", kind)
		}
		diff(t, "interrupted after", time.Duration(0), w.Elapsed())
		if err := w.connect().Close(t.Context()); err != nil {
			t.Error(err)
		}
		diff(t, "closed after", 3*time.Second, w.Elapsed())
		diff(t, "logouts", 1, w.Count("logout"))
	})
}

func TestSecretsAreScrubbedOutOfWhatTheServerSays(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Fail("purge", 1, func(rw http.ResponseWriter, r *http.Request) {
			mstrtest.Error(400, "ERR006", "", "token "+r.Header.Get("X-MSTR-AuthToken")+" and "+r.Header.Get("Cookie"))(rw, r)
		})
		err := w.purge(tutorial, "object")
		diff(t, "message", "token [redacted] and AWSALB=[redacted]; JSESSIONID=[redacted]", hear(err).Message)
	})
}
