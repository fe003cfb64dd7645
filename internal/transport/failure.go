// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// failed returns the error of a response with an unexpected status.
func (c *Client) failed(r *Request, resp *Response) *Error {
	e := &Error{System: c.system, Doing: r.Doing, Status: resp.Status, Kind: usualKind(resp.Status), Request: resp.request}
	wait, saysWhen := retryAfter(resp.Header, time.Now())
	e.Wait = wait
	switch judge(resp.Status, r.Body == nil, saysWhen) {
	case retry:
		e.retryable = true
	case unavailable:
		e.outage = true
	case limited:
		if !saysWhen {
			wait = unsaidWait
		}
		e.Limit(wait)
	case final:
	}
	if e.Kind == KindRedirect {
		e.Message = "redirect to " + resp.Line(redirectHost(resp.Header))
		e.Advice = "The provider does not follow redirects, because that would send the credentials to another address. Set the final address."
	} else {
		e.Message = resp.plainText()
		if resp.Status < http.StatusMultipleChoices {
			e.Advice = notFromAPI
		}
		if r.Explain != nil {
			r.Explain(resp, e)
		}
	}
	if resp.Status >= http.StatusBadRequest && resp.Status < http.StatusInternalServerError && !e.limited && !c.options.Pages && resp.IsPage() {
		e.Advice = strings.TrimSpace(e.Advice + " " + page)
	}
	if e.Kind == KindCredentials && c.options.Suspect != "" {
		e.Advice = strings.TrimSpace(e.Advice + " " + c.options.Suspect)
	}
	return e
}

// requestLine returns the method and URL of a request for messages, without the
// query.
func requestLine(req *http.Request) string {
	u := url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: req.URL.Path, RawPath: req.URL.RawPath}
	return req.Method + " " + u.String()
}

const (
	notFromAPI = "The response is not from this API. Check the address, and check for a proxy, firewall, or login page in between."
	page       = "The response is a web page, so also check for a proxy, firewall, or login page in between."
)

// unsaidWait is the wait after a rate-limited response that does not state one.
// All documented windows are 1 minute.
const unsaidWait = time.Minute

// usualKind returns the kind of a status that the API does not define
// otherwise.
func usualKind(status int) Kind {
	switch {
	case status >= 300 && status < 400:
		return KindRedirect
	case status == http.StatusUnauthorized:
		return KindCredentials
	case status == http.StatusForbidden:
		return KindForbidden
	case status == http.StatusNotFound, status == http.StatusGone:
		return KindNotFound
	case status == http.StatusTooManyRequests:
		return KindLimited
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout:
		return KindInvalid
	case status >= 400:
		return KindServer
	default:
		return KindUnexpected
	}
}

func redirectHost(h http.Header) string {
	location, err := url.Parse(h.Get("Location"))
	switch {
	case err != nil || h.Get("Location") == "":
		return "an invalid address"
	case location.Host == "":
		return "another path of the same host"
	default:
		return location.Host
	}
}

// unexpected returns the error of a response with an expected status and wrong
// content.
func (c *Client) unexpected(r *Request, resp *Response, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		e.System, e.Doing, e.Status, e.Request = c.system, r.Doing, resp.Status, resp.request
		return e
	}
	return &Error{
		System: c.system, Doing: r.Doing, Status: resp.Status, Kind: KindUnexpected, Err: err, Message: err.Error(),
		Advice: notFromAPI, Request: resp.request,
	}
}

// noResponse returns the error of a request that received no response.
func (c *Client) noResponse(r *Request, target *url.URL, err error, t *attemptTrace) *Error {
	proxy := c.options.Proxies.of(target)
	if proxy != nil && proxy.configErr != nil {
		e := c.unsendable(r, proxy.configErr)
		e.unsent = true
		return e
	}
	kind, again := classify(err, t.handshakeError())
	notTaken := errors.Is(err, errNotTaken)
	unsent := t.unsent(errors.Is(err, errAttemptTimeout))
	e := &Error{
		System: c.system, Doing: r.Doing, Kind: kind, Host: target.Host, Err: c.mask(err), text: c.errorText(err),
		outage: again || kind != KindProxy, wrong: !again, unsent: unsent, lost: again && !unsent && !notTaken,
	}
	switch {
	case speaksPlainHTTP(err):
		e.Advice = "The server speaks plain HTTP on this port. Check the scheme and the port of the address."
	case certificateRejected(err):
		e.Advice = "The server rejected the client's certificate, or requires one. Check client_certificate and client_key of this system in the provider block."
	case alert(err) == handshakeFailure:
		e.Advice = "If the server requires a client certificate, set client_certificate and client_key of this system in the provider block. " +
			"Otherwise, check that it supports TLS 1.2 or later."
	}
	if proxy != nil {
		proxy.explain(e, err)
	}
	return e
}

// unsendable returns the error of a request that cannot be sent.
func (c *Client) unsendable(r *Request, err error) *Error {
	return &Error{System: c.system, Doing: r.Doing, Kind: KindConfig, Err: c.mask(err), text: c.errorText(err)}
}

// classify returns the kind of a connection failure and reports whether a retry
// can succeed. A bad certificate or an unknown host does not change, unless the
// host responded before.
func classify(err, handshake error) (Kind, bool) {
	var dns *net.DNSError
	var own *proxyError
	switch {
	case errors.As(err, &own) && own.final():
		return KindProxy, false
	case certificateRejected(err):
		return KindTLS, false
	case errors.As(err, &dns) && dns.IsNotFound:
		return KindUnknownHost, false
	case handshake != nil && !brokenOff(handshake):
		return KindTLS, false
	default:
		return KindNoResponse, true
	}
}

func brokenOff(err error) bool {
	var timeout net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.Canceled) || errors.As(err, &timeout) && timeout.Timeout()
}

// mask returns err without secrets in its text, also for callers that unwrap
// the *Error. errors.Is and errors.As still find what err wraps.
func (c *Client) mask(err error) error { return &masked{c.errorText(err), err} }

// errorText returns the text of a connection error without the secrets that a
// server or proxy sent. It does not change local errors, because a redacted
// word in a known sentence would reveal the password.
func (c *Client) errorText(err error) string {
	if isLocal(err) {
		return err.Error()
	}
	return c.scrubber.Line(err.Error())
}

// isLocal reports whether an error contains no text from a server.
func isLocal(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var proxy *proxyError
	return errors.Is(err, errAttemptTimeout) || errors.Is(err, errNotTaken) ||
		errors.As(err, &op) && (op.Op == "dial" || op.Op == "read" || op.Op == "write") ||
		errors.As(err, &dns) || errors.As(err, &proxy)
}

type masked struct {
	text string
	err  error
}

func (m *masked) Error() string        { return m.text }
func (m *masked) Is(target error) bool { return errors.Is(m.err, target) }
func (m *masked) As(target any) bool   { return errors.As(m.err, target) }
