// SPDX-License-Identifier: MPL-2.0

package cdn

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// overLimit is the name of the fault in a rate-limited response of the gateway,
// which can have any status.
const overLimit = "overLimit"

// message reads the message of an error, and the name of the fault if there is
// one. Poppy returns {"message": string or object}, the gateway and Identity
// return {"<fault>": {"message": …}}.
func message(body []byte) (text, fault string) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return "", ""
	}
	if raw, ok := fields["message"]; ok {
		var text transport.Text
		_ = text.UnmarshalJSON(raw) // never fails
		return string(text), ""
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var content struct {
			Message transport.Text `json:"message"`
		}
		if json.Unmarshal(fields[name], &content) == nil && content.Message != "" {
			return string(content.Message), name
		}
	}
	return "", ""
}

// limitWindow is the wait after a rate-limited response that does not state one.
const limitWindow = time.Minute

// describe sets the message, which it returns, and finds out from the fault
// whether the request was rate-limited, whatever the status.
func describe(resp *transport.Response, e *transport.Error) string {
	text, fault := message(resp.Body)
	if text != "" {
		e.Message = resp.Line(text)
	}
	if fault == overLimit && !e.Limited() {
		e.Limit(cmp.Or(e.Wait, limitWindow))
	}
	return text
}

// explain reads the CDN's error from the response to any request.
func explain(resp *transport.Response, e *transport.Error) { _ = explainAny(resp, e) }

// explainAny does the same and returns the message.
func explainAny(resp *transport.Response, e *transport.Error) string {
	text := describe(resp, e)
	for _, name := range []string{"X-Openstack-Request-Id", "X-Trans-Id"} {
		if id := resp.Header.Get(name); id != "" {
			e.ID = "request ID " + resp.Line(id)
		}
	}
	switch {
	case e.Limited():
		e.Advice = "All clients of the account share its rate limit."
	case resp.Status == http.StatusUnauthorized:
		e.Input = "auth_token"
		e.Advice = "If the token comes from cdn.auth_token, set a new one. Otherwise, check that cdn.project_id is the project of the account."
	case resp.Status == http.StatusForbidden:
		e.Advice = "Grant the user a role that administers the CDN (cdn:admin)."
	case resp.Status == http.StatusNotFound && text != "":
		e.Input = "service_id"
		e.Advice = "Check service_id, and that the service belongs to the project of these credentials."
	case resp.Status == http.StatusNotFound, resp.Status == http.StatusMethodNotAllowed:
		unknownPath(e)
	case resp.Status == http.StatusBadRequest && strings.Contains(text, "service id"):
		e.Input = "service_id"
		e.Advice = "Check service_id. It is a UUID."
	}
	return text
}

func unknownPath(e *transport.Error) {
	e.Kind, e.Input = transport.KindConfig, "endpoint"
	e.Advice = "The server does not have this path, whatever the service is. Check cdn.endpoint and cdn.project_id."
}

// explainList reads the CDN's error from the response to a request that names no
// service.
func explainList(resp *transport.Response, e *transport.Error) {
	explain(resp, e)
	if resp.Status == http.StatusNotFound && !e.Limited() {
		unknownPath(e)
	}
}

// explainPurge adds the meaning of an error of a purge.
func explainPurge(resp *transport.Response, e *transport.Error) {
	text := cmp.Or(explainAny(resp, e), e.Message)
	switch {
	case e.Limited():
		e.Advice = "Another client or an earlier run has used the quota of the account (usually 20 purges per minute)."
		e.Alternatives = []string{"lower cdn.requests_per_minute", "purge one wildcard path with hard = false"}
	case resp.Status != http.StatusBadRequest || e.Input != "":
	case strings.Contains(text, "not deployed"):
		e.Kind, e.Input = transport.KindState, "service_id"
		e.Advice = "The CDN accepts purges only while the service is deployed, and another client is changing it."
		e.Retry = "when the service is deployed"
	case strings.Contains(text, "url"):
		e.Input = "url"
		e.Advice = "Check the path."
	default:
		e.Advice = "Check service_id and the path."
	}
}

// explainLogin reads Identity's error from a response.
func explainLogin(resp *transport.Response, e *transport.Error) {
	text := cmp.Or(describe(resp, e), e.Message)
	switch {
	case e.Limited():
	case resp.Status == http.StatusRequestEntityTooLarge: // a login is small, so it is the gateway's limit
		e.Limit(cmp.Or(e.Wait, limitWindow))
	case resp.Status == http.StatusUnauthorized && strings.Contains(text, "Additional authentication"):
		e.Input = "password"
		e.Advice = "The account uses multi-factor authentication, which does not permit a login with a password. Set cdn.api_key instead of cdn.password."
	case resp.Status == http.StatusNotFound, resp.Status == http.StatusMethodNotAllowed:
		e.Kind, e.Input = transport.KindConfig, "identity_url"
		e.Advice = "The address is not the address of the Identity service. Check cdn.identity_url."
	case resp.Status == http.StatusBadRequest, resp.Status == http.StatusUnauthorized, resp.Status == http.StatusForbidden:
		e.Kind, e.Input = transport.KindCredentials, "api_key"
		e.Advice = "Check cdn.username, and cdn.api_key or cdn.password."
	}
}
