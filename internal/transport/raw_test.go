// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"io"
	"net/http"
	"testing"
)

func TestRoundTripSendsARequestUnchanged(t *testing.T) {
	t.Parallel()
	var got http.Header
	inBubble(t, Options{DisableCompression: true}, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(w, "not gzip")
	}, func(t *testing.T, r *rig) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", "a visitor")
		resp, err := r.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the headers", http.Header{"User-Agent": {"a visitor"}}, got)
		same(t, "the status", http.StatusFound, resp.StatusCode)
		same(t, "the body", "not gzip", string(body))
		same(t, "requests", 1, r.served)
	})
}
