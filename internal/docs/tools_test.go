// SPDX-License-Identifier: MPL-2.0

package docs

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestToolsAreUpdated checks that the expressions of Renovate find each version in GNUmakefile with the name of its module,
// and the version of GoReleaser in the workflow.
func TestToolsAreUpdated(t *testing.T) {
	t.Parallel()
	var renovate struct {
		CustomManagers []struct {
			Files   []string `json:"managerFilePatterns"`
			Strings []string `json:"matchStrings"`
		} `json:"customManagers"`
	}
	if err := json.Unmarshal([]byte(read(t, ".github/renovate.json")), &renovate); err != nil {
		t.Fatal(err)
	}
	found := make(map[string]map[string]string) // the version by the name of the dependency, by file
	for _, name := range []string{"GNUmakefile", ".github/workflows/release.yml"} {
		found[name] = make(map[string]string)
		for _, m := range renovate.CustomManagers {
			if !regexp.MustCompile(strings.Trim(m.Files[0], "/")).MatchString(name) {
				continue
			}
			expression := regexp.MustCompile(m.Strings[0])
			for _, match := range expression.FindAllStringSubmatch(read(t, name), -1) {
				dependency := "goreleaser"
				if i := expression.SubexpIndex("depName"); i >= 0 {
					dependency = match[i]
				}
				found[name][dependency] = match[expression.SubexpIndex("currentValue")]
			}
		}
	}
	makefile, tools := read(t, "GNUmakefile"), found["GNUmakefile"]
	if versions := regexp.MustCompile(`(?m)^\w+_VERSION\s*:=`).FindAllString(makefile, -1); len(versions) != len(tools) {
		t.Errorf("GNUmakefile has the versions %q, but Renovate finds %v", versions, tools)
	}
	runs := makefile + read(t, ".ci/with-terraform")
	for _, module := range slices.Sorted(maps.Keys(tools)) {
		if module != "hashicorp/terraform" && !strings.Contains(runs, "go run "+module) && !strings.Contains(runs, `go run "`+module) {
			t.Errorf("Renovate updates %s, which nothing runs", module)
		}
	}
	if want, got := tools["github.com/goreleaser/goreleaser/v2"], found[".github/workflows/release.yml"]["goreleaser"]; got != want || want == "" {
		t.Errorf("the release is made with GoReleaser %q, and GNUmakefile has %q", got, want)
	}
}
