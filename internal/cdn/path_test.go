package cdn_test

import (
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

// paths are those whose characters mean something in the query that carries them.
var paths = map[string]string{
	"a plain path":                              "/images/logo.png",
	"the root":                                  "/",
	"escapes":                                   "/%C2%A2%c2%a2.png",
	"an encoded space":                          "/a%20b",
	"a plus is not a space":                     "/a+b",
	"an ampersand does not end the path":        "/a&b&hard=false",
	"a semicolon does not either":               "/a;b",
	"an equals sign":                            "/a=b",
	"an encoded percent sign":                   "/100%25",
	"an encoded slash":                          "/a%2Fb",
	"an encoded #":                              "/a%23b",
	"the query of the asset":                    "/a.js?v=1&w=2",
	"a URL in the query of the asset":           "/a?u=https://example.com/",
	"quotes and brackets, which browsers leave": "/'[]|",
}

func TestWhatArrivesIsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	for sentence, path := range paths {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				if err := w.purge(hard(path)); err != nil {
					t.Fatal(err)
				}
				diff(t, "what arrived", []cdntest.Purge{{
					Time: w.Began, Service: cdntest.DeployedID, URL: path, Hard: true,
				}}, w.Purges())
			})
		})
	}
}

func TestAPurgeWithoutAPathIsNotSent(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		diff(t, "the error", said{Err: "a purge without a path would purge everything"}, hear(w.purge(hard(""))))
		diff(t, "requests", 0, len(w.Journal.Entries()))
	})
}

// FuzzPath has any path arrive at the server, which reads the query by its own
// rules, exactly as it was encoded.
func FuzzPath(f *testing.F) {
	for _, seed := range paths {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		encoded, err := urlpath.Encode(path)
		if err != nil || len(path) > 2000 {
			return
		}
		inWorld(t, func(t *testing.T, w *world) {
			if err := w.purge(hard(encoded)); err != nil {
				t.Fatal(err)
			}
			diff(t, "what arrived", encoded, w.Purges()[0].URL)
		})
	})
}
