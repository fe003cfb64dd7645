// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"net/http"
	"time"
)

// RoundTrip implements http.RoundTripper. It sends one request unchanged over
// the client's connections, with its proxy and certificates, and does not
// follow redirects. It is for clients of something other than an API, which
// have their own retries, body limits, and errors. It ignores the connection
// limit of Do and logs nothing.
func (c *Client) RoundTrip(req *http.Request) (*http.Response, error) { return c.http.RoundTrip(req) }

// RetryAfter returns the wait that a response requires, and false if it
// requires none. The wait is 0 if its time is in the past.
func RetryAfter(h http.Header) (time.Duration, bool) { return retryAfter(h, time.Now()) }
