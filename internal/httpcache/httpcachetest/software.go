// SPDX-License-Identifier: MPL-2.0

package httpcachetest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Software is the interface of one kind of cache: its requests for a purge, and its
// responses.
type Software struct {
	// Method and PathPrefix identify a purge.
	Method, PathPrefix string

	// oneVariant means that a purge deletes only the variant that a GET with the same
	// headers would get.
	oneVariant         bool
	hit, miss          func(http.ResponseWriter, *http.Request)
	denied, missingKey func(http.ResponseWriter)
	noPurge            func(*Server, http.ResponseWriter, *http.Request)
}

// The caches that can be purged with a request for the object.
var (
	// Varnish has the VCL of its documentation. Its response is the same whether or
	// not there was an object, and contains Retry-After, because Varnish generates it
	// like an error. Without PURGE in the VCL, it pipes the request to the origin.
	Varnish = &Software{
		Method: "PURGE",
		hit:    synth(http.StatusOK, "Purged"), miss: synth(http.StatusOK, "Purged"),
		denied:     without(synth(http.StatusMethodNotAllowed, "This IP is not allowed to send PURGE requests.")),
		missingKey: without(synth(http.StatusUnauthorized, "Unauthorized")),
		noPurge:    (*Server).pass,
	}
	// Nginx has ngx_cache_purge and a location for purges. Without the location, it
	// treats a purge as a request for content.
	Nginx = &Software{
		Method: http.MethodGet, PathPrefix: "/purge", oneVariant: true,
		hit: page("nginx/1.22.1", http.StatusOK, "Successful purge"), miss: page("nginx/1.22.1", http.StatusNotFound, "404 Not Found"),
		denied:     without(page("nginx/1.22.1", http.StatusForbidden, "403 Forbidden")),
		missingKey: without(page("nginx/1.22.1", http.StatusUnauthorized, "401 Authorization Required")),
		noPurge:    (*Server).pass,
	}
	// Squid denies purges unless an ACL in its configuration allows the method.
	Squid = &Software{
		Method: "PURGE", oneVariant: true,
		hit: empty("squid/5.7", http.StatusOK), miss: empty("squid/5.7", http.StatusNotFound),
		denied: squidDenied, missingKey: squidDenied,
		noPurge: func(_ *Server, w http.ResponseWriter, _ *http.Request) { squidDenied(w) },
	}
	// TrafficServer accepts purges from loopback addresses, unless ip_allow.yaml
	// denies them.
	TrafficServer = &Software{
		Method: "PURGE",
		hit:    empty("ATS/9.2.5", http.StatusOK), miss: empty("ATS/9.2.5", http.StatusNotFound),
		denied:     without(page("ATS/9.2.5", http.StatusForbidden, "Access Denied")),
		missingKey: without(page("ATS/9.2.5", http.StatusForbidden, "Access Denied")),
		noPurge: func(_ *Server, w http.ResponseWriter, r *http.Request) {
			page("ATS/9.2.5", http.StatusForbidden, "Access Denied")(w, r)
		},
	}
	// Fastly accepts a purge for every host that it serves. If authentication is on,
	// it requires the header Fastly-Key.
	Fastly = &Software{
		Method: "PURGE",
		hit:    fastly(http.StatusOK, map[string]string{"status": "ok", "id": "1378-1712345678-1234567"}),
		miss:   fastly(http.StatusOK, map[string]string{"status": "ok", "id": "1378-1712345678-1234568"}),
		denied: without(fastly(http.StatusForbidden, map[string]string{"msg": "You are not authorized to perform this action"})),
		missingKey: without(fastly(http.StatusUnauthorized, map[string]string{
			"msg": "Provided credentials are missing or invalid",
		})),
		noPurge: (*Server).pass,
	}
)

func without(h http.HandlerFunc) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { h(w, nil) }
}

// synth is a response that Varnish generates.
func synth(status int, reason string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "Varnish")
		w.Header().Set("X-Varnish", "32770")
		w.Header().Set("Retry-After", "5")
		page("Varnish", status, fmt.Sprint(status, " ", reason))(w, nil)
	}
}

// page is a response with a short HTML page.
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

func squidDenied(w http.ResponseWriter) {
	w.Header().Set("X-Squid-Error", "ERR_ACCESS_DENIED 0")
	page("squid/5.7", http.StatusForbidden, "ERROR: The requested URL could not be retrieved")(w, nil)
}

func fastly(status int, body map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body) // fails if the client is gone
	}
}
