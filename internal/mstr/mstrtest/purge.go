// SPDX-License-Identifier: MPL-2.0

package mstrtest

import (
	"io"
	"net/http"
	"slices"
	"strings"
)

// purge serves DELETE …/projects/{project}/caches/{type}. It returns 204 without a
// body, which means that the purge was triggered (vendor: "Purge object and element
// caches").
func (s *Server) purge(w http.ResponseWriter, r *http.Request, project, cacheType string) {
	_, apiErr := s.authorize(r)
	if apiErr == nil {
		apiErr = s.checkPurge(r, project, cacheType)
	}
	if apiErr != nil {
		s.writeError(w, apiErr)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) checkPurge(r *http.Request, id, cacheType string) *apiError {
	if r.URL.RawQuery != "" || r.URL.ForceQuery || hasBody(r) {
		return badPurge("A purge takes neither a query nor a body")
	}
	if !s.Privileged {
		return lacksPrivilege("DssXmlPrivilegesCacheAdministration")
	}
	if !slices.Contains(s.CacheTypes, cacheType) {
		return badPurge("The cache type has to be " + strings.Join(s.CacheTypes, " or "))
	}
	p, ok := s.project(id)
	if !ok {
		return badPurge("The given Project ID (" + id + ") does not exist")
	}
	if p.Status < 0 {
		return &apiError{
			http.StatusNotFound, "ERR001", ProjectNotLoaded,
			"There are no Intelligence Servers in the cluster with the project " + id + " available.",
		}
	}
	return nil
}

func lacksPrivilege(name string) *apiError {
	return &apiError{http.StatusForbidden, "ERR014", "", "The user does not have the privilege " + name}
}

func badPurge(message string) *apiError {
	return &apiError{http.StatusBadRequest, "ERR006", "", message}
}

// hasBody reads the body, because a chunked body has no Content-Length.
func hasBody(r *http.Request) bool {
	n, _ := io.ReadFull(r.Body, make([]byte, 1))
	return n > 0
}
