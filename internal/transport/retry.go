// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// verdict is what a status means for the request.
type verdict int

const (
	final       verdict = iota
	repeat              // the system itself failed
	unavailable         // there is no system behind the gateway
	refused             // for a rate limit
)

// judge is the policy: what the status of a reply that is not the expected one
// means. A 413 can't be about the size of a request without a body: it is the
// limiter of Rackspace's gateway. A 503 is one where it says how long to wait.
func judge(status int, bodyless, saysWhen bool) verdict {
	switch status {
	case http.StatusTooManyRequests:
		return refused
	case http.StatusRequestEntityTooLarge:
		if bodyless {
			return refused
		}
		return final
	case http.StatusServiceUnavailable:
		if saysWhen {
			return refused
		}
		return unavailable
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return unavailable
	case http.StatusRequestTimeout, http.StatusInternalServerError:
		return repeat
	default:
		return final
	}
}

// backoff grows from half a second to half a minute.
const (
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 30 * time.Second
)

// fullJitter spreads those who failed together over the whole interval, so that
// they don't come back together.
func fullJitter(retry int) time.Duration {
	ceiling := maxBackoff
	if retry < 7 {
		ceiling = min(maxBackoff, firstBackoff<<retry)
	}
	return time.Duration(rand.Int64N(int64(ceiling))) + time.Millisecond
}
