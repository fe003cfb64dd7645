// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
)

// encodings returns the usual encodings of a secret, which are replaced in a
// text.
func encodings(secret string) []string {
	raw := []byte(secret)
	escaped, query := url.PathEscape(secret), url.QueryEscape(secret)
	forms := []string{
		secret, escaped, query, lowerHex(escaped), lowerHex(query), html.EscapeString(secret),
		base64.RawStdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
	}
	for _, form := range slices.Clone(forms) {
		forms = append(forms, inJSON(form)...)
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// inJSON returns the forms of a text in a JSON string: with or without escapes
// for < > &, for the slash, and for characters outside ASCII.
func inJSON(text string) []string {
	var forms []string
	for _, escapeHTML := range []bool{true, false} {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(escapeHTML)
		if encoder.Encode(text) != nil {
			continue
		}
		plain := b.String()[1 : b.Len()-len("\"\n")]
		var ascii strings.Builder
		for _, r := range plain {
			if r <= unicode.MaxASCII {
				ascii.WriteRune(r)
				continue
			}
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&ascii, `\u%04x`, unit)
			}
		}
		for _, form := range []string{plain, ascii.String()} {
			forms = append(forms, form, strings.ReplaceAll(form, "/", `\/`))
		}
	}
	return forms
}

// lowerHex converts percent escapes to lower case.
func lowerHex(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}
