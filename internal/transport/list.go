// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Limits for the content of responses. 16 KB of gzip can otherwise become
// gigabytes in memory, because each decoded value is larger than "{},".
const (
	maxValues = 500_000
	maxItems  = 50_000
)

// Allowance limits the total content of several responses, such as the pages of
// a list, to 16 MiB and 500,000 values.
type Allowance struct{ bytes, values int }

// NewAllowance returns an unused allowance.
func NewAllowance() *Allowance { return &Allowance{bytes: maxBody, values: maxValues} }

// allowance returns the allowance of a request.
func (r *Request) allowance() *Allowance {
	if r.Allowance == nil {
		return NewAllowance()
	}
	return r.Allowance
}

// take subtracts a body from the allowance, or returns an error if the body is
// too large.
func (a *Allowance) take(body []byte) error {
	if len(body) > a.bytes {
		return fmt.Errorf("the response is longer than %d MiB", maxBody>>20)
	}
	n := values(body)
	if n > a.values {
		return fmt.Errorf("the response contains more than %d values", maxValues)
	}
	a.bytes -= len(body)
	a.values -= n
	return nil
}

// values counts the values of a JSON text by the character before each of them.
func values(body []byte) int {
	count, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '[' || c == '{'):
			count++
		}
	}
	return count
}

// List is a JSON list of at most 50,000 elements. It decodes them one by one
// and stops at the first element that Check does not accept.
type List[T any] struct {
	// Items is nil if there was no list, or null.
	Items []T
	// Check returns an error if an element is invalid. If nil, all are valid.
	Check func(*T) error
}

// listError is an error in a list. Its text contains nothing from the response,
// except what Check includes.
type listError struct{ error }

// UnmarshalJSON implements json.Unmarshaler.
func (l *List[T]) UnmarshalJSON(b []byte) error {
	l.Items = nil
	if b[0] != '[' {
		return json.Unmarshal(b, &[]struct{}{}) // null, or the usual error
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	l.Items = []T{}
	for decoder.More() {
		if len(l.Items) == maxItems {
			return listError{fmt.Errorf("the list contains more than %d elements", maxItems)}
		}
		var item T
		if err := decoder.Decode(&item); err != nil {
			return err
		}
		if l.Check != nil {
			if err := l.Check(&item); err != nil {
				return listError{err}
			}
		}
		l.Items = append(l.Items, item)
	}
	return nil
}

// maxLines is the maximum total size in bytes of the texts that Lines returns
// for one response.
const maxLines = 1 << 20

// Lines returns a function like Line for the many texts of one response. The
// function processes each distinct text once, and returns "…" after the first
// mebibyte of them.
func (c *Client) Lines() func(text string) string {
	lines, left := make(map[string]string), maxLines
	return func(text string) string {
		line, ok := lines[text]
		if !ok {
			if left -= len(text) + 100; left < 0 { // a text uses more memory than its length
				return "…"
			}
			line = c.Line(text)
			lines[text] = line
		}
		return line
	}
}
