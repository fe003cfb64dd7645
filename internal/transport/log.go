// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"context"
	"net/http"
	"time"
)

// loggedHeaders lists the response headers that are useful in a log and contain
// no secret. No other header is logged, not even if a later version of an API
// adds one.
var loggedHeaders = []string{
	"Content-Type", "Content-Length", "Date", "Retry-After", "Server", "Via",
	"X-Amzn-Requestid", "X-Trans-Id", "X-Openstack-Request-Id",
}

func (c *Client) log(ctx context.Context, r *Request, req *http.Request, resp *Response, err error, took time.Duration) {
	fields := map[string]any{
		"system": c.system, "doing": r.Doing, "method": req.Method, "host": req.URL.Host,
		"path": req.URL.RequestURI(), "took_ms": took.Milliseconds(),
	}
	if err != nil {
		fields["error"] = c.errorText(err)
		c.options.Log(ctx, "Request failed", fields)
		return
	}
	fields["status"] = resp.Status
	for _, name := range loggedHeaders {
		if value := resp.Header.Get(name); value != "" {
			fields["header_"+name] = c.scrubber.Line(value)
		}
	}
	c.options.Log(ctx, "Received response", fields)
}
