// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"regexp"
	"strings"
)

// MaxToken is the maximum length in bytes of a token that a login returns.
// Servers reject longer headers.
const MaxToken = 16 << 10

// decodeJSON decodes a body that must be exactly one JSON value and not null.
// It ignores unknown fields, because the APIs may add some. The caller checks
// required fields.
func (r *Response) decodeJSON(into any) error {
	body := r.Body
	switch {
	case looksLikeHTML(body):
		return errors.New("the response is an HTML page, not JSON")
	case string(bytes.TrimSpace(body)) == "null":
		return errors.New("the response is null")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return errors.New("the response is empty")
	}
	if err := json.Unmarshal(body, into); err != nil { // a json.Decoder copies the body
		var wrong *json.UnmarshalTypeError
		var list listError
		switch {
		case errors.As(err, &list):
			return list.error
		case errors.As(err, &wrong) && wrong.Field == "":
			return fmt.Errorf("the response is an unexpected JSON %s", r.Line(wrong.Value))
		case errors.As(err, &wrong):
			return fmt.Errorf("the field %q contains an unexpected %s", r.Line(wrong.Field), r.Line(wrong.Value))
		default:
			return errors.New("the response is not valid JSON")
		}
	}
	return nil
}

var byteOrderMark = []byte("\xef\xbb\xbf")

func looksLikeHTML(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(body, byteOrderMark)), []byte("<"))
}

// plainText returns the part of an error body that can be shown: the title of
// an HTML page, or text that is not JSON. The client decodes JSON itself.
func (r *Response) plainText() string {
	text := strings.TrimSpace(string(r.Body))
	switch {
	case text == "":
		return ""
	case looksLikeHTML(r.Body):
		if title := r.Line(title(text)); title != "" {
			return fmt.Sprintf("an HTML page with the title %q", title)
		}
		return "an HTML page"
	case json.Valid(r.Body):
		return ""
	case r.Cut:
		return r.Line(r.scrubber.Cut(text))
	default:
		return r.Line(text)
	}
}

// IsPage reports whether the response is an HTML page.
func (r *Response) IsPage() bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") || looksLikeHTML(r.Body)
}

var titleElement = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

func title(page string) string {
	found := titleElement.FindStringSubmatch(page)
	if found == nil {
		return ""
	}
	return html.UnescapeString(found[1])
}

// Text is a JSON value that should be a string. It also accepts other values:
// null is the empty string, and all others keep their JSON form.
type Text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Text) UnmarshalJSON(b []byte) error {
	var s string
	switch {
	case string(b) == "null":
	case json.Unmarshal(b, &s) == nil:
		*t = Text(s)
	default:
		*t = Text(b)
	}
	return nil
}
