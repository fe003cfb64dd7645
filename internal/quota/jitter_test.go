// SPDX-License-Identifier: MPL-2.0

package quota

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestSlotsHaveJitter uses four slots at the same time. Each is free again one
// window and a random part of Jitter later, in any order of the responses.
func TestSlotsHaveJitter(t *testing.T) {
	t.Parallel()
	for sentence, test := range map[string]struct {
		chance []float64
		want   []time.Duration
	}{
		"none": {[]float64{0, 0, 0, 0}, []time.Duration{60 * time.Second, 60 * time.Second, 60 * time.Second, 60 * time.Second}},
		"a different part for each": {
			[]float64{0.5, 0.999, 0, 0.25},
			[]time.Duration{60 * time.Second, 60*time.Second + 750*time.Millisecond, 61*time.Second + 500*time.Millisecond, 62*time.Second + 997*time.Millisecond},
		},
	} {
		for _, end := range []string{"passed", "failed", "rate-limited"} {
			t.Run(sentence+", "+end, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var next int
					limiter := &Limiter{Rand: func() float64 { next++; return test.chance[(next-1)%len(test.chance)] }}
					w := limiter.Window("", Limit{Requests: 4, Window: time.Minute})
					var slots []*Slot
					for range 4 {
						s, err := w.Acquire(t.Context())
						if err != nil || s.Send() != nil {
							t.Fatal("no slot")
						}
						slots = append(slots, s)
					}
					for _, s := range slots {
						switch end {
						case "passed":
							s.Passed()
						case "failed":
							s.Failed(errServer)
						case "rate-limited":
							s.RateLimited(time.Nanosecond, errServer)
						}
					}
					began := time.Now()
					var got []time.Duration
					for range 4 {
						s, err := w.Acquire(t.Context())
						if err != nil || s.Send() != nil {
							t.Fatal("no slot")
						}
						got = append(got, time.Since(began))
						s.Passed()
					}
					if diff := cmp.Diff(test.want, got); diff != "" {
						t.Errorf("free again after (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}
