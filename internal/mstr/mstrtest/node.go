// SPDX-License-Identifier: MPL-2.0

package mstrtest

import (
	"net/http"
	"strings"
	"time"
)

// Cluster is the part of a Server that keeps content caches. Its operations in
// the journal are nodes, with the project that it is asked for as its subject,
// contents (a list of content caches), and invalidate (any change of them), both
// with the node.
type Cluster struct {
	// Nodes are the Intelligence Servers. Two are running in New.
	Nodes []Node
	// MonitorCluster is the privilege "Monitor cluster", to list the nodes.
	MonitorCluster bool
	// ContentAPI is how much of the API for content caches there is.
	ContentAPI ContentAPI
	// InvalidateStatus is the status of an accepted change of content caches,
	// 202 or 200.
	InvalidateStatus int
	// InvalidateAfter is how long a cache stays ready after that, and
	// RemoveAfter how long it is then listed as an invalid one.
	InvalidateAfter, RemoveAfter time.Duration
	// BusyUsers run each report in the moment in which its cache becomes
	// invalid, so that it is made again at once; see Server.RunReport.
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
	// Status is "running" or, for instance, "stopped".
	Status string
	// Projects are the states of projects on this node by their ID: loaded,
	// unloaded, exec_idle, request_idle, full_idle, wh_exec_idle, partial_idle,
	// unloaded_pending, loaded_pending. Those that are missing are loaded or not
	// as Server.Projects says.
	Projects map[string]string
}

// projectStatus is the state of a project on the node.
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

// keeps reports whether the node has the caches of a project in its memory.
func (n Node) keeps(p Project) bool {
	status := n.projectStatus(p)
	return status != "unloaded" && status != "loaded_pending"
}

// runningNode finds a node by its name. Requests for any other are answered as
// those for the caches of cubes are (vendor: "Monitor and manage cube caches").
func (s *Server) runningNode(name string) (Node, *refusal) {
	for _, n := range s.Nodes {
		if n.Name == name && n.Status == "running" {
			return n, nil
		}
	}
	return Node{}, &refusal{
		http.StatusServiceUnavailable, "ERR002", "",
		"The cluster node '" + name + "' is not connected or canonical name, " +
			"you should use the cluster node name from the GET /api/monitors/iServer/nodes",
	}
}

// nodeProject is what the list of nodes says of one project.
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

// listNodes answers GET /api/monitors/iServer/nodes, where the filters choose
// nodes by their name and what is said of them by the project (vendor: "Project
// administration").
func (s *Server) listNodes(w http.ResponseWriter, r *http.Request) {
	_, refused := s.authorize(r)
	if refused == nil && !s.MonitorCluster {
		refused = lacksMonitor("Monitor cluster")
	}
	if refused != nil {
		s.refuse(w, refused)
		return
	}
	project, name := r.URL.Query().Get("projects.id"), r.URL.Query().Get("name")
	nodes := []listedNode{} // [] and never null
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

// lacksMonitor is how the monitors refuse a user (vendor: "Project
// administration", no privileges).
func lacksMonitor(privilege string) *refusal {
	return &refusal{
		http.StatusForbidden, "ERR014", NoPrivilege,
		"You do not have " + privilege + " privilege(s) to perform the task.",
	}
}

// FailNode makes answer reply to the next times requests about content caches
// on one node, and to all of them if times is negative: Fail for a node. The
// operation is contents or invalidate.
func (s *Server) FailNode(node, operation string, times int, answer http.HandlerFunc) {
	s.content.mu.Lock()
	defer s.content.mu.Unlock()
	s.content.faults = append(s.content.faults, &nodeFault{node, operation, times, answer})
}

type nodeFault struct {
	node, operation string
	left            int
	answer          http.HandlerFunc
}

// perNode puts the faults of the node that a request names before a handler.
func (s *Server) perNode(operation string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if answer := s.content.nextFault(r.URL.Query().Get("clusterNode"), operation); answer != nil {
			answer(w, r)
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
			return f.answer
		}
	}
	return nil
}
