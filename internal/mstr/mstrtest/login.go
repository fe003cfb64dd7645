// SPDX-License-Identifier: MPL-2.0

package mstrtest

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Login modes (vendor: POST /api/auth/login). Every other one is refused.
const (
	modeStandard  = 1
	modeAnonymous = 8
	modeLDAP      = 16
	modeAPIToken  = 4096
)

// account is who logs in. The same name in two modes is two accounts.
type account struct {
	mode int
	name string
}

// credentials is the body of a login. Unknown fields are allowed: the vendor's
// own client sends applicationType too.
type credentials struct {
	Username  *string `json:"username"`
	Password  *string `json:"password"`
	LoginMode *int    `json:"loginMode"`
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	c, refused := readCredentials(r)
	if refused != nil {
		s.refuse(w, refused)
		return
	}
	opened, refused := s.open(c)
	if refused != nil {
		s.refuse(w, refused)
		return
	}
	path := s.ContextPath
	if path == "" {
		path = "/"
	}
	w.Header().Add("Set-Cookie", sessionCookie+"="+opened.id+"; Path="+path+"; Secure; HttpOnly")
	w.Header().Add("Set-Cookie", affinityCookie+"="+opened.node+"; Path=/")
	w.Header().Set(tokenHeader, opened.token)
	w.WriteHeader(s.LoginStatus)
}

// readCredentials reads a login in JSON, as documented, or as a form, which is what
// the vendor's Python client sends.
func readCredentials(r *http.Request) (credentials, *refusal) {
	var c credentials
	var read func([]byte) *refusal
	switch mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType {
	case "application/json":
		read = c.readJSON
	case "application/x-www-form-urlencoded":
		read = c.readForm
	default:
		return c, &refusal{http.StatusUnsupportedMediaType, "ERR006", "", "HTTP 415 Unsupported Media Type"}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) == 0 {
		return c, &refusal{http.StatusBadRequest, "ERR005", "", "The request body is missing"}
	}
	if refused := read(body); refused != nil {
		return c, refused
	}
	return c, c.check()
}

func (c *credentials) readJSON(body []byte) *refusal {
	if err := json.Unmarshal(body, c); err != nil {
		return &refusal{http.StatusBadRequest, "ERR006", "", "Invalid JSON"}
	}
	return nil
}

func (c *credentials) readForm(body []byte) *refusal {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return &refusal{http.StatusBadRequest, "ERR006", "", "Invalid form"}
	}
	for name, value := range map[string]**string{"username": &c.Username, "password": &c.Password} {
		if form.Has(name) {
			text := form.Get(name)
			*value = &text
		}
	}
	if form.Has("loginMode") {
		mode, err := strconv.Atoi(form.Get("loginMode"))
		if err != nil {
			return &refusal{http.StatusBadRequest, "ERR006", "", "The loginMode is not supported"}
		}
		c.LoginMode = &mode
	}
	return nil
}

// check finds what is wrong with a login before anyone's password is compared.
func (c credentials) check() *refusal {
	if c.LoginMode == nil {
		return missingField("loginMode")
	}
	mode := *c.LoginMode
	switch {
	case !slices.Contains([]int{modeStandard, modeAnonymous, modeLDAP, modeAPIToken}, mode):
		return &refusal{http.StatusBadRequest, "ERR006", "", "The loginMode is not supported"}
	case mode == modeAPIToken && c.Password != nil && *c.Password != "":
		return &refusal{http.StatusBadRequest, "ERR006", "", "An API token has no password"}
	case mode != modeAnonymous && (c.Username == nil || *c.Username == ""):
		return missingField("username")
	case (mode == modeStandard || mode == modeLDAP) && c.Password == nil:
		return missingField("password")
	}
	return nil
}

func missingField(name string) *refusal {
	return &refusal{http.StatusBadRequest, "ERR007", "", "Missing required field: " + name}
}

// open checks the credentials and the caps, and opens a session.
func (s *Server) open(c credentials) (*session, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who, refused := s.authenticate(c)
	if refused != nil {
		return nil, refused
	}
	if !s.UseLibrary {
		return nil, lacksPrivilege("UseLibrary")
	}
	if s.MaxSessions > 0 && s.openSessions(who) >= s.MaxSessions {
		return nil, &refusal{
			http.StatusInternalServerError, "ERR001", SessionCap,
			"(Maximum number of interactive session per user exceeded while trying to login user " + who.name + ".)",
		}
	}
	s.logins++
	return s.newSession(who), nil
}

// authenticate says whose credentials these are. Only an account that exists
// can be locked, and an API token that is wrong names none.
func (s *Server) authenticate(c credentials) (account, *refusal) {
	var name, password string
	switch *c.LoginMode {
	case modeAnonymous:
		if s.Anonymous {
			return account{modeAnonymous, "Guest"}, nil
		}
		return account{}, loginFailed()
	case modeAPIToken:
		if *c.Username == s.APIToken {
			return account{modeAPIToken, "API"}, nil
		}
		return account{}, loginFailed()
	case modeLDAP:
		name, password = s.LDAPUsername, s.LDAPPassword
	default:
		name, password = s.Username, s.Password
	}
	if *c.Username != name {
		return account{}, loginFailed()
	}
	return s.comparePassword(account{*c.LoginMode, name}, *c.Password == password)
}

// comparePassword counts the failures of an account. One login that succeeds
// forgives those before it, none unlocks.
func (s *Server) comparePassword(who account, equal bool) (account, *refusal) {
	if s.LockAfter > 0 && s.failures[who] >= s.LockAfter {
		return account{}, &refusal{http.StatusUnauthorized, "ERR003", AccountLocked, "The account is locked"}
	}
	if !equal {
		s.failures[who]++
		return account{}, loginFailed()
	}
	delete(s.failures, who)
	return who, nil
}

func loginFailed() *refusal {
	return &refusal{http.StatusUnauthorized, "ERR003", LoginFailed, "Login failure"}
}
