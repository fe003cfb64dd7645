// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Bounds of what replies hold, so that 16 KB of gzip don't become gigabytes in
// memory: each value that is decoded is larger there than "{},".
const (
	maxValues = 500_000
	maxItems  = 50_000
)

// Allowance bounds what the replies to several requests hold together, as the
// pages of a list do: 16 MiB, and 500,000 values.
type Allowance struct{ bytes, values int }

// NewAllowance returns an allowance of which nothing is used up.
func NewAllowance() *Allowance { return &Allowance{bytes: maxBody, values: maxValues} }

// allowance is that of a request.
func (r *Request) allowance() *Allowance {
	if r.Allowance == nil {
		return NewAllowance()
	}
	return r.Allowance
}

// take uses up what a body needs, or returns an error.
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

// values counts those of a JSON text, by what is in front of them.
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

// List is a JSON list of at most 50,000 elements. They are decoded one by one,
// and the next one only where Check accepts the one before.
type List[T any] struct {
	// Items is nil where there was no list, or null.
	Items []T
	// Check returns why an element can't be one. Nil accepts all.
	Check func(*T) error
}

// listError is what is wrong with a list, in words of our own.
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

// maxLines bounds the texts of one reply that Lines makes fit, in bytes.
const maxLines = 1 << 20

// Lines returns a Line for the many texts of one reply. It makes each distinct
// one fit once, and leaves out what comes after a mebibyte of them.
func (c *Client) Lines() func(text string) string {
	lines, left := make(map[string]string), maxLines
	return func(text string) string {
		line, ok := lines[text]
		if !ok {
			if left -= len(text) + 100; left < 0 { // each costs more than its length
				return "…"
			}
			line = c.Line(text)
			lines[text] = line
		}
		return line
	}
}
