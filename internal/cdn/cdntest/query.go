// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"regexp"
	"strconv"
	"strings"
)

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// parseQuery reads a query like Poppy, whose old Python differs from net/url: both
// & and ; end a value, + is a space, escapes are decoded once, a % without two hex
// digits stays, and the last of several equal names wins.
func parseQuery(raw string) map[string]string {
	values := make(map[string]string)
	for _, pair := range strings.FieldsFunc(raw, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		values[unquote(name)] = unquote(value)
	}
	return values
}

func unquote(s string) string {
	s = strings.ReplaceAll(s, "+", " ")
	return escape.ReplaceAllStringFunc(s, func(e string) string {
		b, _ := strconv.ParseUint(e[1:], 16, 8) // The pattern has checked it.
		return string([]byte{byte(b)})
	})
}

// valueOr returns the value of a name, or def if the name does not occur.
func valueOr(values map[string]string, name, def string) string {
	if value, ok := values[name]; ok {
		return value
	}
	return def
}
