// SPDX-License-Identifier: MPL-2.0

package docs

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// block is a block of HCL in a page, with its page and line.
type block struct {
	where, code string
}

var fence = regexp.MustCompile("(?m)^([ \t]*)```(hcl|terraform|diff)\n((?:[^\n]*\n)*?)[ \t]*```[ \t]*$")

// blocksOf returns the blocks of HCL in a page. For a diff, it returns the new
// side, and also the old side unless that requires the null provider.
func blocksOf(name, page string) []block {
	var blocks []block
	for _, m := range fence.FindAllStringSubmatchIndex(page, -1) {
		where := fmt.Sprintf("%s:%d", name, 1+strings.Count(page[:m[0]], "\n"))
		indent, language, code := page[m[2]:m[3]], page[m[4]:m[5]], page[m[6]:m[7]]
		code = regexp.MustCompile("(?m)^"+indent).ReplaceAllString(code, "")
		if language != "diff" {
			blocks = append(blocks, block{where, code})
			continue
		}
		blocks = append(blocks, block{where + " after", side(code, "+")})
		if before := side(code, "-"); !strings.Contains(before, `"null_resource"`) {
			blocks = append(blocks, block{where + " before", before})
		}
	}
	return blocks
}

// side returns the lines of a diff that are on the side of sign, + or -.
func side(diff, sign string) string {
	var b strings.Builder
	for line := range strings.Lines(diff) {
		if strings.HasPrefix(line, sign) || strings.HasPrefix(line, " ") {
			b.WriteString(line[1:])
		}
	}
	return b.String()
}

// complete lists the directories of examples that are complete configurations.
var complete = []string{"complete", "static-site", "wordpress", "warehouse-load", "module-tests"}

// blocks returns the blocks of all pages and examples, without duplicates.
func blocks(t *testing.T) []block {
	t.Helper()
	var all []block
	for _, name := range pages(t) {
		all = append(all, blocksOf(name, read(t, name))...)
	}
	for _, name := range files(t, "examples", ".tf") {
		if dir := strings.Split(name, "/")[1]; slices.Contains(complete, dir) {
			continue // validated as a directory
		}
		all = append(all, block{name, read(t, name)})
	}
	seen := make(map[string]bool)
	return slices.DeleteFunc(all, func(b block) bool {
		twice := seen[b.code]
		seen[b.code] = true
		return twice || strings.Contains(b.code, "\nmock_provider ") // for terraform test, see TestExampleModuleTests
	})
}

// needs lists the versions that introduced a feature of the language. The version
// of OpenTofu is empty if it does not have the feature.
var needs = []struct {
	sign            *regexp.Regexp
	terraform, tofu string
}{
	{regexp.MustCompile(`\bcaller\.|\bon_failure\s*=|\b(?:before|after)_destroy\b`), "1.16.0", ""},
	{regexp.MustCompile(`(?m)^action "|\baction_trigger\b|\baction\.purge_`), "1.14.0", ""},
	{regexp.MustCompile(`(?m)^\s+identity = \{`), "1.12.0", "1.12.0"},
	{regexp.MustCompile(`\bephemeral\s*=`), "1.10.0", "1.11.0"},
	{regexp.MustCompile(`(?m)^moved \{`), "1.8.0", "1.10.0"},
	{regexp.MustCompile(`\bprovider::purge::`), "1.8.0", "1.7.0"},
}

// TestVersionsAreInTheTable compares needs with the table of versions in docs/index.md.
func TestVersionsAreInTheTable(t *testing.T) {
	t.Parallel()
	table := tableOf(read(t, "docs/index.md"))
	for _, need := range needs {
		row := fmt.Sprintf("| %s | %s |\n", strings.TrimSuffix(need.terraform, ".0"), cmp.Or(strings.TrimSuffix(need.tofu, ".0"), "no"))
		if !strings.Contains(table, row) {
			t.Errorf("docs/index.md has no row that ends in %q for %s", row, need.sign)
		}
	}
}

// skipTooOld skips the test if the code requires a later terraform.
func (tf *terraform) skipTooOld(t *testing.T, code string) {
	t.Helper()
	for _, need := range needs {
		if need.sign.MatchString(code) && !tf.AtLeast(need.terraform, need.tofu) {
			t.Skipf("%s needs Terraform %s or OpenTofu %q, and finds %s", need.sign, need.terraform, need.tofu, tf)
		}
	}
}

const requirement = `terraform {
  required_providers {
    purge = {
      source = "cachepurge/purge"
    }
  }
}
`

// smallest contains minimal resources and data sources. They complete a block that
// refers to them without declaring them.
var smallest = map[string]string{
	"terraform_data":              `resource "terraform_data" "%s" {}`,
	"purge_mstr_cache":            "resource \"purge_mstr_cache\" \"%s\" {\n  project_id = \"B7CA92F04B9FAE8D941C3E9B7E0CD754\"\n  cache_type = \"element\"\n}",
	"purge_mstr_content_cache":    "resource \"purge_mstr_content_cache\" \"%s\" {\n  project_id = \"B7CA92F04B9FAE8D941C3E9B7E0CD754\"\n}",
	"purge_cdn_asset":             "resource \"purge_cdn_asset\" \"%s\" {\n  service_id = \"96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0\"\n  url        = \"/index.html\"\n}",
	"purge_wpengine_cache":        "resource \"purge_wpengine_cache\" \"%s\" {\n  install_id = \"a5b768f4-c7c4-46bd-88e6-157fd3d77e58\"\n  cache_type = \"page\"\n}",
	"purge_http_cache":            "resource \"purge_http_cache\" \"%s\" {\n  host = \"www.example.com\"\n  url  = \"/\"\n}",
	"purge_verification":          "resource \"purge_verification\" \"%s\" {\n  base_url = \"https://www.example.com\"\n  urls     = [\"/\"]\n  contains = \"release\"\n}",
	"data.purge_mstr_project":     "data \"purge_mstr_project\" \"%s\" {\n  name = \"Sales\"\n}",
	"data.purge_cdn_service":      "data \"purge_cdn_service\" \"%s\" {\n  name = \"website\"\n}",
	"data.purge_wpengine_install": "data \"purge_wpengine_install\" \"%s\" {\n  name = \"acmestage\"\n}",
}

var (
	variables  = regexp.MustCompile(`\bvar\.(\w+)`)
	aliases    = regexp.MustCompile(`\bprovider\s*=\s*purge\.(\w+)`)
	references = regexp.MustCompile(`(?m)(?:^|[^\w."])((?:data\.)?(?:purge_\w+|terraform_data))\.(\w+)`)
	// from, in a moved block, names an object that no longer exists.
	from = regexp.MustCompile(`(?m)^\s*from\s*=.*$`)
	// generates matches an import block for -generate-config-out.
	generates = regexp.MustCompile(`(?s)^import \{.*\bprovider = purge\n`)
)

// completion returns the code that makes a block a valid configuration: the
// required provider, and the objects that the block uses but does not declare.
func completion(code string) string {
	parts := make(map[string]bool)
	if !strings.Contains(code, "required_providers") {
		parts[requirement] = true
	}
	for _, m := range variables.FindAllStringSubmatch(code, -1) {
		if !strings.Contains(code, `variable "`+m[1]+`"`) {
			parts[fmt.Sprintf("variable %q {}\n", m[1])] = true
		}
	}
	for _, m := range aliases.FindAllStringSubmatch(code, -1) {
		if !regexp.MustCompile(`alias\s*=\s*"` + m[1] + `"`).MatchString(code) {
			parts[fmt.Sprintf("provider \"purge\" {\n  alias = %q\n}\n", m[1])] = true
		}
	}
	if generates.MatchString(code) {
		return strings.Join(slices.Sorted(maps.Keys(parts)), "\n")
	}
	for _, m := range references.FindAllStringSubmatch(from.ReplaceAllString(code, ""), -1) {
		kind, name := m[1], m[2]
		declared := fmt.Sprintf("resource %q %q", kind, name)
		if short, ok := strings.CutPrefix(kind, "data."); ok {
			declared = fmt.Sprintf("data %q %q", short, name)
		}
		if form, ok := smallest[kind]; ok && !strings.Contains(code, declared) && !strings.Contains(code, fmt.Sprintf("action %q %q", kind, name)) {
			parts[fmt.Sprintf(form, name)+"\n"] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(parts)), "\n")
}

func TestBlocksAreValid(t *testing.T) {
	t.Parallel()
	for _, b := range blocks(t) {
		t.Run(b.where, func(t *testing.T) {
			t.Parallel()
			tf := newTerraform(t, nil)
			tf.skipTooOld(t, b.code)
			tf.write(t, "main.tf", b.code)
			tf.write(t, "completion.tf", completion(b.code))
			if _, err := tf.Run(t.Context(), "validate", "-no-color"); err != nil {
				t.Errorf("%s\n\n%s\ncompleted with\n\n%s", err, b.code, completion(b.code))
			}
		})
	}
}

// TestBlocksAreFormatted runs terraform fmt once for all blocks, because each start
// takes time.
func TestBlocksAreFormatted(t *testing.T) {
	t.Parallel()
	tf := newTerraform(t, nil)
	for _, b := range blocks(t) {
		tf.write(t, strings.NewReplacer("/", "_", ":", "_", " ", "_").Replace(b.where)+".tf", b.code)
	}
	if diff, err := tf.Run(t.Context(), "fmt", "-check", "-diff"); err != nil {
		t.Errorf("terraform fmt would change blocks, which are named by the page and the line:\n%s\n%s", diff, err)
	}
}

func TestCompleteExamplesAreValid(t *testing.T) {
	t.Parallel()
	for _, dir := range complete {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			tf := newTerraform(t, nil)
			tf.copyExample(t, dir)
			tf.mustRun(t, "validate", "-no-color")
		})
	}
}

// copyExample copies the files of an example, without those of a manual apply.
func (tf *terraform) copyExample(t *testing.T, dir string) {
	t.Helper()
	base := path.Join("examples", dir)
	for _, name := range files(t, base, "") {
		local := strings.TrimPrefix(name, base+"/")
		if strings.HasSuffix(local, ".tf") || strings.HasSuffix(local, ".tftest.hcl") || strings.HasPrefix(local, "dist/") || strings.HasPrefix(local, "site/") {
			tf.write(t, local, read(t, name))
		}
	}
}

// TestBlocksAreFound checks that blocksOf finds blocks, because the other tests pass
// if there are none.
func TestBlocksAreFound(t *testing.T) {
	t.Parallel()
	page := "text\n\n```hcl\na\n```\n\n1. item\n\n   ```terraform\n   b {\n     c\n   }\n   ```\n\n```diff\n-old\n+new\n common\n```\n\n```diff\n-resource \"null_resource\" \"x\" {}\n+new\n```\n\n```shell\nno\n```\n"
	var got []string
	for _, b := range blocksOf("p", page) {
		got = append(got, b.where+" "+b.code)
	}
	want := []string{"p:3 a\n", "p:9 b {\n  c\n}\n", "p:15 after new\ncommon\n", "p:15 before old\ncommon\n", "p:21 after new\n"}
	if !slices.Equal(want, got) {
		t.Errorf("found %q, want %q", got, want)
	}
}
