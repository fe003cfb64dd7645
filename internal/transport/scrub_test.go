package transport

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

const secret = `p"a/s s+ü&<w>\d%`

func TestScrub(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		secrets    []string
		text, want string
	}{
		"text without a secret stays":                      {[]string{secret}, "nothing here", "nothing here"},
		"nothing is known":                                 {nil, "nothing here", "nothing here"},
		"an empty secret is none":                          {[]string{""}, "nothing here", "nothing here"},
		"the secret itself":                                {[]string{"hunter22"}, "user hunter22, again hunter22", "user [redacted], again [redacted]"},
		"in a JSON string":                                 {[]string{secret}, `{"password":"p\"a/s s+ü\u0026\u003cw\u003e\\d%"}`, `{"password":"[redacted]"}`},
		"in a JSON string of an encoder that escapes less": {[]string{secret}, `{"password":"p\"a/s s+ü&<w>\\d%"}`, `{"password":"[redacted]"}`},
		"in HTML":                          {[]string{secret}, "<b>" + html.EscapeString(secret) + "</b>", "<b>[redacted]</b>"},
		"in a query":                       {[]string{secret}, "?p=" + url.QueryEscape(secret), "?p=[redacted]"},
		"in a query with small hex digits": {[]string{"a+ü/b"}, "?p=a%2b%c3%bc%2fb", "?p=[redacted]"},
		"in a path":                        {[]string{secret}, "/x/" + url.PathEscape(secret), "/x/[redacted]"},
		"in a Basic header":                {[]string{"user:hunter22"}, "Authorization: Basic dXNlcjpodW50ZXIyMg==", "Authorization: Basic [redacted]=="},
		"in base64 for URLs":               {[]string{"??>>~~??"}, base64.URLEncoding.EncodeToString([]byte("??>>~~??")), "[redacted]="},
		"a secret that is part of another": {[]string{"hunter", "hunter22"}, "hunter22 hunter", "[redacted] [redacted]"},
		"a text with a very short secret is not shown":       {[]string{"abc"}, "the alphabet begins with abc, they say", "[redacted]"},
		"a secret that the redaction itself would make":      {[]string{"]abcd"}, "]]abcdabcd", "[redacted]"},
		"a secret that ends with a quotation mark":           {[]string{`hunter"`}, `{"password":"hunter\""}`, `{"password":"[redacted]"}`},
		"a secret of four characters is replaced":            {[]string{"abcd"}, "it is abcd.", "it is [redacted]."},
		"a secret next to itself":                            {[]string{"hunter22"}, "hunter22hunter22", "[redacted][redacted]"},
		"a secret that differs in case is another":           {[]string{"hunter22"}, "HUNTER22", "HUNTER22"},
		"two secrets side by side, neither hides the other ": {[]string{"hunter22", "swordfish"}, "hunter22swordfish", "[redacted][redacted]"},
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
		"one line stays": {"Service is down.", "Service is down."},
		"lines, tabs and runs of spaces become one space": {"  a\r\n\tb   c\n", "a b c"},
		"control and invisible characters become spaces":  {"a\x00b\x1b[31mc\u200bd\u2028e\u00a0f", "a b [31mc d e f"},
		"what is not UTF-8 is marked":                     {"caf\xe9", "caf\uFFFD"},
		"500 characters stay":                             {strings.Repeat("ü", 500), strings.Repeat("ü", 500)},
		"501 are cut, in characters and not in bytes":     {strings.Repeat("ü", 501), strings.Repeat("ü", 499) + "…"},
		"secrets are replaced before the text is cut":     {strings.Repeat("x", 495) + "hunter22", strings.Repeat("x", 495) + "[red…"},
		"a secret that spaces made is one":                {"correct\nhorse", "[redacted]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s Scrubber
			s.Add("hunter22", "correct horse")
			same(t, "line", row.want, s.Line(row.text))
		})
	}
}

func TestTrimCut(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ body, want string }{
		"a body that ends otherwise stays":            {"it ends here", "it ends here"},
		"the beginning of a secret goes":              {"password hunter", "password "},
		"the beginning of an encoded one too":         {"Basic " + base64.StdEncoding.EncodeToString([]byte("hunter22"))[:7], "Basic "},
		"a few characters say nothing":                {"a hun", "a hun"},
		"a whole one is for Scrub":                    {"password hunter22", "password hunter22"},
		"the longer of two beginnings goes":           {"password correct ho", "password "},
		"a body that is nothing but a beginning goes": {"hunter2", ""},
		"an empty body stays":                         {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s Scrubber
			s.Add("hunter22", "correct horse")
			same(t, "body", row.want, string(s.trimCut([]byte(row.body))))
		})
	}
}

// TestCookiesAreForgotten: a load balancer that sends a new cookie with each
// reply must not make each line slower than the one before.
func TestCookiesAreForgotten(t *testing.T) {
	t.Parallel()
	var s Scrubber
	s.Add("cookie-0000") // a secret of another kind, too
	for i := range 1000 {
		s.addPassing(fmt.Sprintf("cookie-%04d", i))
	}
	same(t, "latest", "[redacted]", s.Scrub("cookie-0999"))
	same(t, "early", "cookie-0123", s.Scrub("cookie-0123"))
	same(t, "early, but also a secret", "[redacted]", s.Scrub("cookie-0000"))
	if n := len(s.forms); n > 4*(maxPassing+1) {
		t.Errorf("%d forms are kept", n)
	}
	s.addPassing("node1")
	same(t, "a name of a node", "node1", s.Scrub("node1"))
}

// FuzzScrub: no planted secret survives, in none of its encodings.
func FuzzScrub(f *testing.F) {
	for _, planted := range []string{secret, "hunter22", "user:hunter22", "abc", "]abcd", `hunter"`, "a\tb\nc", "caf\xe9s", "redact"} {
		f.Add(planted, "before ", " after")
	}
	f.Fuzz(func(t *testing.T, planted, before, after string) {
		if planted == "" || strings.Contains(redacted, planted) {
			t.Skip("a redacted text holds it")
		}
		var s Scrubber
		s.Add(planted)
		encoded, err := json.Marshal(planted)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{
			planted, url.QueryEscape(planted), strings.ToLower(url.QueryEscape(planted)), url.PathEscape(planted), html.EscapeString(planted),
			base64.StdEncoding.EncodeToString([]byte(planted)), base64.RawURLEncoding.EncodeToString([]byte(planted)), string(encoded),
		} {
			if got := s.Scrub(before + form + after); strings.Contains(got, planted) {
				t.Errorf("%q survives in %q", planted, got)
			}
			line := s.Line(before + form + after)
			if strings.Contains(line, planted) {
				t.Errorf("%q survives in the line %q", planted, line)
			}
			if !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n") || utf8.RuneCountInString(line) > maxLine {
				t.Errorf("%q is not a line", line)
			}
			if got := s.trimCut([]byte(before + form)); !strings.HasPrefix(before+form, string(got)) {
				t.Errorf("%q is not a beginning of %q", got, before+form)
			}
		}
	})
}
