// SPDX-License-Identifier: MPL-2.0

package urlpath

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// rules apply to every path, in this order: check returns the first broken rule.
// A cache accepts a path that breaks a rule, but purges something else or nothing.
var rules = []struct {
	broken func(path string) bool
	text   string
	orElse string // advice for a path that is meant literally
}{
	{isEmpty, "must not be empty", ""},
	{hasControl, "must not contain control characters, such as a line break", ""},
	{hasScheme, "must be a path without a scheme and host", ""},
	{hasOuterSpace, "must not start or end with a space", "write %20 if the space is part of the path"},
	{hasSeveral, "must be one path, but contains a space before a slash", "write %20 if the space is part of the path"},
	{isRelative, "must start with a slash", ""},
	{hasTwoSlashes, "must not start with two slashes. A prefix before the path is probably empty", ""},
	{hasFragment, "must not contain a fragment", "write %23 for a # in a file name"},
	{hasBackslash, "must not contain a backslash", ""},
	{hasDots, `must not contain "." or ".." as a segment, because clients remove these before they request a path`, ""},
}

// check returns the first rule that a path breaks, with advice.
func check(path string) error {
	for i, rule := range rules {
		if rule.broken(path) {
			return errors.New(rule.text + instead(path, i))
		}
	}
	return nil
}

// instead returns the advice for a path that breaks a rule.
func instead(path string, rule int) string {
	orElse, use := rules[rule].orElse, suggest(path)
	switch host, rest := cutHost(path); {
	case host != "" && orElse == "":
		return fmt.Sprintf(". If %q is a host, use %q", host, cmp.Or(suggest(rest), "/"))
	case use != "" && orElse != "":
		return fmt.Sprintf(". Use %q, or %s", use, orElse)
	case use != "":
		return fmt.Sprintf(". Use %q", use)
	case orElse != "":
		return ". " + strings.ToUpper(orElse[:1]) + orElse[1:]
	default:
		return ""
	}
}

func valid(path string) bool {
	for _, rule := range rules {
		if rule.broken(path) {
			return false
		}
	}
	return true
}

func isEmpty(path string) bool       { return path == "" }
func isRelative(path string) bool    { return path[0] != '/' }
func hasTwoSlashes(path string) bool { return strings.HasPrefix(path, "//") }
func hasFragment(path string) bool   { return strings.Contains(path, "#") }
func hasControl(path string) bool    { return strings.ContainsFunc(path, unicode.IsControl) }
func hasOuterSpace(path string) bool { return strings.TrimSpace(path) != path }

func hasScheme(path string) bool {
	scheme, _, found := strings.Cut(path, "://")
	return found && !strings.ContainsAny(scheme, `/?#\`)
}

// hasSeveral finds paths that are separated by spaces, such as "/a, /b".
func hasSeveral(path string) bool {
	for i, r := range path {
		if r == '/' && strings.TrimRightFunc(path[:i], unicode.IsSpace) != path[:i] {
			return true
		}
	}
	return false
}

func hasBackslash(path string) bool {
	path, _, _ = strings.Cut(path, "?")
	return strings.Contains(path, `\`)
}

func hasDots(path string) bool {
	path, _, _ = strings.Cut(path, "?")
	for segment := range strings.SplitSeq(path, "/") {
		if dots(segment) > 0 {
			return true
		}
	}
	return false
}

// dots returns 1 for a segment that is ".", 2 for one that is "..", and 0 for
// any other. A dot may be percent-encoded.
func dots(segment string) int {
	if len(segment) > len("%2e%2e") {
		return 0
	}
	switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
	case ".":
		return 1
	case "..":
		return 2
	default:
		return 0
	}
}

var drive = regexp.MustCompile(`^[A-Za-z]:[/\\]`)

// suggest returns the valid path that the user probably means by an invalid one,
// or "".
func suggest(path string) string {
	path = strings.TrimFunc(path, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	switch {
	case path == "" || drive.MatchString(path):
		return ""
	case hasScheme(path):
		_, path, _ = strings.Cut(path, "://")
		_, path = cutFirst(path)
	}
	path, _, _ = strings.Cut(path, "#")
	path, query, hasQuery := strings.Cut(path, "?")
	path = "/" + strings.TrimLeft(withoutDots("/"+strings.ReplaceAll(path, `\`, "/")), "/")
	if hasQuery {
		path += "?" + query
	}
	if !valid(path) {
		return ""
	}
	return path
}

// withoutDots removes dot segments as clients do (RFC 3986, 5.2.4).
func withoutDots(path string) string {
	segments := strings.Split(path, "/")[1:]
	kept := make([]string, 0, len(segments))
	for i, segment := range segments {
		n := dots(segment)
		if n == 2 && len(kept) > 0 {
			kept = kept[:len(kept)-1]
		}
		switch {
		case n == 0:
			kept = append(kept, segment)
		case i == len(segments)-1:
			kept = append(kept, "") // a directory
		}
	}
	return "/" + strings.Join(kept, "/")
}

var (
	port   = regexp.MustCompile(`^[\pL\pN.-]+:\d+$`)
	domain = regexp.MustCompile(`^([\pL\pN]([\pL\pN-]*[\pL\pN])?\.)+(\pL{2,}|xn--[a-z0-9-]+)$`)
	ipv4   = regexp.MustCompile(`^\d+(\.\d+){3}$`)
)

// cutHost splits a path that probably starts with a host. The host is empty if
// the path starts with a directory or a file, like a valid path.
func cutHost(path string) (host, rest string) {
	relative := strings.TrimLeft(path, "/")
	if len(path)-len(relative) == 1 {
		return "", ""
	}
	first, rest := cutFirst(relative)
	switch {
	case port.MatchString(first), strings.HasPrefix(first, "www."):
		return first, rest
	case strings.HasPrefix(rest, "/") && (domain.MatchString(first) || ipv4.MatchString(first)):
		return first, rest
	default:
		return "", ""
	}
}

// cutFirst splits s before the first character that can end a host.
func cutFirst(s string) (first, rest string) {
	end := strings.IndexAny(s, `/?#\`)
	if end < 0 {
		return s, ""
	}
	return s[:end], s[end:]
}
