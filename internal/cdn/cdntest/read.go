// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A page contains 10 services by default and at most 20.
const defaultPage, maxPage = 10, 20

// nextHost is the host of the links between pages. It is behind the gateway and not
// reachable from outside. Clients must not send tokens to it.
const nextHost = "https://poppy.invalid"

func (s *Server) getService(spelled string) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		id, isUUID := canonicalID(spelled)
		if !isUUID {
			Error(http.StatusBadRequest, "Invalid service id")(w, req)
			return
		}
		service := s.Service(id)
		if service.ID == "" {
			Error(http.StatusNotFound, "service "+spelled+" could not be found")(w, req)
			return
		}
		respond(http.StatusOK, s.body(service, s.publicURL(req)))(w, req)
	}
}

// listServices lists the services with IDs greater than the marker, which need not
// exist. A full page contains a link to the next page, even if it is the last one.
func (s *Server) listServices(w http.ResponseWriter, req *http.Request) {
	query := parseQuery(req.URL.RawQuery)
	limit, rejection := parseLimit(valueOr(query, "limit", strconv.Itoa(defaultPage)))
	marker, isUUID := canonicalID(valueOr(query, "marker", strings.Repeat("0", 32)))
	if rejection == nil && !isUUID {
		rejection = Error(http.StatusBadRequest, "Marker must be a valid UUID")
	}
	if rejection != nil {
		rejection(w, req)
		return
	}
	services, links := []any{}, []any{}
	for _, service := range s.page(marker, limit) {
		services = append(services, s.body(service, s.publicURL(req)))
		if len(services) == limit {
			links = append(links, link("next", fmt.Sprintf("%s/v1.0/%s/services?marker=%s&limit=%d",
				nextHost, s.ProjectID, service.ID, limit)))
		}
	}
	respond(http.StatusOK, map[string]any{"services": services, "links": links})(w, req)
}

func parseLimit(value string) (int, http.HandlerFunc) {
	limit, err := strconv.Atoi(value)
	switch {
	case err != nil:
		return 0, Error(http.StatusBadRequest, fmt.Sprintf("Limit should be an integer greater than 0 and less or equal to %d", maxPage))
	case limit <= 0:
		return 0, Error(http.StatusBadRequest, "Limit should be greater than 0")
	case limit > maxPage:
		return 0, Error(http.StatusBadRequest, fmt.Sprintf("Limit should be less than or equal to %d", maxPage))
	}
	return limit, nil
}

func (s *Server) page(marker string, limit int) []Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []Service
	for i := range s.Services {
		if s.Services[i].ID > marker {
			s.settle(&s.Services[i])
			page = append(page, s.Services[i])
		}
	}
	slices.SortFunc(page, func(a, b Service) int { return cmp.Compare(a.ID, b.ID) })
	return page[:min(limit, len(page))]
}

// escapeHTML escapes a name like Python's html.escape.
var escapeHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;")

// body returns a service as Poppy returns it, with empty lists instead of null.
func (s *Server) body(service Service, base string) any {
	errors := []any{}
	for _, message := range service.Errors {
		errors = append(errors, map[string]any{"message": message})
	}
	status := service.Status
	if service.Disabled {
		status = StatusDisabled
	}
	base += "/v1.0/" + s.ProjectID
	return map[string]any{
		"id":           service.ID,
		"name":         escapeHTML.Replace(service.Name),
		"project_id":   s.ProjectID,
		"status":       status,
		"errors":       errors,
		"domains":      append([]Domain{}, service.Domains...),
		"origins":      append([]Origin{}, service.Origins...),
		"caching":      append([]Caching{}, service.Caching...),
		"restrictions": []any{},
		"flavor_id":    service.Flavor,
		"log_delivery": map[string]any{"enabled": false},
		"links":        []any{link("self", base+"/services/"+service.ID), link("flavor", base+"/flavors/"+service.Flavor)},
	}
}

func link(rel, href string) any {
	return map[string]any{"rel": rel, "href": href}
}
