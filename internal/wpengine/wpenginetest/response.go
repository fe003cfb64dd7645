// SPDX-License-Identifier: MPL-2.0

package wpenginetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// reference is the documentation URL in the fake's own 400 responses.
const reference = "https://wpengineapi.com/reference"

// problem is one element of errors[].
type problem struct {
	Resource string `json:"resource,omitempty"`
	Field    string `json:"field,omitempty"`
	Type     string `json:"type,omitempty"`
	Code     string `json:"code,omitempty"`
	Message  string `json:"message,omitempty"`
}

// wrong returns the errors[] for one field of a request.
func wrong(field, code, message string) []problem {
	return []problem{{Resource: "Install", Field: field, Type: "invalid_request", Code: code, Message: message}}
}

// Error returns a handler that responds with {"message": message}, the body of a
// 401, 403, 404, 429, or 500.
func Error(status int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		respond(w, status, map[string]string{"message": message})
	}
}

// FieldError returns a handler that responds with 400 and one element in errors[].
// It omits empty values, as the API may do.
func FieldError(field, code, message, documentationURL string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		invalid(w, []problem{{Field: field, Code: code, Message: message}}, documentationURL)
	}
}

// EmptyUnavailable returns a handler that responds with 503 and no body.
func EmptyUnavailable() http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
}

// GatewayEcho returns a handler that responds like the gateway when it takes the
// Authorization header for a signature: with 403, and twice with the credentials
// of the request in the message.
func GatewayEcho() http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		header := r.Header.Get("Authorization")
		_, credentials, _ := strings.Cut(header, " ")
		Error(http.StatusForbidden, fmt.Sprintf("'%s' not a valid key=value pair (missing equal-sign)"+
			" in Authorization header: '%s'.", credentials, header))(w, r)
	}
}

// HTML returns a handler that responds with a page of the gateway instead of JSON.
func HTML(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		title := fmt.Sprintf("%d %s", status, http.StatusText(status))
		_, _ = fmt.Fprintf(w, "<html>\r\n<head><title>%s</title></head>\r\n"+
			"<body>\r\n<center><h1>%s</h1></center>\r\n</body>\r\n</html>\r\n", title, title)
	}
}

// LostResponse returns a handler that executes the purge and closes the connection
// before the response. The client does not learn that the purge was accepted, and a
// second object purge of the install returns 429. It is only for the operation
// purge.
func (s *Server) LostResponse() http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		s.authenticated(s.validated)(nowhere{}, r)
		panic(http.ErrAbortHandler)
	}
}

// nowhere discards a lost response, also in the journal.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

func invalid(w http.ResponseWriter, problems []problem, documentationURL string) {
	respond(w, http.StatusBadRequest, struct {
		Message          string    `json:"message"`
		DocumentationURL string    `json:"documentation_url,omitempty"`
		Errors           []problem `json:"errors"`
	}{"Invalid Request", documentationURL, problems})
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// If the client has left, there is nothing to do.
	_ = json.NewEncoder(w).Encode(body)
}
