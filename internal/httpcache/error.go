// SPDX-License-Identifier: MPL-2.0

package httpcache

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// contentHeaders are headers of content that no cache sends with its own
// response to a purge. A Varnish without PURGE in its VCL pipes the request to
// the origin, returns the origin's response, and purges nothing. HTML is no
// sign: the true response of Varnish is a page, too.
var contentHeaders = []string{"ETag", "Last-Modified", "Accept-Ranges", "Set-Cookie", "Cache-Control"}

// check rejects responses with a success status that do not come from the cache,
// or that report an error.
func check(resp *transport.Response) error {
	if resp.Status != http.StatusOK && resp.Status != http.StatusNotFound {
		return nil
	}
	for _, name := range contentHeaders {
		if len(resp.Header.Values(name)) > 0 {
			return &transport.Error{
				Kind:    transport.KindUnexpected,
				Message: "the response has the header " + name + ", which only content has",
				Advice:  "The cache passed the request on to the origin, and purged nothing. " + addPurge,
			}
		}
	}
	if resp.Status == http.StatusOK && json.Valid(resp.Body) {
		return transport.AcceptedBody(resp)
	}
	return nil
}

// addPurge is the advice for a cache that does not support the request.
const addPurge = "Configure purges in the cache (the guide \"Varnish and nginx\" has examples), or change http_cache.method and http_cache.path_prefix."

// own are the statuses that are about one path. All others are about the
// instance, and the same for every path.
var own = []int{http.StatusBadRequest, http.StatusConflict, http.StatusRequestURITooLong, http.StatusUnprocessableEntity, http.StatusLocked}

// explain reads the error of a cache from its response.
func explain(resp *transport.Response, e *transport.Error) {
	e.Message = cmp.Or(resp.Line(message(resp)), e.Message)
	if resp.Header.Get("Content-Encoding") != "" {
		e.Message = "" // the gzip variant of a page
	}
	if id := resp.Header.Get("X-Varnish"); id != "" {
		e.ID = "X-Varnish " + resp.Line(id)
	}
	switch status := resp.Status; {
	case status == http.StatusUnauthorized:
		e.Advice = "The cache requires a key, or rejected the key. Check http_cache.headers."
	case status == http.StatusForbidden:
		e.Advice = "The cache does not accept purges from this machine. " +
			"Add its address to the access list of the cache (the guide \"Varnish and nginx\" has examples), or, if the cache requires a key, check http_cache.headers."
	case status == http.StatusMethodNotAllowed:
		e.Kind = transport.KindConfig
		e.Advice = "The cache does not accept this request, or not from this machine: Varnish configurations often return 405 to clients that are not in the ACL. " +
			"Add the address of this machine to it. " + addPurge
	case status == http.StatusNotImplemented:
		e.Kind = transport.KindConfig
		e.Advice = "The cache does not support this request. " + addPurge
	case status == http.StatusMisdirectedRequest:
		e.Kind = transport.KindConfig
		e.Input = "host"
		e.Advice = "The cache does not serve this host. Check host."
	case status < http.StatusMultipleChoices, status == http.StatusGone:
		e.Kind = transport.KindUnexpected
		e.Advice = "The response is not the response to a purge. The cache probably passed the request on to the origin. " + addPurge
	case e.Kind == transport.KindInvalid && slices.Contains(own, status):
		e.Input = "url"
		e.Advice = "Check the path and host."
	case e.Kind == transport.KindInvalid:
		e.Kind = transport.KindConfig
		e.Advice = "The cache rejected the request. " + addPurge
	}
}

// message reads the JSON message of a cache with an API, such as Fastly.
func message(resp *transport.Response) string {
	var body struct {
		Msg     transport.Text `json:"msg"`
		Message transport.Text `json:"message"`
		Detail  transport.Text `json:"detail"`
	}
	_ = json.Unmarshal(resp.Body, &body) // what cannot be read stays empty
	return string(cmp.Or(body.Msg, body.Message, body.Detail))
}
