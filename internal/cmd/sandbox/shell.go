// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

// exports returns shell commands that set the variables of env, whatever
// characters their values contain.
func exports(env map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(env)) {
		fmt.Fprintf(&b, "export %s='%s'\n", name, strings.ReplaceAll(env[name], "'", `'\''`))
	}
	return b.String()
}

// comments returns shell comments that list requests. The subject comes from the
// sender and must not end a comment.
func comments(entries []fake.Entry) string {
	var b strings.Builder
	for _, e := range entries {
		line := fmt.Sprintf("# %s  %-8s  %-8s  %d %s  %s", e.Time.Format(time.TimeOnly),
			e.System, e.Operation, e.Status, http.StatusText(e.Status), e.Subject)
		b.WriteString(strings.TrimSpace(strings.Map(printable, line)) + "\n")
	}
	return b.String()
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}
