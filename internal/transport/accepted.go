// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// AcceptedBody returns an error if a response has the status of an accepted
// purge but the body of something else, such as an error or the page of a
// captive portal. An acceptance has no body, or JSON that reports no error. If
// the body was cut off, AcceptedBody checks the part that was received.
func AcceptedBody(resp *Response) error {
	body := bytes.TrimSpace(bytes.TrimPrefix(resp.Body, byteOrderMark))
	switch {
	case len(body) == 0:
		return nil
	case looksLikeHTML(body):
		return errors.New("the response is an HTML page")
	case !resp.Cut && !json.Valid(body):
		return errNoAcceptance
	}
	err := resp.reported(json.NewDecoder(bytes.NewReader(body)))
	switch syntax := (*json.SyntaxError)(nil); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil
	case errors.As(err, &syntax):
		return errNoAcceptance
	default:
		return err
	}
}

var errNoAcceptance = errors.New("the response is not JSON")

// reported returns the first error that a JSON value reports, in an object or
// in the objects of a list. At the end of the value it returns io.EOF or
// io.ErrUnexpectedEOF.
func (r *Response) reported(decoder *json.Decoder) error {
	for {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		if token != json.Delim('{') {
			continue
		}
		for decoder.More() {
			if err := r.reportedBy(decoder); err != nil {
				return err
			}
		}
	}
}

// reportedBy reads one field of an object and returns the error that it
// reports.
func (r *Response) reportedBy(decoder *json.Decoder) error {
	key, err := decoder.Token()
	if err != nil {
		return err
	}
	name, _ := key.(string)
	var value json.RawMessage
	err = decoder.Decode(&value)
	switch {
	case !strings.EqualFold(name, "error") && !strings.EqualFold(name, "errors") && !strings.EqualFold(name, "success"):
		return err
	case err != nil:
		return errors.New("the response was cut off within an error")
	}
	var decoded any
	if err := json.Unmarshal(value, &decoded); err != nil {
		return err
	}
	if strings.EqualFold(name, "success") {
		if isFalse(decoded) {
			return fmt.Errorf("the response reports no success: %s", r.Line(string(value)))
		}
		return nil
	}
	if isEmpty(decoded) {
		return nil
	}
	return fmt.Errorf("the response contains an error: %s", r.Line(string(value)))
}

func isFalse(value any) bool { return value == false || value == "false" || value == 0.0 }

func isEmpty(value any) bool {
	switch v := value.(type) {
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	default:
		return v == nil || v == false || v == "" || v == 0.0
	}
}
