// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// leaks returns the secrets that a text contains, and their spelling. It shares no
// code with the scrubber, to find its mistakes.
func leaks(text string, secrets []string) []string {
	var found []string
	for _, secret := range slices.Compact(slices.Sorted(slices.Values(secrets))) {
		for core, forms := range spellingsOf(secret) {
			if !strings.Contains(text, core) {
				continue // the common case
			}
			if i := slices.IndexFunc(forms, func(f form) bool { return strings.Contains(text, f.text) }); i >= 0 {
				found = append(found, fmt.Sprintf("%q (%s)", secret, forms[i].name))
				break
			}
		}
	}
	return found
}

// form is one spelling of a secret, with its name.
type form struct{ text, name string }

// spelled caches the spellings of secrets, because most tests use the same secrets.
var spelled sync.Map

// spellingsOf groups the forms of a secret by their longest word, which many of
// them share.
func spellingsOf(secret string) map[string][]form {
	if forms, ok := spelled.Load(secret); ok {
		return forms.(map[string][]form) //nolint:forcetypeassert // nothing else is stored
	}
	forms := make(map[string][]form)
	for text, name := range spellings(secret) {
		core := longestWord(text)
		forms[core] = append(forms[core], form{text, name})
	}
	if longestWord(secret) != secret { // other secrets are issued once and have few forms
		spelled.Store(secret, forms)
	}
	return forms
}

func longestWord(s string) string {
	longest := ""
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r > '~' || !strings.ContainsRune(alphanumeric, r) }) {
		if len(word) > len(longest) {
			longest = word
		}
	}
	return longest
}

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// spellings returns the forms of a secret with their names. It includes forms
// inside JSON, Go quotes, and queries, as in logs.
func spellings(secret string) map[string]string {
	forms := map[string]string{secret: "raw"}
	add := func(name string, of []string) {
		for _, form := range of {
			if _, twice := forms[form]; !twice && len(form) > 5 {
				forms[form] = name
			}
		}
	}
	inText := []struct {
		name string
		of   func(string) []string
	}{
		{"path-escaped", func(s string) []string { return escaped(url.PathEscape(s)) }},
		{"query-escaped", func(s string) []string { return escaped(url.QueryEscape(s)) }},
		{"JSON-escaped", inJSON},
		{"HTML-escaped", inHTML},
		{"quoted", func(s string) []string {
			return []string{unquoted(strconv.Quote(s)), unquoted(strconv.QuoteToASCII(s))}
		}},
	}
	if longestWord(secret) != secret { // otherwise, all forms are equal
		for _, encoding := range inText {
			add(encoding.name, encoding.of(secret))
		}
	}
	for form, name := range maps.Clone(forms) {
		add(name+", in base64", inBase64(form))
	}
	for form, name := range maps.Clone(forms) {
		for _, encoding := range inText {
			add(name+", then "+encoding.name, encoding.of(form))
		}
	}
	return forms
}

// escaped returns the percent escapes in uppercase and lowercase.
func escaped(s string) []string {
	return []string{s, percent.ReplaceAllStringFunc(s, strings.ToLower)}
}

var percent = regexp.MustCompile(`%[0-9A-F]{2}`)

func inJSON(s string) []string {
	var forms []string
	for _, escapeHTML := range []bool{true, false} {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(escapeHTML)
		_ = encoder.Encode(s) // encoding a string cannot fail
		plain := unquoted(strings.TrimSpace(b.String()))
		forms = append(forms, plain, strings.ReplaceAll(plain, "/", `\/`), unquoted(strconv.QuoteToASCII(plain)))
	}
	return forms
}

func inHTML(s string) []string {
	named := html.EscapeString(s)
	return []string{named, strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;").Replace(named)}
}

// inBase64 returns the base64 text of the secret at every offset in the encoded
// data, so that it is also found in a Basic header, after any username.
func inBase64(s string) []string {
	var forms []string
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			whole := encoding.EncodeToString([]byte(strings.Repeat("x", before) + s))
			first := (before*8 + 5) / 6       // the first character without bits of a preceding byte
			last := (before + len(s)) * 8 / 6 // after the last character without bits of a following byte
			forms = append(forms, whole[first:last])
		}
	}
	return forms
}

func unquoted(s string) string { return s[1 : len(s)-1] }

func TestLeaksAreFoundInEveryEncoding(t *testing.T) {
	t.Parallel()
	const secret = `kQ7#"<z&>'%+/= \ü~?wPx9`
	pair := func(user string) []byte { return []byte(user + ":" + secret) }
	object, err := json.Marshal(map[string]string{"password": secret})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"raw":                         secret,
		"path-escaped":                url.PathEscape(secret),
		"query-escaped":               url.QueryEscape(secret),
		"query-escaped in lower case": percent.ReplaceAllStringFunc(url.QueryEscape(secret), strings.ToLower),
		"JSON-escaped":                string(object),
		"JSON-escaped, slashes too":   strings.ReplaceAll(string(object), "/", `\/`),
		"JSON in JSON":                fmt.Sprintf("%q", object),
		"HTML-escaped":                html.EscapeString(secret),
		"HTML-escaped with names":     strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;").Replace(html.EscapeString(secret)),
		"quoted by Go":                fmt.Sprintf("%q", secret),
		"quoted by Go in ASCII":       fmt.Sprintf("%+q", secret),
		"base64":                      base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 without padding":      base64.RawStdEncoding.EncodeToString([]byte(secret)),
		"base64 for URLs":             base64.URLEncoding.EncodeToString([]byte(secret)),
		"base64 for URLs, unpadded":   base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"a Basic header of a":         "Basic " + base64.StdEncoding.EncodeToString(pair("a")),
		"a Basic header of ab":        "Basic " + base64.StdEncoding.EncodeToString(pair("ab")),
		"a Basic header of abc":       "Basic " + base64.StdEncoding.EncodeToString(pair("abc")),
		"a Basic header in a query":   url.QueryEscape(base64.StdEncoding.EncodeToString(pair("abc"))),
		"a Basic header for URLs":     base64.URLEncoding.EncodeToString(pair("abc")),
		"a login's body in base64":    base64.StdEncoding.EncodeToString(object),
	} {
		if got := leaks("before "+text+" behind", []string{"another-secret", secret}); len(got) != 1 || !strings.HasPrefix(got[0], strconv.Quote(secret)) {
			t.Errorf("%s: found %q in %s", name, got, text)
		}
	}
	clean := "user=abc [redacted] kQ7# wPx9 " + url.QueryEscape(secret[:10]) + base64.StdEncoding.EncodeToString([]byte("abc:"))
	if diff := cmp.Diff([]string(nil), leaks(clean, []string{secret})); diff != "" {
		t.Errorf("found in a text without secrets (-want +got):\n%s", diff)
	}
}
