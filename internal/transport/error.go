// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind sorts errors by what a person has to do about them.
type Kind int

// The kinds of errors.
const (
	KindUnknown     Kind = iota
	KindCanceled         // interrupted by the caller
	KindTimeout          // the time for the whole operation is over
	KindNoAnswer         // connection failed or no complete answer
	KindUnknownHost      // no such host
	KindTLS              // no trusted connection
	KindRedirect         // answered with a redirect, which is never followed
	KindUnexpected       // answered with something that the API does not say
	KindCredentials      // credentials refused
	KindForbidden        // credentials lack a permission
	KindNotFound         // the thing to purge, or the API itself, is not there
	KindInvalid          // the upstream takes an input to be wrong
	KindLimited          // refused for a rate limit
	KindState            // the thing to purge is not in a state to be purged
	KindServer           // the upstream failed
	KindConfig           // can't be sent as configured
	KindProxy            // the proxy did not let the request through
	KindOutage           // the host, which may have answered before, is down for too long
)

// Error is why a request was not accepted. All texts in it are free of secrets.
type Error struct {
	// System is the upstream system's name.
	System string
	// Doing is what was tried, as in Request.
	Doing string
	Kind  Kind
	// Status of the reply; 0 where there was none.
	Status int
	// Code is the upstream's own, where it has one.
	Code string
	// Message is what the upstream said, one line of at most 500 characters.
	Message string
	// ID is what the upstream's log can be searched for: "ticket 0a1b…".
	ID string
	// Input names the input that the upstream blames, in the API's own word.
	Input string
	// Advice says what to do next, one or more whole sentences.
	Advice string
	// Docs is an address that the upstream gives for further reading.
	Docs string
	// Wait is how long the upstream asked to wait; 0 where it did not.
	Wait time.Duration
	// Host is where the request went that got no answer.
	Host string
	// Asked is the request that was answered, without its query:
	// "DELETE https://host/path".
	Asked string
	// Proxy is the proxy that it went through, if any, and the environment
	// variable that names it: "proxy.example.com:3128 (from HTTPS_PROXY)".
	Proxy string
	// Waiting is what the request was waiting for when its time was over.
	Waiting string
	// Sent is how many requests were sent.
	Sent int
	// Lost tells that an earlier one of them got no answer, so that it may have
	// worked.
	Lost bool
	// Err is what failed on this side of the wire.
	Err error
	// Down is how long the host has been down; 0 if it is not, or if that is not
	// why the request ended.
	Down time.Duration
	// Last is what the upstream said before the context ended.
	Last *Error

	text     string // of Err, scrubbed
	repeat   bool   // the system failed: worth another attempt
	refused  bool   // for a rate limit
	outage   bool   // no response, or a gateway's: the host may be down
	wrong    bool   // an unknown host or a bad certificate
	struck   bool   // the host is down
	answered bool   // a response came, but not all of it
	again    again  // after a 401
	single   bool   // others are accepted with the same credentials
	over     bool   // the host is given up: nobody waits for it any more
	unsent   bool   // nothing reached the upstream
	lost     bool   // it may have worked for all we know
	ended    bool   // not by an answer, but by the context or a wait
	skipped  bool   // not sent
	bounced  bool   // not sent, because an outage began at the last moment
	tooLong  bool
}

// Final makes an error one that is not repeated although its status would be.
func (e *Error) Final() { e.repeat, e.refused, e.outage = false, false, false }

// Own makes an error one of the system itself, which answered: it is no outage.
func (e *Error) Own() { e.repeat, e.outage = true, false }

// Refuse makes an error one that closes the window for a time.
func (e *Error) Refuse(wait time.Duration) {
	e.refused, e.repeat, e.outage, e.Wait, e.Kind = true, false, false, wait, KindLimited
}

// gateway tells whether a response may be that of a gateway without its server.
func (e *Error) gateway() bool {
	return e.Status >= http.StatusBadGateway && e.Status <= http.StatusGatewayTimeout
}

// Refused tells whether the error closes the window.
func (e *Error) Refused() bool { return e.refused }

// Error says what was tried and what came of it, in one line.
func (e *Error) Error() string {
	if e.Doing == "" {
		return e.Outcome()
	}
	return e.Doing + ": " + e.Outcome()
}

// Outcome says what came of it, in one line that does not repeat what was tried.
func (e *Error) Outcome() string {
	var b strings.Builder
	switch {
	case e.Kind == KindState && e.Status == http.StatusOK:
		fmt.Fprintf(&b, "%s answered", e.System) // the state is the news, not the success
	case e.Status != 0:
		b.WriteString(strings.TrimSpace(fmt.Sprintf("%s answered %d %s", e.System, e.Status, http.StatusText(e.Status))))
	case e.Kind == KindCanceled:
		b.WriteString("interrupted")
	case e.Kind == KindTimeout:
		b.WriteString("not done within the timeout")
	case e.Kind == KindConfig:
		b.WriteString("not sent")
	default:
		fmt.Fprintf(&b, "no answer from %s", e.System)
	}
	if e.Waiting != "" {
		b.WriteString(" while " + e.Waiting)
	}
	if e.Code != "" {
		b.WriteString(", code " + e.Code)
	}
	if e.Message != "" {
		b.WriteString(": " + withoutStop(e.Message))
	}
	if e.text != "" {
		b.WriteString(": " + e.text)
	}
	if e.ID != "" {
		b.WriteString(" (" + e.ID + ")")
	}
	if e.Down >= time.Second {
		b.WriteString("; the host has been down for " + e.Down.Round(time.Second).String())
	}
	if e.Last != nil {
		b.WriteString("; before that, " + e.Last.Outcome())
	}
	return b.String()
}

// withoutStop takes the full stop off a sentence, and leaves an ellipsis.
func withoutStop(s string) string {
	if strings.HasSuffix(s, "..") {
		return s
	}
	return strings.TrimSuffix(s, ".")
}

// Unwrap returns the cause and the upstream's last word.
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

// Single tells whether the error concerns this request only, although its kind
// concerns all: the same credentials are accepted for others.
func (e *Error) Single() bool { return e.single }

// TooLong tells whether the request was not repeated because the deadline comes
// before the end of Wait.
func (e *Error) TooLong() bool { return e.tooLong }
