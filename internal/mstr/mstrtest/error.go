// SPDX-License-Identifier: MPL-2.0

package mstrtest

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
)

// FaultTicket is the ticketId of the errors that Error, WrappedError, and
// RespelledError write. A Server creates a ticketId for each of its own errors.
const FaultTicket = "fa0175fa0175fa0175fa0175fa0175fa"

// Values of iServerCode for Error (vendor: class WebAPIErrorCodes).
const (
	LoginFailed      = "-2147216959"
	AccountLocked    = "-2147202287"
	SessionCap       = "-2147072486"
	ProjectNotLoaded = "-2147209151"
	NoPrivilege      = "-2147213784"
)

// Error returns a handler for Recorder.Fail that writes an error body:
//
//	{"code":"ERR001","iServerCode":-2147072486,"message":"…","ticketId":"…"}
//
// The iServerCode is a decimal number. The body omits empty values (vendor: "Handle
// REST API errors").
func Error(status int, code, iServerCode, message string) http.HandlerFunc {
	e := apiError{status, code, iServerCode, message}
	return fault(status, e.body("iServerCode", FaultTicket))
}

// RespelledError is Error with the field name IserverCode, which some of the
// vendor's pages use.
func RespelledError(status int, code, iServerCode, message string) http.HandlerFunc {
	e := apiError{status, code, iServerCode, message}
	return fault(status, e.body("IserverCode", FaultTicket))
}

// WrappedError is Error in the form of the Modeling service, {"errors":[{…}]}.
func WrappedError(status int, code, iServerCode, message string) http.HandlerFunc {
	e := apiError{status, code, iServerCode, message}
	return fault(status, map[string]any{"errors": []any{e.body("iServerCode", FaultTicket)}})
}

func fault(status int, body any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, status, body) }
}

// Tickets returns the ticketIds of the server's own errors in order, each with 32
// hexadecimal digits.
func (s *Server) Tickets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tickets)
}

// apiError is an error response.
type apiError struct {
	status                     int
	code, iServerCode, message string
}

func (e *apiError) body(iServerCodeName, ticket string) map[string]any {
	body := map[string]any{"ticketId": ticket}
	if e.code != "" {
		body["code"] = e.code
	}
	if e.iServerCode != "" {
		body[iServerCodeName] = json.Number(e.iServerCode)
	}
	if e.message != "" {
		body["message"] = e.message
	}
	return body
}

func (s *Server) writeError(w http.ResponseWriter, e *apiError) {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	ticket := hex.EncodeToString(id[:])
	s.mu.Lock()
	s.tickets = append(s.tickets, ticket)
	s.mu.Unlock()
	writeJSON(w, e.status, e.body("iServerCode", ticket))
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("mstrtest: " + err.Error()) // an iServerCode that is not a number
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
