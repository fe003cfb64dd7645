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

// Verdict is what the looks at a path have shown, if they have not proven it.
type Verdict int

// The verdicts.
const (
	// NotSeen: no look got a response that can be judged.
	NotSeen Verdict = iota
	// StillOld: visitors do not get the new content, or still get a removed file.
	StillOld
	// OriginOld: the same, and what they get was fetched from the origin after
	// the purge. So the purge worked, and the origin had the old content.
	OriginOld
)

// Error describes why an item is not proven. It contains no sensitive value.
type Error struct {
	// URL is where the client looked.
	URL string
	// Want is what a visitor should get, in words.
	Want    string
	Verdict Verdict
	// Looks is how often the client looked, for how long in total.
	Looks int
	For   time.Duration
	// Seen is what the last look saw. It is nil if no look was finished.
	Seen *Seen
	// Wait is the wait that the site requires, if it is longer than the time
	// left.
	Wait time.Duration
	// Err is why the client stopped, such as context.DeadlineExceeded. It is
	// nil if looking again is no use.
	Err error

	item  Item
	began time.Time
}

func (e *Error) note(seen *Seen) {
	e.Seen = seen
	e.Looks++
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

// Error returns what was expected where, and what the last look saw, in one
// line.
func (e *Error) Error() string { return e.URL + ": " + e.Outcome() }

// Outcome is Error without the URL.
func (e *Error) Outcome() string {
	var b strings.Builder
	switch {
	case e.Wait > 0:
		b.WriteString(e.Err.Error() + "; ")
	case errors.Is(e.Err, context.Canceled):
		b.WriteString("interrupted; ")
	}
	fmt.Fprintf(&b, "expected %s", e.Want)
	if e.Seen == nil {
		b.WriteString(", and no look was finished")
		return b.String()
	}
	fmt.Fprintf(&b, ", got %s", e.Seen)
	return b.String()
}

// Unwrap returns why the client stopped, and why the last look got no response.
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

// Advice is what to do next, in whole sentences.
func (e *Error) Advice() string {
	seen := e.Seen
	switch {
	case e.Verdict == OriginOld:
		return "The purge worked: the edge fetched this content from the origin after the purge, and the origin still had the old content. " +
			"Bring the new content to the origin and purge again. To make the purge wait for the origin, let it depend on a verification of the origin."
	case seen == nil || errors.Is(e.Err, context.Canceled):
		return "Apply again."
	case seen.Err != nil:
		return "Check base_url, the network, DNS, and the proxy. If the certificate is from a private CA, set ca_certificate in the provider block. Then apply again."
	case seen.Status == http.StatusTooManyRequests, seen.Status == http.StatusForbidden:
		return "Check whether a firewall or bot protection blocks the provider, and whether the file is public. Then apply again."
	case seen.Status >= http.StatusInternalServerError:
		return "Check the site. Then apply again."
	case seen.Encoding != "":
		return "The response has a Content-Encoding that the request did not ask for, so its digest cannot be compared. Check how the origin compresses files."
	case e.item.PurgedAt.IsZero():
		return "Bring the content to the site, check base_url and the fingerprint, and apply again. If the content arrives later, raise the timeout."
	case seen.AcceptEncoding != "":
		return "Visitors who accept gzip get another variant from the cache, which the purge has not reached. Purge the path for requests with Accept-Encoding: gzip too. Then apply again."
	default:
		return "Check whether the purge took effect: a hard purge of Rackspace CDN may fail later, which the errors of the service report (data source purge_cdn_service). " +
			"If the edge changes the content (minifying, image conversion), compare an ETag or a text (contains). Then apply again."
	}
}

// Seen is what a look saw.
type Seen struct {
	// AcceptEncoding is that of the request: "" or "gzip".
	AcceptEncoding string
	// Address is where redirects within the host led, if there were any.
	Address string
	Status  int
	// Digest is the digest or ETag of the content, in words.
	Digest string
	// Encoding is a Content-Encoding that the client does not decode.
	Encoding string
	// Redirect is the host to which the response redirects.
	Redirect string
	// Age is how long ago a cache fetched the content from the origin.
	Age time.Duration
	// Caches are the headers in which caches report what they did.
	Caches []string
	// Err is why there was no complete response.
	Err error

	hasAge, old, proven bool
	at                  time.Time
}

// cacheHeaders are those that Seen contains. Cache-Status is that of RFC 9211.
var cacheHeaders = []string{"Age", "Cache-Status", "X-Cache", "CF-Cache-Status", "X-Cacheable"}

// String is the evidence, in one line.
func (s *Seen) String() string {
	if s.Err != nil {
		return "no complete response: " + s.Err.Error() + s.variant()
	}
	parts := []string{strings.TrimSpace(strconv.Itoa(s.Status) + " " + http.StatusText(s.Status))}
	if s.Redirect != "" {
		parts[0] += " to " + s.Redirect
	}
	if s.Digest != "" {
		parts = append(parts, s.Digest)
	}
	if s.Encoding != "" {
		parts = append(parts, "Content-Encoding: "+s.Encoding)
	}
	parts = append(parts, s.Caches...)
	if s.Address != "" {
		parts = append(parts, "after a redirect to "+s.Address)
	}
	return strings.Join(parts, ", ") + s.variant()
}

func (s *Seen) variant() string {
	if s.AcceptEncoding == "" {
		return ""
	}
	return " (for Accept-Encoding: " + s.AcceptEncoding + ")"
}

// age reads the Age header, whole seconds of RFC 9111, 5.1.
func age(h http.Header) (time.Duration, bool) {
	seconds, err := strconv.ParseUint(strings.TrimSpace(h.Get("Age")), 10, 31)
	return time.Duration(seconds) * time.Second, err == nil
}
