// SPDX-License-Identifier: MPL-2.0

package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// source returns the parsed files of a package, without its tests.
func source(t *testing.T, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var parsed []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	return parsed
}

// number returns the value that a package assigns to a constant, a variable, or a
// field. There must be exactly one value that is a number.
func number(t *testing.T, dir, name string) int64 {
	t.Helper()
	values := make(map[int64]bool)
	note := func(at, value ast.Expr) {
		named := false
		switch at := at.(type) {
		case *ast.Ident:
			named = at.Name == name
		case *ast.SelectorExpr:
			named = at.Sel.Name == name
		}
		if n, ok := evaluate(value); named && ok {
			values[n] = true
		}
	}
	for _, file := range source(t, dir) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, value := range n.Values {
					note(n.Names[i], value)
				}
			case *ast.AssignStmt:
				for i, value := range n.Rhs {
					if len(n.Lhs) == len(n.Rhs) {
						note(n.Lhs[i], value)
					}
				}
			case *ast.KeyValueExpr:
				note(n.Key, n.Value)
			}
			return true
		})
	}
	delete(values, 0)  // disabled
	delete(values, -1) // disabled
	if len(values) != 1 {
		t.Fatalf("%s assigns the values %[3]v to %[2]s, want one", dir, name, slices.Collect(maps.Keys(values)))
	}
	return slices.Collect(maps.Keys(values))[0]
}

// evaluate returns the value of an integer, a unit of time, or a product of them.
func evaluate(e ast.Expr) (int64, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		n, err := strconv.ParseInt(e.Value, 0, 64)
		return n, err == nil
	case *ast.UnaryExpr:
		n, ok := evaluate(e.X)
		return -n, ok && e.Op == token.SUB
	case *ast.SelectorExpr:
		unit, ok := map[string]time.Duration{"Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour}[e.Sel.Name]
		return int64(unit), ok
	case *ast.BinaryExpr:
		x, okX := evaluate(e.X)
		y, okY := evaluate(e.Y)
		return x * y, okX && okY && e.Op == token.MUL
	}
	return 0, false
}

var verb = regexp.MustCompile(`%[a-z]`)

// texts returns patterns of the texts that a package builds from its string literals.
func texts(t *testing.T, dir string) []*regexp.Regexp {
	t.Helper()
	var all []*regexp.Regexp
	add := func(pattern string) {
		if letters := strings.ReplaceAll(pattern, ".+", ""); len(letters) > 6 {
			all = append(all, regexp.MustCompile("^"+pattern+"$"))
		}
	}
	for _, file := range source(t, dir) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.BasicLit:
				add(textPattern(n))
			case *ast.BinaryExpr:
				add(textPattern(n))
			}
			return true
		})
	}
	return all
}

func textPattern(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		if e.Kind == token.STRING && err == nil {
			return verb.ReplaceAllString(regexp.QuoteMeta(text), ".+")
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return textPattern(e.X) + textPattern(e.Y)
		}
	}
	return ".+"
}

// fact is a number in the pages, and its value in the code.
type fact struct {
	// claim has one group, the value. A space in it matches any white space.
	claim string
	want  string
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func facts(t *testing.T) []fact {
	t.Helper()
	in := func(unit time.Duration, dir, name string) string {
		return decimal(number(t, dir, name) / int64(unit))
	}
	const clients, wire = "internal/provider", "internal/transport"
	timeout, soft := in(time.Minute, clients, "defaultTimeout"), in(time.Minute, clients, "softTimeout")
	perMinute := decimal(number(t, "internal/cdn", "DefaultRequestsPerMinute"))
	window := in(time.Second, "internal/wpengine", "Window")
	attempt := in(time.Second, clients, "RequestTimeout")
	if interval := number(t, clients, "progressInterval"); interval > int64(30*time.Second) {
		t.Errorf("actions report their progress every %s, and the pages state at least every 30 seconds", time.Duration(interval))
	}
	many := func(n int64) string {
		return decimal((n - 1) / number(t, "internal/cdn", "DefaultRequestsPerMinute"))
	}
	return []fact{
		{`Default (\d+) minutes, including the time spent waiting for a rate limit`, timeout},
		{"Default (\\d+) minutes, or \\d+ minutes with `hard = false`", timeout},
		{"Default \\d+ minutes, or (\\d+) minutes with `hard = false`", soft},
		{"create, update, and delete each have a timeout of (\\d+) minutes", timeout},
		{`The default timeout of a purge is (\d+) minutes`, timeout},
		{`For soft purges of Rackspace CDN, it is (\d+) minutes`, soft},
		{`\| Hard \| (\d+) minutes, plus`, timeout},
		{`\| Soft \| (\d+) minutes \|`, soft},
		{"The default of `timeout` is (\\d+) minutes", timeout},
		{"The default of `timeout` is \\d+ minutes, or (\\d+) minutes with `hard = false`", soft},
		{`The default timeout of a single attempt is (\d+) seconds`, attempt},
		{"Default `(\\d+)s`\\. The time spent waiting for a rate limit does not count", attempt},
		{"from 0 to 100\\. Default `(\\d+)`", decimal(number(t, wire, "defaultMaxRetries"))},
		{"Default `(\\d+)`, the limit that Rackspace documents", perMinute},
		{"(\\d+) purges in any minute, or `requests_per_minute`", perMinute},
		{"`requests_per_minute` \\((\\d+) by default\\)", perMinute},
		{`a CDN that accepts (\d+) purges per minute`, perMinute},
		{`\| 100 \| (\d+) minutes`, many(100)},
		{`\| 1,000 \| (\d+) minutes`, many(1000)},
		{`100 purges at 20 per minute take (\d+) minutes`, many(100)},
		{"one purge of `object` or `all` in (\\d+) seconds", window},
		{"WP Engine, `object` and `all` \\| 1 purge in any (\\d+) seconds", window},
		{`one in (\d+) seconds for each install`, window},
		{`A lookup has a timeout of (\d+) minutes`, in(time.Minute, clients, "lookupTimeout")},
		{`up to (ten) existing`, map[int64]string{10: "ten"}[number(t, clients, "maxCandidates")]},
	}
}

var space = regexp.MustCompile(`\s+`)

func TestNumbersMatchTheCode(t *testing.T) {
	t.Parallel()
	for _, f := range facts(t) {
		claim, found := regexp.MustCompile(f.claim), 0
		for _, name := range pages(t) {
			for _, m := range claim.FindAllStringSubmatch(space.ReplaceAllString(read(t, name), " "), -1) {
				found++
				if m[1] != f.want {
					t.Errorf("%s contains %q, and the value is %s", name, m[0], f.want)
				}
			}
		}
		if found == 0 {
			t.Errorf("no page contains %s: change the page or the list of facts", f.claim)
		}
	}
}

var firstCell = regexp.MustCompile(`^\|[^|]+\|`)

// TestErrorsMatchTheCode compares the first column of tables with the
// heading "Error" or "Warning" with the messages in the code.
func TestErrorsMatchTheCode(t *testing.T) {
	t.Parallel()
	known, found := texts(t, "internal/provider"), 0
	for _, name := range files(t, "docs", ".md") {
		for _, quoted := range errorsOf(read(t, name)) {
			found++
			text := strings.ReplaceAll(quoted, "…", "Rackspace CDN")
			if !slices.ContainsFunc(known, func(r *regexp.Regexp) bool { return r.MatchString(text) }) {
				t.Errorf("%s: the provider has no message %q", name, quoted)
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d errors were found", found)
	}
	if never := "Rackspace CDN exploded"; slices.ContainsFunc(known, func(r *regexp.Regexp) bool { return r.MatchString(never) }) {
		t.Errorf("%q matches a message of the provider", never)
	}
}

func errorsOf(page string) []string {
	var all []string
	inside := false
	for line := range strings.Lines(page) {
		switch {
		case strings.HasPrefix(line, "| Error |"), strings.HasPrefix(line, "| Warning |"):
			inside = true
		case !strings.HasPrefix(line, "|"):
			inside = false
		}
		if !inside {
			continue
		}
		for _, quoted := range spans.FindAllString(firstCell.FindString(line), -1) {
			all = append(all, strings.Trim(quoted, "`"))
		}
	}
	return all
}

var (
	testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`")
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	exist := make(map[string]bool)
	for _, name := range files(t, "internal", "_test.go") {
		for _, m := range testFunc.FindAllStringSubmatch(read(t, name), -1) {
			exist[m[1]] = true
		}
	}
	named := 0
	for _, name := range pages(t) {
		for _, m := range testName.FindAllStringSubmatch(read(t, name), -1) {
			named++
			if !exist[m[1]] {
				t.Errorf("%s names %s, and there is no such test", name, m[1])
			}
		}
	}
	if named < 30 {
		t.Errorf("only %d tests are named", named)
	}
}
