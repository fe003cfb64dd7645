// SPDX-License-Identifier: MPL-2.0

package clienttest

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// Allocates fails the test if f allocates more than 200 MiB in total, including
// memory that is freed. The test must not run in parallel with others.
func Allocates(t *testing.T, f func()) {
	t.Helper()
	const most = 200 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > most {
		t.Errorf("allocated %d MiB, more than %d MiB", n>>20, most>>20)
	} else {
		t.Logf("allocated %d MiB", n>>20)
	}
}

// Bomb is a fault that returns a long body in gzip. The body repeats part until
// it is slightly shorter than 16 MiB.
func Bomb(status int, before, part, after string) http.HandlerFunc {
	body := before + strings.Repeat(part, (16<<20-len(before)-len(part)-len(after))/len(part))
	body = strings.TrimSuffix(body, ",") + after
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(body)) // to a buffer
	_ = z.Close()
	return Respond(status, http.Header{"Content-Encoding": {"gzip"}, "Content-Type": {"application/json"}}, zipped.String())
}
