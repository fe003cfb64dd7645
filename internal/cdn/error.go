package cdn

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// message reads the upstream's words. Poppy and the gateway say
// {"message": string or object}, Identity {"<fault>": {"message": …}}.
func message(body []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return ""
	}
	if raw, ok := fields["message"]; ok {
		var text transport.Text
		_ = text.UnmarshalJSON(raw) // never fails
		return string(text)
	}
	for _, raw := range fields {
		var fault struct {
			Message transport.Text `json:"message"`
		}
		if json.Unmarshal(raw, &fault) == nil && fault.Message != "" {
			return string(fault.Message)
		}
	}
	return ""
}

// explain reads the CDN's error from a reply.
func explain(resp *transport.Response, e *transport.Error) {
	if text := message(resp.Body); text != "" {
		e.Message = text
	}
	for _, name := range []string{"X-Openstack-Request-Id", "X-Trans-Id"} {
		if id := resp.Header.Get(name); id != "" {
			e.ID = "request id " + id
		}
	}
	switch {
	case e.Refused():
		e.Advice = "The account allows only so many purges a minute (20 as a rule), and something else uses them too. " +
			"Lower cdn.requests_per_minute, raise the timeout, or purge with one wildcard (hard = false)."
	case resp.Status == http.StatusUnauthorized:
		e.Input = "auth_token"
		e.Advice = "The CDN does not accept the token. If it comes from cdn.auth_token, obtain a new one; otherwise check that the project is the account's own."
	case resp.Status == http.StatusForbidden:
		e.Advice = "The user needs a role that may administer the CDN of this account (cdn:admin)."
	case resp.Status == http.StatusNotFound:
		e.Input = "service_id"
		e.Advice = "Check the service id, and that the service belongs to the project of these credentials."
	case resp.Status == http.StatusMethodNotAllowed:
		e.Kind, e.Input = transport.KindNotFound, "endpoint"
		e.Advice = "The address is not that of a CDN. Check cdn.endpoint."
	case resp.Status == http.StatusBadRequest && strings.Contains(e.Message, "not deployed"):
		e.Kind, e.Input = transport.KindState, "service_id"
		e.Advice = "The CDN takes purges only while the service is deployed."
	case resp.Status == http.StatusBadRequest && strings.Contains(e.Message, "service id"):
		e.Input = "service_id"
		e.Advice = "Check the service id: it is a UUID."
	case resp.Status == http.StatusBadRequest:
		e.Input = "url"
		e.Advice = "Check the path of the asset."
	}
}

// explainLogin reads Identity's error from a reply.
func explainLogin(resp *transport.Response, e *transport.Error) {
	e.System = "Rackspace Identity"
	if text := message(resp.Body); text != "" {
		e.Message = text
	}
	if resp.Status < 400 || resp.Status >= 500 || e.Refused() {
		return
	}
	e.Kind = transport.KindCredentials
	switch {
	case resp.Status == http.StatusUnauthorized && strings.Contains(e.Message, "Additional authentication"):
		e.Input = "password"
		e.Advice = "The account uses multi-factor authentication, which refuses logins with a password. Set cdn.api_key in place of cdn.password."
	case resp.Status == http.StatusNotFound, resp.Status == http.StatusMethodNotAllowed:
		e.Kind, e.Input = transport.KindNotFound, "identity_url"
		e.Advice = "The address is not that of the Identity service. Check cdn.identity_url."
	default:
		e.Input = "api_key"
		e.Advice = "Check cdn.username and cdn.api_key (or cdn.password)."
	}
}
