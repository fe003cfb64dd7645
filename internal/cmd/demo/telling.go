package main

import (
	"regexp"
	"strings"
)

// reason matches what the plan says of one asset: the reason why it is purged.
// Those that lead to null belong to the purge before.
var reason = regexp.MustCompile(`^[+~] "/.*"(added|changed|removed|triggered)"$`)

// reasons matches the attribute that those are in.
var reasons = regexp.MustCompile(`^[+~] purged\s+= \{$`)

// telling keeps the lines of terraform's standard output that say what changes
// and how it ended.
func telling(output string) string {
	var b strings.Builder
	for line := range strings.Lines(output) {
		switch line = strings.TrimSpace(line); {
		case reasons.MatchString(line):
			b.WriteString("  " + line + "\n")
		case reason.MatchString(line): // of one asset
			b.WriteString("    " + line + "\n")
		case strings.HasPrefix(line, "# purge_"),
			strings.HasPrefix(line, "Plan:"), strings.HasPrefix(line, "No changes."),
			strings.Contains(line, ": Creation complete"), strings.Contains(line, ": Modifications complete"),
			strings.HasPrefix(line, "Apply complete!"), strings.HasPrefix(line, "Warning:"):
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
