// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Error answers with the shape of Poppy's errors, {"message": message}, where
// message is a string or, as for a request that fails its schema, an object.
func Error(status int, message any) http.HandlerFunc {
	return reply(status, map[string]any{"message": message})
}

// HTML answers with a page, as Poppy's framework does for a method or a path
// that it does not know, and the gateway for what it refuses itself.
func HTML(status int) http.HandlerFunc {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<html>\n <head>\n  <title>%s</title>\n </head>\n <body>\n  <h1>%s</h1>\n </body>\n</html>\n", title, title)
	}
}

// OverLimit answers as the gateway's limiter does: a 413, 429 or 503 with the
// given Retry-After, or with none where that is empty.
func OverLimit(status int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		reply(status, map[string]any{"overLimit": map[string]any{
			"code":    status,
			"message": "OverLimit Retry...",
			"details": "Error Details...",
		}})(w, req)
	}
}

// identityError has the shape of Identity's faults, in which the fault's name is
// the only key.
func identityError(status int, name, message string) http.HandlerFunc {
	return reply(status, map[string]any{name: map[string]any{"code": status, "message": message}})
}

// unauthorized is the gateway's answer to a token that it does not take.
func unauthorized(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("WWW-Authenticate", "Keystone uri=https://identity.api.rackspacecloud.com")
	HTML(http.StatusUnauthorized)(w, req)
}

func reply(status int, body any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		// The status is on the wire: a connection that is gone leaves nothing to do.
		_ = json.NewEncoder(w).Encode(body)
	}
}
