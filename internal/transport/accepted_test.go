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
		"nothing":                                {"", false, ""},
		"spaces":                                 {" \r\n", false, ""},
		"a byte order mark":                      {"\xef\xbb\xbf", false, ""},
		"a value":                                {`{"status":"queued"}`, false, ""},
		"a list":                                 {`[]`, false, ""},
		"a list of values":                       {`[{"status":"queued"}, 1, [{}]]`, false, ""},
		"a string":                               {`"ok"`, false, ""},
		"null":                                   {`null`, false, ""},
		"an error that is null":                  {`{"error":null,"errors":[]}`, false, ""},
		"an error that is false":                 {`{"error":false}`, false, ""},
		"an error that is empty":                 {`{"error":"","errors":{}}`, false, ""},
		"an empty list of errors, with spaces":   {`{"errors" : [ ]}`, false, ""},
		"no errors, with spaces":                 {"{ \"errors\" :\n{ } , \"error\" : null }", false, ""},
		"errors that are 0":                      {`{"errors":0, "error":0.0}`, false, ""},
		"a success":                              {`{"success":true}`, false, ""},
		"an error in a nested object":            {`{"last":{"error":"denied"}}`, false, ""},
		"text":                                   {"Please log in", false, text},
		"text in a list that does not end":       {`[Please log in`, false, text},
		"an error":                               {`{"error":"denied"}`, false, `the response contains an error: "denied"`},
		"an error after a byte order mark":       {"\xef\xbb\xbf" + `{"error":"denied"}`, false, `the response contains an error: "denied"`},
		"an error in capitals":                   {`{"Error":"denied"}`, false, `the response contains an error: "denied"`},
		"an error and a second one that is null": {`{"error":"denied","error":null}`, false, `the response contains an error: "denied"`},
		"a list of errors":                       {`{"errors":[{"code":1}]}`, false, `the response contains an error: [{"code":1}]`},
		"an error in a list":                     {`[{"status":"queued"},{"error":"denied"}]`, false, `the response contains an error: "denied"`},
		"no success":                             {`{"success": false}`, false, "the response reports no success: false"},
		"no success, as a string":                {`{"success":"false"}`, false, `the response reports no success: "false"`},
		"a login page":                           {"\n<html>", false, page},
		"a login page after a byte order mark":   {"\xef\xbb\xbf<html>", false, page},
		"a value that is incomplete":             {`{"status":"que`, false, text},
		"a second value":                         {`{} {"error":"denied"}`, false, text},
		"the beginning of a value":               {`{"status":"que`, true, ""},
		"the beginning of a list":                {`[{"status":"queued"},`, true, ""},
		"the beginning of a name":                {`{"err`, true, ""},
		"the beginning of an error":              {`{"error":"den`, true, off},
		"the beginning of errors":                {`{"a":1,"errors":[{"code":`, true, off},
		"the beginning of success":               {`{"success":fal`, true, off},
		"an error before the end":                {`{"error":"denied","status":"que`, true, `the response contains an error: "denied"`},
		"an error that is null before the end":   {`{"error": null, "status":"que`, true, ""},
		"the beginning of text":                  {"Please log", true, text},
		"the beginning of a page":                {"<!DOC", true, page},
		"nothing before it was cut":              {"", true, ""},
		"spaces before it was cut":               {"\n", true, ""},
		"a byte order mark and the beginning of an error": {"\xef\xbb\xbf" + `{"error":"den`, true, off},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, "error", row.err, textOf(AcceptedBody(&Response{Body: []byte(row.body), Cut: row.cut})))
		})
	}
}

// TestAcceptanceWait checks that a body that stalls delays an acceptance by one
// second only, and that an error in its first part counts.
func TestAcceptanceWait(t *testing.T) {
	t.Parallel()
	const prefix = "purging /a: Example returned 202 Accepted: "
	for name, row := range map[string]struct{ body, err string }{
		"no body":                  {"", ""},
		"the beginning of a value": {`{"status":"que`, ""},
		"an error":                 {`{"error":"denied",`, prefix + `the response contains an error: "denied"`},
		"the beginning of a page":  {"<html>", prefix + "the response is an HTML page"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "1000")
				w.WriteHeader(202)
				_, _ = w.Write([]byte(row.body))
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

// TestSlowAcceptance checks that a body that arrives within a second is read to
// its end, and that the connection is reused.
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
			same(t, "error", "purging /a: Example returned 202 Accepted: the response reports no success: false", textOf(err))
		}
		same(t, "dials", 1, len(r.network.Dialed()))
	})
}

// TestByteOrderMark checks that a byte order mark is ignored.
func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, respond(202, "\xef\xbb\xbf"+`{"id":"a"}`), func(t *testing.T, r *rig) {
		var got project
		req := purge()
		req.Into = &got
		_, err := r.Do(t.Context(), req)
		same(t, "error", "", textOf(err))
		same(t, "value", project{ID: "a"}, got)
	})
}
