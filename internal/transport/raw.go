// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"net/http"
	"time"
)

// RoundTrip implements http.RoundTripper: it sends one request as it is, over the client's connections, with its proxy
// and certificates, and follows no redirect. It is for a client of something that is not an API, which has retries,
// body limits, and errors of its own. It does not wait for one of the connections that Do shares, and logs nothing.
func (c *Client) RoundTrip(req *http.Request) (*http.Response, error) { return c.http.RoundTrip(req) }

// RetryAfter returns the wait that a response requires, and false if it requires none. It is 0 for a time that is past.
func RetryAfter(h http.Header) (time.Duration, bool) { return retryAfter(h, time.Now()) }
