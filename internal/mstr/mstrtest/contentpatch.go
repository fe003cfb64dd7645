// SPDX-License-Identifier: MPL-2.0

package mstrtest

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// contentPatch is the body of a request that changes content caches.
type contentPatch struct {
	OperationList []contentOperation `json:"operationList"`
}

type contentOperation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// patchContents serves PATCH /api/v2/monitors/caches/contents. It checks all
// operations before it applies the first one.
func (s *Server) patchContents(w http.ResponseWriter, r *http.Request) {
	nodes, apiErr := s.authorizeContent(r)
	var changes []contentChange
	if apiErr == nil {
		changes, apiErr = s.readChanges(r)
	}
	if apiErr == nil {
		apiErr = s.change(nodes, changes)
	}
	if apiErr != nil {
		s.writeError(w, apiErr)
		return
	}
	w.WriteHeader(s.InvalidateStatus)
}

// contentChange is a valid operation.
type contentChange struct {
	id   string // the combined ID
	what string // "invalid", "loaded", or "" to remove the cache
	on   bool
}

func (s *Server) readChanges(r *http.Request) ([]contentChange, *apiError) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return nil, &apiError{http.StatusUnsupportedMediaType, "ERR006", "", "HTTP 415 Unsupported Media Type"}
	}
	body, err := io.ReadAll(r.Body)
	var patch contentPatch
	if err != nil || json.Unmarshal(body, &patch) != nil {
		return nil, invalidContent("Invalid JSON body.")
	}
	if len(patch.OperationList) == 0 {
		return nil, missingField("operationList")
	}
	states := []string{"loaded", "invalid"}
	if s.ContentAPI == ContentLoadOnly {
		states = states[:1]
	}
	changes := make([]contentChange, len(patch.OperationList))
	for i, o := range patch.OperationList {
		if changes[i], err = o.read(states); err != nil {
			return nil, invalidContent("Invalid JSON body. " + err.Error())
		}
	}
	return changes, nil
}

// malformed is the message for an invalid operation (vendor: "Project
// administration", error handling).
type malformed string

func (m malformed) Error() string { return string(m) }

func (o contentOperation) read(states []string) (contentChange, error) {
	if o.Op != "replace" && o.Op != "remove" {
		return contentChange{}, malformed("Cannot construct instance of `com.microstrategy.rest.model.iserver.PatchOperator`, problem: Invalid patch operations")
	}
	rest, ok := strings.CutPrefix(o.Path, "/contentCaches/")
	id, what, status := strings.Cut(rest, "/status/")
	switch {
	case !ok || id == "":
		return contentChange{}, malformed("The path " + o.Path + " is not valid")
	case o.Op == "remove" && !status:
		return contentChange{id: id}, nil
	case o.Op == "remove" || !slices.Contains(states, what):
		return contentChange{}, malformed("Please validate operation type or value. Input value can not be '" + o.Op + "' for the path " + o.Path)
	}
	switch value := string(o.Value); {
	case value == "true":
		return contentChange{id, what, true}, nil
	case value == "false" && what == "loaded":
		return contentChange{id, what, false}, nil
	default:
		return contentChange{}, malformed("Please validate operation type or value. Input value can not be " + value + " for the path " + o.Path)
	}
}

// change applies changes to caches on the nodes. It does not distinguish cubes,
// which the client must avoid.
func (s *Server) change(nodes []Node, changes []contentChange) *apiError {
	s.content.mu.Lock()
	defer s.content.mu.Unlock()
	s.settle()
	s.content.batches = append(s.content.batches, len(changes))
	for _, change := range changes {
		c := s.content.byID[change.id]
		if c == nil || !slices.ContainsFunc(nodes, func(n Node) bool { return n.Name == c.Node }) {
			return &apiError{http.StatusNotFound, "ERR004", "", "The content cache '" + change.id + "' is not found in Intelligence server"}
		}
	}
	for _, change := range changes {
		c := s.content.byID[change.id]
		switch {
		case c == nil: // removed by an earlier operation
		case change.what == "loaded":
			c.loaded = change.on
		case change.what == "":
			s.content.remove(change.id)
		case c.invalid.IsZero():
			c.invalid = s.Now().Add(s.InvalidateAfter)
		}
	}
	return nil
}
