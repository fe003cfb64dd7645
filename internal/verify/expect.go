// SPDX-License-Identifier: MPL-2.0

package verify

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// expectation is what a response has to show.
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
		return expectation{}, errors.New("exactly one of a fingerprint, a text, and the fingerprint of a removed file is needed")
	case item.Contains != "":
		return expectation{text: []byte(item.Contains)}, nil
	}
	parsed, err := parseFingerprint(item.Want + item.Gone)
	return expectation{print: parsed, gone: item.Gone != ""}, err
}

// plainOnly reports whether responses with gzip say nothing: servers give them
// an ETag of their own, or none.
func (e expectation) plainOnly() bool { return e.print != nil && e.print.hash == nil }

// String is what is expected, in words. A text may be sensitive.
func (e expectation) String() string {
	switch {
	case e.gone:
		return "not the " + e.print.String()
	case e.print != nil:
		return e.print.String()
	default:
		return "the text in contains"
	}
}

// judge decides what a response proves, reads its body as far as that needs
// it, and notes what it saw. The error is why the body was not read.
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
		// S3 returns it for an object that is not there. With Retry-After it is
		// about the requests and not about the content.
		seen.proven = e.gone && resp.Header.Get("Retry-After") == ""
	}
	return nil
}

func redirects(status int) bool {
	return slices.Contains([]int{
		http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect,
	}, status)
}

// read reports whether the content is that of the fingerprint, or contains the
// text.
func (e expectation) read(resp *http.Response, body io.Reader, seen *Seen) (bool, error) {
	if e.plainOnly() {
		etag := strings.TrimSpace(resp.Header.Get("ETag"))
		if seen.Digest = "no ETag"; etag != "" {
			seen.Digest = "ETag " + etag
		}
		return e.print.matches(etag), nil
	}
	gzipped := false
	switch coding := strings.ToLower(strings.Join(resp.Header.Values("Content-Encoding"), ", ")); coding {
	case "", "identity":
	case "gzip", "x-gzip":
		gzipped = true
	default:
		seen.Encoding = coding // that nobody asked for and nobody here decodes
	}
	if e.print == nil {
		found, err := contains(body, gzipped, e.text)
		if !found {
			seen.Digest = "without the text"
		}
		return found, err
	}
	sent, decoded, err := e.print.digest(body, gzipped)
	if err != nil {
		return false, err
	}
	// A file that is compressed already, in a store that says so, has its
	// fingerprint before it is decoded.
	matched := e.print.equal(decoded) || e.print.equal(sent)
	if !matched || e.gone { // or nobody asks
		seen.Digest = e.print.name + " " + e.print.encode(decoded)
	}
	return matched, nil
}
