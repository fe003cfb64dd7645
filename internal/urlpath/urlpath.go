// SPDX-License-Identifier: MPL-2.0

// Package urlpath checks and encodes the URL paths in a configuration. All clients
// that purge by path share it. The rules of a single cache belong in its client.
package urlpath

import (
	"errors"
	"strings"
)

// Encode checks the path of one URL and returns it in the form that clients
// request. It percent-encodes spaces, non-ASCII characters, and the other characters
// that browsers encode. It keeps existing escapes and turns any other percent sign
// into %25. A "?" starts the query.
//
// Caches accept relative paths, full URLs, and other mistakes, and then purge
// something that the user did not mean. Encode rejects them. The text of an error
// completes a sentence that starts with the argument's name, without a period:
// `must start with a slash. Use "/index.html"`.
func Encode(path string) (string, error) {
	encoded, err := EncodePattern(path)
	if err == nil && HasWildcard(path) {
		return "", errors.New("must not contain a wildcard. Write %2A for a * in a file name")
	}
	return encoded, err
}

// EncodePattern is like Encode, but for a cache with the wildcard "*", which it
// keeps.
func EncodePattern(path string) (string, error) {
	if err := check(path); err != nil {
		return "", err
	}
	return escape(path), nil
}

// The ASCII characters that clients encode: in the whole path, only before the
// query, and only in the query. Source: the percent-encode sets of
// the URL Standard (https://url.spec.whatwg.org/#path-percent-encode-set), which
// browsers follow.
const (
	unsafe        = " \"<>"
	unsafeInPath  = "^`{}"
	unsafeInQuery = "'"
)

func escape(path string) string {
	const digits = "0123456789ABCDEF"
	also := unsafeInPath
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c == '?' {
			also = unsafeInQuery
		}
		switch {
		case c == '%' && !isEscape(path[i:]):
			b.WriteString("%25")
		case c >= 0x80 || strings.IndexByte(unsafe, c) >= 0 || strings.IndexByte(also, c) >= 0:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// isEscape reports whether s starts with a percent-encoded byte.
func isEscape(s string) bool {
	return len(s) > 2 && s[0] == '%' && isHex(s[1]) && isHex(s[2])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// Same reports whether two paths are spellings of the same URL path.
func Same(a, b string) bool { return Key(a) == Key(b) }

// Key returns a value that is the same for all spellings of a URL path, encoded or
// not, with escapes in upper or lower case, and different for any other path. It
// does not check the path.
func Key(path string) string {
	b := []byte(escape(path))
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			for j := i + 1; j <= i+2; j++ {
				if 'a' <= b[j] && b[j] <= 'f' {
					b[j] -= 'a' - 'A'
				}
			}
		}
	}
	return string(b)
}

// HasWildcard reports whether a path may match more than one URL path.
func HasWildcard(path string) bool { return strings.Contains(path, "*") }
