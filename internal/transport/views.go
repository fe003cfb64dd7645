// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// views calls try with each possible reading of a text until try returns true:
// the text with its escapes resolved, and the decoded hexadecimal and base64 in
// it. It also returns true for a text that is escaped more than maxRounds
// times.
func views(text string, try func(string) bool) bool {
	return spellings(text, func(spelling string) bool {
		if try(spelling) {
			return true
		}
		for _, decoded := range decodings(spelling) {
			if spellings(decoded, try) {
				return true
			}
		}
		return false
	})
}

// maxRounds is the maximum number of nested escapes.
const maxRounds = 20

// spellings calls try with a text, and with the text after each round of
// resolving the escapes of URLs, HTML, JSON, and programming languages.
func spellings(text string, try func(string) bool) bool {
	if try(text) {
		return true
	}
	for range maxRounds {
		before := text
		for _, resolve := range []func(string) string{unpercent, html.UnescapeString, unbackslash} {
			resolved := resolve(text)
			if resolved != text && try(resolved) {
				return true
			}
			text = resolved
		}
		if text == before {
			return false
		}
	}
	return true
}

// unpercent resolves %41, and JavaScript's %u0041.
func unpercent(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' {
			if n, ok := hexadecimal(text, i+1, 2); ok {
				b.WriteByte(byte(n & 0xff))
				i += 2
				continue
			}
			if n, ok := hexadecimal(text, i+2, 4); ok && text[i+1]|0x20 == 'u' {
				i += 5 + unit(&b, text[i+6:], n, "%u")
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// unbackslash resolves \u0041, \u{41}, \U00000041, \x41, \101, and the
// backslash before any other character that is not a letter or digit. An escape
// for white space, such as \n, becomes a space.
func unbackslash(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i += backslash(&b, text[i+1:])
	}
	return b.String()
}

// backslash writes the character of an escape and returns the length of the
// escape without the backslash.
func backslash(b *strings.Builder, rest string) int {
	switch c := rest[0]; {
	case c == 'x':
		if n, ok := hexadecimal(rest, 1, 2); ok {
			b.WriteByte(byte(n & 0xff)) // a byte of UTF-8, or a character of Latin-1: see fold
			return 3
		}
	case c == 'u' && strings.HasPrefix(rest, "u{"):
		end := strings.IndexByte(rest, '}')
		if n, ok := hexadecimal(rest, 2, end-2); ok {
			b.WriteRune(n)
			return end + 1
		}
	case c == 'u':
		if n, ok := hexadecimal(rest, 1, 4); ok {
			return 5 + unit(b, rest[5:], n, `\u`)
		}
	case c == 'U':
		if n, ok := hexadecimal(rest, 1, 8); ok {
			b.WriteRune(n)
			return 9
		}
	case c >= '0' && c <= '3':
		if n, err := strconv.ParseUint(rest[:min(3, len(rest))], 8, 8); err == nil && len(rest) >= 3 {
			b.WriteByte(byte(n & 0xff))
			return 3
		}
	case strings.IndexByte("abfnrtv", c) >= 0:
		b.WriteByte(' ')
		return 1
	case c < utf8.RuneSelf && !unicode.IsLetter(rune(c)) && !unicode.IsDigit(rune(c)):
		b.WriteByte(c)
		return 1
	}
	b.WriteByte('\\')
	return 0
}

// unit writes a UTF-16 code unit. If rest begins with the second half of a
// surrogate pair, unit returns its length.
func unit(b *strings.Builder, rest string, n rune, prefix string) int {
	if utf16.IsSurrogate(n) && strings.HasPrefix(rest, prefix) {
		if low, ok := hexadecimal(rest, len(prefix), 4); ok {
			if r := utf16.DecodeRune(n, low); r != unicode.ReplacementChar {
				b.WriteRune(r)
				return len(prefix) + 4
			}
		}
	}
	b.WriteRune(n)
	return 0
}

// hexadecimal parses a fixed number of hexadecimal digits.
func hexadecimal(text string, from, digits int) (rune, bool) {
	if digits < 1 || digits > 8 || from+digits > len(text) {
		return 0, false
	}
	n, err := strconv.ParseInt(text[from:from+digits], 16, 32)
	return rune(n), err == nil && text[from] != '-' && text[from] != '+'
}

// decodings returns a text decoded as hexadecimal and as base64. Words become
// garbage. Because words may precede the encoded part without a separator, each
// possible start of a run is decoded. White space is ignored, and so are
// separators between hexadecimal digits.
func decodings(text string) []string {
	all := make([]string, 0, 10)
	for _, digits := range withoutPrefixes(text) {
		for skip := range 2 {
			all = append(all, decode(digits, decoder{bits: 4, skip: skip}))
		}
	}
	for skip := range 4 {
		all = append(all, decode(text, decoder{bits: 6, skip: skip}))
	}
	return all
}

// withoutPrefixes returns the readings of a text in which 0x is a prefix: none, the
// first in a word, and all. Another one can be the end of a digit and the
// beginning of the text after it.
func withoutPrefixes(text string) []string {
	all := unprefixed.Replace(text)
	if all == text {
		return []string{text}
	}
	return []string{text, firstPrefix.ReplaceAllString(text, "$1"), all}
}

var (
	unprefixed  = strings.NewReplacer("0x", "", "0X", "")
	firstPrefix = regexp.MustCompile(`(^|[^0-9A-Fa-f])0[xX]`)
)

func decode(text string, d decoder) string {
	for _, r := range text {
		d.read(r)
	}
	return string(d.out)
}

// decoder decodes runs of digits with a number of bits each. It ignores the first
// skip digits of a run.
type decoder struct {
	bits, skip int

	out  []byte
	run  int
	have int
	acc  uint32
}

func (d *decoder) read(r rune) {
	digit, ok := hexDigit(r)
	if d.bits == 6 {
		digit, ok = base64Digit(r)
	}
	switch {
	case ok:
		d.run++
		if d.run <= d.skip {
			return
		}
		d.acc = d.acc<<d.bits | digit
		d.have += d.bits
		if d.have >= 8 {
			d.have -= 8
			d.out = append(d.out, byte(d.acc>>d.have&0xff))
		}
	case invisible(r), d.bits == 4 && strings.ContainsRune(":-,._", r):
	default:
		if d.run > d.skip {
			d.out = append(d.out, "\uFFFD"...) // no secret contains it
		}
		d.run, d.have, d.acc = 0, 0, 0
	}
}

func hexDigit(r rune) (uint32, bool) {
	switch {
	case r >= '0' && r <= '9':
		return uint32(r - '0'), true
	case r >= 'a' && r <= 'f':
		return uint32(r - 'a' + 10), true
	case r >= 'A' && r <= 'F':
		return uint32(r - 'A' + 10), true
	default:
		return 0, false
	}
}

func base64Digit(r rune) (uint32, bool) {
	switch {
	case r >= 'A' && r <= 'Z':
		return uint32(r - 'A'), true
	case r >= 'a' && r <= 'z':
		return uint32(r - 'a' + 26), true
	case r >= '0' && r <= '9':
		return uint32(r - '0' + 52), true
	case r == '+' || r == '-':
		return 62, true
	case r == '/' || r == '_':
		return 63, true
	default:
		return 0, false
	}
}

// fold removes differences in case and white space. A plus sign counts as white
// space, as in a query. Bytes that are not UTF-8 count as Latin-1.
func fold(text string) string {
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			r = rune(text[i])
		}
		i += size
		switch {
		case invisible(r), r == '+':
		case r == 'ß' || r == 'ẞ':
			b = append(b, "ss"...)
		case r >= 'A' && r <= 'Z':
			b = append(b, byte(r-'A'+'a'))
		case r < utf8.RuneSelf:
			b = append(b, text[i-size])
		default:
			b = utf8.AppendRune(b, unicode.ToLower(unicode.ToUpper(r)))
		}
	}
	return string(b)
}

// invisible reports whether a character is a space or is not printable.
func invisible(r rune) bool {
	return r <= ' ' || r >= 0x7f && !unicode.IsPrint(r)
}
