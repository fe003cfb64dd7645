// SPDX-License-Identifier: MPL-2.0

package mstrtest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
)

func TestProjectsAreAnArray(t *testing.T) {
	t.Parallel()
	one := func(s *mstrtest.Server) { s.Projects = s.Projects[:1] }
	none := func(s *mstrtest.Server) { s.Projects = nil }
	tests := map[string]struct {
		configure func(*mstrtest.Server)
		want      string
	}{
		"all documented fields": {one, `[{"id":"` + tutorial + `","name":"MicroStrategy Tutorial","alias":"",` +
			`"description":"Electronics, Books, Movies and Music","status":0,"acg":255,` +
			`"dateCreated":"2015-06-30T21:55:35.000+0000","dateModified":"2022-06-25T12:48:15.000+0000",` +
			`"owner":{"id":"54F3D26011D2896560009A8E67019608","name":"Administrator"}}]`},
		"no projects": {none, `[]`},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			c, _ := loggedIn(t, test.configure)
			res, got := c.send("GET", projectsPath, "")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if contentType := res.Header.Get("Content-Type"); res.Status != 200 || contentType != "application/json;charset=UTF-8" {
				t.Errorf("%d %s", res.Status, contentType)
			}
		})
	}
}

func TestDefaultProjects(t *testing.T) {
	t.Parallel()
	type row struct {
		ID, Name string
		Status   int
	}
	var got []row
	for _, p := range mstrtest.New().Projects {
		got = append(got, row{p.ID, p.Name, p.Status})
	}
	want := []row{
		{tutorial, "MicroStrategy Tutorial", 0},
		{"CE52831411E696C8BD2F0080EFD5AF44", "Consolidated Education Project", 0},
		{archive, "Archive", -1},
		{"0D5E7F9A4B3C2D1E8F7A6B5C4D3E2F1A", "Consolidated Education Project", 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
