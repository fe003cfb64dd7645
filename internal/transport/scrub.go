package transport

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
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
	mu      sync.RWMutex
	known   map[string]bool
	forms   []string // longest first, so that no part of one survives another
	passing []string // those of known that are forgotten again, oldest first
}

const (
	// maxPassing bounds the cookies that are remembered: a load balancer may
	// send a new one with each reply.
	maxPassing = 64
	// shortestCookie is the length under which the value of a cookie is no
	// secret but the name of a node, or a flag.
	shortestCookie = 8
)

// Add makes more secrets known. Empty ones are ignored.
func (s *Scrubber) Add(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		s.add(secret)
	}
}

func (s *Scrubber) add(secret string) bool {
	if secret == "" || s.known[secret] {
		return false
	}
	if s.known == nil {
		s.known = make(map[string]bool)
	}
	s.known[secret] = true
	for _, form := range encodings(secret) {
		at, _ := slices.BinarySearchFunc(s.forms, form, longer)
		s.forms = slices.Insert(s.forms, at, form)
	}
	return true
}

// addPassing makes the value of a cookie known until many newer ones are.
func (s *Scrubber) addPassing(value string) {
	if len(value) < shortestCookie {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.add(value) {
		return
	}
	s.passing = append(s.passing, value)
	if len(s.passing) <= maxPassing {
		return
	}
	oldest := s.passing[0]
	s.passing = slices.Delete(s.passing, 0, 1)
	delete(s.known, oldest)
	for _, form := range encodings(oldest) {
		if at, ok := slices.BinarySearchFunc(s.forms, form, longer); ok {
			s.forms = slices.Delete(s.forms, at, at+1)
		}
	}
}

func longer(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }

// encodings are the different spellings of a secret.
func encodings(secret string) []string {
	raw := []byte(secret)
	escaped, query := url.PathEscape(secret), url.QueryEscape(secret)
	forms := []string{
		secret, escaped, query, lowerHex(escaped), lowerHex(query), html.EscapeString(secret),
		base64.RawStdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
	}
	// Twice: an error that quotes a body in JSON may itself be shown as JSON.
	for range 2 {
		for _, form := range slices.Clone(forms) {
			forms = append(forms, inJSON(form)...)
		}
		slices.Sort(forms)
		forms = slices.Compact(forms)
	}
	return forms
}

// inJSON is a text as encoders write it within quotes: with < > & escaped or not,
// the slash escaped or not, and in ASCII.
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
	clean := text
	for _, form := range s.forms {
		if !strings.Contains(clean, form) {
			continue
		}
		if len(form) < shortest {
			return redacted
		}
		clean = strings.ReplaceAll(clean, form, redacted)
	}
	if clean != text && s.holds(clean) {
		return redacted // what was put in made a secret with what is around it
	}
	return clean
}

func (s *Scrubber) holds(text string) bool {
	return slices.ContainsFunc(s.forms, func(form string) bool { return strings.Contains(text, form) })
}

// trimCut takes the beginning of a secret off the end of a body that was cut
// there: it would not be recognised.
func (s *Scrubber) trimCut(body []byte) []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	longest := 0
	for _, form := range s.forms {
		for n := min(len(form)-1, len(body)); n >= shortest && n > longest; n-- {
			if string(body[len(body)-n:]) == form[:n] {
				longest = n
			}
		}
	}
	return body[:len(body)-longest]
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
