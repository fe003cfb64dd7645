// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRequestsOfOneApply: one login, one logout if there are sessions, and one
// request per purge.
func TestRequestsOfOneApply(t *testing.T) {
	if os.Getenv("TF_ACC") == "" {
		t.Skip("set TF_ACC=1 to count what a real terraform makes the provider send")
	}
	t.Chdir("../../..")
	b, err := newBench(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	}()
	var out bytes.Buffer
	if err := b.counts(t.Context(), &out, options{}); err != nil {
		t.Fatal(err)
	}
	if err := b.verificationRequests(t.Context(), &out, options{}); err != nil {
		t.Fatal(err)
	}
	const want = `
### What one apply sends, exactly

| one apply | purges | logins | logouts | other requests | connections |
|---|---:|---:|---:|---:|---:|
| 100 purge_mstr_cache | 100 | 1 | 1 | 0 | few |
| 100 purge_cdn_asset | 100 | 1 | 0 | 0 | few |
| 100 purge_wpengine_cache | 100 | 0 | 0 | 0 | few |

### What one verification sends, exactly

| one verification of 2,000 assets | the first apply | an apply without changes |
|---|---:|---:|
| requests | 4000 | 0 |
`
	// Terraform applies ten resources in parallel, and a client opens at most 16
	// connections.
	few := regexp.MustCompile(`(?m)^(\| \d+ purge_.*)\| (\d|1[0-6]) \|$`)
	if diff := cmp.Diff(want, few.ReplaceAllString(out.String(), "$1| few |")); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
