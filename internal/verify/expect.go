// SPDX-License-Identifier: MPL-2.0

package verify

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// expectation is the content that a response must have.
type expectation struct {
	print *fingerprint // of Want or Gone
	text  []byte       // of Contains
	gone  bool
}

func newExpectation(item Item) (expectation, error) {
	var set int
	for _, value := range []string{item.Want, item.Contains, item.Gone} {
		if value != "" {
			set++
		}
	}
	switch {
	case set != 1:
		return expectation{}, errors.New("must have exactly one of Want, Contains, and Gone")
	case item.Contains != "":
		return expectation{text: []byte(item.Contains)}, nil
	}
	parsed, err := parseFingerprint(item.Want + item.Gone)
	return expectation{print: parsed, gone: item.Gone != ""}, err
}

// plainOnly reports whether only responses without gzip count: for gzip, servers
// send another ETag or none.
func (e expectation) plainOnly() bool { return e.print != nil && e.print.hash == nil }

// String describes the expected content, without a text, which may be sensitive.
func (e expectation) String() string {
	switch {
	case e.gone:
		return "the content with " + e.print.String() + " to be gone"
	case e.print != nil:
		return "content with " + e.print.String()
	default:
		return "the text in contains"
	}
}

// judge decides whether a response is a proof, and notes the result in seen. It
// reads the body if necessary. The error is why it could not read the body.
func (e expectation) judge(resp *http.Response, body io.Reader, seen *Seen) error {
	switch status := resp.StatusCode; {
	case status >= 200 && status < 300:
		matched, err := e.read(resp, body, seen)
		if err != nil {
			return err
		}
		seen.proven = matched != e.gone && (matched || seen.Encoding == "")
		seen.old = !seen.proven
	case redirects(status):
		seen.proven, seen.old = e.gone, true
	case status == http.StatusNotFound, status == http.StatusGone:
		seen.proven, seen.old = e.gone, true
	case status == http.StatusForbidden:
		// S3 returns 403 for an object that does not exist. With Retry-After, it is a
		// rate limit.
		seen.proven = e.gone && resp.Header.Get("Retry-After") == ""
	}
	return nil
}

func redirects(status int) bool {
	return slices.Contains([]int{
		http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect,
	}, status)
}

// read reports whether the content has the fingerprint or contains the text.
func (e expectation) read(resp *http.Response, body io.Reader, seen *Seen) (bool, error) {
	if e.plainOnly() {
		etag := strings.TrimSpace(resp.Header.Get("ETag"))
		if seen.Content = "without an ETag"; etag != "" {
			seen.Content = "with ETag " + etag
		}
		return e.print.matches(etag), nil
	}
	gzipped := false
	switch coding := strings.ToLower(strings.Join(resp.Header.Values("Content-Encoding"), ", ")); coding {
	case "", "identity":
	case "gzip", "x-gzip":
		gzipped = true
	default:
		seen.Encoding = coding // which the request did not accept
	}
	if e.print == nil {
		found, err := contains(body, gzipped, e.text)
		if !found {
			seen.Content = "without the text"
		}
		return found, err
	}
	sent, decoded, err := e.print.digest(body, gzipped)
	if err != nil {
		return false, err
	}
	// The fingerprint of a file that is stored compressed, with a Content-Encoding,
	// is the one before decoding.
	matched := e.print.equal(decoded) || e.print.equal(sent)
	if !matched || e.gone { // otherwise, nothing reads it
		seen.Content = "with " + e.print.name + " " + e.print.encode(decoded)
	}
	return matched, nil
}
