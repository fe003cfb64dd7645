// SPDX-License-Identifier: MPL-2.0

package main

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine/wpenginetest"
)

// step is one plan and apply.
type step struct {
	title, why string
	release    string
	// before changes the world before the plan.
	before func(*stage) error
	// verified has the site verified, before the purge and after it. The files are
	// uploaded between the plan and the apply.
	verified bool
	want     expectation
}

// story is the steps of the demo.
func story(s *sandbox.Sandbox) []step {
	all := func(blogAnswer int) []fake.Entry {
		return slices.Concat(mstrPurges(s), cdnPurges(s, withRelease...), []fake.Entry{blog(s, blogAnswer)})
	}
	return []step{
		{
			title: "The first apply", release: "1",
			why: "Every resource is new, and creating one purges what it names.",
			want: expectation{
				planExit: 2, summary: "Plan: 7 to add, 0 to change, 0 to destroy.",
				purges: append(all(http.StatusAccepted), cdnPurges(s, ofSite...)...),
			},
		},
		{
			title: "The same again", release: "1",
			why:  "No trigger changed: the plan is empty, and not one request is sent.",
			want: expectation{summary: "No changes."},
		},
		{
			title: "A new release", release: "2",
			why:  "All triggers changed: what has one is purged again, in place. Nothing is replaced.",
			want: expectation{planExit: 2, summary: "Plan: 0 to add, 6 to change, 0 to destroy.", purges: all(http.StatusAccepted)},
		},
		{
			title: "A release while WP Engine refuses", release: "3",
			why:    "The API user has lost its access to the install. The other systems are purged, and the error says what is wrong.",
			before: refuse,
			want: expectation{
				planExit: 2, summary: "Plan: 0 to add, 6 to change, 0 to destroy.", applyExit: 1,
				purges: all(http.StatusForbidden),
			},
		},
		{
			title: "The same again, with the access restored", release: "3",
			why:    "The purge that failed is still in the plan, and it alone is sent: nothing is lost, and nothing is repeated.",
			before: func(s *stage) error { s.sandbox.WPEngine.Heal(); return nil },
			want: expectation{
				planExit: 2, summary: "Plan: 0 to add, 1 to change, 0 to destroy.",
				purges: []fake.Entry{blog(s, http.StatusAccepted)},
			},
		},
		{
			title: "A deploy of the static site that changes three files", release: "3",
			why:    "One file is new, one has other content, one is gone, and one is as it was. The plan says what will be purged and why, and the apply purges just that.",
			before: deploy,
			want: expectation{
				planExit: 2, summary: "Plan: 0 to add, 1 to change, 0 to destroy.",
				purges: cdnPurges(s, "/handbook/index.html hard=true", "/handbook/new.html hard=true", "/handbook/old.html hard=true"),
			},
		},
		{
			title: "A deploy whose origin lags", release: "3", verified: true,
			why:    "The site is behind an edge that has the old pages, and the origin serves the new one some time after the upload. One verification holds the purge until then, and another one waits until visitors get the new page.",
			before: edit,
			want: expectation{
				planExit: 2, summary: "Plan: 2 to add, 1 to change, 0 to destroy.",
				purges: cdnPurges(s, "/handbook/index.html hard=true"), visited: true,
			},
		},
	}
}

// withRelease are the assets that each release purges, ofSite those of the static
// site when it is new.
var (
	withRelease = []string{"/index.html hard=true", "/css/site.css hard=true", "/images/* hard=false"}
	ofSite      = []string{"/handbook/index.html hard=true", "/handbook/css/site.css hard=true", "/handbook/old.html hard=true"}
)

// deploy changes the files of the static site.
func deploy(s *stage) error {
	dir := filepath.Join(s.terraform.Path, siteDir)
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "index.html"), []byte("<!doctype html>\n<title>Handbook, second edition</title>\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "new.html"), []byte("<!doctype html>\n<title>What is new</title>\n"), 0o600),
		os.Remove(filepath.Join(dir, "old.html")),
	)
}

// edit has visitors fill the edge, and then changes a file of the site.
func edit(s *stage) error {
	s.behindEdge.Store(true)
	if err := s.upload(0); err != nil {
		return err
	}
	if s.stale() > 0 {
		return errors.New("the edge does not serve what the origin has")
	}
	file := filepath.Join(s.terraform.Path, siteDir, "index.html")
	return os.WriteFile(file, []byte("<!doctype html>\n<title>Handbook, third edition</title>\n"), 0o600)
}

func refuse(s *stage) error {
	s.sandbox.WPEngine.Fail("purge", -1, wpenginetest.Error(http.StatusForbidden, "You do not have permission to access this install"))
	return nil
}

func mstrPurges(s *sandbox.Sandbox) []fake.Entry {
	project := s.Inputs()["mstr_project_id"]
	return []fake.Entry{
		{System: "mstr", Operation: "purge", Subject: project + "/element", Status: http.StatusNoContent},
		{System: "mstr", Operation: "purge", Subject: project + "/object", Status: http.StatusNoContent},
	}
}

func cdnPurges(s *sandbox.Sandbox, assets ...string) []fake.Entry {
	var purges []fake.Entry
	for _, asset := range assets {
		purges = append(purges, fake.Entry{
			System: "cdn", Operation: "purge", Subject: s.Inputs()["cdn_service_id"] + " " + asset, Status: http.StatusAccepted,
		})
	}
	return purges
}

func blog(s *sandbox.Sandbox, status int) fake.Entry {
	return fake.Entry{System: "wpengine", Operation: "purge", Subject: s.Inputs()["wpengine_install_id"] + "/page", Status: status}
}
