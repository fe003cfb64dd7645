// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

const (
	redacted = "[redacted]"
	maxLine  = 500
	// shortest is the minimum length, in characters, of a secret that is
	// replaced. A text with a shorter secret is not shown, because a replacement
	// would reveal more than it hides.
	shortest = 4
)

// Scrubber removes secrets from the texts of servers. It replaces a secret in
// its original form or in a usual encoding. It hides the whole text if a secret
// is in it in any other form. The zero value and a nil Scrubber know no
// secrets.
type Scrubber struct {
	mu       sync.RWMutex
	known    map[string]*known
	forms    []string // longest first, because one may be part of another
	released []string // cookies that no credential has any more, oldest first
}

// known is a secret.
type known struct {
	permanent bool     // not a cookie
	held      int      // number of credentials that have it
	folded    []string // the forms to search for; see fold
}

const (
	// maxReleased is how many cookies are remembered after the last credential
	// dropped them. A load balancer may send a new cookie with each response.
	maxReleased = 64
	// shortestCookie is the minimum length of a secret cookie value. Shorter
	// values are names of nodes, or flags.
	shortestCookie = 8
)

// Add adds secrets. It ignores empty ones.
func (s *Scrubber) Add(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		if secret != "" {
			s.learn(secret).permanent = true
		}
	}
}

func (s *Scrubber) learn(secret string) *known {
	if k := s.known[secret]; k != nil {
		return k
	}
	k := &known{}
	spellings(secret, func(text string) bool {
		if folded := fold(text); folded != "" && !slices.Contains(k.folded, folded) {
			k.folded = append(k.folded, folded)
		}
		return false
	})
	if s.known == nil {
		s.known = make(map[string]*known)
	}
	s.known[secret] = k
	for _, form := range replaced(secret) {
		at, _ := slices.BinarySearchFunc(s.forms, form, longer)
		s.forms = slices.Insert(s.forms, at, form)
	}
	return k
}

// hold adds the value of a cookie for as long as a credential has it.
func (s *Scrubber) hold(value string) {
	if len(value) < shortestCookie {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learn(value).held++
	s.released = slices.DeleteFunc(s.released, func(other string) bool { return other == value })
}

// release records that a credential has dropped a cookie. The cookie is
// forgotten after many newer ones, because a request may still be in flight
// with it.
func (s *Scrubber) release(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.known[value]
	if k == nil {
		return
	}
	k.held--
	if k.held > 0 || k.permanent {
		return
	}
	s.released = append(s.released, value)
	if len(s.released) > maxReleased {
		s.forget(s.released[0])
		s.released = slices.Delete(s.released, 0, 1)
	}
}

func (s *Scrubber) forget(secret string) {
	if s.known[secret].permanent {
		return
	}
	delete(s.known, secret)
	for _, form := range replaced(secret) {
		if at, ok := slices.BinarySearchFunc(s.forms, form, longer); ok {
			s.forms = slices.Delete(s.forms, at, at+1)
		}
	}
}

// replaced returns the forms of a secret to replace in a text.
func replaced(secret string) []string {
	if utf8.RuneCountInString(secret) < shortest {
		return nil
	}
	return encodings(secret)
}

func longer(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }

// Scrub removes all secrets from a text.
func (s *Scrubber) Scrub(text string) string {
	if s == nil || text == "" {
		return text
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	clean := text
	for _, form := range s.forms {
		clean = strings.ReplaceAll(clean, form, redacted)
	}
	if s.anyView(clean, s.contains) {
		return redacted
	}
	return clean
}

// contains reports whether a folded text contains a secret.
func (s *Scrubber) contains(folded string) bool {
	for _, k := range s.known {
		if slices.ContainsFunc(k.folded, func(form string) bool { return strings.Contains(folded, form) }) {
			return true
		}
	}
	return false
}

// unfinished matches an escape that was cut off.
var unfinished = regexp.MustCompile(`(?:%[u]?[0-9a-f]{0,3}|&[#a-z0-9]{0,9}|\\+[ux]?\{?[0-9a-f]{0,7})$`)

// ends reports whether a folded text ends with the beginning of a secret.
func (s *Scrubber) ends(folded string) bool {
	return s.endsWithBeginning(folded) || s.endsWithBeginning(unfinished.ReplaceAllString(folded, ""))
}

func (s *Scrubber) endsWithBeginning(folded string) bool {
	for _, k := range s.known {
		for _, form := range k.folded {
			for n := min(len(form), len(folded)); n >= shortest; n-- {
				if strings.HasSuffix(folded, form[:n]) {
					return true
				}
			}
		}
	}
	return false
}

// anyView calls found with each reading of a text, folded, until it returns
// true.
func (s *Scrubber) anyView(text string, found func(folded string) bool) bool {
	if len(s.known) == 0 {
		return false
	}
	return views(text, func(view string) bool { return found(fold(view)) })
}

// Cut removes the secrets from a text whose end was cut off. It also removes
// the beginning of a secret at the end of the text.
func (s *Scrubber) Cut(text string) string {
	if s == nil {
		return text
	}
	text = s.Scrub(text)
	s.mu.RLock()
	defer s.mu.RUnlock()
	longest := 0
	for _, form := range s.forms {
		for n := min(len(form)-1, len(text)); n >= shortest && n > longest; n-- {
			if strings.HasSuffix(text, form[:n]) {
				longest = n
			}
		}
	}
	text = text[:len(text)-longest]
	if s.anyView(text, func(folded string) bool { return s.ends(folded) }) {
		return redacted
	}
	return text
}

// maxText is how many bytes of a text Line examines.
const maxText = 16 << 10

// Line makes text from a server fit to be shown: one line of valid UTF-8, at
// most 500 characters, without secrets.
func (s *Scrubber) Line(text string) string {
	if len(text) > maxText {
		text = s.Cut(text[:maxText])
	} else {
		text = s.Scrub(text)
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	return Shorten(strings.Join(strings.Fields(text), " "))
}

// Shorten truncates a line to 500 characters.
func Shorten(text string) string {
	if runes := []rune(text); len(runes) > maxLine {
		text = string(runes[:maxLine-1]) + "…"
	}
	return text
}
