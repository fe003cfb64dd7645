// SPDX-License-Identifier: MPL-2.0

package wpengine

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// apiError is the body of an error response. Every part of it is optional.
type apiError struct {
	Message          transport.Text `json:"message"`
	DocumentationURL transport.Text `json:"documentation_url"`
	Errors           []struct {
		Field   transport.Text `json:"field"`
		Code    transport.Text `json:"code"`
		Message transport.Text `json:"message"`
	} `json:"errors"`
}

// explain reads WP Engine's error from the response to any request.
func explain(resp *transport.Response, e *transport.Error) {
	var body apiError
	_ = json.Unmarshal(resp.Body, &body) // fields that cannot be read stay empty
	message := describe(resp, &body, e)
	if id := resp.Header.Get("X-Amzn-Requestid"); id != "" {
		e.ID = "request ID " + resp.Line(id)
	}
	switch {
	case resp.Status == http.StatusUnauthorized:
		e.Input = "password"
		e.Advice = "Check wpengine.username and wpengine.password. They are the credentials of API access (User Portal, API Access), not of a User Portal login."
	case resp.Status == http.StatusForbidden && unknownPath(resp, message):
		e.Kind, e.Input = transport.KindConfig, inputAddress
		e.Advice = "The API returns this message for an unknown path, not for a missing permission. " + addressAdvice
	case resp.Status == http.StatusNotFound, resp.Status == http.StatusMethodNotAllowed:
		e.Kind, e.Input, e.Advice = transport.KindConfig, inputAddress, addressAdvice
	case resp.Status == http.StatusForbidden:
		e.Advice = "Give the API user access to the account (User Portal, Users)."
	case resp.Status == http.StatusTooManyRequests:
		readWait(resp, message, e)
	}
}

// explainPurge returns a function that reads the error and adds its meaning for
// the purge of a cache.
func explainPurge(cacheType string) func(*transport.Response, *transport.Error) {
	return func(resp *transport.Response, e *transport.Error) {
		explain(resp, e)
		switch {
		case e.Limited() && objectLimited(cacheType):
			e.Advice = "WP Engine accepts one purge of the object cache per install in 60 seconds, and received another one shortly before."
		case e.Kind == transport.KindForbidden:
			e.Advice = "Give the API user access to the account of this install (User Portal, Users), or check install_id."
		case resp.Status == http.StatusNotFound && !resp.IsPage():
			e.Kind, e.Input = transport.KindNotFound, "install_id"
			e.Advice = "Check install_id. The API user has access to no install with this ID."
		case e.Kind == transport.KindInvalid && resp.Status == http.StatusBadRequest: // 408 and 413 are not about the inputs
			e.Advice = "Check install_id and cache_type."
		}
	}
}

const (
	inputAddress  = "base_url"
	addressAdvice = "Check wpengine.base_url. Its default is " + DefaultBaseURL + "."
)

// describe sets the fields of the error, and returns the message unredacted.
func describe(resp *transport.Response, body *apiError, e *transport.Error) string {
	var messages []string
	if body.Message != "" {
		messages = append(messages, string(body.Message))
	}
	for _, part := range body.Errors {
		if e.Input == "" {
			e.Input = resp.Line(string(part.Field))
		}
		if text := strings.Trim(string(part.Field)+": "+string(part.Message), ": "); text != "" {
			messages = append(messages, text)
		}
		if e.Code == "" {
			e.Code = resp.Line(string(part.Code))
		}
	}
	e.Docs = resp.Line(string(body.DocumentationURL))
	if len(messages) == 0 {
		return e.Message // of a body that is not JSON
	}
	message := strings.Join(messages, "; ")
	e.Message = resp.Line(message)
	return message
}

// The API's gateway requires a signature of its own for an unknown path, or
// takes the Authorization header for one.
var wantsSignature = regexp.MustCompile(`(?i)missing ?authentication ?token|incomplete ?signature|not a valid key=value pair`)

// unknownPath reports whether a 403 is from the gateway, not about a permission.
func unknownPath(resp *transport.Response, message string) bool {
	return wantsSignature.MatchString(resp.Header.Get("X-Amzn-Errortype")) || wantsSignature.MatchString(message)
}

var everySeconds = regexp.MustCompile(`every (\d{1,6}) seconds`)

// readWait reads the wait from the message, because WP Engine is not known to
// send Retry-After.
func readWait(resp *transport.Response, message string, e *transport.Error) {
	if resp.Header.Get("Retry-After") == "" {
		if m := everySeconds.FindStringSubmatch(message); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				e.Limit(time.Duration(n) * time.Second)
			}
		}
	}
}
