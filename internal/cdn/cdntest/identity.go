// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"slices"
	"time"
)

// maxLogin is more bytes than any login needs.
const maxLogin = 1 << 16

// credentials is the body of POST /v2.0/tokens, with one of the two kinds.
type credentials struct {
	Auth struct {
		APIKey *struct {
			Username string `json:"username"`
			APIKey   string `json:"apiKey"`
		} `json:"RAX-KSKEY:apiKeyCredentials"`
		Password *struct {
			Username string `json:"username"`
			Password string `json:"password"`
		} `json:"passwordCredentials"`
	} `json:"auth"`
}

// ExpireTokens invalidates every issued token and StaticToken. Later logins get
// valid tokens.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
	s.staticExpired = true
}

// Logins returns the number of successful logins.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Secrets returns everything that must never be shown: the configured credentials
// and all tokens and sessions that were issued, valid or not.
func (s *Server) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	secrets := append([]string{s.APIKey, s.Password, s.StaticToken}, s.issued...)
	return slices.DeleteFunc(secrets, func(secret string) bool { return secret == "" })
}

func (s *Server) login(w http.ResponseWriter, req *http.Request) {
	if kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type")); kind != "application/json" {
		identityError(http.StatusUnsupportedMediaType, "unsupportedMediaType", "Unsupported Media Type")(w, req)
		return
	}
	var c credentials
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxLogin))
	if err != nil || json.Unmarshal(body, &c) != nil || (c.Auth.APIKey == nil) == (c.Auth.Password == nil) {
		identityError(http.StatusBadRequest, "badRequest", "Invalid json request body")(w, req)
		return
	}
	key, password := c.Auth.APIKey, c.Auth.Password
	switch {
	case key != nil && key.Username == s.Username && key.APIKey == s.APIKey:
		s.welcome(w, req, "APIKEY")
	case password != nil && password.Username == s.Username && password.Password == s.Password:
		if s.MultiFactor {
			w.Header().Set("WWW-Authenticate", "OS-MF sessionId='"+s.secret()+"', factor='PASSCODE'")
			identityError(http.StatusUnauthorized, "unauthorized", "Additional authentication credentials required")(w, req)
			return
		}
		s.welcome(w, req, "PASSWORD")
	default:
		identityError(http.StatusUnauthorized, "unauthorized", "Unable to authenticate user with credentials provided.")(w, req)
	}
}

// welcome responds to a login with a token and the service catalog.
func (s *Server) welcome(w http.ResponseWriter, req *http.Request, by string) {
	zone := s.ExpiresZone
	if zone == nil {
		zone = time.UTC
	}
	expires := s.Now().Add(s.TokenLife).In(zone).Format(s.ExpiresFormat)
	respond(http.StatusOK, map[string]any{"access": map[string]any{
		"token": map[string]any{
			"id":                       s.token(),
			"expires":                  expires,
			"tenant":                   map[string]any{"id": s.ProjectID, "name": s.ProjectID},
			"RAX-AUTH:authenticatedBy": []string{by},
		},
		"serviceCatalog": s.catalog(s.publicURL(req)),
		"user":           map[string]any{"id": "161418", "name": s.Username, "roles": []any{}},
	}})(w, req)
}

// catalog returns a service catalog in which the CDN is neither the first nor the
// only entry. It also contains the older CDN of Cloud Files, whose name and type
// are similar.
func (s *Server) catalog(base string) []any {
	entry := func(name, kind, publicURL string, regions ...string) any {
		var endpoints []any
		for _, region := range regions {
			endpoints = append(endpoints, map[string]any{
				"region": region, "tenantId": s.ProjectID, "publicURL": publicURL,
				"internalURL": "https://snet.invalid/v1.0/" + s.ProjectID,
			})
		}
		return map[string]any{"name": name, "type": kind, "endpoints": endpoints}
	}
	return []any{
		entry("cloudFilesCDN", "rax:object-cdn", "https://cdn1.invalid/v1/MossoCloudFS_"+s.ProjectID, "DFW", "LON"),
		entry("cloudDNS", "rax:dns", "https://dns.invalid/v1.0/"+s.ProjectID, "DFW"),
		entry("rackCDN", "rax:cdn", base+"/v1.0/"+s.ProjectID, "DFW", "LON"),
		entry("cloudServersOpenStack", "compute", "https://dfw.servers.invalid/v2/"+s.ProjectID, "DFW"),
	}
}

// token issues a token that is valid for TokenLife.
func (s *Server) token() string {
	token := s.secret()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = s.Now().Add(s.TokenLife)
	s.logins++
	return token
}

// secret generates a secret of 185 characters, because tokens may be longer than
// 130, and adds it to Secrets.
func (s *Server) secret() string {
	secret := "AAD"
	for range 7 {
		secret += rand.Text()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued = append(s.issued, secret)
	return secret
}

func (s *Server) validToken(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token != "" && token == s.StaticToken {
		return !s.staticExpired
	}
	return s.tokens[token].After(s.Now())
}
