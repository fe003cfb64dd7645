// SPDX-License-Identifier: MPL-2.0

package mstr

import (
	"context"
	"errors"
	"net/http"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// Project is an element of the response to GET /api/projects.
type Project struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Alias        string `json:"alias"`
	Description  string `json:"description"`
	Status       int64  `json:"status"`
	ACG          int64  `json:"acg"`
	DateCreated  string `json:"dateCreated"`
	DateModified string `json:"dateModified"`
	Owner        struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"owner"`
}

// statuses are the names of the status numbers.
var statuses = map[int64]string{
	0: "active", 1: "exec idle", 2: "request idle", 4: "warehouse exec idle", 7: "full idle",
	-1: "offline", -2: "offline pending", -3: "error", -4: "online pending",
}

// StatusName returns the name of the status, or "unknown".
func (p *Project) StatusName() string {
	if name, ok := statuses[p.Status]; ok {
		return name
	}
	return "unknown"
}

// Loaded reports whether the project can be purged. An idle project can, but not
// one that is offline or in transition.
func (p *Project) Loaded() bool { return p.Status >= 0 }

// Projects lists the projects that the user can access. The API has no pages.
func (c *Client) Projects(ctx context.Context) ([]Project, error) {
	projects := transport.List[Project]{Check: func(p *Project) error {
		if p.ID == "" || p.Name == "" {
			return errors.New("a project has no ID or no name")
		}
		return nil
	}}
	_, err := c.transport.Do(ctx, &transport.Request{
		Doing: "listing the projects", Method: http.MethodGet, Path: "/api/projects",
		Expect: []int{http.StatusOK}, Into: &projects, Auth: c.session, Lookup: true, Explain: explain,
		Check: func(*transport.Response) error {
			if projects.Items == nil {
				return errors.New("the list of projects is null")
			}
			return nil
		},
	})
	return projects.Items, err
}
