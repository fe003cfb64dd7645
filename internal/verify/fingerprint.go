// SPDX-License-Identifier: MPL-2.0

package verify

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // filemd5 returns it; it protects nothing
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"regexp"
	"strings"
)

// fingerprint identifies content: it is the digest of a file, or an ETag.
type fingerprint struct {
	name   string // "MD5 digest", …, or "ETag"
	text   string // as configured
	sum    []byte
	hash   func() hash.Hash // nil for an ETag
	encode func([]byte) string
	etag   string // without W/ and quotes
}

// digests are the algorithms by the length of the digest in bytes.
var digests = map[int]struct {
	name string
	hash func() hash.Hash
}{
	md5.Size:    {"MD5 digest", md5.New},
	sha1.Size:   {"SHA-1 digest", sha1.New},
	sha256.Size: {"SHA-256 digest", sha256.New},
	sha512.Size: {"SHA-512 digest", sha512.New},
}

// multipart matches the ETag of an S3 object that was uploaded in parts. It is not
// a digest of the content.
var multipart = regexp.MustCompile(`^[0-9a-fA-F]{32}-\d+$`)

// CheckFingerprint returns an error if a fingerprint is invalid. The text of the
// error follows the name of the argument and does not contain the value.
func CheckFingerprint(text string) error {
	_, err := parseFingerprint(text)
	return err
}

func parseFingerprint(text string) (*fingerprint, error) {
	for _, form := range []struct {
		decode func(string) ([]byte, error)
		encode func([]byte) string
	}{
		{hex.DecodeString, hex.EncodeToString},
		{base64.StdEncoding.Strict().DecodeString, base64.StdEncoding.EncodeToString},
	} {
		sum, err := form.decode(text)
		if d, ok := digests[len(sum)]; ok && err == nil && !strings.ContainsAny(text, "\r\n") {
			return &fingerprint{name: d.name, text: text, sum: sum, hash: d.hash, encode: form.encode}, nil
		}
	}
	if multipart.MatchString(text) {
		return &fingerprint{name: "ETag", text: text, etag: text}, nil
	}
	if tag, ok := opaque(text); ok {
		return &fingerprint{name: "ETag", text: text, etag: tag}, nil
	}
	if trimmed := strings.TrimSpace(text); trimmed != text && CheckFingerprint(trimmed) == nil {
		return nil, errors.New("must not begin or end with a space or a line break: use trimspace()")
	}
	if _, ok := opaque(`"` + text + `"`); ok && strings.HasPrefix(text, "W/") {
		return nil, errors.New(`must have the ETag in quotes, as in the response: W/"…"`)
	}
	return nil, errors.New("must be an MD5, SHA-1, SHA-256, or SHA-512 digest in hexadecimal or base64, such as the result of filemd5() or filebase64sha256(), " +
		`or an ETag: in quotes as in the response ("…" or W/"…"), or as S3 returns it for an upload in parts (32 hexadecimal digits, a hyphen, and a number)`)
}

// opaque returns an entity tag (RFC 9110, 8.8.3) without the quotes and the prefix
// W/, which a weak comparison ignores.
func opaque(etag string) (string, bool) {
	tag := strings.TrimPrefix(etag, "W/")
	if len(tag) < 3 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return "", false
	}
	tag = tag[1 : len(tag)-1]
	return tag, !strings.ContainsFunc(tag, func(r rune) bool { return r <= ' ' || r == '"' || r == 0x7f })
}

// matches reports whether an ETag matches weakly.
func (f *fingerprint) matches(etag string) bool {
	tag, ok := opaque(etag)
	if !ok {
		tag = etag // some servers omit the quotes
	}
	return tag == f.etag
}

func (f *fingerprint) equal(sum []byte) bool { return bytes.Equal(f.sum, sum) }

// String returns a description: "MD5 digest 9e107d…".
func (f *fingerprint) String() string { return f.name + " " + f.text }
