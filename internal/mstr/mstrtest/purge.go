// SPDX-License-Identifier: MPL-2.0

package mstrtest

import (
	"io"
	"net/http"
	"slices"
	"strings"
)

// purge answers DELETE …/projects/{project}/caches/{type} with 204, which means
// that the purge was triggered; there is nothing to read back (vendor: "Purge
// object and element caches").
func (s *Server) purge(w http.ResponseWriter, r *http.Request, project, cacheType string) {
	_, refused := s.authorize(r)
	if refused == nil {
		refused = s.checkPurge(r, project, cacheType)
	}
	if refused != nil {
		s.refuse(w, refused)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) checkPurge(r *http.Request, id, cacheType string) *refusal {
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
		return &refusal{
			http.StatusNotFound, "ERR001", ProjectNotLoaded,
			"There are no Intelligence Servers in the cluster with the project " + id + " available.",
		}
	}
	return nil
}

func lacksPrivilege(name string) *refusal {
	return &refusal{http.StatusForbidden, "ERR014", "", "The user does not have the privilege " + name}
}

func badPurge(message string) *refusal {
	return &refusal{http.StatusBadRequest, "ERR006", "", message}
}

// hasBody reads instead of trusting Content-Length, which a chunked body does
// not have.
func hasBody(r *http.Request) bool {
	n, _ := io.ReadFull(r.Body, make([]byte, 1))
	return n > 0
}
