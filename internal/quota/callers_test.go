// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

type nameKey struct{}

// TestCallers calls Callers at the start of a purge and right before each of its
// requests.
func TestCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var group Group
		w := &Window{limit: Limit{Requests: 1, Window: time.Minute}}
		var got []string
		names := func(ctx context.Context) string {
			var all []string
			for _, caller := range Callers(ctx) {
				name, _ := caller.Value(nameKey{}).(string)
				all = append(all, name)
			}
			slices.Sort(all)
			return strings.Join(all, " ")
		}
		send := func(ctx context.Context) (int, error) {
			got = append(got, "before: "+names(ctx))
			for request := range 2 {
				slot, err := w.Acquire(ctx)
				if err != nil {
					return 0, err
				}
				if err := slot.Send(); err != nil {
					return 0, err
				}
				got = append(got, names(context.WithValue(ctx, nameKey{}, "not a caller")))
				time.Sleep(10 * time.Second)
				if request == 0 {
					slot.Failed(errServer)
				} else {
					slot.Passed()
				}
			}
			return 0, nil
		}
		acquire(t, w).Passed()
		var wg sync.WaitGroup
		for name, c := range map[string]struct{ comes, leaves time.Duration }{
			"first":            {time.Second, never},
			"second":           {2 * time.Second, never},
			"leaves":           {3 * time.Second, 10 * time.Second},
			"leaves in flight": {4 * time.Second, 65 * time.Second},
			"third":            {80 * time.Second, never}, // joins after the failure
		} {
			wg.Go(func() {
				time.Sleep(c.comes)
				ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), nameKey{}, name), c.leaves-c.comes)
				defer cancel()
				_, _ = Do(ctx, &group, "key", send)
			})
		}
		wg.Wait()
		want := []string{"before: first", "first leaves in flight second", "first second third"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		own := context.WithValue(t.Context(), nameKey{}, "alone")
		if got := names(own); got != "alone" {
			t.Errorf("without a group, the callers are %q", got)
		}
	})
}
