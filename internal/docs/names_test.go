// SPDX-License-Identifier: MPL-2.0

package docs

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// environmentVariables returns the environment variables of the attributes.
func (all attributes) environmentVariables() []string {
	var names []string
	for _, a := range all {
		if m := environmentVariable.FindStringSubmatch(a.Description); m != nil {
			names = append(names, m[1])
		}
	}
	return names
}

var environmentVariable = regexp.MustCompile("Environment variable: `(\\w+)`")

// tableOf returns the rows of the tables in a page.
func tableOf(page string) string {
	var rows []string
	for line := range strings.Lines(page) {
		if strings.HasPrefix(strings.TrimSpace(line), "|") {
			rows = append(rows, line)
		}
	}
	return strings.Join(rows, "")
}

// TestListsAreComplete checks the lists of resources, actions, data sources, and
// functions that are maintained manually.
func TestListsAreComplete(t *testing.T) {
	t.Parallel()
	s := readSchemas(t)
	readme, example, changes := read(t, "README.md"), read(t, "examples/provider/provider.tf"), read(t, "CHANGELOG.md")
	index, report := read(t, "docs/index.md"), read(t, ".github/ISSUE_TEMPLATE/bug.yml")
	names := func(list, text string, words ...string) {
		t.Helper()
		if !slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) }) {
			t.Errorf("%s does not name %s", list, strings.TrimSpace(strings.Join(words, " or ")))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Resources)) {
		names("README.md", readme, `"`+name+`"`)
		names("docs/index.md (templates/index.md.tmpl)", index, name)
		names("the dropdown of .github/ISSUE_TEMPLATE/bug.yml", report, name+",")
		names("CHANGELOG.md", changes, "**New Resource:** `"+name+"`")
		if smallest[name] == "" {
			t.Errorf("smallest in blocks_test.go has no %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Actions)) {
		names("CHANGELOG.md", changes, "**New Action:** `"+name+"`")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Functions)) {
		names("docs/index.md (templates/index.md.tmpl)", index, "(functions/"+name+".md)")
		names("CHANGELOG.md", changes, "**New Function:** `provider::purge::"+name+"`")
	}
	for _, name := range slices.Sorted(maps.Keys(s.DataSources)) {
		names("CHANGELOG.md", changes, "**New Data Source:** `"+name+"`")
		if smallest["data."+name] == "" && s.DataSources[name].looksUpOne() {
			t.Errorf("smallest in blocks_test.go has no data.%s", name)
		}
	}
	blocks := 0
	for _, name := range slices.Sorted(maps.Keys(s.Provider.Block.Attributes)) {
		variables := s.Provider.Block.Attributes[name].Nested.Attributes.environmentVariables()
		if variables == nil {
			continue // not the settings of a system
		}
		blocks++
		names("README.md", readme, "\n  "+name+" = {")
		names("examples/provider/provider.tf", example, "\n  "+name+" = {")
		names("the table of docs/index.md (templates/index.md.tmpl)", tableOf(index), slices.Sorted(slices.Values(variables))...)
	}
	if blocks < 3 || len(s.Resources) < 3 {
		t.Errorf("only %d blocks and %d resources were found", blocks, len(s.Resources))
	}
}

// looksUpOne reports whether a data source looks up one object instead of listing all.
func (s schema) looksUpOne() bool {
	_, one := s.Block.Attributes["id"]
	return one
}
