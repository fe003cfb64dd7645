// SPDX-License-Identifier: MPL-2.0

package verify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/verify"
)

func TestFingerprintsAreChecked(t *testing.T) {
	t.Parallel()
	digest := hexMD5(content)
	for name, fingerprint := range fingerprints() {
		if err := verify.CheckFingerprint(fingerprint); err != nil {
			t.Errorf("%s: %s", name, err)
		}
	}
	for _, etag := range []string{`"33a6"`, `W/"33a6"`, `"` + digest + `-gzip"`, digest + "-2", `"ü"`, `"a,b"`} {
		if err := verify.CheckFingerprint(etag); err != nil {
			t.Errorf("%s: %s", etag, err)
		}
	}
	const general, trim, quotes = "must be an MD5, SHA-1, SHA-256, or SHA-512 digest", "use trimspace()", "in quotes, as in the response"
	for name, test := range map[string]struct{ print, want string }{
		"empty":                             {"", general},
		"a version":                         {"2026.11.1", general},
		"a date":                            {"2026-11-25T23:44:00Z", general},
		"a missing digit":                   {digest[1:], general},
		"an extra digit":                    {digest + "0", general},
		"an invalid digit":                  {"g" + digest[1:], general},
		"a prefix":                          {"md5:" + digest, general},
		"subresource integrity":             {"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", general},
		"base64 without padding":            {"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", general},
		"base64 of another length":          {"aGVsbG8=", general},
		"base64 with nonzero trailing bits": {"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=", general},
		"a wildcard":                        {"*", general},
		"an ETag without quotes":            {"33a6", general},
		"a weak ETag without quotes":        {"W/33a6", quotes},
		"an empty ETag":                     {`""`, general},
		"an ETag with one quote":            {`"33a6`, general},
		"an ETag with a quote in it":        {`"33"a6"`, general},
		"an ETag with a space":              {`"33 a6"`, general},
		"a multipart ETag without a number": {digest + "-", general},
		"a line break at the end":           {digest + "\n", trim},
		"spaces around an ETag":             {` "33a6" `, trim},
		"a line break within base64":        {"47DEQpj8HBSa+/TImW+5JCeu\nQeRkm5NMpJWZG3hSuFU=", general},
	} {
		err := verify.CheckFingerprint(test.print)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
		if err != nil && len(test.print) > 8 && strings.Contains(err.Error(), test.print) {
			t.Errorf("%s: %q contains the value", name, err)
		}
	}
}

func TestBaseURLs(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://www.example.com":        "https://www.example.com",
		"http://www.example.com":         "http://www.example.com",
		"https://WWW.example.com/":       "https://www.example.com",
		"https://www.example.com:8443":   "https://www.example.com:8443",
		"https://www.example.com/shop//": "https://www.example.com/shop",
		"http://[::1]:8080":              "http://[::1]:8080",
	} {
		got, err := verify.BaseURL(address)
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", address, got, err, want)
		}
	}
	for _, address := range []string{
		"", "www.example.com", "/", "ftp://www.example.com", "https://", "https://www.example.com?x=1", "https://www.example.com/?",
		"https://www.example.com/#top", "https://user@www.example.com", "https://user:secret@www.example.com", "https://www.example.com:port",
	} {
		if got, err := verify.BaseURL(address); err == nil {
			t.Errorf("%s: got %s, want an error", address, got)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %s", address, err)
		}
	}
}

func TestInvalidItems(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		digest := hexMD5(content)
		for name, item := range map[string]verify.Item{
			"no expectation":         {},
			"two expectations":       {Want: digest, Gone: digest},
			"an invalid fingerprint": {Want: "1"},
			"a wildcard":             {Path: "/css/*", Want: digest},
			"a relative path":        {Path: "css", Want: digest},
		} {
			if w.verify(time.Minute, item) == nil {
				t.Errorf("%s: no error", name)
			}
		}
		diff(t, "requests", 0, len(w.requests))
		diff(t, "time", time.Duration(0), w.Elapsed())
	})
}

func TestBaseURLWithAPath(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.put(content)
		_ = w.verify(time.Millisecond, verify.Item{BaseURL: base + "/shop", Want: hexMD5(content)})
		diff(t, "the address", "/shop/a", w.requests[0].uri)
	})
}
