// SPDX-License-Identifier: MPL-2.0

package docs

import (
	"go/scanner"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	identifiers = regexp.MustCompile(`^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\(\))?$`)
	word        = regexp.MustCompile(`\w+`)
)

// TestArchitectureNamesExist finds names in ARCHITECTURE.md that were renamed or removed in the code. The section about
// a new target is exempt, because it invents names.
func TestArchitectureNamesExist(t *testing.T) {
	t.Parallel()
	page, _, _ := strings.Cut(read(t, "ARCHITECTURE.md"), "## Add a target")
	goFiles := append(files(t, "internal", ".go"), "main.go")
	code, mentioned := make(map[string]bool), make(map[string]bool)
	for _, file := range goFiles {
		for _, w := range words(read(t, file)) {
			mentioned[w] = true
			code[w] = code[w] || !strings.HasSuffix(file, "_test.go")
		}
	}
	checked := 0
	for _, span := range spans.FindAllString(anyFence.ReplaceAllString(page, ""), -1) {
		switch name := strings.TrimPrefix(strings.Trim(span, "`"), "*"); {
		case strings.HasSuffix(name, ".go") && !strings.HasPrefix(name, "…"):
			if !slices.ContainsFunc(goFiles, func(file string) bool { return path.Base(file) == name }) {
				t.Errorf("%s: there is no such file", span)
			}
			checked++
		case identifiers.MatchString(name):
			known := mentioned // a name without a package or type may be Terraform's, or of net/http
			if strings.Contains(name, ".") {
				known = code
			}
			for part := range strings.SplitSeq(strings.TrimSuffix(name, "()"), ".") {
				if !known[part] {
					t.Errorf("%s: the code has no %s", span, part)
				}
				checked++
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d names were checked", checked)
	}
}

// words returns the identifiers in Go code, and the words in its string literals, without those in comments.
func words(code string) []string {
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile("", -1, len(code)), []byte(code), nil, 0)
	var all []string
	for {
		switch _, kind, text := s.Scan(); kind {
		case token.EOF:
			return all
		case token.IDENT:
			all = append(all, text)
		case token.STRING:
			all = append(all, word.FindAllString(text, -1)...)
		}
	}
}
