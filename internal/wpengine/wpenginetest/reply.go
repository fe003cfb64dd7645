// SPDX-License-Identifier: MPL-2.0

package wpenginetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// reference is the documentation that a 400 of the fake itself points to.
const reference = "https://wpengineapi.com/reference"

// problem is one element of errors[].
type problem struct {
	Resource string `json:"resource,omitempty"`
	Field    string `json:"field,omitempty"`
	Type     string `json:"type,omitempty"`
	Code     string `json:"code,omitempty"`
	Message  string `json:"message,omitempty"`
}

// wrong is what errors[] says of one field of a request.
func wrong(field, code, message string) []problem {
	return []problem{{Resource: "Install", Field: field, Type: "invalid_request", Code: code, Message: message}}
}

// Error answers with {"message"}, the body of a 401, 403, 404, 429 or 500.
func Error(status int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		reply(w, status, map[string]string{"message": message})
	}
}

// FieldError answers 400 with one element in errors[]. What is empty is left
// out, as the API is free to do.
func FieldError(field, code, message, documentationURL string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		invalid(w, []problem{{Field: field, Code: code, Message: message}}, documentationURL)
	}
}

// EmptyUnavailable answers 503 without a body.
func EmptyUnavailable() http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
}

// GatewayEcho answers as the gateway does when it takes the Authorization header
// for a signature: 403, with the credentials of the request in the message twice.
func GatewayEcho() http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		header := r.Header.Get("Authorization")
		_, credentials, _ := strings.Cut(header, " ")
		Error(http.StatusForbidden, fmt.Sprintf("'%s' not a valid key=value pair (missing equal-sign)"+
			" in Authorization header: '%s'.", credentials, header))(w, r)
	}
}

// HTML answers with a page of the gateway in the place of JSON.
func HTML(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		title := fmt.Sprintf("%d %s", status, http.StatusText(status))
		_, _ = fmt.Fprintf(w, "<html>\r\n<head><title>%s</title></head>\r\n"+
			"<body>\r\n<center><h1>%s</h1></center>\r\n</body>\r\n</html>\r\n", title, title)
	}
}

// LostReply does the purge that was asked for and cuts the connection before the
// reply: the client cannot know that it worked, and a second object purge of the
// install is a 429. It is a fault of the operation purge only.
func (s *Server) LostReply() http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		s.authenticated(s.validated)(nowhere{}, r)
		panic(http.ErrAbortHandler)
	}
}

// nowhere keeps a lost reply from the wire and from the journal.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

func invalid(w http.ResponseWriter, problems []problem, documentationURL string) {
	reply(w, http.StatusBadRequest, struct {
		Message          string    `json:"message"`
		DocumentationURL string    `json:"documentation_url,omitempty"`
		Errors           []problem `json:"errors"`
	}{"Invalid Request", documentationURL, problems})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The client may be gone, and then there is nobody to tell.
	_ = json.NewEncoder(w).Encode(body)
}
