// SPDX-License-Identifier: MPL-2.0

package verify_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/verify"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

func TestRedirectsWithinTheHostAreFollowed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		base, location string
		ok             bool
	}{
		"a path":                        {base, "/b", true},
		"a relative path":               {base, "b?x=1", true},
		"a full address":                {base, base + "/b", true},
		"in upper case":                 {base, "HTTP://LOCALHOST/b", true},
		"without a scheme":              {base, "//localhost/b", true},
		"with the port of the scheme":   {base, "http://localhost:80/b", true},
		"with a fragment":               {base, "/b#top", true},
		"with a user, which is dropped": {base, "http://user:secret@localhost/b", true},
		"the same port":                 {base + ":8080", base + ":8080/b", true},
		"another port":                  {base, base + ":8080/b", false},
		"another host":                  {base, "http://127.0.0.1/b", false},
		"a subdomain":                   {base, "http://www.localhost/b", false},
		"another scheme":                {base, "ftp://localhost/b", false},
		"an invalid address":            {base, "http://[", false},
		"two redirects":                 {base, "/to-b", true},
		"a redirect to another host":    {base, "/away", false},
		"a redirect to itself":          {base, "/a", false},
		"a missing file":                {base, "/nowhere", false},
		"other content":                 {base, "/other", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				redirect := func(to string) verifytest.File {
					return verifytest.File{Status: http.StatusFound, Header: http.Header{"Location": {to}, "Set-Cookie": {"seen=1"}}}
				}
				w.Origin.Put("/a", redirect(test.location), 0)
				w.Origin.Put("/to-b", redirect("/b"), 0)
				w.Origin.Put("/away", redirect("http://example.com/b"), 0)
				w.Origin.Put("/b", verifytest.File{Body: content}, 0)
				w.Origin.Put("/other", verifytest.File{Body: "other"}, 0)
				err := w.verify(400*time.Millisecond, verify.Item{BaseURL: test.base, Want: hexMD5(content)})
				if (err == nil) != test.ok {
					t.Errorf("got %v", err)
				}
				for _, r := range w.requests {
					for _, name := range []string{"Cookie", "Referer", "Authorization"} {
						if r.header.Get(name) != "" {
							t.Errorf("%s has the header %s", r.uri, name)
						}
					}
				}
				for _, address := range w.Network.Dialed() {
					if !strings.HasPrefix(strings.ToLower(address), "localhost:") {
						t.Errorf("the client connected to %s", address)
					}
				}
			})
		})
	}
}

func TestFiveRedirectsAreFollowed(t *testing.T) {
	t.Parallel()
	for n, ok := range map[int]bool{5: true, 6: false} {
		inWorld(t, func(t *testing.T, w *world) {
			for i := range n {
				w.Origin.Put(fmt.Sprintf("/%d", i), verifytest.File{Status: http.StatusFound, Header: http.Header{"Location": {fmt.Sprintf("/%d", i+1)}}}, 0)
			}
			w.Origin.Put(fmt.Sprintf("/%d", n), verifytest.File{Body: content}, 0)
			err := w.verify(400*time.Millisecond, verify.Item{Path: "/0", Want: hexMD5(content)})
			if (err == nil) != ok {
				t.Errorf("%d redirects: %v", n, err)
			}
		})
	}
}

func TestRedirectFromHTTPToHTTPS(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.Origin.Put("/a", verifytest.File{Status: http.StatusMovedPermanently, Header: http.Header{"Location": {"https://localhost/a"}}}, 0)
		_ = w.verify(400*time.Millisecond, verify.Item{Want: hexMD5(content)})
		diff(t, "dialed", []string{"localhost:80", "localhost:443"}, w.Network.Dialed())
	})
}
