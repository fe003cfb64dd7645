// SPDX-License-Identifier: MPL-2.0

package verify_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/verify"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

func TestRemovedPathIsVerifiedWhenItsContentIsGone(t *testing.T) {
	t.Parallel()
	location := func(to string) http.Header { return http.Header{"Location": {to}} }
	for name, test := range map[string]struct {
		file verifytest.File
		gone string // the fingerprint; default that of "old"
		ok   bool
	}{
		"the old content":                    {verifytest.File{Body: "old"}, "", false},
		"the old content, by its ETag":       {verifytest.File{Body: "old", ETag: `W/"1"`}, `"1"`, false},
		"the old content, stored compressed": {gz(compressed("x")), hexMD5(compressed("x")), false},
		"other content":                      {verifytest.File{Body: "Sorry, nothing is here."}, "", true},
		"other content, by its ETag":         {verifytest.File{Body: "old", ETag: `"2"`}, `"1"`, true},
		"other content without an ETag":      {verifytest.File{Body: "Sorry.", ETag: " "}, `"1"`, true},
		"403":                                {verifytest.File{Status: 403}, "", true},
		"403 of a rate limiter":              {verifytest.File{Status: 403, Header: http.Header{"Retry-After": {"1"}}}, "", false},
		"404":                                {verifytest.File{Status: 404}, "", true},
		"404 with the old content":           {verifytest.File{Status: 404, Body: "old"}, "", true},
		"410":                                {verifytest.File{Status: 410}, "", true},
		"429":                                {verifytest.File{Status: 429}, "", false},
		"400":                                {verifytest.File{Status: 400}, "", false},
		"401":                                {verifytest.File{Status: 401}, "", false},
		"500":                                {verifytest.File{Status: 500}, "", false},
		"503":                                {verifytest.File{Status: 503}, "", false},
		"304, although unconditional":        {verifytest.File{Status: 304}, "", false},
		"an encoding that cannot be decoded": {verifytest.File{Body: "…", Header: http.Header{"Content-Encoding": {"zstd"}}}, "", false},
		"a redirect to another host":         {verifytest.File{Status: 301, Header: location("https://example.com/a")}, "", true},
		"a redirect to another page":         {verifytest.File{Status: 302, Header: location("/")}, "", true},
		"a redirect to a missing page":       {verifytest.File{Status: 308, Header: location("/nowhere")}, "", true},
		"a redirect to the old content":      {verifytest.File{Status: 301, Header: location("/kept")}, "", false},
		"a redirect to a failure":            {verifytest.File{Status: 301, Header: location("/failing")}, "", false},
		"a redirect to itself":               {verifytest.File{Status: 301, Header: location("/a")}, "", true},
		"a redirect without Location":        {verifytest.File{Status: 302}, "", true},
		"a status with several choices":      {verifytest.File{Status: 300, Header: location("/")}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Origin.Put("/a", test.file, 0)
				w.Origin.Put("/", verifytest.File{Body: "home"}, 0)
				w.Origin.Put("/kept", verifytest.File{Body: "old"}, 0)
				w.Origin.Put("/failing", verifytest.File{Status: 500}, 0)
				item := verify.Item{Gone: test.gone}
				if item.Gone == "" {
					item.Gone = hexMD5("old")
				}
				if err := w.verify(400*time.Millisecond, item); (err == nil) != test.ok {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestRemovedPathMustAlsoBeGoneForGzip(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.put("old")
		w.visit()
		w.Origin.Remove("/a", 0)
		w.PurgePlain("/a")
		if w.verify(5*time.Second, verify.Item{Gone: hexMD5("old")}) == nil {
			t.Error("the old content is in the variant with gzip")
		}
		w.Purge("/a")
		wantProven(t, w.verify(time.Second, verify.Item{Gone: hexMD5("old")}))
	})
}

func TestRemovedFilesDoNotSlowDown(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Origin.Put("/a", verifytest.File{Status: 403}, 0)
		for range 10 {
			wantProven(t, w.verify(time.Second, verify.Item{Gone: hexMD5("old")}))
		}
		diff(t, "time", time.Duration(0), w.Elapsed())
	})
}
