// SPDX-License-Identifier: MPL-2.0

package mstrtest

import (
	"net/http"
	"strings"
	"time"
)

// Cluster is the part of a Server that keeps content caches. Its operations in the
// journal are nodes (the subject is the project in the query), contents (a list of
// content caches), and invalidate (any change of them). For the last two, the
// subject is the node.
type Cluster struct {
	// Nodes are the Intelligence Servers. New sets two that run.
	Nodes []Node
	// MonitorCluster reports whether the users have the privilege "Monitor cluster",
	// which the list of nodes requires.
	MonitorCluster bool
	// ContentAPI is the part of the API for content caches that the server has.
	ContentAPI ContentAPI
	// InvalidateStatus is the status of an accepted change of content caches,
	// 202 or 200.
	InvalidateStatus int
	// InvalidateAfter is how long a cache stays ready after an invalidation, and
	// RemoveAfter how long the server then lists it as invalid.
	InvalidateAfter, RemoveAfter time.Duration
	// BusyUsers makes users run each report as soon as its cache becomes invalid,
	// which recreates the cache immediately. See Server.RunReport.
	BusyUsers bool

	content contents
}

func newCluster() Cluster {
	return Cluster{
		Nodes:          []Node{{Name: "iserver-1", Status: "running"}, {Name: "iserver-2", Status: "running"}},
		MonitorCluster: true, InvalidateStatus: http.StatusAccepted, RemoveAfter: 30 * time.Second,
		content: contents{byID: make(map[string]*content)},
	}
}

// Node is one Intelligence Server of the cluster.
type Node struct {
	Name string
	// Status is "running" or, for example, "stopped".
	Status string
	// Projects maps the IDs of projects to their status on this node: loaded,
	// unloaded, exec_idle, request_idle, full_idle, wh_exec_idle, partial_idle,
	// unloaded_pending, or loaded_pending. For other projects, the status in
	// Server.Projects applies.
	Projects map[string]string
}

// projectStatus returns the status of a project on the node.
func (n Node) projectStatus(p Project) string {
	switch status := n.Projects[p.ID]; {
	case status != "":
		return status
	case p.Status < 0:
		return "unloaded"
	default:
		return "loaded"
	}
}

// keeps reports whether the node keeps caches of a project.
func (n Node) keeps(p Project) bool {
	status := n.projectStatus(p)
	return status != "unloaded" && status != "loaded_pending"
}

// runningNode finds a running node by its name. For any other name, it returns the
// error that the API returns for caches of cubes (vendor: "Monitor and manage cube
// caches").
func (s *Server) runningNode(name string) (Node, *apiError) {
	for _, n := range s.Nodes {
		if n.Name == name && n.Status == "running" {
			return n, nil
		}
	}
	return Node{}, &apiError{
		http.StatusServiceUnavailable, "ERR002", "",
		"The cluster node '" + name + "' is not connected or canonical name, " +
			"you should use the cluster node name from the GET /api/monitors/iServer/nodes",
	}
}

// nodeProject is a project in the list of nodes.
type nodeProject struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"`
}

// listedNode is an element of the list of nodes.
type listedNode struct {
	Name     string        `json:"name"`
	Port     int           `json:"port"`
	Status   string        `json:"status"`
	Load     int           `json:"load"`
	Projects []nodeProject `json:"projects"`
	Default  bool          `json:"default,omitempty"`
}

// listNodes serves GET /api/monitors/iServer/nodes. The filter name selects nodes,
// and projects.id selects the listed projects (vendor: "Project administration").
func (s *Server) listNodes(w http.ResponseWriter, r *http.Request) {
	_, apiErr := s.authorize(r)
	if apiErr == nil && !s.MonitorCluster {
		apiErr = lacksMonitor("Monitor cluster")
	}
	if apiErr != nil {
		s.writeError(w, apiErr)
		return
	}
	project, name := r.URL.Query().Get("projects.id"), r.URL.Query().Get("name")
	nodes := []listedNode{} // [] instead of null
	for i, n := range s.Nodes {
		if name != "" && n.Name != name {
			continue
		}
		listed := listedNode{Name: n.Name, Port: 34952, Status: n.Status, Projects: []nodeProject{}, Default: i == 0}
		for _, p := range s.Projects {
			if project == "" || strings.EqualFold(p.ID, project) {
				listed.Projects = append(listed.Projects, nodeProject{p.ID, p.Name, n.projectStatus(p)})
			}
		}
		nodes = append(nodes, listed)
	}
	writeJSON(w, http.StatusOK, map[string]any{"nodes": nodes})
}

// lacksMonitor is the error for a missing monitor privilege (vendor: "Project
// administration", no privileges).
func lacksMonitor(privilege string) *apiError {
	return &apiError{
		http.StatusForbidden, "ERR014", NoPrivilege,
		"You do not have " + privilege + " privilege(s) to perform the task.",
	}
}

// FailNode is Fail for one node: response serves the next times requests about
// content caches on the node, or all of them if times is negative. The operation
// is contents or invalidate.
func (s *Server) FailNode(node, operation string, times int, response http.HandlerFunc) {
	s.content.mu.Lock()
	defer s.content.mu.Unlock()
	s.content.faults = append(s.content.faults, &nodeFault{node, operation, times, response})
}

type nodeFault struct {
	node, operation string
	left            int
	response        http.HandlerFunc
}

// perNode wraps a handler with the faults of the node in the query.
func (s *Server) perNode(operation string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if response := s.content.nextFault(r.URL.Query().Get("clusterNode"), operation); response != nil {
			response(w, r)
			return
		}
		h(w, r)
	}
}

func (c *contents) nextFault(node, operation string) http.HandlerFunc {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.faults {
		if f.node == node && f.operation == operation && f.left != 0 {
			f.left--
			return f.response
		}
	}
	return nil
}
