// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestCookies(t *testing.T) {
	t.Parallel()
	for sentence, row := range map[string]struct {
		set  []string
		want string
	}{
		"a value with quotation marks":                       {[]string{`a="b c"`}, `a="b c"`},
		"a value that net/http considers invalid":            {[]string{`a={"b":1,c}`, `d=\\e ; Path=/`}, `a={"b":1,c}; d=\\e`},
		"an empty value":                                     {[]string{"a="}, "a="},
		"a value with an equals sign":                        {[]string{"a=b=c=="}, "a=b=c=="},
		"deleted by Max-Age 0":                               {[]string{"a=b", "c=d", "a=b; Max-Age=0"}, "c=d"},
		"deleted by Max-Age 0, with quotation marks":         {[]string{`a="b"`, `a=""; Max-Age=0; Path=/`}, ""},
		"deleted by a negative Max-Age":                      {[]string{"a=b", "a=; max-age=-1"}, ""},
		"deleted by a date":                                  {[]string{"a=b", "a=; Expires=Thu, 01 Jan 1970 00:00:10 GMT"}, ""},
		"deleted by a date with a two-digit year":            {[]string{"a=b", "a=; Expires=Thu, 01-Jan-70 00:00:10 GMT"}, ""},
		"Max-Age takes precedence over Expires":              {[]string{"a=b; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:10 GMT"}, "a=b"},
		"two paths, the longest first":                       {[]string{"a=1; Path=/", "a=2; Path=/library"}, "a=2; a=1"},
		"one path set twice":                                 {[]string{"a=1; Path=/", "a=2; Path=/"}, "a=2"},
		"one of two paths is deleted":                        {[]string{"a=1; Path=/", "a=2; Path=/library", "a=; Path=/; Max-Age=0"}, "a=2"},
		"a cookie without a path replaces all with its name": {[]string{"a=1; Path=/", "a=2; Path=/library", "a=3"}, "a=3"},
		"a cookie with a path replaces one without":          {[]string{"a=1", "a=2; Path=/"}, "a=2"},
		"no name":             {[]string{"=b", "novalue", "; Path=/"}, ""},
		"a control character": {[]string{"a=b\x01"}, ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			cred := &Credential{Cookies: true}
			for _, line := range row.set {
				cred.refresh(http.Header{"Set-Cookie": {line}}, &Scrubber{})
			}
			req := &http.Request{Header: http.Header{}}
			cred.apply(req)
			same(t, "Cookie", row.want, req.Header.Get("Cookie"))
		})
	}
}

// TestABalancerThatMovesASession checks a load balancer that sets the cookie of
// another server in a 503 response.
func TestABalancerThatMovesASession(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Cookie"), "node=2") {
			w.Header().Set("Set-Cookie", "node=2; Path=/")
			w.WriteHeader(503)
			return
		}
		w.WriteHeader(202)
	}, func(t *testing.T, r *rig) {
		cred := &Credential{Base: base, Cookies: true}
		cred.refresh(http.Header{"Set-Cookie": {"node=1; Path=/"}}, r.scrubber)
		send := func() *Request {
			req := purge()
			req.Auth = cred
			return req
		}
		same(t, "errors", map[string]int{"": 20}, together(r, 20, send, within(t, time.Minute)))
	})
}
