// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

const secret = `p"a/s s+ü&<w>\d%`

func TestScrub(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		secrets    []string
		text, want string
	}{
		"text without a secret": {[]string{secret}, "nothing here", "nothing here"},
		"no secrets":            {nil, "nothing here", "nothing here"},
		"an empty secret":       {[]string{""}, "nothing here", "nothing here"},
		"the secret itself":     {[]string{"hunter22"}, "user hunter22, again hunter22", "user [redacted], again [redacted]"},
		"in a JSON string":      {[]string{secret}, `{"password":"p\"a/s s+ü\u0026\u003cw\u003e\\d%"}`, `{"password":"[redacted]"}`},
		"in a JSON string of an encoder that escapes less": {[]string{secret}, `{"password":"p\"a/s s+ü&<w>\\d%"}`, `{"password":"[redacted]"}`},
		"in HTML":                               {[]string{secret}, "<b>" + html.EscapeString(secret) + "</b>", "<b>[redacted]</b>"},
		"in a query":                            {[]string{secret}, "?p=" + url.QueryEscape(secret), "?p=[redacted]"},
		"in a query with lowercase hex digits":  {[]string{"a+ü/b"}, "?p=a%2b%c3%bc%2fb", "?p=[redacted]"},
		"in a path":                             {[]string{secret}, "/x/" + url.PathEscape(secret), "/x/[redacted]"},
		"a secret of three characters, encoded": {[]string{"a&b"}, "it is a&amp;b", "[redacted]"},
		"a secret of three characters, in another case": {[]string{"abc"}, "it is ABC", "[redacted]"},
		"in a Basic header":                             {[]string{"user:hunter22"}, "Authorization: Basic dXNlcjpodW50ZXIyMg==", "Authorization: Basic [redacted]=="},
		"in base64 for URLs":                            {[]string{"??>>~~??"}, base64.URLEncoding.EncodeToString([]byte("??>>~~??")), "[redacted]="},
		"a secret that is part of another":              {[]string{"hunter", "hunter22"}, "hunter22 hunter", "[redacted] [redacted]"},
		"a text with a very short secret is hidden":     {[]string{"abc"}, "the alphabet begins with abc, they say", "[redacted]"},
		"a secret that the redaction creates":           {[]string{"]abcd"}, "]]abcdabcd", "[redacted]"},
		"a secret that ends with a quotation mark":      {[]string{`hunter"`}, `{"password":"hunter\""}`, `{"password":"[redacted]"}`},
		"a secret of four characters is replaced":       {[]string{"abcd"}, "it is abcd.", "it is [redacted]."},
		"a secret next to itself":                       {[]string{"hunter22"}, "hunter22hunter22", "[redacted][redacted]"},
		"a secret in upper case":                        {[]string{"hunter22"}, "user HUNTER22", "[redacted]"},
		"two adjacent secrets":                          {[]string{"hunter22", "swordfish"}, "hunter22swordfish", "[redacted][redacted]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s Scrubber
			s.Add(row.secrets...)
			same(t, "text", row.want, s.Scrub(row.text))
		})
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ text, want string }{
		"one line": {"Service is down.", "Service is down."},
		"lines, tabs and runs of spaces become one space":   {"  a\r\n\tb   c\n", "a b c"},
		"control and invisible characters become spaces":    {"a\x00b\x1b[31mc\u200bd\u2028e\u00a0f", "a b [31mc d e f"},
		"invalid UTF-8 is replaced":                         {"caf\xe9", "caf\uFFFD"},
		"500 characters":                                    {strings.Repeat("ü", 500), strings.Repeat("ü", 500)},
		"501 characters are truncated":                      {strings.Repeat("ü", 501), strings.Repeat("ü", 499) + "…"},
		"secrets are replaced before the text is truncated": {strings.Repeat("x", 495) + "hunter22", strings.Repeat("x", 495) + "[red…"},
		"a secret with a line break instead of a space":     {"correct\nhorse", "[redacted]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s Scrubber
			s.Add("hunter22", "correct horse")
			same(t, "line", row.want, s.Line(row.text))
		})
	}
}

// TestSpellings checks that a secret is replaced, or the whole text is hidden.
func TestSpellings(t *testing.T) {
	t.Parallel()
	const planted = `pa"ss=w'örd/1`
	for name, text := range spelledOut(planted) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s Scrubber
			s.Add(planted)
			got := s.Scrub("it is " + text + ", it seems")
			if !strings.Contains(got, redacted) {
				t.Errorf("%q contains no redaction", got)
			}
			for i := range len(text) - 5 {
				if part := text[i : i+5]; strings.Contains(got, part) {
					t.Fatalf("the part %q is shown in %q", part, got)
				}
			}
		})
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ body, want string }{
		"no secret":                          {"it ends here", "it ends here"},
		"the beginning of a secret":          {"password hunter", "password "},
		"the beginning of an encoded secret": {"Basic " + base64.StdEncoding.EncodeToString([]byte("hunter22"))[:7], "Basic "},
		"a few characters of a secret":       {"a hun", "a hun"},
		"a whole secret":                     {"password hunter22", "password [redacted]"},
		"the longer of two beginnings":       {"password correct ho", "password "},
		"only the beginning of a secret":     {"hunter2", ""},
		"an empty body":                      {"", ""},
		"in upper case":                      {"password HUNTER2", redacted},
		"in HTML entities":                   {"password p&quot;q&#x27;r", redacted},
		"cut within an HTML entity":          {"password p&quot;q&#x27;r&l", redacted},
		"cut within a percent escape":        {"password p%2522q%2527r%253", redacted},
		"cut within a backslash escape":      {`password p\u0022q\u0027r\u00`, redacted},
		"on two lines":                       {"password correct\nho", redacted},
		"in base64":                          {"Basic " + base64.StdEncoding.EncodeToString([]byte("user:hunter22"))[:16], redacted},
		"in hexadecimal":                     {"password " + hex.EncodeToString([]byte("hunter22"))[:13], redacted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s Scrubber
			s.Add("hunter22", "correct horse", `p"q'r<s`)
			same(t, "body", row.want, s.Cut(row.body))
		})
	}
}

// TestCookiesAreForgotten checks a load balancer that sends a new cookie with each
// response: the number of known cookies is limited, and the cookies of a credential
// stay known.
func TestCookiesAreForgotten(t *testing.T) {
	t.Parallel()
	var s Scrubber
	s.Add("cookie-0000") // also a secret of another kind
	s.hold("session-0001")
	s.hold("session-0001") // of two credentials
	s.release("session-0001")
	for i := range 1000 {
		s.hold(fmt.Sprintf("cookie-%04d", i))
		s.release(fmt.Sprintf("cookie-%04d", i))
	}
	same(t, "latest cookie", "[redacted]", s.Scrub("cookie-0999"))
	same(t, "early cookie", "cookie-0123", s.Scrub("cookie-0123"))
	same(t, "early cookie that is also a secret", "[redacted]", s.Scrub("cookie-0000"))
	same(t, "still held", "[redacted]", s.Scrub("session-0001"))
	if n := len(s.forms); n > 4*(maxReleased+2) {
		t.Errorf("%d forms are known", n)
	}
	s.release("session-0001")
	same(t, "just released", "[redacted]", s.Scrub("session-0001"))
	s.hold("node1")
	same(t, "name of a node", "node1", s.Scrub("node1"))
	s.release("node1")
}

// TestCookiesOfACredential checks that the cookies of a credential stay secrets when
// another one changes, and the limits for their number and size.
func TestCookiesOfACredential(t *testing.T) {
	t.Parallel()
	var s Scrubber
	cred := &Credential{Cookies: true}
	set := func(name, value string) {
		cred.refresh(http.Header{"Set-Cookie": {name + "=" + value}}, &s)
	}
	set("JSESSIONID", "session-of-mine")
	New("Example", Options{}).Keep(cred, &Response{})
	for i := range 1000 {
		set("ROUTE", fmt.Sprintf("balancer-%04d", i))
	}
	same(t, "session", redacted, s.Scrub("session-of-mine"))
	same(t, "route", redacted, s.Scrub("balancer-0999"))
	same(t, "former route", "balancer-0001", s.Scrub("balancer-0001"))
	same(t, "cookies", "JSESSIONID=session-of-mine; ROUTE=balancer-0999", sentBy(cred))

	set("LONG", strings.Repeat("x", maxCookie))
	same(t, "cookies without the long one", "JSESSIONID=session-of-mine; ROUTE=balancer-0999", sentBy(cred))
	for i := range 10_000 {
		set(fmt.Sprintf("c%04d", i), "1")
	}
	want := []string{"JSESSIONID=session-of-mine"}
	for i := 10_000 - maxCookies + 1; i < 10_000; i++ {
		want = append(want, fmt.Sprintf("c%04d=1", i))
	}
	same(t, "the cookie of the login and the latest ones", strings.Join(want, "; "), sentBy(cred))
}

func sentBy(cred *Credential) string {
	req := &http.Request{Header: http.Header{}}
	cred.apply(req)
	return req.Header.Get("Cookie")
}

// spelledOut returns spellings of a secret that encodings does not contain.
func spelledOut(secret string) map[string]string {
	percent := func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
	python := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;").Replace
	each := func(format string) string {
		var b strings.Builder
		for _, r := range secret {
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, format, unit)
			}
		}
		return b.String()
	}
	bytes := func(format, between string) string {
		parts := make([]string, len(secret))
		for i := range len(secret) {
			parts[i] = fmt.Sprintf(format, secret[i])
		}
		return strings.Join(parts, between)
	}
	forms := map[string]string{
		"HTML of Python":          python(secret),
		"HTML of Python, twice":   python(python(secret)),
		"decimal entities":        each("&#%d;"),
		"hex entities":            each("&#x%X;"),
		"\\u":                     each(`\u%04x`),
		"\\u in a string in JSON": each(`\\u%04X`),
		"\\x":                     bytes(`\x%02x`, ""),
		"octal":                   bytes(`\%03o`, ""),
		"upper case":              strings.ToUpper(secret),
		"lower case":              strings.ToLower(secret) + " ",
		"upper case, escaped":     percent(strings.ToUpper(secret)),
		"percent, twice":          percent(percent(secret)),
		"percent, five times":     percent(percent(percent(percent(percent(secret))))),
		"percent in HTML":         python(percent(python(secret))),
		"all percent":             bytes("%%%02X", ""),
		"%u of JavaScript":        each("%%u%04x"),
		"spaces":                  strings.Join(strings.Split(secret, ""), " "),
		"lines":                   strings.Join(strings.Split(secret, ""), "\r\n"),
		"invisible characters":    strings.Join(strings.Split(secret, ""), "\u200b"),
		"hex":                     hex.EncodeToString([]byte(secret)),
		"hex in upper case":       strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"hex with colons":         bytes("%02x", ":"),
		"hex with spaces":         bytes("%02X", " "),
		"hex of C":                bytes("0x%02x", ", "),
	}
	for name, before := range map[string]string{"": "user:", "in the middle ": "us:", "at the end ": "u:", "alone ": ""} {
		forms["base64 "+name] = base64.StdEncoding.EncodeToString([]byte(before + secret + "\n"))
		forms["base64 for URLs "+name] = base64.RawURLEncoding.EncodeToString([]byte(before + secret + "?"))
		forms["base64 in lines "+name] = strings.Join(strings.SplitAfter(base64.StdEncoding.EncodeToString([]byte(before+secret+".")), "Y"), "\r\n")
		forms["base64 of JSON "+name] = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "{%q:%q}", before, secret))
	}
	return forms
}

// FuzzScrub checks that a planted secret is hidden in all of its encodings.
func FuzzScrub(f *testing.F) {
	for _, planted := range []string{secret, "hunter22", "user:hunter22", "abc", "]abcd", `hunter"`, "a\tb\nc", "redact", "%41", `a\u0041`, "&amp;amp;", "Straße", "+a b+"} {
		f.Add(planted, "before ", " after")
	}
	f.Add("a\ta 0", "!210B1", "X1000") // the last digit and the X look like a prefix
	f.Fuzz(func(t *testing.T, planted, before, after string) {
		if !utf8.ValidString(planted) || fold(planted) == "" || strings.Contains(fold(redacted), fold(planted)) {
			t.Skip("not a valid secret, or part of the redaction")
		}
		if strings.Contains(planted, "\x00") {
			t.Skip("HTML has no entity for NUL, which no system permits in credentials")
		}
		var s Scrubber
		s.Add(planted)
		forms := spelledOut(planted)
		for i, form := range encodings(planted) {
			forms[fmt.Sprintf("encoding %d", i)] = form
		}
		for name, form := range forms {
			text := before + form + after
			for shown, got := range map[string]string{"text": s.Scrub(text), "line": s.Line(text), "cut": s.Cut(text)} {
				if strings.Contains(got, planted) || strings.Contains(got, form) {
					t.Errorf("%q survives as %s in the %s %q", planted, name, shown, got)
				}
			}
			line := s.Line(text)
			if !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n") || utf8.RuneCountInString(line) > maxLine {
				t.Errorf("%q is not a line", line)
			}
		}
	})
}
