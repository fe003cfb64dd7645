// SPDX-License-Identifier: MPL-2.0

package mstr_test

import (
	"fmt"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
)

func TestProjects(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		got, err := w.connect().Projects(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var want []mstr.Project
		for _, p := range w.Projects {
			project := mstr.Project{
				ID: p.ID, Name: p.Name, Alias: p.Alias, Description: p.Description, Status: int64(p.Status), ACG: int64(p.ACG),
				DateCreated: p.DateCreated, DateModified: p.DateModified,
			}
			project.Owner.ID, project.Owner.Name = p.Owner.ID, p.Owner.Name
			want = append(want, project)
		}
		diff(t, "projects", want, got)
	})
}

func TestTheStatusOfAProject(t *testing.T) {
	t.Parallel()
	type meaning struct {
		Name   string
		Loaded bool
	}
	for status, want := range map[int64]meaning{
		0: {"active", true}, 1: {"exec idle", true}, 2: {"request idle", true}, 4: {"warehouse exec idle", true}, 7: {"full idle", true},
		-1: {"offline", false}, -2: {"offline pending", false}, -3: {"error", false}, -4: {"online pending", false},
		99: {"unknown", true},
	} {
		p := mstr.Project{Status: status}
		diff(t, fmt.Sprintf("status %d", status), want, meaning{p.StatusName(), p.Loaded()})
	}
}
