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
	// shortest is the length, in characters, under which replacing a secret
	// would say more than it hides: a text with one is not shown at all.
	shortest = 4
)

// Scrubber keeps secrets out of what servers say. A secret as it is, or as
// encoders usually spell it, is replaced. A text that has one in another
// spelling is not shown at all. The zero value knows no secrets, and so does nil.
type Scrubber struct {
	mu      sync.RWMutex
	known   map[string]*known
	forms   []string // longest first, so that no part of one survives another
	passing []string // cookies that no credential has any more, oldest first
}

// known is what is kept of a secret.
type known struct {
	lasting bool     // not a cookie
	held    int      // by so many credentials
	folded  []string // what it is searched for as, see fold
}

const (
	// maxPassing bounds the cookies that are remembered when no credential has
	// them any more: a load balancer may send a new one with each reply.
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
		if secret != "" {
			s.learn(secret).lasting = true
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

// hold makes the value of a cookie known while a credential has it.
func (s *Scrubber) hold(value string) {
	if len(value) < shortestCookie {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learn(value).held++
	s.passing = slices.DeleteFunc(s.passing, func(other string) bool { return other == value })
}

// release forgets a cookie that no credential has any more, when there are many
// newer ones. A request may still be under way with it.
func (s *Scrubber) release(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.known[value]
	if k == nil {
		return
	}
	k.held--
	if k.held > 0 || k.lasting {
		return
	}
	s.passing = append(s.passing, value)
	if len(s.passing) > maxPassing {
		s.forget(s.passing[0])
		s.passing = slices.Delete(s.passing, 0, 1)
	}
}

func (s *Scrubber) forget(secret string) {
	if s.known[secret].lasting {
		return
	}
	delete(s.known, secret)
	for _, form := range replaced(secret) {
		if at, ok := slices.BinarySearchFunc(s.forms, form, longer); ok {
			s.forms = slices.Delete(s.forms, at, at+1)
		}
	}
}

// replaced are the spellings of a secret that are replaced in a text.
func replaced(secret string) []string {
	if utf8.RuneCountInString(secret) < shortest {
		return nil
	}
	return encodings(secret)
}

func longer(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }

// Scrub takes all secrets out of a text.
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
	if s.anyView(clean, s.holds) {
		return redacted
	}
	return clean
}

// holds tells whether a folded text has a secret in it.
func (s *Scrubber) holds(folded string) bool {
	for _, k := range s.known {
		if slices.ContainsFunc(k.folded, func(form string) bool { return strings.Contains(folded, form) }) {
			return true
		}
	}
	return false
}

// unfinished is an escape that was cut.
var unfinished = regexp.MustCompile(`(?:%[u]?[0-9a-f]{0,3}|&[#a-z0-9]{0,9}|\\+[ux]?\{?[0-9a-f]{0,7})$`)

// ends tells whether a folded text ends with the beginning of a secret.
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

// anyView looks at a text, folded, in each spelling that it may be in.
func (s *Scrubber) anyView(text string, found func(folded string) bool) bool {
	if len(s.known) == 0 {
		return false
	}
	return views(text, func(view string) bool { return found(fold(view)) })
}

// Cut takes the secrets out of a text that ends where it was cut, and also the
// beginning of one, which would not be recognized.
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

// maxText bounds what is looked at of a text of which a line is shown.
const maxText = 16 << 10

// Line makes text from a server fit to be shown: no secrets, one line, valid
// UTF-8, at most 500 characters.
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

// Shorten cuts a line to 500 characters.
func Shorten(text string) string {
	if runes := []rune(text); len(runes) > maxLine {
		text = string(runes[:maxLine-1]) + "…"
	}
	return text
}
