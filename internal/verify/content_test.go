// SPDX-License-Identifier: MPL-2.0

package verify_test

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/verify"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

const content = "body { color: #222 }\n"

// fingerprints returns the fingerprints of content in every format.
func fingerprints() map[string]string {
	m, s1, s256, s512 := md5.Sum([]byte(content)), sha1.Sum([]byte(content)), sha256.Sum256([]byte(content)), sha512.Sum512([]byte(content))
	all := make(map[string]string)
	for name, sum := range map[string][]byte{"MD5": m[:], "SHA-1": s1[:], "SHA-256": s256[:], "SHA-512": s512[:]} {
		all[name+" in hexadecimal"] = hex.EncodeToString(sum)
		all[name+" in upper case"] = strings.ToUpper(hex.EncodeToString(sum))
		all[name+" in base64"] = base64.StdEncoding.EncodeToString(sum)
	}
	return all
}

func TestLengthOfAFingerprintSelectsTheDigest(t *testing.T) {
	t.Parallel()
	for name, fingerprint := range fingerprints() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.put(content + " ")
				if err := w.verify(time.Second, verify.Item{Want: fingerprint}); err == nil {
					t.Error("other content is a proof")
				}
				w.PurgeAll()
				w.put(content)
				wantProven(t, w.verify(time.Second, verify.Item{Want: fingerprint}))
			})
		})
	}
}

func TestRequestsOfAVisitor(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Origin.Put("/über uns", verifytest.File{Body: content}, 0)
		wantProven(t, w.verify(time.Second, verify.Item{Path: "/über uns?v=1", Want: hexMD5(content)}))
		plain := http.Header{"Accept": {"*/*"}, "User-Agent": {"a visitor"}}
		gzipped := plain.Clone()
		gzipped["Accept-Encoding"] = []string{"gzip"}
		var got []http.Header
		for _, r := range w.requests {
			got = append(got, r.header)
			diff(t, "the address", "/%C3%BCber%20uns?v=1", r.uri)
		}
		diff(t, "the headers", []http.Header{plain, gzipped}, got)
	})
}

func TestContentEncodings(t *testing.T) {
	t.Parallel()
	compressed := compressed(content)
	for name, test := range map[string]struct {
		file verifytest.File
		want string // content with the expected digest
		ok   bool
	}{
		"gzip without Accept-Encoding":     {gz(compressed), content, true},
		"a file that is stored compressed": {gz(compressed), compressed, true},
		"neither of these":                 {gz(compressed), "other", false},
		"an archive without an encoding":   {verifytest.File{Body: compressed}, compressed, true},
		"gzip only in the header":          {gz(content), content, false},
		"truncated gzip":                   {gz(compressed[:len(compressed)-4]), content, false},
		"an encoding that is not accepted": {verifytest.File{Body: "…", Header: http.Header{"Content-Encoding": {"br"}}}, content, false},
		"an empty file":                    {verifytest.File{}, "", true},
		"the content with 502":             {verifytest.File{Body: content, Status: http.StatusBadGateway}, content, false},
		"the content with 404":             {verifytest.File{Body: content, Status: http.StatusNotFound}, content, false},
		"the content with 203":             {verifytest.File{Body: content, Status: http.StatusNonAuthoritativeInfo}, content, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Origin.Put("/a", test.file, 0)
				if err := w.verify(time.Second, verify.Item{Want: hexMD5(test.want)}); (err == nil) != test.ok {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func compressed(body string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(body))
	_ = z.Close()
	return b.String()
}

// gz returns a file with Content-Encoding: gzip.
func gz(body string) verifytest.File {
	return verifytest.File{Body: body, Header: http.Header{"Content-Encoding": {"gzip"}}}
}

func TestTextAnywhereInTheBody(t *testing.T) {
	t.Parallel()
	const text = "ver=2026.11"
	for name, test := range map[string]struct {
		body string
		ok   bool
	}{
		"alone":                  {text, true},
		"at the end":             {strings.Repeat("x", 100_000) + text, true},
		"at the end of a buffer": {strings.Repeat("x", 32<<10-5) + text + strings.Repeat("x", 100_000), true},
		"after a false start":    {"ver=2026.1ver=2026.11", true},
		"not there":              {strings.Repeat("ver=2026.1 ", 20_000), false},
		"in another case":        {strings.ToUpper(text), false},
		"an empty body":          {"", false},
		"on a 404 page":          {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.put(test.body)
				if name == "on a 404 page" {
					w.Origin.Put("/a", verifytest.File{Body: text, Status: http.StatusNotFound}, 0)
				}
				err := w.verify(time.Second, verify.Item{Contains: text})
				if (err == nil) != test.ok {
					t.Errorf("got %v", err)
				}
				if err != nil && strings.Contains(err.Error(), text) {
					t.Errorf("%s contains the text, which may be sensitive", err)
				}
				if test.ok {
					diff(t, "requests", 2, len(w.requests))
				}
			})
		})
	}
}

func TestTextLongerThanTheBuffer(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		text := strings.Repeat("a", 70_000) + "b"
		w.put("aaa" + text + "aaa")
		wantProven(t, w.verify(time.Second, verify.Item{Contains: text}))
		if w.verify(time.Second, verify.Item{Contains: text + "b"}) == nil {
			t.Error("found a text that is not in the body")
		}
	})
}

func TestETagsAreComparedWeaklyOnThePlainResponse(t *testing.T) {
	t.Parallel()
	const parts = "9b2cf535f27731c974343645a3985328-12"
	for name, test := range map[string]struct {
		served, want string
		ok           bool
	}{
		"equal":                         {`"33a6"`, `"33a6"`, true},
		"weakened by a cache":           {`W/"33a6"`, `"33a6"`, true},
		"weak, and served as strong":    {`"33a6"`, `W/"33a6"`, true},
		"both weak":                     {`W/"33a6"`, `W/"33a6"`, true},
		"another":                       {`"33a7"`, `"33a6"`, false},
		"another case":                  {`"33A6"`, `"33a6"`, false},
		"a suffix":                      {`"33a6-gzip"`, `"33a6"`, false},
		"a multipart upload":            {`"` + parts + `"`, parts, true},
		"a multipart upload, in quotes": {`"` + parts + `"`, `"` + parts + `"`, true},
		"another multipart upload":      {`"` + parts[:len(parts)-1] + `"`, parts, false},
		"served without quotes":         {`33a6`, `"33a6"`, true},
		"no ETag":                       {` `, `"33a6"`, false},
		"W/ within the quotes":          {`"W/33a6"`, `W/"33a6"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Origin.Put("/a", verifytest.File{Body: content, ETag: test.served}, 0)
				err := w.verify(400*time.Millisecond, verify.Item{Want: test.want})
				if (err == nil) != test.ok {
					t.Errorf("got %v", err)
				}
				diff(t, "requests", 1, len(w.requests))
				diff(t, "Accept-Encoding", "", w.requests[0].header.Get("Accept-Encoding"))
			})
		})
	}
}

func TestOldGzipVariantIsNoProof(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.put("old")
		w.visit()
		w.put("new")
		at := w.PurgePlain("/a")
		err := w.verify(20*time.Second, verify.Item{Want: hexMD5("new"), PurgedAt: at})
		diff(t, "the error", errorFields{verify.StillOld, "expected content with MD5 digest " + hexMD5("new") + ", got 200 OK with MD5 digest " + hexMD5("old") +
			" for a request with Accept-Encoding: gzip (Age: 18, Cache-Status: edge; hit, X-Cache: HIT)", 7}, fieldsOf(t, err))
		w.Purge("/a")
		wantProven(t, w.verify(time.Second, verify.Item{Want: hexMD5("new"), PurgedAt: at}))
	})
}
