// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"fmt"
	"testing"
	"time"
)

// TestTheEdgeHasOneRule tests that each deployment of a soft purge replaces the
// rule of the previous one.
func TestTheEdgeHasOneRule(t *testing.T) {
	t.Parallel()
	const soft, hard = "&hard=false", "&hard=true"
	b := newBench(t)
	steps := []struct {
		what string
		do   func()
		want string // the paths of /a and /b that are refreshed
	}{
		{"no purge", func() {}, ""},
		{"a soft purge is accepted", func() { b.purge(OtherID, "url=/a"+soft) }, ""},
		{"it is deployed", func() { b.pass(time.Minute) }, "/a"},
		{"a hard purge", func() { b.purge(OtherID, "url=/b"+hard); b.pass(time.Hour) }, "/a"},
		{"a second soft purge is accepted", func() { b.purge(OtherID, "url=/b"+soft) }, "/a"},
		{"it is also deployed", func() { b.pass(time.Minute) }, "/b"},
		{"a soft purge that fails", func() { b.FailNextDeploy("no"); b.purge(OtherID, "url=/a"+soft); b.pass(time.Minute) }, "/b"},
	}
	for _, step := range steps {
		step.do()
		got := ""
		for _, path := range []string{"/a", "/b"} {
			if b.Refreshes(OtherID, path) {
				got += path
			}
		}
		same(t, "refreshed paths: "+step.what, got, step.want)
		same(t, "on another service: "+step.what, b.Refreshes(DeployedID, "/a"), false)
	}
	same(t, "a missing service", b.Refreshes(MissingID, "/a"), false)
	same(t, "with a query", b.Refreshes(OtherID, "/b?c"), true)
}

func TestWhatARuleMatches(t *testing.T) {
	t.Parallel()
	for pattern, paths := range map[string]map[string]bool{
		"":          {"": true, "/": false},
		"/a":        {"/a": true, "/A": false, "/a/": false, "/ab": false},
		"/a/":       {"/a/": true, "/a/b": false},
		"/a/*":      {"/a/": true, "/a/b": true, "/a/b/c": true, "/a": false},
		"/*":        {"/": true, "/a/b.c": true},
		"/*.css":    {"/a.css": true, "/a/b.css": true, "/.css": true, "/a.css2": false, "/a.js": false},
		"/a*b*c":    {"/abc": true, "/a/b/b/c": true, "/acb": false, "/abcd": false},
		"/a*a":      {"/a": false, "/aa": true},
		"/a**b":     {"/ab": true, "/a/b": true},
		"/a*b*b":    {"/ab": false, "/abb": true},
		"/a?b":      {"/a": false, "/axb": false},
		"/%C3%BC/*": {"/%C3%BC/a": true, "/%c3%bc/a": false},
	} {
		for path, want := range paths {
			same(t, fmt.Sprintf("%q matches %q", pattern, path), matches(pattern, path), want)
		}
	}
}
