// SPDX-License-Identifier: MPL-2.0

package docs

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	anyFence = regexp.MustCompile("(?m)^[ \t]*```[^\n]*\n(?:[^\n]*\n)*?[ \t]*```[ \t]*$")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"`)
	heading  = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	anchorID = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
	spans    = regexp.MustCompile("`[^`\n]*`")
	unlinked = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// repository matches links to files on the default branch. Pages in the registry
// need them, because the registry has only the files in docs.
var repository = regexp.MustCompile(`^https://github\.com/cachepurge/terraform-provider-purge/(?:tree|blob)/main/`)

// anchors returns the anchors of a page.
func anchors(page string) []string {
	var all []string
	for _, m := range anchorID.FindAllStringSubmatch(page, -1) {
		all = append(all, m[1])
	}
	times := make(map[string]int)
	for _, m := range heading.FindAllStringSubmatch(anyFence.ReplaceAllString(page, ""), -1) {
		slug := strings.ReplaceAll(unlinked.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")
		if n := times[slug]; n > 0 {
			all = append(all, fmt.Sprintf("%s-%d", slug, n))
		} else {
			all = append(all, slug)
		}
		times[slug]++
	}
	return all
}

// links returns the targets of the links in a page, except in code.
func links(page string) []string {
	page = spans.ReplaceAllString(anyFence.ReplaceAllString(page, ""), "`code`")
	var all []string
	for _, m := range link.FindAllStringSubmatch(page, -1) {
		all = append(all, m[1]+m[2])
	}
	return all
}

func TestLinksAreValid(t *testing.T) {
	t.Parallel()
	all := files(t, "docs", ".md")
	beside, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range beside {
		all = append(all, filepath.Base(name))
	}
	checked := 0
	for _, name := range all {
		for _, target := range links(read(t, name)) {
			if problem := follow(t, name, target); problem != "" {
				t.Errorf("%s: broken link to %s: %s", name, target, problem)
			}
			checked++
		}
	}
	if checked < 20 {
		t.Errorf("only %d links were found", checked)
	}
}

// follow returns the problem of a link, if any. It does not follow links to other
// sites, because tests use no network.
func follow(t *testing.T, from, target string) string {
	t.Helper()
	local, anchor, _ := strings.Cut(target, "#")
	switch {
	case repository.MatchString(local):
		local = repository.ReplaceAllString(local, "")
	case strings.Contains(local, "://"), strings.HasPrefix(local, "mailto:"):
		return ""
	case local == "":
		local = from
	default:
		local = path.Join(path.Dir(from), local)
	}
	if strings.HasPrefix(from, "docs/") && !strings.HasPrefix(local, "docs/") && !repository.MatchString(target) {
		return "the registry contains only docs"
	}
	info, err := os.Stat(filepath.Join(root, local))
	switch {
	case err != nil:
		return "there is no such file"
	case anchor == "":
		return ""
	case info.IsDir() || !strings.HasSuffix(local, ".md"):
		return "only pages have anchors"
	case !slices.Contains(anchors(read(t, local)), anchor):
		return "there is no such heading"
	}
	return ""
}

// TestBrokenLinksAreDetected checks that follow detects broken links.
func TestBrokenLinksAreDetected(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"../index.md":                 "",
		"../index.md#the-first-purge": "",
		"#hard-or-soft":               "",
		"https://example.com/nothing": "",
		"missing.md":                  "there is no such file",
		"../index.md#missing":         "there is no such heading",
		"#missing":                    "there is no such heading",
		"../../README.md":             "the registry contains only docs",
		"https://github.com/cachepurge/terraform-provider-purge/tree/main/examples/complete": "",
		"https://github.com/cachepurge/terraform-provider-purge/tree/main/missing":           "there is no such file",
	} {
		if got := follow(t, "docs/resources/cdn_asset.md", target); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
	page := "# A `b`, c\n\n## Twice\n\n## Twice\n\n```shell\n# no heading [no](link)\n```\n\n[a](b.md#c) `[not](one)` ![p](p.svg)\n"
	if got, want := anchors(page), []string{"a-b-c", "twice", "twice-1"}; !slices.Equal(got, want) {
		t.Errorf("anchors %q, want %q", got, want)
	}
	if got, want := links(page), []string{"b.md#c", "p.svg"}; !slices.Equal(got, want) {
		t.Errorf("links %q, want %q", got, want)
	}
}
