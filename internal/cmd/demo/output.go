// SPDX-License-Identifier: MPL-2.0

package main

import (
	"regexp"
	"strings"
)

// summary matches the attribute that counts the purges of an apply.
var summary = regexp.MustCompile(`^[+~] summary\s+= `)

// essentials returns the lines of terraform's standard output that show the
// changes and the results.
func essentials(output string) string {
	var b strings.Builder
	for line := range strings.Lines(output) {
		switch line = strings.TrimSpace(line); {
		case summary.MatchString(line):
			b.WriteString("  " + line + "\n")
		case strings.HasPrefix(line, "# purge_"),
			strings.HasPrefix(line, "Plan:"), strings.HasPrefix(line, "No changes."),
			strings.Contains(line, ": Creation complete"), strings.Contains(line, ": Modifications complete"),
			strings.HasPrefix(line, "Apply complete!"), strings.HasPrefix(line, "Warning:"):
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
