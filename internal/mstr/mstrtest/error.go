// SPDX-License-Identifier: MPL-2.0

package mstrtest

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
)

// FaultTicket is the ticketId of every error that Error, WrappedError and
// RespelledError write. Errors of a Server have tickets of their own.
const FaultTicket = "fa0175fa0175fa0175fa0175fa0175fa"

// Values of iServerCode (vendor: class WebAPIErrorCodes), for use with Error.
const (
	LoginFailed      = "-2147216959"
	AccountLocked    = "-2147202287"
	SessionCap       = "-2147072486"
	ProjectNotLoaded = "-2147209151"
	NoPrivilege      = "-2147213784"
)

// Error answers with an error body as it is on the wire:
//
//	{"code":"ERR001","iServerCode":-2147072486,"message":"…","ticketId":"…"}
//
// The iServerCode is a decimal number. What is empty is left out. It is made
// for Recorder.Fail (vendor: "Handle REST API errors").
func Error(status int, code, iServerCode, message string) http.HandlerFunc {
	e := refusal{status, code, iServerCode, message}
	return fault(status, e.body("iServerCode", FaultTicket))
}

// RespelledError is Error with the field name that some of the vendor's pages
// use, IserverCode.
func RespelledError(status int, code, iServerCode, message string) http.HandlerFunc {
	e := refusal{status, code, iServerCode, message}
	return fault(status, e.body("IserverCode", FaultTicket))
}

// WrappedError is Error as the Modeling service writes it, {"errors":[{…}]}.
func WrappedError(status int, code, iServerCode, message string) http.HandlerFunc {
	e := refusal{status, code, iServerCode, message}
	return fault(status, map[string]any{"errors": []any{e.body("iServerCode", FaultTicket)}})
}

func fault(status int, body any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, status, body) }
}

// Tickets returns the ticketId of every error that the server itself answered
// with, in their order: 32 hexadecimal digits each.
func (s *Server) Tickets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tickets)
}

// refusal is why a request is not served.
type refusal struct {
	status                     int
	code, iServerCode, message string
}

func (e *refusal) body(iServerCodeName, ticket string) map[string]any {
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

func (s *Server) refuse(w http.ResponseWriter, e *refusal) {
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
		panic("mstrtest: " + err.Error()) // an iServerCode that is no number
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
