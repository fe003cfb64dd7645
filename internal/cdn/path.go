package cdn

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// EncodePath checks a path on the CDN and brings it to the form in which the
// CDN is asked for it: what is not ASCII and spaces are percent-encoded, a
// percent sign that encodes nothing becomes %25, and what is encoded already
// stays as it is. A "?" starts the query of the asset.
//
// The server takes relative paths, full URLs and more without complaint and
// then purges something else than was meant, so all of those are errors here.
func EncodePath(path string) (string, error) {
	if err := checkPath(path); err != nil {
		return "", err
	}
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
	return b.String(), nil
}

func checkPath(path string) error {
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

func isEscape(s string) bool {
	return len(s) > 2 && isHex(s[1]) && isHex(s[2])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// SamePath tells whether two paths, however they are spelled, are one asset.
func SamePath(a, b string) bool { return PathKey(a) == PathKey(b) }

// PathKey is equal for all spellings of one asset. For a path that is not valid
// it is the path itself.
func PathKey(path string) string {
	encoded, err := EncodePath(path)
	if err != nil {
		return path
	}
	b := []byte(encoded)
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

// HasWildcard tells whether a path stands for more than one asset.
func HasWildcard(path string) bool { return strings.Contains(path, "*") }
