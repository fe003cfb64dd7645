// SPDX-License-Identifier: MPL-2.0

package cdn

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// access is the part of a login response that the client uses. It omits the
// expiry of the token, because a 401 is more reliable than the local clock.
type access struct {
	Access struct {
		Token struct {
			ID     string `json:"id"`
			Tenant struct {
				ID string `json:"id"`
			} `json:"tenant"`
		} `json:"token"`
		ServiceCatalog []struct {
			Type      string `json:"type"`
			Endpoints []struct {
				PublicURL string `json:"publicURL"`
			} `json:"endpoints"`
		} `json:"serviceCatalog"`
	} `json:"access"`
}

// login obtains a token: POST {identity}/tokens.
func (c *Client) login(ctx context.Context) (*transport.Credential, error) {
	auth := map[string]any{"passwordCredentials": map[string]string{"username": c.config.Username, "password": c.config.Password}}
	if c.config.APIKey != "" {
		auth = map[string]any{"RAX-KSKEY:apiKeyCredentials": map[string]string{"username": c.config.Username, "apiKey": c.config.APIKey}}
	}
	body, err := json.Marshal(map[string]any{"auth": auth})
	if err != nil {
		return nil, err
	}
	var resp access
	var cred *transport.Credential
	_, err = c.transport.Do(ctx, &transport.Request{
		Doing: "logging in to Rackspace Identity", Method: http.MethodPost, Base: c.config.IdentityURL, Path: "/tokens",
		Body: body, Expect: []int{http.StatusOK, http.StatusNonAuthoritativeInfo}, Into: &resp, Once: true, Login: true, Explain: explainLogin,
		Check: func(*transport.Response) error {
			if len(resp.Access.Token.ID) > transport.MaxToken || len(resp.Access.Token.Tenant.ID) > transport.MaxToken {
				return errors.New("the login response contains a token or project that is too long")
			}
			c.transport.Hide(resp.Access.Token.ID)
			cred, err = c.fromLogin(&resp)
			return err
		},
	})
	if e := (*transport.Error)(nil); errors.As(err, &e) {
		e.System = IdentitySystem // it has a separate address
	}
	return cred, err
}

// IdentitySystem is the name of Rackspace's Identity service in messages.
const IdentitySystem = "Rackspace Identity"

func (c *Client) fromLogin(resp *access) (*transport.Credential, error) {
	token := resp.Access.Token
	switch {
	case token.ID == "":
		return nil, errors.New("the login response contains no token")
	case strings.ContainsFunc(token.ID, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("the login response contains an invalid token")
	}
	endpoint, project := c.config.Endpoint, cmp.Or(c.config.ProjectID, token.Tenant.ID)
	if endpoint == "" {
		var err error
		if endpoint, err = c.fromCatalog(resp); err != nil {
			return nil, err
		}
	}
	if project == "" && !HasProject(endpoint) {
		return nil, unusable("the login response contains no project (tenant)", "Set cdn.project_id.")
	}
	return c.credential(token.ID, project, endpoint), nil
}

// fromCatalog returns the first endpoint of the CDN in the service catalog, in
// any region.
func (c *Client) fromCatalog(resp *access) (string, error) {
	for _, entry := range resp.Access.ServiceCatalog {
		if entry.Type != "rax:cdn" || len(entry.Endpoints) == 0 {
			continue
		}
		if len(entry.Endpoints[0].PublicURL) > transport.MaxToken {
			return "", errors.New("the CDN's address in the service catalog is too long")
		}
		endpoint, err := transport.BaseURL(entry.Endpoints[0].PublicURL, c.config.AllowInsecure)
		if err != nil {
			return "", unusable("the CDN's address in the service catalog "+err.Error(), "Set cdn.endpoint.")
		}
		return endpoint, c.trusts(endpoint)
	}
	return "", unusable("the service catalog of the account contains no entry of type rax:cdn",
		"Rackspace CDN is not enabled for this account. Enable it, or set cdn.endpoint.")
}

// unusable is the error of a valid login response from which the client cannot
// find the address or the project.
func unusable(message, advice string) error {
	return &transport.Error{Kind: transport.KindConfig, Message: message, Advice: advice}
}

// trusts returns an error for an endpoint that is neither on the host of the
// Identity service nor in its registrable domain. Otherwise, the client would
// send the token to a host that is not in the configuration.
func (c *Client) trusts(endpoint string) error {
	named, from := hostOf(endpoint), hostOf(c.config.IdentityURL)
	if named == from || domainOf(named) != "" && domainOf(named) == domainOf(from) {
		return nil
	}
	return unusable("the host of the CDN in the service catalog, "+c.transport.Line(named)+", is not in the domain of "+from,
		"The provider does not send the token to this host. If the address is correct, set cdn.endpoint.")
}

// hostOf returns the host of an address that transport.BaseURL has checked.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}

// domainOf returns the registrable domain of a host, or "" if it has none
// because it is an IP address or a single label.
func domainOf(host string) string {
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return ""
	}
	return domain
}

// credential returns the credential of each request. The project is in a header,
// and also in the path if it is all digits. Poppy removes only such projects from
// the path, and Rackspace's gateway, whose projects are numbers, checks them there.
func (c *Client) credential(token, project, endpoint string) *transport.Credential {
	if HasProject(endpoint) {
		end := strings.LastIndexByte(endpoint, '/')
		endpoint, project = endpoint[:end], endpoint[end+1:]
	}
	if strings.Trim(project, "0123456789") == "" {
		endpoint += "/" + project
	}
	return &transport.Credential{Base: endpoint, Header: http.Header{
		"X-Auth-Token": {token}, "X-Project-Id": {project},
	}}
}

// OwnHeaders lists the headers that contain the credentials. A configuration must
// not set them.
var OwnHeaders = []string{"X-Auth-Token", "X-Project-Id"}

// HasProject reports whether an endpoint contains a project ID after its version.
func HasProject(endpoint string) bool { return !strings.HasSuffix(endpoint, "/v1.0") }

// Endpoint checks an endpoint and returns it in the form that Config requires.
func Endpoint(address string, insecure bool) (string, error) {
	base, err := transport.BaseURL(address, insecure)
	if err != nil {
		return "", err
	}
	head, last := base[:strings.LastIndexByte(base, '/')], base[strings.LastIndexByte(base, '/')+1:]
	if last != "v1.0" && !strings.HasSuffix(head, "/v1.0") {
		return "", errors.New("must end in /v1.0 or /v1.0/<project ID>")
	}
	return base, nil
}

// IdentityURL checks the address of the Identity service and returns it in the
// form that Config requires.
func IdentityURL(address string, insecure bool) (string, error) {
	base, err := transport.BaseURL(address, insecure)
	if err == nil && !strings.HasSuffix(base, "/v2.0") {
		err = errors.New("must end in /v2.0")
	}
	return base, err
}
