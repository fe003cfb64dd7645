// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"encoding/json"
	"strings"
	"testing"
)

// project is a value that a client decodes.
type project struct {
	ID    string  `json:"id"`
	Count int     `json:"count"`
	Owner *string `json:"owner"`
	Text  Text    `json:"text"`
}

// bodies is also the seed of the fuzz test.
var bodies = map[string]struct {
	body  string
	want  project
	err   string
	plain string // plainText
}{
	"one value":                         {`{"id":"a","count":1}`, project{ID: "a", Count: 1}, "", ""},
	"spaces around it":                  {" \n{\"id\":\"a\"}\r\n", project{ID: "a"}, "", ""},
	"an unknown field":                  {`{"id":"a","new":{"x":[1]}}`, project{ID: "a"}, "", ""},
	"no fields":                         {`{}`, project{}, "", ""},
	"text that is a number":             {`{"text":12}`, project{Text: "12"}, "", ""},
	"text that is an object":            {`{"text":{"a":1}}`, project{Text: `{"a":1}`}, "", ""},
	"text that is null":                 {`{"text":null}`, project{}, "", ""},
	"null":                              {` null `, project{}, "the response is null", ""},
	"nothing":                           {``, project{}, "the response is empty", ""},
	"spaces":                            {" \n", project{}, "the response is empty", ""},
	"a login page":                      {"<!DOCTYPE html><html><head><TITLE>Log in\n</TITLE></head>", project{}, "the response is an HTML page, not JSON", `an HTML page with the title "Log in"`},
	"a page with a byte order mark":     {"\xef\xbb\xbf<html>", project{}, "the response is an HTML page, not JSON", "an HTML page"},
	"a page whose title has attributes": {`<title lang="en">502 &amp; more</title>`, project{}, "the response is an HTML page, not JSON", `an HTML page with the title "502 & more"`},
	"a page whose letters grow in lower case": {"<p>İİİİ</p><title>Oops</title>", project{}, "the response is an HTML page, not JSON", `an HTML page with the title "Oops"`},
	"text":                          {"Service Unavailable\n", project{}, "the response is not valid JSON", "Service Unavailable"},
	"truncated":                     {`{"id":"a`, project{}, "the response is not valid JSON", `{"id":"a`},
	"text after it":                 {`{"id":"a"}x`, project{}, "the response is not valid JSON", `{"id":"a"}x`},
	"a second value":                {`{"id":"a"} {"id":"b"}`, project{}, "the response is not valid JSON", `{"id":"a"} {"id":"b"}`},
	"a brace too many":              {`{"id":"a"}}`, project{}, "the response is not valid JSON", `{"id":"a"}}`},
	"a field of another type":       {`{"count":"one"}`, project{}, `the field "count" contains an unexpected string`, ""},
	"a list instead of an object":   {`[]`, project{}, "the response is an unexpected JSON array", ""},
	"a string instead of an object": {`"ok"`, project{}, "the response is an unexpected JSON string", ""},
	"text that is not UTF-8":        {"{\"id\":\"caf\xe9\"}", project{ID: "caf\uFFFD"}, "", ""},
}

func TestDecodeJSON(t *testing.T) {
	t.Parallel()
	for name, row := range bodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got project
			same(t, "error", row.err, textOf((&Response{Body: []byte(row.body)}).decodeJSON(&got)))
			same(t, "value", row.want, got)
			same(t, "plain text", row.plain, (&Response{Body: []byte(row.body)}).plainText())
		})
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, row := range bodies {
		f.Add([]byte(row.body))
	}
	f.Add([]byte("1E2000"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got json.RawMessage // it accepts any number
		err := (&Response{Body: body}).decodeJSON(&got)
		null := strings.TrimSpace(string(body)) == "null"
		if err == nil && (!json.Valid(body) || null) {
			t.Errorf("%q is accepted as JSON", body)
		}
		if err != nil && json.Valid(body) && !null {
			t.Errorf("%q is not accepted: %v", body, err)
		}
		plain := (&Response{Body: body}).plainText()
		if json.Valid(body) && plain != "" {
			t.Errorf("plain text of %q contains JSON: %q", body, plain)
		}
		if looksLikeHTML(body) && strings.Contains(plain, "\n<") {
			t.Errorf("plain text of %q contains HTML: %q", body, plain)
		}
		_ = AcceptedBody(&Response{Body: body})
	})
}
