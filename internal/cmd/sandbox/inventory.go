// SPDX-License-Identifier: MPL-2.0

package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
)

// inventory are the comments that tell what there is to purge: of each system
// one thing of every kind, because there are more than anybody reads.
func inventory(s *sandbox.Sandbox) string {
	var projects, services, installs list
	for _, p := range s.MSTR.Projects {
		kind := "loaded"
		if p.Status < 0 {
			kind = "not loaded"
		}
		projects.add(kind, p.Name, p.ID)
	}
	for _, service := range s.CDN.Services {
		services.add(service.Status, service.Name, service.ID, service.Domains[0].Domain)
	}
	for _, i := range s.WPEngine.Installs {
		installs.add(cmp.Or(string(i.Environment), "no environment")+", "+i.Status, i.Name, i.ID)
	}
	return "# What is there:\n" + projects.comment("project of MicroStrategy") +
		services.comment("service of Rackspace CDN") + installs.comment("install of WP Engine")
}

// list is the first thing of each kind.
type list struct {
	kinds, lines []string
	left         int
}

func (l *list) add(kind string, words ...string) {
	for _, known := range l.kinds {
		if known == kind {
			l.left++
			return
		}
	}
	l.kinds = append(l.kinds, kind)
	l.lines = append(l.lines, fmt.Sprintf("%s (%s)", strings.Join(words, "  "), kind))
}

func (l *list) comment(what string) string {
	var b strings.Builder
	for _, line := range l.lines {
		fmt.Fprintf(&b, "#   %s: %s\n", what, line)
	}
	fmt.Fprintf(&b, "#   and %d more of them\n", l.left)
	return b.String()
}
