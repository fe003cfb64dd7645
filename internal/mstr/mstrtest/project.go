// SPDX-License-Identifier: MPL-2.0

package mstrtest

import "net/http"

// Project is an element of the response to GET /api/projects.
type Project struct {
	// ID is 32 hexadecimal digits in upper case.
	ID          string `json:"id"`
	Name        string `json:"name"`
	Alias       string `json:"alias"`
	Description string `json:"description"`
	// Status is 0 active, 1 exec idle, 2 request idle, 4 warehouse exec idle,
	// 7 full idle, -1 offline, -2 offline pending, -3 error, -4 online pending.
	Status int `json:"status"`
	// ACG is the bit set of the user's permissions on the project. 255 is all.
	ACG int `json:"acg"`
	// DateCreated and DateModified have the form 2022-06-25T12:48:15.000+0000, which
	// is not RFC 3339, because the offset has no colon.
	DateCreated  string `json:"dateCreated"`
	DateModified string `json:"dateModified"`
	Owner        Owner  `json:"owner"`
}

// Owner is the owner of a project.
type Owner struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// listProjects returns an array without pages.
func (s *Server) listProjects(w http.ResponseWriter, r *http.Request) {
	if _, apiErr := s.authorize(r); apiErr != nil {
		s.writeError(w, apiErr)
		return
	}
	writeJSON(w, http.StatusOK, append([]Project{}, s.Projects...)) // [] instead of null
}

func (s *Server) project(id string) (Project, bool) {
	for _, p := range s.Projects {
		if p.ID == id {
			return p, true
		}
	}
	return Project{}, false
}

// defaultProjects returns two loaded projects (the vendor's examples), one that is
// not loaded, and one with the name of another.
func defaultProjects() []Project {
	tutorial := Project{
		ID:           "B7CA92F04B9FAE8D941C3E9B7E0CD754",
		Name:         "MicroStrategy Tutorial",
		Description:  "Electronics, Books, Movies and Music",
		ACG:          255,
		DateCreated:  "2015-06-30T21:55:35.000+0000",
		DateModified: "2022-06-25T12:48:15.000+0000",
		Owner:        Owner{ID: "54F3D26011D2896560009A8E67019608", Name: "Administrator"},
	}
	education, archive, second := tutorial, tutorial, tutorial
	education.ID, education.Name = "CE52831411E696C8BD2F0080EFD5AF44", "Consolidated Education Project"
	archive.ID, archive.Name, archive.Status = "A1B2C3D44E5F60718293A4B5C6D7E8F9", "Archive", -1
	second.ID, second.Name = "0D5E7F9A4B3C2D1E8F7A6B5C4D3E2F1A", education.Name
	return []Project{tutorial, education, archive, second}
}
