// SPDX-License-Identifier: MPL-2.0

package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Verdict classifies why an item is not verified.
type Verdict int

// The verdicts, from the least to the most specific.
const (
	// NotSeen: no response shows the content.
	NotSeen Verdict = iota
	// StillOld: visitors do not get the new content, or still get a removed file.
	StillOld
	// OriginOld: as StillOld, but the edge fetched the content from the origin after
	// the purge. So the purge worked, and the origin served old content.
	OriginOld
)

// Error describes why an item is not verified. It contains no sensitive value.
type Error struct {
	// URL is the address of the item.
	URL string
	// Want describes the expected content.
	Want    string
	Verdict Verdict
	// Attempts is how often the client fetched the item, over a time of For.
	Attempts int
	For      time.Duration
	// Seen is the result of the last attempt. It is nil if no attempt was finished.
	Seen *Seen
	// Wait is the wait that the site requires, if it is longer than the time
	// left.
	Wait time.Duration
	// Err is the reason why the client stopped, such as context.DeadlineExceeded.
	// It is nil if further attempts are useless.
	Err error

	item  Item
	began time.Time
}

func (e *Error) note(seen *Seen) {
	e.Seen = seen
	e.Attempts++
	if seen.old {
		e.Verdict = StillOld
	}
}

func (e *Error) end(err error) error {
	e.Err, e.For = err, time.Since(e.began)
	var wait *waitError
	if errors.As(err, &wait) {
		e.Wait = wait.wait
	}
	return e
}

// Error returns the URL, the expected content, and the result of the last
// attempt, in one line.
func (e *Error) Error() string { return e.URL + ": " + e.Outcome() }

// Outcome is Error without the URL.
func (e *Error) Outcome() string {
	outcome := "expected " + e.Want + ", but no request was completed"
	if e.Seen != nil {
		outcome = fmt.Sprintf("expected %s, got %s", e.Want, e.Seen)
	}
	switch {
	case e.Wait > 0:
		return e.Err.Error() + "; " + outcome
	case errors.Is(e.Err, context.Canceled):
		return "interrupted; " + outcome
	default:
		return outcome
	}
}

// Unwrap returns the reasons why the client stopped and the last attempt failed.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	if e.Seen != nil && e.Seen.Err != nil {
		errs = append(errs, e.Seen.Err)
	}
	return errs
}

// Seen is the result of one attempt.
type Seen struct {
	// AcceptEncoding is the header of the request: "" or "gzip".
	AcceptEncoding string
	// Address is the final address, if redirects within the host were followed.
	Address string
	Status  int
	// Content describes the content: "with MD5 digest …", or "without the text".
	Content string
	// Encoding is a Content-Encoding that the client does not decode.
	Encoding string
	// Redirect is the scheme and host to which the response redirects.
	Redirect string
	// Age is the time since a cache fetched the content from the origin.
	Age time.Duration
	// Caches are the headers in which caches describe the response.
	Caches []string
	// Err is the reason if there is no complete response.
	Err error

	hasAge, old, proven bool
	at                  time.Time
}

// cacheHeaders are the headers in Seen.Caches. Cache-Status is from RFC 9211.
var cacheHeaders = []string{"Age", "Cache-Status", "X-Cache", "CF-Cache-Status", "X-Cacheable"}

// String describes the result in one line.
func (s *Seen) String() string {
	request := ""
	if s.AcceptEncoding != "" {
		request = " for a request with Accept-Encoding: " + s.AcceptEncoding
	}
	if s.Err != nil {
		return "no complete response" + request + ": " + s.Err.Error()
	}
	text := strings.TrimSpace(strconv.Itoa(s.Status) + " " + http.StatusText(s.Status))
	if s.Redirect != "" {
		text += " to " + s.Redirect
	}
	if s.Content != "" {
		text += " " + s.Content
	}
	text += request
	if s.Address != "" {
		text += " after a redirect to " + s.Address
	}
	headers := s.Caches
	if s.Encoding != "" {
		headers = append([]string{"Content-Encoding: " + s.Encoding}, headers...)
	}
	if len(headers) > 0 {
		text += " (" + strings.Join(headers, ", ") + ")"
	}
	return text
}

// age parses the Age header, a number of seconds (RFC 9111, 5.1).
func age(h http.Header) (time.Duration, bool) {
	seconds, err := strconv.ParseUint(strings.TrimSpace(h.Get("Age")), 10, 31)
	return time.Duration(seconds) * time.Second, err == nil
}
