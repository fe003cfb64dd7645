// SPDX-License-Identifier: MPL-2.0

package wpengine_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestInstallsArePagedByOffset(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct{ n, requests int }{
		"no install": {0, 1}, "less than a page": {99, 1}, "exactly a page": {100, 2}, "more than a page": {130, 2},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Installs = w.Installs[:c.n]
				got, err := w.connect().Installs(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				var names, want []string
				for _, i := range got {
					names = append(names, i.ID+" "+i.Name+" "+i.Environment+" "+i.Account.ID)
				}
				for _, i := range w.Installs {
					want = append(want, i.ID+" "+i.Name+" "+string(i.Environment)+" "+i.Account.ID)
				}
				diff(t, "installs", want, names)
				diff(t, "requests", c.requests, len(w.Statuses("installs")))
				for _, address := range w.Network.Dialed() {
					if !strings.HasPrefix(address, "localhost:") {
						t.Errorf("the client followed a link to %s", address)
					}
				}
			})
		})
	}
}

func TestAnInstallThatMovesToTheNextPageIsListedOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		// After the first page, an install is added at the start of the list.
		first, _ := json.Marshal(w.Installs[1:101])
		w.Fail("installs", 1, respond(200, nil, `{"results":`+string(first)+`}`))
		got, err := w.connect().Installs(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "installs", len(w.Installs)-1, len(got))
	})
}

func TestAListOfInstallsThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		page, _ := json.Marshal(w.Installs[:100])
		w.Fail("installs", -1, respond(200, nil, `{"results":`+string(page)+`}`))
		_, err := w.connect().Installs(t.Context(), "")
		if err == nil || !strings.Contains(err.Error(), "does not end") {
			t.Errorf("the error is %v", err)
		}
		diff(t, "requests", []int{200, 200}, w.Statuses("installs"))
	})
}
