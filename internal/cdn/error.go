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

// overLimit is the name of the fault by which the gateway refuses what is over a
// limit, also where its status is a 503 like any other.
const overLimit = "overLimit"

// message reads the upstream's words, and the name of the fault where it has
// one. Poppy says {"message": string or object}, the gateway and Identity
// {"<fault>": {"message": …}}.
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

// limitWindow is how long a refusal lasts that does not say so.
const limitWindow = time.Minute

// describe fills in the upstream's words, which it returns, and what they alone
// tell: that the request was over a limit, whatever the status.
func describe(resp *transport.Response, e *transport.Error) string {
	text, fault := message(resp.Body)
	if text != "" {
		e.Message = resp.Line(text)
	}
	if fault == overLimit && !e.Refused() {
		e.Refuse(cmp.Or(e.Wait, limitWindow))
	}
	return text
}

// explain reads the CDN's error from a reply to any request.
func explain(resp *transport.Response, e *transport.Error) { _ = explainAny(resp, e) }

// explainAny returns the CDN's words.
func explainAny(resp *transport.Response, e *transport.Error) string {
	text := describe(resp, e)
	for _, name := range []string{"X-Openstack-Request-Id", "X-Trans-Id"} {
		if id := resp.Header.Get(name); id != "" {
			e.ID = "request id " + resp.Line(id)
		}
	}
	switch {
	case e.Refused():
		e.Advice = "The account is over its rate limit, which everything that uses it shares. Try again later."
	case resp.Status == http.StatusUnauthorized:
		e.Input = "auth_token"
		e.Advice = "The CDN does not accept the token. If it comes from cdn.auth_token, obtain a new one; otherwise check that the project is the account's own."
	case resp.Status == http.StatusForbidden:
		e.Advice = "The user needs a role that may administer the CDN of this account (cdn:admin)."
	case resp.Status == http.StatusNotFound && text != "":
		e.Input = "service_id"
		e.Advice = "Check the service id, and that the service belongs to the project of these credentials."
	case resp.Status == http.StatusNotFound, resp.Status == http.StatusMethodNotAllowed:
		unknownPath(e)
	case resp.Status == http.StatusBadRequest && strings.Contains(text, "service id"):
		e.Input = "service_id"
		e.Advice = "Check the service id: it is a UUID."
	}
	return text
}

func unknownPath(e *transport.Error) {
	e.Kind, e.Input = transport.KindConfig, "endpoint"
	e.Advice = "The CDN does not know the path of the request, which is not an error about a service. Check cdn.endpoint and cdn.project_id."
}

// explainList reads the CDN's error from a reply to a request that names no
// service.
func explainList(resp *transport.Response, e *transport.Error) {
	explain(resp, e)
	if resp.Status == http.StatusNotFound && !e.Refused() {
		unknownPath(e)
	}
}

// explainPurge adds what an error of a purge means.
func explainPurge(resp *transport.Response, e *transport.Error) {
	text := cmp.Or(explainAny(resp, e), e.Message)
	switch {
	case e.Refused():
		e.Advice = "The account allows only so many purges a minute (20 as a rule), and something else uses them too. " +
			"Lower cdn.requests_per_minute, raise the timeout, or purge with one wildcard (hard = false)."
	case resp.Status != http.StatusBadRequest || e.Input != "":
	case strings.Contains(text, "not deployed"):
		e.Kind, e.Input = transport.KindState, "service_id"
		e.Advice = "The CDN takes purges only while the service is deployed, and something else changes it. Apply again when that is over."
	case strings.Contains(text, "url"):
		e.Input = "url"
		e.Advice = "Check the path of the asset."
	default:
		e.Advice = "Check the service id and the path of the asset."
	}
}

// explainLogin reads Identity's error from a reply.
func explainLogin(resp *transport.Response, e *transport.Error) {
	text := cmp.Or(describe(resp, e), e.Message)
	switch {
	case e.Refused():
	case resp.Status == http.StatusRequestEntityTooLarge: // a login is small, so it is the gateway's limit
		e.Refuse(cmp.Or(e.Wait, limitWindow))
	case resp.Status == http.StatusUnauthorized && strings.Contains(text, "Additional authentication"):
		e.Input = "password"
		e.Advice = "The account uses multi-factor authentication, which refuses logins with a password. Set cdn.api_key in place of cdn.password."
	case resp.Status == http.StatusNotFound, resp.Status == http.StatusMethodNotAllowed:
		e.Kind, e.Input = transport.KindConfig, "identity_url"
		e.Advice = "The address is not that of the Identity service. Check cdn.identity_url."
	case resp.Status < 500 && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html"):
		e.Advice = "A page is not an answer of the Identity service. Check cdn.identity_url, and whether a proxy or a firewall stands in between."
	case resp.Status == http.StatusBadRequest, resp.Status == http.StatusUnauthorized, resp.Status == http.StatusForbidden:
		e.Kind, e.Input = transport.KindCredentials, "api_key"
		e.Advice = "Check cdn.username, and cdn.api_key or cdn.password."
	}
}
