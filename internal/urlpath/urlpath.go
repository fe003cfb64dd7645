// Package urlpath checks and encodes URL paths as users write them in a
// configuration. All clients of caches that are purged by path share it. A rule
// of one cache only belongs in its client.
package urlpath

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Encode checks the path of one URL and returns it in the form in which a
// client requests it: spaces and non-ASCII characters are percent-encoded, a
// percent sign that encodes nothing becomes %25, and existing escapes stay as
// they are. A "?" starts the query.
//
// Caches accept relative paths, full URLs, and more without complaint, and then
// purge something else than the user meant. All of these are errors. The text
// of an error completes a sentence that starts with the argument's name, such
// as "must start with a slash".
func Encode(path string) (string, error) {
	if HasWildcard(path) {
		return "", errors.New("must not contain a wildcard. Write %2A for a * in a file name")
	}
	return EncodePattern(path)
}

// EncodePattern is Encode for a cache that knows "*" as a wildcard: it keeps
// every "*" as it is.
func EncodePattern(path string) (string, error) {
	if err := check(path); err != nil {
		return "", err
	}
	return escape(path), nil
}

func escape(path string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		switch c := path[i]; {
		case c == '%' && !isEscape(path[i:]):
			b.WriteString("%25")
		case c == ' ' || c >= 0x80:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func check(path string) error {
	scheme, _, hasScheme := strings.Cut(path, "://")
	switch {
	case path == "":
		return errors.New("must not be empty: that would purge everything")
	case hasScheme && !strings.ContainsAny(scheme, "/?#"):
		return errors.New("must be a path without a scheme and host, for instance /images/logo.png")
	case path[0] != '/':
		return fmt.Errorf("must start with a slash: write %q", "/"+strings.TrimLeft(path, " /"))
	case strings.HasPrefix(path, "//"):
		return errors.New("must not start with two slashes, which would name a host")
	case strings.Contains(path, "#"):
		return errors.New("must not have a fragment: write %23 for a # in a file name")
	case strings.ContainsFunc(path, unicode.IsControl):
		return errors.New("must not hold control characters, such as a line break")
	}
	return nil
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
