// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Error returns a handler that responds like Poppy, with {"message": message}. The
// message is a string, or an object if the request does not match its schema.
func Error(status int, message any) http.HandlerFunc {
	return respond(status, map[string]any{"message": message})
}

// HTML returns a handler that responds with a page, like Poppy's framework for an
// unknown method or path, and like the gateway for its own errors.
func HTML(status int) http.HandlerFunc {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<html>\n <head>\n  <title>%s</title>\n </head>\n <body>\n  <h1>%s</h1>\n </body>\n</html>\n", title, title)
	}
}

// OverLimit returns a handler that responds like the gateway's rate limiter, with
// 413, 429, or 503. It sets Retry-After unless retryAfter is empty.
func OverLimit(status int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		respond(status, map[string]any{"overLimit": map[string]any{
			"code":    status,
			"message": "OverLimit Retry...",
			"details": "Error Details...",
		}})(w, req)
	}
}

// identityError returns a handler that responds with a fault of Identity, an
// object with the name of the fault as its only key.
func identityError(status int, name, message string) http.HandlerFunc {
	return respond(status, map[string]any{name: map[string]any{"code": status, "message": message}})
}

// unauthorized is the gateway's response to an invalid token.
func unauthorized(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("WWW-Authenticate", "Keystone uri=https://identity.api.rackspacecloud.com")
	HTML(http.StatusUnauthorized)(w, req)
}

func respond(status int, body any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		// The status is sent, so an error of the connection has no consequence.
		_ = json.NewEncoder(w).Encode(body)
	}
}
