// SPDX-License-Identifier: MPL-2.0

// Package urlpath checks and encodes URL paths as users write them in a
// configuration. All clients of caches that are purged by path share it. A rule
// of one cache only belongs in its client.
package urlpath

import (
	"errors"
	"strings"
)

// Encode checks the path of one URL and returns it in the form in which a
// client requests it: spaces, non-ASCII characters, and others that browsers do
// not send as they are become percent-encoded, a percent sign that encodes
// nothing becomes %25, and existing escapes stay as they are. A "?" starts the
// query.
//
// Caches accept relative paths, full URLs, and more without complaint, and then
// purge something else than the user meant. All of these are errors. The text
// of an error completes a sentence that starts with the argument's name. It has
// no period at its end: `must start with a slash. Use "/index.html"`.
func Encode(path string) (string, error) {
	encoded, err := EncodePattern(path)
	if err == nil && HasWildcard(path) {
		return "", errors.New("must not contain a wildcard. Write %2A for a * in a file name")
	}
	return encoded, err
}

// EncodePattern is Encode for a cache that knows "*" as a wildcard: it keeps
// every "*" as it is.
func EncodePattern(path string) (string, error) {
	if err := check(path); err != nil {
		return "", err
	}
	return escape(path), nil
}

// The characters that clients encode beside spaces and what is not ASCII, in
// both parts of a path and in each of them. Source: the percent-encode sets of
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

// Same reports whether two paths are spellings of one URL path.
func Same(a, b string) bool { return Key(a) == Key(b) }

// Key is equal for all spellings of one URL path, and only for these: encoded or
// not, with escapes in upper or lower case. It does not check the path.
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

// HasWildcard reports whether a path may stand for more than one URL path.
func HasWildcard(path string) bool { return strings.Contains(path, "*") }
