// SPDX-License-Identifier: MPL-2.0

package mstr

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// apiError is the body of an error response. Every field is optional. Some servers
// spell iServerCode with a capital I, which encoding/json accepts as well. The
// Modeling service wraps the error in a list.
type apiError struct {
	Code        transport.Text `json:"code"`
	IServerCode transport.Text `json:"iServerCode"`
	Message     transport.Text `json:"message"`
	TicketID    transport.Text `json:"ticketId"`
	SubErrors   []apiError     `json:"subErrors"`
	Errors      []apiError     `json:"errors"`
}

// Error codes of the API. The documentation writes ERR0014 and the API returns
// ERR014, so only the number counts.
const (
	codeNotFound           = 4
	codeNoPrivilege        = 14
	codeNoPermission       = 17
	iserverAccountLocked   = "-2147202287"
	iserverTooManySessions = "-2147072486"
	iserverNotLoaded       = "-2147209151"
)

func (e *apiError) number() int {
	n, err := strconv.Atoi(strings.TrimPrefix(strings.ToUpper(string(e.Code)), "ERR"))
	if err != nil {
		return 0
	}
	return n
}

// decode reads a body, and reports whether it is a JSON object. A field of an
// unexpected type stays empty.
func decode(body []byte) (*apiError, bool) {
	var e apiError
	err := json.Unmarshal(body, &e)
	if wrong := (*json.UnmarshalTypeError)(nil); err != nil && (!errors.As(err, &wrong) || wrong.Field == "") {
		return &apiError{}, false
	}
	if len(e.Errors) > 0 {
		e = e.Errors[0]
	}
	return &e, true
}

// noRoute reports whether the server does not have the path, which is not the
// same as not having the project.
func noRoute(err error) bool {
	var e *transport.Error
	return errors.As(err, &e) && e.Input == inputRoute
}

// The inputs that an error can be about.
const (
	inputProject   = "project_id"
	inputCacheType = "cache_type"
	inputRoute     = "base_url"
	inputPassword  = "password"
)

const (
	routeAdvice = "The server does not have this path. Check mstr.base_url. It is the Library root (https://host/MicroStrategyLibrary)."
	purgeRoute  = "The server does not have this path. Either it is older than 2021 Update 8 (I-Server 11.3.0800), " +
		"which does not have this API, or mstr.base_url is not the Library root (https://host/MicroStrategyLibrary)."
)

// explain reads MicroStrategy's error from the response to a request whose path
// names no object that could be missing.
func explain(resp *transport.Response, e *transport.Error) { _ = explainFixed(resp, e) }

// explainFixed does the same and returns the body, or nil if it cannot be
// MicroStrategy's. A gateway returns JSON of its own for an unknown path.
func explainFixed(resp *transport.Response, e *transport.Error) *apiError {
	body := explainAny(resp, e)
	if resp.Status == http.StatusNotFound {
		e.Kind, e.Input, e.Advice = transport.KindConfig, inputRoute, routeAdvice
	}
	return body
}

// explainAny returns the body, or nil if it cannot be MicroStrategy's.
func explainAny(resp *transport.Response, e *transport.Error) *apiError {
	body, isJSON := decode(resp.Body)
	describe(resp, body, e)
	missing := resp.Status == http.StatusNotFound &&
		(!isJSON || body.number() == codeNotFound && strings.HasPrefix(string(body.Message), "HTTP 404"))
	switch {
	case missing, resp.Status == http.StatusMethodNotAllowed:
		e.Kind, e.Input, e.Advice = transport.KindConfig, inputRoute, routeAdvice
	case resp.IsPage() && resp.Status < http.StatusInternalServerError && !e.Limited():
		return nil
	case body.IServerCode == iserverTooManySessions:
		e.Final()
		e.Kind = transport.KindState
		e.Advice = "The user has reached the server's limit of sessions. Close some of them, or raise the limit of sessions per user and project."
	case resp.Status == http.StatusForbidden, body.number() == codeNoPrivilege, body.number() == codeNoPermission:
		e.Final()
		e.Kind = transport.KindForbidden
		e.Advice = "Grant the user the privilege that the message names."
	case resp.Status == http.StatusUnauthorized:
		e.Advice = "The server accepts neither the session nor a new one. Check that all requests reach the same server with their cookies."
	}
	return body
}

// explainPurge adds the meaning of the error for a purge.
func explainPurge(resp *transport.Response, e *transport.Error) {
	body := explainAny(resp, e)
	switch {
	case body == nil:
	case e.Input == inputRoute:
		e.Advice = purgeRoute
	case body.IServerCode == iserverNotLoaded:
		e.Final()
		e.Kind, e.Input = transport.KindState, inputProject
		e.Advice = "The project is not loaded. Load it on the Intelligence Server, or check project_id."
	case e.Kind == transport.KindForbidden:
		e.Advice = "A purge requires the privilege DssXmlPrivilegesCacheAdministration (Administer caches) on the project. Grant it to the user."
	case resp.Status == http.StatusNotFound:
		e.Input = inputProject
		e.Advice = "Check project_id, and that the project is loaded on the Intelligence Server."
	case resp.Status == http.StatusBadRequest:
		blame(body, e)
	}
}

func describe(resp *transport.Response, body *apiError, e *transport.Error) {
	e.Code = resp.Line(string(body.Code))
	if body.IServerCode != "" {
		e.Code = strings.TrimPrefix(e.Code+", iServerCode "+resp.Line(string(body.IServerCode)), ", ")
	}
	messages := []string{string(body.Message)}
	for _, sub := range body.SubErrors {
		messages = append(messages, string(sub.Message))
	}
	if message := strings.Trim(strings.Join(messages, "; "), "; "); message != "" {
		e.Message = resp.Line(message)
	}
	if body.TicketID != "" {
		e.ID = "ticket " + resp.Line(string(body.TicketID))
	}
}

// blame sets the input that a 400 is about. The API has no field for it, so it
// depends on the wording of the message.
func blame(body *apiError, e *transport.Error) {
	message := strings.ToLower(string(body.Message))
	switch {
	case strings.Contains(message, "cache type"), strings.Contains(message, "cachetype"):
		e.Input = inputCacheType
		e.Advice = `The server does not support this cache type. "report" and "all" require a newer server than "element" and "object".`
	case strings.Contains(message, "project"):
		e.Input = inputProject
		e.Advice = "Check project_id. The project's properties and GET /api/projects show it."
	default:
		e.Advice = "Check project_id and cache_type."
	}
}

// explainLogin adds the meaning of the error for a login.
func (c *Client) explainLogin(resp *transport.Response, e *transport.Error) {
	body := explainFixed(resp, e)
	switch {
	case body == nil, body.IServerCode == iserverTooManySessions, e.Input == inputRoute:
	case body.IServerCode == iserverAccountLocked:
		e.Final()
		e.Kind, e.Input = transport.KindCredentials, inputPassword
		e.Advice = "The account is locked after failed logins. Unlock it in MicroStrategy, and correct mstr.password."
	case e.Kind == transport.KindForbidden:
		e.Advice = "A login requires the privilege UseLibrary. Grant it to the user."
	case resp.Status == http.StatusBadRequest, resp.Status == http.StatusUnauthorized:
		e.Kind, e.Input = transport.KindCredentials, inputPassword
		e.Advice = "Check mstr.username, mstr.password, and mstr.login_mode. " +
			"A user who signs in with SAML or OIDC cannot log in here. For such a user, set mstr.api_token."
		if c.config.APIToken != "" {
			e.Input = "api_token"
			e.Advice = "Check mstr.api_token. It may be revoked, or belong to another server."
		}
	}
}
