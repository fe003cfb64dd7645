package transport

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// verdict is what a status means for the request.
type verdict int

const (
	final verdict = iota
	repeat
	refused
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
		return repeat
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
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

// budget bounds the retries of all requests of a client together: when the
// upstream is dead, a thousand purges cost about a thousand requests.
type budget struct {
	mu   sync.Mutex
	left int
}

const budgetSize = 100

func newBudget() *budget { return &budget{left: budgetSize} }

func (b *budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left == 0 {
		return false
	}
	b.left--
	return true
}

// refill gives one retry back for each request that succeeds.
func (b *budget) refill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.left+1, budgetSize)
}

// retryAfter reads how long the upstream asks to wait. It returns false where
// the reply does not say; 0 where it says a time that is past. Of several
// values the longest counts. A date is compared with the reply's own Date, so
// that a difference between the clocks does not matter, and gets a second more
// because both are cut to seconds.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	var waits []time.Duration
	for _, value := range h.Values("Retry-After") {
		if wait, ok := seconds(value); ok {
			waits = append(waits, wait)
		} else if at, err := http.ParseTime(value); err == nil {
			waits = append(waits, until(at, h, now))
		}
	}
	if len(waits) == 0 {
		return 0, false
	}
	return slices.Max(waits), true
}

func until(at time.Time, h http.Header, now time.Time) time.Duration {
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		now = sent
	}
	wait := at.Sub(now)
	if wait <= 0 {
		return 0
	}
	return min(wait, longestWait) + time.Second
}

// longestWait is what a wait too large for a time.Duration becomes.
const longestWait = 290 * 365 * 24 * time.Hour

// seconds reads a number of seconds of any length; negative ones are 0.
func seconds(value string) (time.Duration, bool) {
	digits, negative := value, false
	if digits != "" && digits[0] == '-' {
		digits, negative = digits[1:], true
	}
	if digits == "" {
		return 0, false
	}
	var n int64
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int64(c-'0'), int64(longestWait/time.Second))
	}
	if negative {
		return 0, true
	}
	return time.Duration(n) * time.Second, true
}
