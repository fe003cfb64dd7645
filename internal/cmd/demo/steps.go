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

// step is one plan and its apply.
type step struct {
	title, description string
	release            string
	// before, if set, runs before the plan.
	before func(*demo) error
	// verified adds verifications of the site before and after the purge. The
	// files are uploaded between the plan and the apply.
	verified bool
	want     expectation
}

// steps returns the steps of the demo.
func steps(s *sandbox.Sandbox) []step {
	return []step{
		{
			title: "The first apply", release: "1",
			description: "All resources are new. Terraform creates them, and the provider sends their purges: nine for seven\n" +
				"resources, because the handbook has three files.",
			want: expectation{
				planExit: 2, summary: "Plan: 7 to add, 0 to change, 0 to destroy.",
				purges: append(releasePurges(s, http.StatusAccepted), cdnPurges(s, siteAssets...)...),
			},
		},
		{
			title: "The same release again", release: "1",
			description: "No trigger changed, so the plan is empty and the apply sends no requests.",
			want:        expectation{summary: "No changes."},
		},
		{
			title: "A new release", release: "2",
			description: "The release is a trigger of six resources. Terraform updates them in place, and the provider purges again.",
			want:        expectation{planExit: 2, summary: "Plan: 0 to add, 6 to change, 0 to destroy.", purges: releasePurges(s, http.StatusAccepted)},
		},
		{
			title: "A release while WP Engine denies permission", release: "3",
			description: "The API user has lost access to the install. The other systems accept their purges.\nThe error explains what to do.",
			before:      denyBlogPurge,
			want: expectation{
				planExit: 2, summary: "Plan: 0 to add, 6 to change, 0 to destroy.", applyExit: 1,
				purges: releasePurges(s, http.StatusForbidden),
			},
		},
		{
			title: "The same release again, after access is restored", release: "3",
			description: "The denied purge is still in the plan. The apply sends only that purge.",
			before:      func(d *demo) error { d.sandbox.WPEngine.ClearFaults(); return nil },
			want: expectation{
				planExit: 2, summary: "Plan: 0 to add, 1 to change, 0 to destroy.",
				purges: []fake.Entry{blogPurge(s, http.StatusAccepted)},
			},
		},
		{
			title: "A deploy that changes three files of a static site", release: "3",
			description: "One file is new, one has changed, one is gone, and one is unchanged. The plan counts the purges\n" +
				"by reason. The apply does not purge the unchanged file.",
			before: deployFiles,
			want: expectation{
				planExit: 2, summary: "Plan: 0 to add, 1 to change, 0 to destroy.",
				purges: cdnPurges(s, "/handbook/index.html hard=true", "/handbook/new.html hard=true", "/handbook/old.html hard=true"),
			},
		},
		{
			title: "A deploy to an origin that lags", release: "3", verified: true,
			description: "The edge has cached the old page, and the origin does not serve the new page until some time after\n" +
				"the upload. The first verification delays the purge until then. The second verification waits until\n" +
				"visitors get the new page.",
			before: editFile,
			want: expectation{
				planExit: 2, summary: "Plan: 2 to add, 1 to change, 0 to destroy.",
				purges: cdnPurges(s, "/handbook/index.html hard=true"), visited: true,
			},
		},
	}
}

// releaseAssets are the assets that each release purges, and siteAssets the
// files of the new static site.
var (
	releaseAssets = []string{"/index.html hard=true", "/css/site.css hard=true", "/images/* hard=false"}
	siteAssets    = []string{"/handbook/index.html hard=true", "/handbook/css/site.css hard=true", "/handbook/old.html hard=true"}
)

// deployFiles adds, changes, and removes one file of the static site each.
func deployFiles(d *demo) error {
	dir := filepath.Join(d.terraform.Path, siteDir)
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "index.html"), []byte("<!doctype html>\n<title>Handbook, second edition</title>\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "new.html"), []byte("<!doctype html>\n<title>What is new</title>\n"), 0o600),
		os.Remove(filepath.Join(dir, "old.html")),
	)
}

// editFile fills the edge as visitors do, and then changes a file of the site.
func editFile(d *demo) error {
	d.behindEdge.Store(true)
	if err := d.upload(0); err != nil {
		return err
	}
	if d.stale() > 0 {
		return errors.New("the edge does not serve the files of the origin")
	}
	file := filepath.Join(d.terraform.Path, siteDir, "index.html")
	return os.WriteFile(file, []byte("<!doctype html>\n<title>Handbook, third edition</title>\n"), 0o600)
}

func denyBlogPurge(d *demo) error {
	d.sandbox.WPEngine.Fail("purge", -1, wpenginetest.Error(http.StatusForbidden, "You do not have permission to access this install"))
	return nil
}

// releasePurges returns the purges of a release.
func releasePurges(s *sandbox.Sandbox, blogStatus int) []fake.Entry {
	return slices.Concat(mstrPurges(s), cdnPurges(s, releaseAssets...), []fake.Entry{blogPurge(s, blogStatus)})
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

func blogPurge(s *sandbox.Sandbox, status int) fake.Entry {
	return fake.Entry{System: "wpengine", Operation: "purge", Subject: s.Inputs()["wpengine_install_id"] + "/page", Status: status}
}
