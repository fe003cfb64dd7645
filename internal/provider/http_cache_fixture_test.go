// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"net/http"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/httpcache/httpcachetest"
	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
)

var httpCacheAccess = access{
	secrets: []secretPlace{{"PURGE_HTTP_CACHE_HEADERS", func(s *sandbox.Sandbox) *string { return &s.HTTPCache.Key }, tokenSpice}},
}

func httpCacheFixture(w *world) fixture {
	here := arguments{"host": `"www.example.com"`, "url": `"/images/the logo ü.png"`}
	const encoded = "http_cache www.example.com/images/the%20logo%20%C3%BC.png "
	return fixture{
		here:      here,
		respelled: arguments{"host": `"WWW.example.com"`, "url": `"/images/the%20logo%20%c3%bc.png"`},
		there:     arguments{"host": `"static.example.com:8080"`, "url": `"/css/site.css"`},
		hereID:    "www.example.com/images/the logo ü.png", thereID: "static.example.com:8080/css/site.css",
		malformed: arguments{"host": `"https://www.example.com"`}, complaint: "Invalid host",
		purgedHere: encoded + "200", purgedThere: "http_cache static.example.com:8080/css/site.css 200",
		deny:       func() { w.HTTPCache.Fail("purge", 1, reply(http.StatusForbidden, "")) },
		deniedHere: encoded + "403",
		many: func(n int) (things []arguments, sent []string) {
			for i := range n {
				path := fmt.Sprintf("/file-%d.css", i)
				things = append(things, arguments{"host": `"www.example.com"`, "url": `"` + path + `"`})
				sent = append(sent, "http_cache www.example.com"+path+" 200")
			}
			return things, sent
		},
		needs: []string{"HTTP cache is not configured", "http_cache.endpoints (or PURGE_HTTP_CACHE_ENDPOINTS)"},
	}
}

var httpCacheAPI = api{
	recorder: func(b *bench) *fake.Recorder { return b.HTTPCache.Recorder },
	purge:    func() model { return httpCacheOf("/logo.png") },
	more:     func(n int) model { return httpCacheOf(fmt.Sprintf("/%d.png", n)) },
	requests: []exchange{
		{"purge", 0, purge(httpCacheOf("/logo.png"))},
		{"variant", 1, purge(httpCacheOf("/logo.png"))},
	},
	own:      httpCacheFaults,
	accepted: http.StatusOK, limited: http.StatusTooManyRequests,
	subject: func(_ model, name string) string { return "www.example.com" + name },
	pages:   true,
}

func httpCacheOf(url string) model {
	return &httpCachePurge{Host: types.StringValue("www.example.com"), pathsModel: pathsModel{URL: types.StringValue(url)}}
}

func httpCacheFaults() []fault {
	runs := func(software *httpcachetest.Software, name string, change func(*httpcachetest.Server)) fault {
		return state(name, func(b *bench) {
			b.HTTPCache.Software = software
			change(b.HTTPCache)
		})
	}
	denied := func(s *httpcachetest.Server) { s.Denied = true }
	noPurge := func(s *httpcachetest.Server) { s.NoPurge = true }
	all := at("purge",
		runs(httpcachetest.Varnish, "Varnish whose ACL denies", denied),
		hopeless(runs(httpcachetest.Varnish, "Varnish without PURGE in its VCL", noPurge)),
		runs(httpcachetest.Varnish, "Varnish without PURGE, and an origin without such headers", func(s *httpcachetest.Server) { s.NoPurge, s.Bare = true, true }),
		runs(httpcachetest.Squid, "Squid whose ACL denies", denied),
		runs(httpcachetest.TrafficServer, "Traffic Server whose ACL denies", denied),
		hopeless(runs(httpcachetest.Fastly, "Fastly with a wrong key", func(s *httpcachetest.Server) { s.Key = "another" })),
		runs(httpcachetest.Fastly, "Fastly", func(*httpcachetest.Server) {}),
		hopeless(responds("405", forever, reply(405, ""))),
		hopeless(responds("501", forever, reply(501, ""))),
		responds("421", forever, reply(421, "")),
		responds("414", forever, reply(414, "")),
	)
	for _, name := range []string{"ETag", "Last-Modified", "Accept-Ranges", "Set-Cookie", "Cache-Control"} {
		for _, status := range []int{200, 404} {
			all = append(all, hopeless(responds(fmt.Sprintf("%d with %s", status, name), forever, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(name, "x")
				w.WriteHeader(status)
			})))
		}
	}
	return append(all, responds("200 with Retry-After", forever, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "86400")
	}))
}
