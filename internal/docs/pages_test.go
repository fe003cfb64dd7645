// SPDX-License-Identifier: MPL-2.0

package docs

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// attributes contains the attributes of a schema, with nested attributes.
type attributes map[string]struct {
	Description string `json:"description"`
	Nested      struct {
		Attributes attributes `json:"attributes"`
	} `json:"nested_type"`
}

type schema struct {
	Block struct {
		Description string     `json:"description"`
		Attributes  attributes `json:"attributes"`
	} `json:"block"`
}

// schemas is the input of the generator.
type schemas struct {
	Provider    schema            `json:"provider"`
	Resources   map[string]schema `json:"resource_schemas"`
	DataSources map[string]schema `json:"data_source_schemas"`
	Actions     map[string]schema `json:"action_schemas"`
	Functions   map[string]struct {
		Description string      `json:"description"`
		Parameters  []parameter `json:"parameters"`
		Variadic    *parameter  `json:"variadic_parameter"`
	} `json:"functions"`
}

func readSchemas(t *testing.T) schemas {
	t.Helper()
	cmd := exec.Command("go", "run", "./internal/cmd/schema")
	cmd.Dir = root
	output, err := cmd.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		t.Fatalf("%s: %s", err, failed.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Providers map[string]schemas `json:"provider_schemas"`
	}
	if err := json.Unmarshal(output, &document); err != nil {
		t.Fatal(err)
	}
	for _, s := range document.Providers {
		return s
	}
	t.Fatal("there is no schema")
	return schemas{}
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(root, name))
	return err == nil
}

// parameter is a parameter of a function.
type parameter struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// TestPagesAreComplete checks that each resource, data source, action, and function has
// a page with a template, examples, and the current descriptions, and that there are no
// other pages.
func TestPagesAreComplete(t *testing.T) {
	t.Parallel()
	s := readSchemas(t)
	want := []string{"docs/index.md"}
	s.Provider.check(t, "docs/index.md", "examples/provider/provider.tf")
	for kind, served := range map[string]map[string]schema{"resource": s.Resources, "data-source": s.DataSources, "action": s.Actions} {
		for name, one := range served {
			page := "docs/" + kind + "s/" + strings.TrimPrefix(name, "purge_") + ".md"
			want = append(want, page)
			examples := []string{kind + ".tf"}
			if kind == "resource" && name != "purge_verification" { // which cannot be imported
				examples = append(examples, "import.sh", "import-by-string-id.tf", "import-by-identity.tf")
			}
			for i := range examples {
				examples[i] = "examples/" + kind + "s/" + name + "/" + examples[i]
			}
			one.check(t, page, examples...)
			if text := read(t, page); len(examples) > 1 && !strings.Contains(text, "-generate-config-out") {
				t.Errorf("%s does not explain -generate-config-out, which requires the name of the provider", page)
			}
		}
	}
	for name, one := range s.Functions {
		page, example := "docs/functions/"+name+".md", "examples/functions/"+name+"/function.tf"
		want = append(want, page, example)
		for _, p := range append(one.Parameters, *one.Variadic) {
			if text := read(t, page); p.Description == "" || !strings.Contains(text, p.Description) || !strings.Contains(text, p.Name) {
				t.Errorf("%s does not describe %s: run make docs", page, p.Name)
			}
		}
		if one.Description == "" || !strings.Contains(read(t, page), one.Description) {
			t.Errorf("%s does not contain %q: run make docs", page, one.Description)
		}
	}
	if len(s.Functions) == 0 {
		t.Error("there is no function")
	}
	for _, name := range files(t, "templates/guides", "") {
		want = append(want, "docs/guides/"+strings.TrimSuffix(filepath.Base(name), ".tmpl"))
	}
	if missing := slices.DeleteFunc(want, exists); len(missing) > 0 {
		t.Errorf("pages are missing, run make docs: %q", missing)
	}
	index := read(t, "docs/index.md")
	for _, page := range files(t, "docs", ".md") {
		template := strings.Replace(page, "docs/", "templates/", 1)
		if !exists(template) && !exists(template+".tmpl") {
			t.Errorf("%s has no template", page)
		}
		if guide, ok := strings.CutPrefix(page, "docs/guides/"); ok && !strings.Contains(index, "(guides/"+guide+")") {
			t.Errorf("%s is not linked from docs/index.md", page)
		}
	}
}

func (s schema) check(t *testing.T, page string, examples ...string) {
	t.Helper()
	for _, example := range examples {
		if !exists(example) {
			t.Errorf("%s lacks its example %s", page, example)
		}
	}
	if !exists(page) {
		return // reported with the other missing pages
	}
	text := read(t, page)
	if !strings.Contains(text, s.Block.Description) {
		t.Errorf("%s does not contain %q: run make docs", page, s.Block.Description)
	}
	if len(s.Block.Attributes) == 0 {
		t.Errorf("%s: the schema has no attributes", page)
	}
	s.Block.Attributes.check(t, page, text)
}

func (all attributes) check(t *testing.T, page, text string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name].Description == "" {
			t.Errorf("%s: %s has no description", page, name)
		}
		if !strings.Contains(text, all[name].Description) {
			t.Errorf("%s does not describe %s as %q: run make docs", page, name, all[name].Description)
		}
		all[name].Nested.Attributes.check(t, page, text)
	}
}
