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

// explain reads WP Engine's error from a reply.
func explain(resp *transport.Response, e *transport.Error) {
	var body apiError
	_ = json.Unmarshal(resp.Body, &body) // what can't be read stays empty
	describe(&body, e)
	if id := resp.Header.Get("X-Amzn-Requestid"); id != "" {
		e.ID = "request id " + id
	}
	switch resp.Status {
	case http.StatusUnauthorized:
		e.Input = "password"
		e.Advice = "Check wpengine.username and wpengine.password: they are those of API access (User Portal, API Access), not of a login."
	case http.StatusForbidden:
		explainForbidden(resp, e)
	case http.StatusNotFound:
		e.Input = "install_id"
		e.Advice = "Check the install id: the API user sees no install with it."
	case http.StatusTooManyRequests:
		explainLimit(resp, e)
	case http.StatusBadRequest:
		if e.Advice == "" {
			e.Advice = "Check the install id and the cache type."
		}
	}
}

func describe(body *apiError, e *transport.Error) {
	var messages []string
	if body.Message != "" {
		messages = append(messages, string(body.Message))
	}
	for _, part := range body.Errors {
		if e.Input == "" {
			e.Input = string(part.Field)
		}
		messages = append(messages, strings.Trim(string(part.Field)+": "+string(part.Message), ": "))
		if e.Code == "" {
			e.Code = string(part.Code)
		}
	}
	if len(messages) > 0 {
		e.Message = strings.Join(messages, "; ")
	}
	e.Docs = string(body.DocumentationURL)
}

// explainForbidden tells the two kinds apart: a permission, and the gateway's
// answer for a path that it does not know.
func explainForbidden(resp *transport.Response, e *transport.Error) {
	gateway := strings.HasPrefix(resp.Header.Get("X-Amzn-Errortype"), "MissingAuthenticationToken") ||
		strings.Contains(e.Message, "Missing Authentication Token")
	if gateway {
		e.Kind, e.Input = transport.KindNotFound, "base_url"
		e.Advice = "This is how the API's gateway answers for an unknown path, it is not about a permission. Check wpengine.base_url (default " + DefaultBaseURL + ")."
		return
	}
	e.Advice = "Give the API user access to the account of this install (User Portal, Users), or check the install id."
}

var everySeconds = regexp.MustCompile(`every (\d{1,6}) seconds`)

// explainLimit reads how long to wait out of the text, because WP Engine is not
// known to send Retry-After.
func explainLimit(resp *transport.Response, e *transport.Error) {
	if resp.Header.Get("Retry-After") == "" {
		if m := everySeconds.FindStringSubmatch(e.Message); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				e.Refuse(time.Duration(n) * time.Second)
			}
		}
	}
	e.Advice = "Object cache purges are limited to one in 60 seconds for each install. Something else purges this install, or the timeout is too short to wait: raise it."
}
