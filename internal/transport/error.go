// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind classifies errors by what the user must do about them.
type Kind int

// The kinds of errors.
const (
	KindUnknown     Kind = iota
	KindCanceled         // interrupted by the caller
	KindTimeout          // the time for the whole operation is over
	KindNoResponse       // no connection, or no complete response
	KindUnknownHost      // no such host
	KindTLS              // no trusted connection
	KindRedirect         // a redirect, which is never followed
	KindUnexpected       // a response that this API does not send
	KindCredentials      // credentials rejected
	KindForbidden        // the credentials lack a permission
	KindNotFound         // the target of the purge, or the API itself, does not exist
	KindInvalid          // the API rejects an input
	KindLimited          // rate-limited
	KindState            // the target of the purge is in a state that does not allow it
	KindServer           // a server error
	KindConfig           // cannot be sent, or not accepted, as configured
	KindProxy            // the proxy did not let the request through
	KindOutage           // the host, which may have responded before, is down for too long
)

// Error describes why a request was not accepted. No text in it contains a secret.
type Error struct {
	// System is the name of the system.
	System string
	// Doing is the operation, as in Request: "purging /a.css on service …".
	Doing string
	Kind  Kind
	// Status of the response; 0 if there was none.
	Status int
	// Code is the error code of the API, if it has one.
	Code string
	// Message is the message of the API, one line of at most 500 characters.
	Message string
	// ID identifies the request in the logs of the API: "ticket 0a1b…".
	ID string
	// Input names the input that the API rejects, as the API calls it.
	Input string
	// Advice is the next step, in one or more full sentences. It does not mention
	// a retry, because only the caller knows how to retry.
	Advice string
	// Alternatives are alternatives to a longer wait, each an imperative without
	// a period: "lower cdn.requests_per_minute".
	Alternatives []string
	// Retry is the condition for a useful retry: "when the service is deployed".
	// If it is empty, the kind decides whether a retry can help.
	Retry string
	// Docs is the URL of documentation that the response refers to.
	Docs string
	// Wait is the wait that the API requires; 0 if it does not state one.
	Wait time.Duration
	// Host is the destination of a request that received no response.
	Host string
	// Request is the method and the URL of the request that received the
	// response, without the query: "DELETE https://host/path".
	Request string
	// Proxy is the proxy that the request went through, if any, and the
	// environment variable that names it: "proxy.example.com:3128 (from HTTPS_PROXY)".
	Proxy string
	// Waiting is the step in which the request ended, if it is not Doing:
	// LoggingIn, "waiting for a free connection".
	Waiting string
	// Sent is the number of attempts.
	Sent int
	// Reasons are the reasons for the retries, without duplicates: "rate limits".
	Reasons []string
	// Lost reports that an earlier attempt received no response, so it may have
	// succeeded.
	Lost bool
	// Err is the underlying error, if any.
	Err error
	// Down is how long the host has been down, or 0 if that is not the reason for
	// the end of the request.
	Down time.Duration
	// Last is the latest response before the context ended.
	Last *Error

	text      string // of Err, scrubbed
	retryable bool   // a server error
	limited   bool   // rate-limited
	outage    bool   // no response, or a gateway's: the host may be down
	wrong     bool   // an unknown host or a bad certificate
	inOutage  bool   // the host is down, and the request waits for it
	partial   bool   // a part of a response was received
	again     again  // after a 401 response
	single    bool   // the API accepts other requests with the same credentials
	over      bool   // no caller waits for the host any more
	unsent    bool   // the API received nothing
	lost      bool   // it may have succeeded
	ended     bool   // by the context or a wait, not by a response
	skipped   bool   // not sent
	requeue   bool   // not sent, because an outage began at the last moment
	tooLong   bool
}

// Values of Waiting that decide what to do.
const (
	LoggingIn       = "logging in"
	WaitingForLimit = "waiting for the rate limit"
)

// Final makes the error permanent although its status is usually retried.
func (e *Error) Final() { e.retryable, e.limited, e.outage = false, false, false }

// ServerUp makes the error a retried one of a system that is up, so it
// does not count as an outage.
func (e *Error) ServerUp() { e.retryable, e.outage = true, false }

// Limit makes the error a rate-limited one, which closes the window for a time.
func (e *Error) Limit(wait time.Duration) {
	e.limited, e.retryable, e.outage, e.Wait, e.Kind = true, false, false, wait, KindLimited
}

// Limited reports whether the error closes the window.
func (e *Error) Limited() bool { return e.limited }

// gateway reports whether a response may be from a gateway without its server.
func (e *Error) gateway() bool {
	return e.Status >= http.StatusBadGateway && e.Status <= http.StatusGatewayTimeout
}

// reason returns the reason for a retry after this error.
func (e *Error) reason() string {
	switch {
	case e.limited:
		return "rate limits"
	case e.Status == 0:
		return "connection failures"
	case e.Status == http.StatusUnauthorized:
		return "401 responses"
	default:
		return "server errors"
	}
}

// Error returns the operation and its result, in one line.
func (e *Error) Error() string {
	if e.Doing == "" {
		return e.Outcome()
	}
	return e.Doing + ": " + e.Outcome()
}

// Outcome returns the result in one line, without Doing.
func (e *Error) Outcome() string {
	text := e.clause("interrupted", "timed out", "not sent", "no response", "no complete response")
	switch {
	case e.Waiting == "":
	case e.Kind == KindTimeout && e.Status == 0:
		text += " " + e.Waiting
	default:
		text += " while " + e.Waiting
	}
	text += e.details()
	if e.Down >= time.Second {
		text += "; " + e.silence()
	}
	if e.Last != nil {
		text += "; before that, " + e.Last.Outcome()
	}
	return text
}

// Report returns the operation and its result, in full sentences.
func (e *Error) Report() string {
	doing := e.Doing
	text := e.clause("the provider was interrupted", "the provider timed out", "the provider did not send the request",
		"the provider received no response", "the provider received no complete response")
	switch {
	case e.Waiting == "":
	case e.Status == 0 && e.Kind == KindTimeout:
		text += " " + e.Waiting
	case e.Status == 0 && e.Kind == KindCanceled:
		text += " while " + e.Waiting
	case doing == "":
		doing = e.Waiting
	default:
		doing = e.Waiting + " before " + doing
	}
	if doing != "" {
		text = "while " + doing + ", " + text
	}
	text = sentence(text + e.details())
	if e.Down >= time.Second {
		text += " " + sentence(e.silence())
	}
	if e.Last != nil {
		text += " Before that, " + withoutStop(e.Last.Outcome()) + "."
	}
	return text
}

// silence returns the duration of the outage, as a clause.
func (e *Error) silence() string {
	if e.Status == 0 && (e.Last == nil || e.Last.Status == 0) {
		return "the host has not responded for " + FormatDuration(e.Down) // its address may be wrong
	}
	return "the host has been down for " + FormatDuration(e.Down)
}

// clause returns the result without the details.
func (e *Error) clause(canceled, timeout, config, none, incomplete string) string {
	switch {
	case e.Kind == KindState && e.Status == http.StatusOK:
		return e.System + " reported" // the state matters, not the status
	case e.Status != 0:
		return strings.TrimSpace(fmt.Sprintf("%s returned %d %s", e.System, e.Status, http.StatusText(e.Status)))
	case e.Kind == KindCanceled:
		return canceled
	case e.Kind == KindTimeout:
		return timeout
	case e.Kind == KindConfig:
		return config
	case e.partial:
		return incomplete + " from " + e.System
	default:
		return none + " from " + e.System
	}
}

// details returns the message, the cause, and the IDs of the error.
func (e *Error) details() string {
	var text string
	if e.Message != "" {
		text += ": " + withoutStop(e.Message)
	}
	if e.text != "" {
		text += ": " + e.text
	}
	var ids []string
	if e.Code != "" {
		ids = append(ids, "code "+e.Code)
	}
	if e.ID != "" {
		ids = append(ids, e.ID)
	}
	if len(ids) > 0 {
		text += " (" + strings.Join(ids, ", ") + ")"
	}
	return text
}

// sentence makes a sentence of a clause.
func sentence(s string) string {
	s = strings.ToUpper(s[:1]) + s[1:]
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "…") {
		return s
	}
	return s + "."
}

// withoutStop removes the period of a sentence, and keeps an ellipsis.
func withoutStop(s string) string {
	if strings.HasSuffix(s, "..") {
		return s
	}
	return strings.TrimSuffix(s, ".")
}

// Unwrap returns the cause and the latest response.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	if e.Last != nil {
		errs = append(errs, e.Last)
	}
	return errs
}

// Single reports whether the error concerns this request only, although its kind
// usually concerns all: others are accepted with the same credentials.
func (e *Error) Single() bool { return e.single }

// TooLong reports whether the request was not retried because the deadline comes
// before the end of Wait.
func (e *Error) TooLong() bool { return e.tooLong }
