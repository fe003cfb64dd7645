package provider

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestModel plays random sequences of changes, failures and interruptions, and
// asks an oracle after each operation whether a purge was lost, repeated without
// a reason, or promised by a plan and not sent. It runs five times as many
// sequences as -rapid.checks says.
func TestModel(t *testing.T) {
	t.Parallel()
	for i := range 5 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				if err := playInBubble(t, drawnSequence.Draw(rt, "sequence")); err != nil {
					rt.Fatal(err)
				}
			})
		})
	}
}
