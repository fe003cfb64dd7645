// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// endless writes until the client closes the connection. It counts the bytes.
func endless(status int, zipped bool, written *int64) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		out := io.Writer(w)
		if zipped {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			out = z
		}
		w.WriteHeader(status)
		chunk := []byte(`"` + strings.Repeat(" ", 1<<20-1))
		for *written < 1<<30 {
			n, err := out.Write(chunk)
			*written += int64(n)
			if err != nil {
				return
			}
		}
	}
}

// TestEndlessBodies checks how much of a body is read, and that the connection is
// then closed.
func TestEndlessBodies(t *testing.T) {
	t.Parallel()
	const mebi = 1 << 20
	for name, row := range map[string]struct {
		status  int
		zipped  bool
		needed  bool
		atMost  int64
		outcome string
	}{
		"an acceptance":                  {202, false, false, 2 * mebi, ""},
		"an acceptance with a gzip bomb": {202, true, false, 300 * mebi, ""},
		"a failure":                      {404, false, false, 2 * mebi, `purging /a: Example returned 404 Not Found: "`},
		"JSON":                           {202, false, true, 18 * mebi, "purging /a: Example returned 202 Accepted: the response is longer than 16 MiB"},
		"JSON in a gzip bomb":            {202, true, true, 300 * mebi, "purging /a: Example returned 202 Accepted: the response is longer than 16 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var written int64
			inBubble(t, Options{}, endless(row.status, row.zipped, &written), func(t *testing.T, r *rig) {
				req := purge()
				if row.needed {
					req.Into = new(string)
				}
				_, err := r.Do(t.Context(), req)
				same(t, "outcome", row.outcome, textOf(err))
				synctest.Wait()
				same(t, "open connections", 0, r.network.Open())
				if written > row.atMost {
					t.Errorf("the server could write %d MiB", written/mebi)
				}
			})
		})
	}
}

// TestRedirectsAreNotFollowed checks that no request goes to another address, and
// no second one to the same.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{300, 301, 302, 303, 305, 307, 308} {
		for _, location := range []string{"http://evil.example/", "https://localhost/base/a", "http://localhost:81/base/a", "/base/a", "", "file:///etc/passwd"} {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
				t.Run(strings.Join([]string{http.StatusText(status), location, method}, " "), func(t *testing.T) {
					t.Parallel()
					header := []string{"Location", location}
					if location == "" {
						header = nil
					}
					inBubble(t, Options{}, respond(status, "", header...), func(t *testing.T, r *rig) {
						req := purge()
						req.Method, req.Header = method, http.Header{"X-Auth-Token": {"hunter22"}}
						if method == http.MethodPost {
							req.Body = []byte(`{"password":"hunter22"}`)
						}
						_, err := r.Do(t.Context(), req)
						same(t, "kind", KindRedirect, kindOf(err))
						same(t, "requests", 1, r.requests())
						same(t, "dialed", []string{"localhost:80"}, r.network.Dialed())
					})
				})
			}
		}
	}
}

// TestRequest checks the requests that the server receives.
func TestRequest(t *testing.T) {
	t.Parallel()
	type arrival struct {
		Method, URI, Body string
		Header            http.Header
	}
	var got []arrival
	inBubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, arrival{r.Method, r.RequestURI, string(body), r.Header})
		w.WriteHeader(202)
	}, func(t *testing.T, r *rig) {
		bodyless := purge()
		bodyless.Path = "/a%2Fb?url=%2Fx"
		withBody := purge()
		withBody.Method, withBody.Body, withBody.Auth = http.MethodPost, []byte(`{}`), &Credential{Base: base, Header: http.Header{"X-Auth-Token": {"t"}}}
		for _, req := range []*Request{bodyless, withBody} {
			if _, err := r.Do(t.Context(), req); err != nil {
				t.Fatal(err)
			}
		}
		common := func(more ...string) http.Header {
			h := http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "User-Agent": {"purge/test"}}
			for i := 0; i < len(more); i += 2 {
				h.Set(more[i], more[i+1])
			}
			return h
		}
		same(t, "arrivals", []arrival{
			{http.MethodDelete, "/base/a%2Fb?url=%2Fx", "", common()},
			{http.MethodPost, "/base/a", "{}", common("Content-Type", "application/json", "Content-Length", "2", "X-Auth-Token", "t")},
		}, got)
	})
}
