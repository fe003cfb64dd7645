// SPDX-License-Identifier: MPL-2.0

package mstr

import (
	"net/http"
	"strings"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

const (
	insteadOfContent = `On an older server, you may be able to use purge_mstr_cache with cache_type = "report".`
	contentRoute     = "The server does not have this path. Listing content caches requires I-Server 11.3.0700 or later, and " +
		"invalidating them requires a release from 2025 or later. " + insteadOfContent +
		" Otherwise, check that mstr.base_url is the Library root (https://host/MicroStrategyLibrary)."
	cannotInvalidate = "Servers before 2025 list content caches but do not invalidate them. " + insteadOfContent
	cachesPrivilege  = "Listing and invalidating content caches requires the privilege DssXmlPrivilegesCacheAdministration " +
		"(Administer caches) on the project. Grant it to the user."
	nodesPrivilege  = "Listing the nodes requires the privilege DssXmlPrivilegesUseClusterMonitor (Monitor cluster). Grant it to the user."
	notLoadedAdvice = "Load the project on a running node of the Intelligence Server, or check project_id."
)

// explainContent adds the meaning of the error for a request about content caches.
func explainContent(resp *transport.Response, e *transport.Error) {
	body := explainAny(resp, e)
	switch {
	case body == nil:
	case e.Input == inputRoute:
		e.Advice = contentRoute
	case body.IServerCode == iserverNotLoaded:
		e.Final()
		e.Kind, e.Input, e.Advice = transport.KindState, inputProject, notLoadedAdvice
	case e.Kind == transport.KindForbidden:
		e.Advice = cachesPrivilege
	case resp.Status == http.StatusServiceUnavailable && strings.Contains(string(body.Message), "cluster node"):
		e.ServerUp() // the server is up, and one of its nodes is not
	case resp.Status == http.StatusNotFound:
		e.Advice = "The nodes or caches of the server may have changed during the purge."
		e.Retry = "later"
	case resp.Status == http.StatusBadRequest && strings.Contains(strings.ToLower(string(body.Message)), "project"):
		e.Input = inputProject
		e.Advice = "Check project_id. The project's properties show it."
	}
}

// explainNodes does the same for the list of nodes.
func explainNodes(resp *transport.Response, e *transport.Error) {
	explainContent(resp, e)
	if e.Kind == transport.KindForbidden {
		e.Advice = nodesPrivilege
	}
}

// explainInvalidation does the same for a change of caches. An older server has
// the route, but supports only other changes.
func explainInvalidation(resp *transport.Response, e *transport.Error) {
	explainContent(resp, e)
	if resp.Status == http.StatusBadRequest && !resp.IsPage() && e.Input == "" && e.Advice == "" {
		e.Advice = cannotInvalidate
	}
}
