// SPDX-License-Identifier: MPL-2.0

package httpcachetest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Software is how one kind of cache is asked for a purge, and how it answers.
type Software struct {
	// Method and PathPrefix make a request a purge.
	Method, PathPrefix string

	// oneVariant: a purge deletes only the variant that the request would get.
	oneVariant       bool
	hit, miss        func(http.ResponseWriter, *http.Request)
	denies, wantsKey func(http.ResponseWriter)
	ignorant         func(*Server, http.ResponseWriter, *http.Request)
}

// The caches that people purge this way.
var (
	// Varnish with the VCL of its documentation. It does not tell whether there
	// was anything to purge, and its responses have a Retry-After, because it
	// makes them as it makes errors. Without PURGE in the VCL it pipes the
	// request to the origin.
	Varnish = &Software{
		Method: "PURGE",
		hit:    synth(http.StatusOK, "Purged"), miss: synth(http.StatusOK, "Purged"),
		denies:   without(synth(http.StatusMethodNotAllowed, "This IP is not allowed to send PURGE requests.")),
		wantsKey: without(synth(http.StatusUnauthorized, "Unauthorized")),
		ignorant: (*Server).pass,
	}
	// Nginx with ngx_cache_purge and a location for purges. Without the location
	// the request is one for content.
	Nginx = &Software{
		Method: http.MethodGet, PathPrefix: "/purge", oneVariant: true,
		hit: page("nginx/1.22.1", http.StatusOK, "Successful purge"), miss: page("nginx/1.22.1", http.StatusNotFound, "404 Not Found"),
		denies:   without(page("nginx/1.22.1", http.StatusForbidden, "403 Forbidden")),
		wantsKey: without(page("nginx/1.22.1", http.StatusUnauthorized, "401 Authorization Required")),
		ignorant: (*Server).pass,
	}
	// Squid denies purges unless an ACL of its configuration names the method.
	Squid = &Software{
		Method: "PURGE", oneVariant: true,
		hit: empty("squid/5.7", http.StatusOK), miss: empty("squid/5.7", http.StatusNotFound),
		denies: squidDenies, wantsKey: squidDenies,
		ignorant: func(_ *Server, w http.ResponseWriter, _ *http.Request) { squidDenies(w) },
	}
	// TrafficServer accepts purges from loopback addresses unless ip_allow.yaml
	// says otherwise.
	TrafficServer = &Software{
		Method: "PURGE",
		hit:    empty("ATS/9.2.5", http.StatusOK), miss: empty("ATS/9.2.5", http.StatusNotFound),
		denies:   without(page("ATS/9.2.5", http.StatusForbidden, "Access Denied")),
		wantsKey: without(page("ATS/9.2.5", http.StatusForbidden, "Access Denied")),
		ignorant: func(_ *Server, w http.ResponseWriter, r *http.Request) {
			page("ATS/9.2.5", http.StatusForbidden, "Access Denied")(w, r)
		},
	}
	// Fastly takes a purge for every host that it serves, with the header
	// Fastly-Key if authentication is on.
	Fastly = &Software{
		Method: "PURGE",
		hit:    fastly(http.StatusOK, map[string]string{"status": "ok", "id": "1378-1712345678-1234567"}),
		miss:   fastly(http.StatusOK, map[string]string{"status": "ok", "id": "1378-1712345678-1234568"}),
		denies: without(fastly(http.StatusForbidden, map[string]string{"msg": "You are not authorized to perform this action"})),
		wantsKey: without(fastly(http.StatusUnauthorized, map[string]string{
			"msg": "Provided credentials are missing or invalid",
		})),
		ignorant: (*Server).pass,
	}
)

func without(h http.HandlerFunc) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { h(w, nil) }
}

// synth is a response that Varnish makes itself.
func synth(status int, reason string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "Varnish")
		w.Header().Set("X-Varnish", "32770")
		w.Header().Set("Retry-After", "5")
		page("Varnish", status, fmt.Sprint(status, " ", reason))(w, nil)
	}
}

// page is a response with a short page of the server.
func page(server string, status int, title string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", server)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<html>\n<head><title>%s</title></head>\n<body><h1>%[1]s</h1></body>\n</html>\n", title)
	}
}

func empty(server string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", server)
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(status)
	}
}

func squidDenies(w http.ResponseWriter) {
	w.Header().Set("X-Squid-Error", "ERR_ACCESS_DENIED 0")
	page("squid/5.7", http.StatusForbidden, "ERROR: The requested URL could not be retrieved")(w, nil)
}

func fastly(status int, body map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		// The client may be gone, and then there is nobody to tell.
		_ = json.NewEncoder(w).Encode(body)
	}
}
