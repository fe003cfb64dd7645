package cdn_test

import (
	"slices"
	"strings"
	"testing"
)

func TestServicesArePagedByMarker(t *testing.T) {
	t.Parallel()
	for sentence, n := range map[string]int{"none": 0, "less than a page": 19, "exactly a page": 20, "more than one": 23} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Services = w.Services[:n]
				got, err := w.connect().Services(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var names, want []string
				for _, s := range got {
					names = append(names, s.ID+" "+s.Name)
				}
				for _, s := range w.Services {
					want = append(want, s.ID+" "+s.Name)
				}
				slices.Sort(want)
				diff(t, "services", want, names)
				// A page that is full may be the last one.
				diff(t, "requests", n/20+1, w.Count("services"))
				for _, address := range w.Network.Dialed() {
					if !strings.HasPrefix(address, "localhost:") {
						t.Errorf("a link was followed to %s", address)
					}
				}
			})
		})
	}
}
