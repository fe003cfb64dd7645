// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestModel plays random sequences of changes, failures and interruptions, and
// asks an oracle after each operation whether a purge was lost, repeated without
// a reason, or promised by a plan and not sent. It plays the same 500 sequences
// each time, so that a failure is about a change and not about chance. With
// -soak, it draws five times as many as -rapid.checks says.
//
// These mutations of the provider were seen to fail it, those with a star only
// by TestCases or in a longer run:
//
//   - an unknown purge_on_destroy counts as false
//   - a pending item that is no longer configured is forgotten
//   - an unchanged item that is pending is not sent
//   - a plan without a change does not look at what is pending
//   - an update of which nothing was accepted leaves the state alone, or does
//     not take purge_on_destroy over
//   - an identity that was never reached moves in, or is purged as the previous one
//   - what a previous target got accepted stays in the state
//   - a path of the previous and the new target is sent twice
//   - the purge of a previous target leaves out what is pending (*)
//   - a destroy leaves out what is pending
//   - the import of another identity is recorded
//   - nothing is handed over to a create, or a state again and again (*)
//   - a create skips what was accepted with other triggers, what a complete
//     resource got accepted, or what is pending
//   - a resumed create forgets what is no longer configured
//   - the rest of a create is pending as added
//   - a rejected path stops the others
//   - a path that is rejected and no longer configured stays pending (*)
//   - what was rejected is not marked
//   - what is pending is compared by its spelling
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

// sequencesOfOne is how many sequences each part of TestModel plays.
const sequencesOfOne = 100

// playSequences plays sequences by their seeds. With -model-seed, it starts
// elsewhere.
func playSequences(t *testing.T, first, n int) {
	t.Helper()
	for seed := *modelSeed + first; n > 0; seed, n = seed+1, n-1 {
		s := drawnSequence.Example(seed)
		if err := playInBubble(t, s); err != nil {
			t.Errorf("seed %d: %s\nThe sequence:\n%s", seed, err, s)
		}
	}
}
