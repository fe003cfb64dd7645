package transport

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"
)

const (
	redacted = "[redacted]"
	maxLine  = 500
	// shortest is the length under which replacing a secret would say more
	// than it hides: a text that holds one is not shown at all.
	shortest = 4
)

// Scrubber replaces secrets in text, in every encoding that they are sent in.
// The zero value knows no secrets.
type Scrubber struct {
	mu    sync.RWMutex
	forms []string // longest first, so that no part of one survives another
}

// Add makes more secrets known. Empty ones are ignored.
func (s *Scrubber) Add(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		for _, form := range encodings(secret) {
			if form != "" && !slices.Contains(s.forms, form) {
				s.forms = append(s.forms, form)
			}
		}
	}
	slices.SortStableFunc(s.forms, func(a, b string) int { return len(b) - len(a) })
}

func encodings(secret string) []string {
	raw := []byte(secret)
	escaped, query := url.PathEscape(secret), url.QueryEscape(secret)
	forms := []string{
		secret, escaped, query, lowerHex(escaped), lowerHex(query), html.EscapeString(secret),
		base64.RawStdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
	}
	for _, escapeHTML := range []bool{true, false} {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(escapeHTML)
		if encoder.Encode(secret) == nil {
			forms = append(forms, strings.Trim(strings.TrimSpace(b.String()), `"`))
		}
	}
	return forms
}

// lowerHex spells percent escapes in lower case.
func lowerHex(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

// Scrub replaces all secrets.
func (s *Scrubber) Scrub(text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, form := range s.forms {
		if !strings.Contains(text, form) {
			continue
		}
		if len(form) < shortest {
			return redacted
		}
		text = strings.ReplaceAll(text, form, redacted)
	}
	return text
}

// Line makes text from a server fit to be shown: no secrets, one line, valid
// UTF-8, at most 500 characters.
func (s *Scrubber) Line(text string) string {
	text = strings.ToValidUTF8(s.Scrub(text), "\uFFFD")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	// Once more: a control character within a secret may have hidden it.
	text = s.Scrub(strings.Join(strings.Fields(text), " "))
	if runes := []rune(text); len(runes) > maxLine {
		text = string(runes[:maxLine-1]) + "…"
	}
	return text
}
