// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestAcceptedBody(t *testing.T) {
	t.Parallel()
	const page, text = "the response is an HTML page", "the response is not JSON"
	const off = "the response was cut off within an error"
	for name, row := range map[string]struct {
		body string
		cut  bool
		err  string
	}{
		"nothing":                                  {"", false, ""},
		"blanks":                                   {" \r\n", false, ""},
		"a byte order mark":                        {"\xef\xbb\xbf", false, ""},
		"a value":                                  {`{"status":"queued"}`, false, ""},
		"a list":                                   {`[]`, false, ""},
		"a list of values":                         {`[{"status":"queued"}, 1, [{}]]`, false, ""},
		"a string":                                 {`"ok"`, false, ""},
		"null":                                     {`null`, false, ""},
		"an error that is none":                    {`{"error":null,"errors":[]}`, false, ""},
		"an error that is false":                   {`{"error":false}`, false, ""},
		"an error that is empty":                   {`{"error":"","errors":{}}`, false, ""},
		"errors that are none, with blanks":        {`{"errors" : [ ]}`, false, ""},
		"no errors, with blanks":                   {"{ \"errors\" :\n{ } , \"error\" : null }", false, ""},
		"no errors, in number":                     {`{"errors":0, "error":0.0}`, false, ""},
		"a success":                                {`{"success":true}`, false, ""},
		"an error somewhere below":                 {`{"last":{"error":"denied"}}`, false, ""},
		"words":                                    {"Please log in", false, text},
		"words in a list that does not end":        {`[Please log in`, false, text},
		"an error":                                 {`{"error":"denied"}`, false, `the response contains an error: "denied"`},
		"an error behind a byte order mark":        {"\xef\xbb\xbf" + `{"error":"denied"}`, false, `the response contains an error: "denied"`},
		"an error in capitals":                     {`{"Error":"denied"}`, false, `the response contains an error: "denied"`},
		"an error that is taken back":              {`{"error":"denied","error":null}`, false, `the response contains an error: "denied"`},
		"a list of errors":                         {`{"errors":[{"code":1}]}`, false, `the response contains an error: [{"code":1}]`},
		"an error of one in a list":                {`[{"status":"queued"},{"error":"denied"}]`, false, `the response contains an error: "denied"`},
		"no success":                               {`{"success": false}`, false, "the response reports no success: false"},
		"no success, in words":                     {`{"success":"false"}`, false, `the response reports no success: "false"`},
		"a login page":                             {"\n<html>", false, page},
		"a login page behind a byte order mark":    {"\xef\xbb\xbf<html>", false, page},
		"a value that ends too soon":               {`{"status":"que`, false, text},
		"something behind it":                      {`{} {"error":"denied"}`, false, text},
		"of a value the beginning":                 {`{"status":"que`, true, ""},
		"of a list the beginning":                  {`[{"status":"queued"},`, true, ""},
		"of a name the beginning":                  {`{"err`, true, ""},
		"of an error the beginning":                {`{"error":"den`, true, off},
		"of errors the beginning":                  {`{"a":1,"errors":[{"code":`, true, off},
		"of success the beginning":                 {`{"success":fal`, true, off},
		"an error before the end":                  {`{"error":"denied","status":"que`, true, `the response contains an error: "denied"`},
		"an error that is none before the end":     {`{"error": null, "status":"que`, true, ""},
		"of words the beginning":                   {"Please log", true, text},
		"of a page the beginning":                  {"<!DOC", true, page},
		"nothing came of it":                       {"", true, ""},
		"blanks came of it":                        {"\n", true, ""},
		"of a byte order mark and an error a part": {"\xef\xbb\xbf" + `{"error":"den`, true, off},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, "error", row.err, textOf(AcceptedBody(&Response{Body: []byte(row.body), Cut: row.cut})))
		})
	}
}

// TestAcceptanceIsNotHeldUp: a body that does not come holds no connection for
// as long as an attempt may last, and an error in what came counts.
func TestAcceptanceIsNotHeldUp(t *testing.T) {
	t.Parallel()
	const refused = "purging /a: Upstream answered 202 Accepted: "
	for name, row := range map[string]struct{ came, err string }{
		"nothing came":            {"", ""},
		"the beginning came":      {`{"status":"que`, ""},
		"an error came":           {`{"error":"denied",`, refused + `the response contains an error: "denied"`},
		"the beginning of a page": {"<html>", refused + "the response is an HTML page"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "1000")
				w.WriteHeader(202)
				_, _ = w.Write([]byte(row.came))
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}, func(t *testing.T, r *rig) {
				began := time.Now()
				req := purge()
				req.Check = AcceptedBody
				_, err := r.Do(t.Context(), req)
				same(t, "error", row.err, textOf(err))
				same(t, "time", time.Second, time.Since(began))
				synctest.Wait()
				same(t, "requests", 1, r.requests())
				same(t, "open connections", 0, r.network.Open())
			})
		})
	}
}

// TestSlowAcceptance: what comes within the second is read to its end, and the
// connection is used again.
func TestSlowAcceptance(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(202)
		_ = http.NewResponseController(w).Flush()
		<-time.After(900 * time.Millisecond)
		_, _ = w.Write([]byte(`{"success":false}`))
	}, func(t *testing.T, r *rig) {
		for range 2 {
			req := purge()
			req.Check = AcceptedBody
			_, err := r.Do(t.Context(), req)
			same(t, "error", "purging /a: Upstream answered 202 Accepted: the response reports no success: false", textOf(err))
		}
		same(t, "dials", 1, len(r.network.Dialed()))
	})
}

// TestByteOrderMark: nobody has to know of one.
func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, answer(202, "\xef\xbb\xbf"+`{"id":"a"}`), func(t *testing.T, r *rig) {
		var got project
		req := purge()
		req.Into = &got
		_, err := r.Do(t.Context(), req)
		same(t, "error", "", textOf(err))
		same(t, "value", project{ID: "a"}, got)
	})
}
