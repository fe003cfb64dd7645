// SPDX-License-Identifier: MPL-2.0

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
)

// inventory returns comments that list the projects, services, and installs of a
// sandbox. Of each, it lists the first one in each status, because there are
// more than anybody reads.
func inventory(s *sandbox.Sandbox) string {
	projects, services, installs := list{name: "MicroStrategy project"}, list{name: "Rackspace CDN service"}, list{name: "WP Engine install"}
	for _, p := range s.MSTR.Projects {
		status := "loaded"
		if p.Status < 0 {
			status = "not loaded"
		}
		projects.add(p.ID, p.Name, status)
	}
	for _, service := range s.CDN.Services {
		services.add(service.ID, service.Name+", "+service.Domains[0].Domain, service.Status)
	}
	for _, i := range s.WPEngine.Installs {
		installs.add(i.ID, i.Name, cmp.Or(string(i.Environment), "no environment")+", "+i.Status)
	}
	var b strings.Builder
	b.WriteString("# The sandbox contains, among others:\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, l := range []list{projects, services, installs} {
		for _, line := range l.lines {
			fmt.Fprintf(w, "#   %s\t%s\n", l.name, line)
		}
		fmt.Fprintf(w, "#   %s\tand %d more\n", l.name, l.more)
	}
	_ = w.Flush() // to memory
	return b.String()
}

// notes returns comments that describe the site and the use of a sandbox that is
// served.
func notes(s *sandbox.Sandbox) string {
	address, _, _ := strings.Cut(strings.TrimPrefix(s.SiteURL, "http://"), "/")
	return fmt.Sprintf(`#   Site  %[1]s (edge) and %[2]s (origin)
# To try purge_verification: base_url = "%[1]s", urls = [%[3]q], contains = %[4]q
# The TF_VAR_ variables are for examples/complete.
# To stop the sandbox, press Ctrl-C. After a restart, run the new export lines,
# or keep the port with make sandbox LISTEN=%[5]s
# Requests:
`, s.SiteURL, s.OriginURL, sandbox.Page, sandbox.PageText, address)
}

// list is the first item in each status, and the number of the others.
type list struct {
	name            string
	statuses, lines []string
	more            int
}

func (l *list) add(id, name, status string) {
	if slices.Contains(l.statuses, status) {
		l.more++
		return
	}
	l.statuses = append(l.statuses, status)
	l.lines = append(l.lines, fmt.Sprintf("%s\t%s (%s)", id, name, status))
}
