// SPDX-License-Identifier: MPL-2.0

package mstrtest

import (
	"io"
	"net/http"
)

// Missing is the response of a server for a missing route.
type Missing int

// The known responses.
const (
	// MissingJSON is 404 with the code ERR004 and "HTTP 404 Not Found", also for a
	// method that a route does not have (vendor: "Handle REST API errors", 404 Not
	// Found).
	MissingJSON Missing = iota
	// MissingPlain is 404 without a JSON body, which the same page mentions.
	MissingPlain
	// MissingMethod is 405 without a body.
	MissingMethod
)

func (s *Server) missingRoute(w http.ResponseWriter, _ *http.Request) {
	switch s.MissingRoute {
	case MissingPlain:
		http.Error(w, "Not Found", http.StatusNotFound)
	case MissingMethod:
		w.Header().Set("Allow", "GET, OPTIONS")
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		s.writeError(w, &apiError{http.StatusNotFound, "ERR004", "", "HTTP 404 Not Found"})
	}
}

// htmlNotFound is the page of the web server for paths outside the application.
func htmlNotFound(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html;charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, "<!doctype html><html><head><title>HTTP Status 404 – Not Found</title></head>"+
		"<body><h1>HTTP Status 404 – Not Found</h1></body></html>\n")
}
