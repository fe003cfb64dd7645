// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// verdict is the consequence of a status for the request.
type verdict int

const (
	final       verdict = iota
	retry               // the API itself failed
	unavailable         // the gateway cannot reach the API
	limited             // rate-limited
)

// judge is the retry policy for responses with an unexpected status. A 413
// response to a request without a body cannot be about its size: it is from the
// rate limiter of Rackspace's gateway. A 503 response that states a wait is
// rate-limited.
func judge(status int, bodyless, saysWhen bool) verdict {
	switch status {
	case http.StatusTooManyRequests:
		return limited
	case http.StatusRequestEntityTooLarge:
		if bodyless {
			return limited
		}
		return final
	case http.StatusServiceUnavailable:
		if saysWhen {
			return limited
		}
		return unavailable
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return unavailable
	case http.StatusRequestTimeout, http.StatusInternalServerError:
		return retry
	default:
		return final
	}
}

// The backoff grows from half a second to half a minute.
const (
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 30 * time.Second
)

// fullJitter returns a random wait up to the backoff, so requests that
// failed together are not retried together.
func fullJitter(retry int) time.Duration {
	ceiling := maxBackoff
	if retry < 7 {
		ceiling = min(maxBackoff, firstBackoff<<retry)
	}
	return time.Duration(rand.Int64N(int64(ceiling))) + time.Millisecond
}
