// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestHeaders(t *testing.T) {
	t.Parallel()
	own := []string{"X-Mstr-Authtoken", "Cookie"}
	for name, row := range map[string]struct {
		values map[string]string
		want   http.Header
		err    string
	}{
		"none":                              {nil, http.Header{}, ""},
		"one":                               {map[string]string{"X-Gateway-Key": "hunter22"}, http.Header{"X-Gateway-Key": {"hunter22"}}, ""},
		"with another capitalization":       {map[string]string{"x-gateway-KEY": "hunter22"}, http.Header{"X-Gateway-Key": {"hunter22"}}, ""},
		"with the credentials of a gateway": {map[string]string{"Authorization": "Bearer hunter22"}, http.Header{"Authorization": {"Bearer hunter22"}}, ""},
		"a line break at the end":           {map[string]string{"X-Gateway-Key": "hunter22\r\n"}, http.Header{"X-Gateway-Key": {"hunter22"}}, ""},
		"an empty one is not set":           {map[string]string{"X-Gateway-Key": "", "X-Other": "\n"}, http.Header{}, ""},
		"a value that is not ASCII":         {map[string]string{"X-Gateway-Key": "hünter22"}, http.Header{"X-Gateway-Key": {"hünter22"}}, ""},
		"a line break in the value":         {map[string]string{"X-Gateway-Key": "hunter22\r\nX-Mstr-Authtoken: mine"}, nil, "contains a value with a line break or another control character"},
		"no name":                           {map[string]string{"": "hunter22"}, nil, "contains an invalid HTTP header name"},
		"a name with a colon":               {map[string]string{"hunter22:": "v"}, nil, "contains an invalid HTTP header name"},
		"a name with a line break":          {map[string]string{"X-Hunter\r\nY": "v"}, nil, "contains an invalid HTTP header name"},
		"the token of the API":              {map[string]string{"X-MSTR-AuthToken": "hunter22"}, nil, "must not contain X-Mstr-Authtoken, which carries the credentials of this system"},
		"the cookies of the API":            {map[string]string{"cookie": "hunter22"}, nil, "must not contain Cookie, which carries the credentials of this system"},
		"the length":                        {map[string]string{"content-length": "1"}, nil, "must not contain Content-Length, which the provider sets"},
		"the host":                          {map[string]string{" Host ": "hunter22"}, nil, "must not contain Host, which the provider sets"},
		"one header twice":                  {map[string]string{"X-A": "hunter22", "x-a": "hunter23"}, nil, "contains a header twice, in different spellings"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Headers(row.values, own)
			same(t, "headers", row.want, got)
			same(t, "error", row.err, textOf(err))
		})
	}
}

// TestHeadersAreSentAndHidden checks that headers are sent with each request, but
// never replace those of the API, and that their values are redacted.
func TestHeadersAreSentAndHidden(t *testing.T) {
	t.Parallel()
	basic := base64.StdEncoding.EncodeToString([]byte("user:hunter23"))
	headers := http.Header{"X-Gateway-Key": {"hunter22"}, "Authorization": {"Basic " + basic}, "X-Proxied": {"Bearer hunter24"}, "X-Auth-Token": {"hunter25"}}
	var got []http.Header
	inBubble(t, Options{Header: headers, Secrets: []string{"hunter26"}, MaxRetries: -1}, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header)
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, "hunter22 "+basic+" hunter23 user:hunter23 hunter24 hunter26")
	}, func(t *testing.T, r *rig) {
		req := purge()
		req.Base, req.Auth = "", &Credential{Base: base, Header: http.Header{"X-Auth-Token": {"mine"}}}
		_, err := r.Do(t.Context(), req)
		if all := strings.Join(everyText(err), " "); strings.Contains(all, "hunter") || strings.Contains(all, basic) || !strings.Contains(all, redacted) {
			t.Errorf("the error is %s", all)
		}
		same(t, "the gateway's", "hunter22", got[0].Get("X-Gateway-Key"))
		same(t, "the API's", []string{"mine"}, got[0].Values("X-Auth-Token"))
		same(t, "the options are unchanged", "hunter25", headers.Get("X-Auth-Token"))
	})
}

// TestErrorNamesTheRequest checks that the error of a response contains its address.
func TestErrorNamesTheRequest(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"a missing path": 404, "a response that is not an acceptance": 202} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Options{MaxRetries: -1}, respond(status, `{"error":"hunter22"}`), func(t *testing.T, r *rig) {
				r.Hide("base") // not redacted in the address, because that would reveal it
				req := purge()
				req.Path, req.Check = "/x/a%2Fb?url=y", AcceptedBody
				_, err := r.Do(t.Context(), req)
				same(t, "request", "DELETE http://localhost/base/x/a%2Fb", err.(*Error).Request) //nolint:errorlint,forcetypeassert // Do promises it
			})
		})
	}
}

// TestSuspect checks that Suspect is added to errors about rejected credentials.
func TestSuspect(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{401: "The value of system.password begins with a space.", 403: "", 500: ""} {
		inBubble(t, Options{MaxRetries: -1, Suspect: "The value of system.password begins with a space."}, respond(status, ""), func(t *testing.T, r *rig) {
			_, err := r.Do(t.Context(), purge())
			same(t, "advice", want, err.(*Error).Advice) //nolint:errorlint,forcetypeassert // Do promises it
		})
	}
}
