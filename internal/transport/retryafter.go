// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// retryAfter returns the wait that a response requires, and false if it does
// not state one. The wait is 0 if its time is in the past. Of several values,
// the longest counts. The function compares a date with the Date header of the
// response, because the clock of the server may differ. It adds a second,
// because both dates are truncated to seconds.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	var waits []time.Duration
	for _, value := range h.Values("Retry-After") {
		if wait, ok := seconds(value); ok {
			waits = append(waits, wait)
		} else if wait, ok := parseLenient(value); ok {
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

// longestWait replaces waits that are too long for a time.Duration.
const longestWait = 290 * 365 * 24 * time.Hour

// seconds parses a number of seconds of any length. Negative numbers are 0.
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

// units maps spellings that time.ParseDuration does not accept, longer ones
// first.
var units = strings.NewReplacer(" ", "", "seconds", "s", "second", "s", "secs", "s", "sec", "s",
	"minutes", "m", "minute", "m", "mins", "m", "min", "m", "hours", "h", "hour", "h")

// parseLenient parses values that some servers send although HTTP does not
// define them: fractions and units.
func parseLenient(value string) (time.Duration, bool) {
	text := units.Replace(strings.ToLower(value))
	if text == "" || text[0] == '+' {
		return 0, false
	}
	if last := text[len(text)-1]; last >= '0' && last <= '9' {
		text += "s"
	}
	wait, err := time.ParseDuration(text)
	return min(max(wait, 0), longestWait), err == nil
}
