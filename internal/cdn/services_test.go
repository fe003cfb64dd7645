// SPDX-License-Identifier: MPL-2.0

package cdn_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

func TestServicesArePagedByMarker(t *testing.T) {
	t.Parallel()
	for sentence, n := range map[string]int{"no service": 0, "less than a page": 19, "exactly a page": 20, "more than a page": 23} {
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
				// A full page may be the last one.
				diff(t, "requests", n/20+1, w.Count("services"))
				for _, address := range w.Network.Dialed() {
					if !strings.HasPrefix(address, "localhost:") {
						t.Errorf("the client followed a link to %s", address)
					}
				}
			})
		})
	}
}

func TestNamesOfServicesAreUnescaped(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		const name = `R & D <"'> &amp; &copy`
		w.Services = []cdntest.Service{{ID: cdntest.OtherID, Name: name, Status: cdntest.StatusDeployed}}
		list, err := w.connect().Services(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "in the list", name, list[0].Name)
		one, err := w.connect().Service(t.Context(), cdntest.OtherID)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "one service", name, one.Name)
	})
}

// TestANotFoundOfAListIsNotAboutAService has the error of Poppy that, for one
// service, is about its id.
func TestANotFoundOfAListIsNotAboutAService(t *testing.T) {
	t.Parallel()
	const page = " The response is a web page, so also check for a proxy, firewall, or login page in between."
	for sentence, row := range map[string]struct {
		fault http.HandlerFunc
		hint  string
	}{
		"in JSON": {cdntest.Error(404, "not found"), ""}, "in HTML": {cdntest.HTML(404), page},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(t *testing.T, w *world) {
				w.Fail("services", -1, row.fault)
				_, err := w.connect().Services(t.Context())
				w.Show(err)
				got := fieldsOf(err)
				diff(t, "the kind", transport.KindConfig, got.Kind)
				diff(t, "the input", "endpoint", got.Input)
				diff(t, "the advice", "The server does not have this path, whatever the service is. Check cdn.endpoint and cdn.project_id."+row.hint, got.Advice)
			})
		})
	}
	inWorld(t, func(t *testing.T, w *world) {
		w.Fail("services", 1, respond(404, nil, `{"overLimit":{"message":"OverLimit Retry..."}}`))
		_, err := w.connect().Services(t.Context())
		wantNoErrors(t, err)
	})
}
