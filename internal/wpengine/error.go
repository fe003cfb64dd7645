// SPDX-License-Identifier: MPL-2.0

package wpengine

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// apiError is the body of a failed reply; every part of it is optional.
type apiError struct {
	Message          transport.Text `json:"message"`
	DocumentationURL transport.Text `json:"documentation_url"`
	Errors           []struct {
		Field   transport.Text `json:"field"`
		Code    transport.Text `json:"code"`
		Message transport.Text `json:"message"`
	} `json:"errors"`
}

// explain reads WP Engine's error from a reply to any request.
func explain(resp *transport.Response, e *transport.Error) {
	var body apiError
	_ = json.Unmarshal(resp.Body, &body) // what can't be read stays empty
	said := describe(resp, &body, e)
	if id := resp.Header.Get("X-Amzn-Requestid"); id != "" {
		e.ID = "request id " + resp.Line(id)
	}
	switch {
	case resp.Status == http.StatusUnauthorized:
		e.Input = "password"
		e.Advice = "Check wpengine.username and wpengine.password: they are those of API access (User Portal, API Access), not of a login."
	case resp.Status == http.StatusForbidden && unknownPath(resp, said):
		e.Kind, e.Input = transport.KindConfig, inputAddress
		e.Advice = "This is how the API's gateway answers for an unknown path, it is not about a permission. " + addressAdvice
	case isPage(resp) && slices.Contains([]int{400, 403, 404, 405}, resp.Status):
		e.Kind, e.Input = transport.KindConfig, inputAddress
		e.Advice = "A page is not an answer of this API. " + addressAdvice + " A proxy or a firewall may stand in between."
	case resp.Status == http.StatusForbidden:
		e.Advice = "Give the API user access to the account (User Portal, Users)."
	case resp.Status == http.StatusNotFound:
		e.Advice = addressAdvice
	case resp.Status == http.StatusTooManyRequests:
		readWait(resp, said, e)
	}
}

// explainPurge adds what an error of a purge means.
func explainPurge(resp *transport.Response, e *transport.Error) {
	explain(resp, e)
	switch {
	case e.Refused():
		e.Advice = "Object cache purges are limited to one in 60 seconds for each install, and another one was sent shortly before. Try again in a minute, or raise the timeout so that it can wait."
	case e.Kind == transport.KindForbidden:
		e.Advice = "Give the API user access to the account of this install (User Portal, Users), or check the install id."
	case e.Kind == transport.KindNotFound:
		e.Input = "install_id"
		e.Advice = "Check the install id: the API user sees no install with it."
	case e.Kind == transport.KindInvalid && resp.Status == http.StatusBadRequest: // 408 and 413 are not about the inputs
		e.Advice = "Check the install id and the cache type."
	}
}

// isPage tells whether a reply is HTML, which the API itself never sends.
func isPage(resp *transport.Response) bool {
	return strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
}

const (
	inputAddress  = "base_url"
	addressAdvice = "Check wpengine.base_url; its default is " + DefaultBaseURL + "."
)

// describe fills in the API's words, and returns the message as it came.
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
	said := strings.Join(messages, "; ")
	e.Message = resp.Line(said)
	return said
}

// The API's gateway asks for a signature of its own where it does not know a
// path, or takes the Authorization header for one.
var wantsSignature = regexp.MustCompile(`(?i)missing ?authentication ?token|incomplete ?signature|not a valid key=value pair`)

// unknownPath tells the gateway's 403 from that of a permission.
func unknownPath(resp *transport.Response, said string) bool {
	return wantsSignature.MatchString(resp.Header.Get("X-Amzn-Errortype")) || wantsSignature.MatchString(said)
}

var everySeconds = regexp.MustCompile(`every (\d{1,6}) seconds`)

// readWait reads how long to wait out of the text, because WP Engine is not known
// to send Retry-After.
func readWait(resp *transport.Response, said string, e *transport.Error) {
	if resp.Header.Get("Retry-After") == "" {
		if m := everySeconds.FindStringSubmatch(said); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				e.Refuse(time.Duration(n) * time.Second)
			}
		}
	}
}
