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

// Login modes (vendor: POST /api/auth/login). The server rejects all others.
const (
	modeStandard  = 1
	modeAnonymous = 8
	modeLDAP      = 16
	modeAPIToken  = 4096
)

// account identifies a user. The same name in two modes is two accounts.
type account struct {
	mode int
	name string
}

// credentials is the body of a login. Other fields are allowed, because the
// vendor's client also sends applicationType.
type credentials struct {
	Username  *string `json:"username"`
	Password  *string `json:"password"`
	LoginMode *int    `json:"loginMode"`
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	c, apiErr := readCredentials(r)
	if apiErr != nil {
		s.writeError(w, apiErr)
		return
	}
	opened, apiErr := s.open(c)
	if apiErr != nil {
		s.writeError(w, apiErr)
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

// readCredentials reads a login as JSON, as documented, or as a form, which the
// vendor's Python client sends.
func readCredentials(r *http.Request) (credentials, *apiError) {
	var c credentials
	var read func([]byte) *apiError
	switch mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType {
	case "application/json":
		read = c.readJSON
	case "application/x-www-form-urlencoded":
		read = c.readForm
	default:
		return c, &apiError{http.StatusUnsupportedMediaType, "ERR006", "", "HTTP 415 Unsupported Media Type"}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) == 0 {
		return c, &apiError{http.StatusBadRequest, "ERR005", "", "The request body is missing"}
	}
	if apiErr := read(body); apiErr != nil {
		return c, apiErr
	}
	return c, c.check()
}

func (c *credentials) readJSON(body []byte) *apiError {
	if err := json.Unmarshal(body, c); err != nil {
		return &apiError{http.StatusBadRequest, "ERR006", "", "Invalid JSON"}
	}
	return nil
}

func (c *credentials) readForm(body []byte) *apiError {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return &apiError{http.StatusBadRequest, "ERR006", "", "Invalid form"}
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
			return &apiError{http.StatusBadRequest, "ERR006", "", "The loginMode is not supported"}
		}
		c.LoginMode = &mode
	}
	return nil
}

// check returns an error if a login is malformed.
func (c credentials) check() *apiError {
	if c.LoginMode == nil {
		return missingField("loginMode")
	}
	mode := *c.LoginMode
	switch {
	case !slices.Contains([]int{modeStandard, modeAnonymous, modeLDAP, modeAPIToken}, mode):
		return &apiError{http.StatusBadRequest, "ERR006", "", "The loginMode is not supported"}
	case mode == modeAPIToken && c.Password != nil && *c.Password != "":
		return &apiError{http.StatusBadRequest, "ERR006", "", "An API token has no password"}
	case mode != modeAnonymous && (c.Username == nil || *c.Username == ""):
		return missingField("username")
	case (mode == modeStandard || mode == modeLDAP) && c.Password == nil:
		return missingField("password")
	}
	return nil
}

func missingField(name string) *apiError {
	return &apiError{http.StatusBadRequest, "ERR007", "", "Missing required field: " + name}
}

// open checks the credentials and the limits, and opens a session.
func (s *Server) open(c credentials) (*session, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who, apiErr := s.authenticate(c)
	if apiErr != nil {
		return nil, apiErr
	}
	if !s.UseLibrary {
		return nil, lacksPrivilege("UseLibrary")
	}
	if s.MaxSessions > 0 && s.openSessions(who) >= s.MaxSessions {
		return nil, &apiError{
			http.StatusInternalServerError, "ERR001", SessionCap,
			"(Maximum number of interactive session per user exceeded while trying to login user " + who.name + ".)",
		}
	}
	s.logins++
	return s.newSession(who), nil
}

// authenticate returns the account of the credentials. Only an account that exists
// can be locked, and a wrong API token identifies none.
func (s *Server) authenticate(c credentials) (account, *apiError) {
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

// comparePassword counts the failed logins of an account. A successful login resets
// the count, but does not unlock a locked account.
func (s *Server) comparePassword(who account, equal bool) (account, *apiError) {
	if s.LockAfter > 0 && s.failures[who] >= s.LockAfter {
		return account{}, &apiError{http.StatusUnauthorized, "ERR003", AccountLocked, "The account is locked"}
	}
	if !equal {
		s.failures[who]++
		return account{}, loginFailed()
	}
	delete(s.failures, who)
	return who, nil
}

func loginFailed() *apiError {
	return &apiError{http.StatusUnauthorized, "ERR003", LoginFailed, "Login failure"}
}
