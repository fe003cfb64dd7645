// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestModel plays random sequences of changes, failures, and interrupts. After each
// operation, an oracle checks that no purge was lost, sent without a reason, or
// planned and not sent. It plays the same 500 sequences each time, so a failure
// is caused by a change of the code. With -soak, it draws five times as many
// sequences as -rapid.checks states.
//
// It failed for each of these mutations of the provider. A star marks those that
// only TestCases or a longer run detected:
//
//   - an unknown purge_on_destroy counts as false
//   - a pending item that is no longer configured is dropped
//   - an unchanged pending item is not sent
//   - a plan without a change ignores pending items
//   - an update without an accepted purge does not change the state, or does not
//     copy purge_on_destroy
//   - an identity that was never reached is saved, or is purged as the previous one
//   - the accepted items of a previous target stay in the state
//   - a path of the previous and the new target is sent twice
//   - the purge of a previous target omits pending items (*)
//   - a destroy omits pending items
//   - the import of another identity is recorded
//   - no state is handed over to a create, or one is handed over repeatedly (*)
//   - a create omits the accepted items of other triggers or of a complete resource,
//     or pending items
//   - a resumed create omits items that are no longer configured
//   - the rest of a create is pending as added
//   - a rejected path stops the others
//   - a path that is rejected and no longer configured stays pending (*)
//   - rejected items are not marked
//   - pending items are compared by their spelling
//   - the summary does not count the previous target
func TestModel(t *testing.T) {
	t.Parallel()
	for _, target := range targets {
		if _, found := universes["purge_"+target.name]; !found {
			t.Errorf("the target %s has no universe: add one to universes in model_sequence_test.go, and to kinds in drawSequence", target.name)
		}
	}
	for i := range 5 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			if !*soakLong {
				playSequences(t, i*sequencesOfOne, sequencesOfOne)
				return
			}
			rapid.Check(t, func(rt *rapid.T) {
				if err := playInBubble(t, drawnSequence.Draw(rt, "sequence")); err != nil {
					rt.Fatal(err)
				}
			})
		})
	}
}

// sequencesOfOne is the number of sequences that each part of TestModel plays.
const sequencesOfOne = 100

// playSequences plays sequences by their seeds. With -model-seed, it starts with
// another seed.
func playSequences(t *testing.T, first, n int) {
	t.Helper()
	for seed := *modelSeed + first; n > 0; seed, n = seed+1, n-1 {
		s := drawnSequence.Example(seed)
		if err := playInBubble(t, s); err != nil {
			t.Errorf("seed %d: %s\nThe sequence:\n%s", seed, err, s)
		}
	}
}
