// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"
)

var update = flag.Bool("update", false, "write the golden texts of the fault suite anew")

// TestFaults tests every fault with every target and every kind of request. The
// files in testdata/faults contain the messages that users see, and the cost in
// requests and virtual time.
func TestFaults(t *testing.T) {
	t.Parallel()
	forEachAPI(t, func(t *testing.T, target *target) {
		all := faults()
		if own := apis[target.name].own; own != nil {
			all = append(all, own()...)
		}
		var mu sync.Mutex
		var records []record
		missing := false
		t.Run("rows", func(t *testing.T) {
			for _, at := range apis[target.name].requests {
				for _, f := range all {
					if !f.concerns(at) {
						continue
					}
					mu.Lock()
					i := len(records)
					records = append(records, record{at: at.name, fault: f.name})
					mu.Unlock()
					ran := t.Run(at.name+", "+f.name, func(t *testing.T) {
						t.Parallel()
						onBench(t, target, func(b *bench) {
							r := b.suffer(f, at)
							mu.Lock()
							defer mu.Unlock()
							records[i] = r
						})
					})
					missing = missing || !ran
				}
			}
		})
		for _, r := range records {
			missing = missing || r.shown == ""
		}
		if !missing { // all of them ran, and -run excluded none
			golden(t, target.name, "purge_"+target.name, records)
		}
	})
}

// suffer runs a fault and returns a record of the result.
func (b *bench) suffer(f fault, at exchange) record {
	b.t.Helper()
	b.lost = f.lost
	if f.inject != nil {
		f.inject(b, at)
	}
	do := f.do
	if do == nil {
		do = func(ctx context.Context, b *bench, at exchange) diagnosis { return at.do(ctx, b) }
	}
	result := do(tflogtest.RootLogger(b.t.Context(), b), b, at)
	r := record{at: at.name, fault: f.name, took: time.Since(b.began), shown: result.text()}
	synctest.Wait() // otherwise, the fake may still be about to detect the disconnect
	r.sent = b.sent()
	_, _ = b.Write([]byte(r.shown))
	r.shown = normal(r.shown)
	// If the effect of an accepted purge cannot be observed, the purge stays
	// accepted, with a warning.
	if f.hopeless && (!f.page || !b.pages) && result.diag == nil && len(result.warnings) == 0 {
		b.t.Errorf("%s, %s: the purge counts as accepted, which -update must not record: fix the check of acceptances in the client", at.name, f.name)
	}
	return r
}

// record is the result of one fault.
type record struct {
	at, fault   string
	shown, sent string
	took        time.Duration
}

// text returns everything that a user sees.
func (r diagnosis) text() string {
	var parts []string
	if r.diag == nil {
		parts = append(parts, "(done)")
	} else {
		at := ""
		if located, ok := r.diag.(diag.DiagnosticWithPath); ok {
			at = ", at " + located.Path().String()
		}
		parts = append(parts, fmt.Sprintf("%s  [%s%s]", r.diag.Summary(), kinds[r.kind], at), r.diag.Detail())
	}
	for _, w := range r.warnings {
		parts = append(parts, "Warning: "+w)
	}
	return strings.Join(parts, "\n\n")
}

// normal removes the parts of a text that differ between runs, and the status,
// which is in the requests. The texts of similar faults are then equal.
func normal(text string) string {
	for _, n := range []struct {
		what *regexp.Regexp
		by   string
	}{
		{regexp.MustCompile(`ticket [0-9a-f]{32}`), "ticket (ticket)"},
		{regexp.MustCompile(`request ID 0{8}-0000-4000-8000-\d{12}`), "request ID (id)"},
		{regexp.MustCompile(`/contentCaches/[\w+/=]+`), "/contentCaches/(cache)"},
		{regexp.MustCompile(`current time \S+ is after \S+`), "current time (now) is after (then)"},
	} {
		text = n.what.ReplaceAllString(text, n.by)
	}
	return returned.ReplaceAllStringFunc(text, func(s string) string {
		status, _ := strconv.Atoi(returned.FindStringSubmatch(s)[1])
		return strings.Replace(s, strings.TrimSpace(fmt.Sprint(status, " ", http.StatusText(status))), "(status)", 1)
	})
}

var returned = regexp.MustCompile(`returned (\d{3})[A-Za-z -]*`)

// golden compares the records with the file, or writes it.
func golden(t *testing.T, file, what string, records []record) {
	t.Helper()
	name := filepath.Join("testdata", "faults", file+".txt")
	got := render(what, records)
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s does not match. If the change is intended, run the test with -update. (-want +got):\n%s", name, d)
	}
}

// render combines records with equal texts, in the order of the first one.
func render(what string, records []record) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Messages of %s, each with the faults that cause it.\n"+
		"Under each text: the fault, the requests that reached the server, the virtual time.\n"+
		"Written by: go test ./internal/provider -run Faults -update\n", what)
	at := ""
	shown := make(map[int]bool)
	for i, first := range records {
		if shown[i] {
			continue
		}
		if first.at != at {
			at = first.at
			fmt.Fprintf(&b, "\n%s\nFaults of the request %q\n%[1]s\n", strings.Repeat("=", 80), at)
		}
		fmt.Fprintf(&b, "\n--- %s\n\n", first.shown)
		for j, r := range records {
			if r.at == first.at && r.shown == first.shown {
				shown[j] = true
				fmt.Fprintf(&b, "    * %s | %s | %s\n", r.fault, r.sent, r.took)
			}
		}
	}
	return b.String()
}
