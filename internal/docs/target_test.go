// SPDX-License-Identifier: MPL-2.0

package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestStepsToAddATargetListItsFiles checks that the steps in ARCHITECTURE.md list
// the files that name a system, with WP Engine as the example. It ignores commands,
// which are not part of the provider.
func TestStepsToAddATargetListItsFiles(t *testing.T) {
	t.Parallel()
	_, steps, found := strings.Cut(read(t, "ARCHITECTURE.md"), "## Add a target")
	if !found {
		t.Fatal("ARCHITECTURE.md has no steps")
	}
	checked := 0
	for _, file := range files(t, "internal", ".go") {
		own := strings.HasPrefix(file, "internal/wpengine/") || strings.HasPrefix(filepath.Base(file), "wpengine_")
		if own || strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "internal/cmd/") || !names(t, file, "wpengine") {
			continue
		}
		checked++
		if !strings.Contains(steps, filepath.Base(file)) {
			t.Errorf("%s names WP Engine, and the steps to add a target do not name the file: derive the name from a list, or add the file to the steps", file)
		}
	}
	if checked == 0 {
		t.Error("no file names WP Engine")
	}
}

// names reports whether the code of a file names a system, except in comments.
func names(t *testing.T, file, system string) bool {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			found = found || strings.Contains(strings.ToLower(n.Name), system)
		case *ast.BasicLit:
			found = found || strings.Contains(strings.ToLower(n.Value), system)
		}
		return !found
	})
	return found
}
