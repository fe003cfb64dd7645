// SPDX-License-Identifier: MPL-2.0

package cdntest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"
)

func (b *bench) get(path string, body any) {
	b.t.Helper()
	got := b.do(http.MethodGet, "/v1.0/110011"+path)
	same(b.t, "status", got.Status, http.StatusOK)
	if err := json.Unmarshal([]byte(got.Body), body); err != nil {
		b.t.Fatal(err)
	}
}

func TestServiceShape(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var got map[string]any
	b.get("/services/"+FailedID, &got)
	base := b.url + "/v1.0/110011"
	same(t, "service", got, map[string]any{
		"id":         FailedID,
		"name":       "broken",
		"project_id": "110011",
		"status":     "failed",
		"errors":     []any{map[string]any{"message": "Policy failed to deploy"}},
		"domains": []any{
			map[string]any{"domain": "broken.example.com", "protocol": "http"},
			map[string]any{"domain": "secure-broken.example.com", "protocol": "https"},
		},
		"origins": []any{map[string]any{
			"origin": "origin.example.com", "port": 80.0, "ssl": false, "hostheadertype": "domain", "rules": []any{},
		}},
		"caching": []any{
			map[string]any{"name": "default", "ttl": 3600.0},
			map[string]any{"name": "images", "ttl": 86400.0, "rules": []any{
				map[string]any{"name": "images", "request_url": "/images/*"},
			}},
		},
		"restrictions": []any{},
		"flavor_id":    "cdn",
		"log_delivery": map[string]any{"enabled": false},
		"links": []any{
			map[string]any{"rel": "self", "href": base + "/services/" + FailedID},
			map[string]any{"rel": "flavor", "href": base + "/flavors/cdn"},
		},
	})
}

// TestNamesAreEscaped tests that names, and nothing else, are escaped for HTML, as
// Poppy does.
func TestNamesAreEscaped(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(s *Server) {
		s.Services = []Service{{ID: OtherID, Name: `R & D <"'> &amp;`, Status: StatusFailed, Errors: []string{"a & b"}}}
	})
	type shown struct {
		Name   string
		Errors []struct{ Message string }
	}
	want := shown{"R &amp; D &lt;&quot;&#x27;&gt; &amp;amp;", []struct{ Message string }{{"a & b"}}}
	var one shown
	b.get("/services/"+OtherID, &one)
	same(t, "the service", one, want)
	var list struct{ Services []shown }
	b.get("/services", &list)
	same(t, "the list", list.Services, []shown{want})
}

// TestDisabledIsOnlyDisplayed tests that a disabled service works as before.
func TestDisabledIsOnlyDisplayed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	displayed := func() string {
		var service struct{ Status string }
		b.get("/services/"+OtherID, &service)
		return service.Status
	}
	b.purge(OtherID, "url=/a&hard=false")
	b.SetStatus(OtherID, StatusDisabled)
	same(t, "displayed", displayed(), StatusDisabled)
	same(t, "a purge meanwhile", b.purge(OtherID, "url=/a&hard=true"), rejected(400, "Service "+OtherID+" is not deployed."))
	b.pass(time.Minute)
	same(t, "a purge afterward", b.purge(OtherID, "url=/a&hard=true"), accepted(OtherID))
	same(t, "still displayed", displayed(), StatusDisabled)
	b.SetStatus(OtherID, StatusDeployed)
	same(t, "enabled again", displayed(), StatusDeployed)
}

func TestServiceWithoutAnythingHasEmptyLists(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(s *Server) { s.Services = []Service{{ID: OtherID, Status: StatusCreateInProgress}} })
	var got map[string]any
	b.get("/services/"+OtherID, &got)
	for _, key := range []string{"errors", "domains", "origins", "caching", "restrictions"} {
		same(t, key, got[key], any([]any{}))
	}
}

func TestServiceErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	same(t, "no UUID", b.do(http.MethodGet, "/v1.0/110011/services/website"), rejected(400, "Invalid service id"))
	same(t, "unknown", b.do(http.MethodGet, "/v1.0/110011/services/"+MissingID), rejected(404, "service "+MissingID+" could not be found"))
}

func TestServicesContainTheirStatus(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.purge(DeployedID, "url=/a&hard=false")
	status := func() [2]string {
		var one struct{ Status string }
		b.get("/services/"+DeployedID, &one)
		statuses, _ := b.walk(20)
		return [2]string{one.Status, statuses[DeployedID]}
	}
	same(t, "immediately", status(), [2]string{StatusUpdateInProgress, StatusUpdateInProgress})
	b.pass(b.DeployTime)
	same(t, "after the deployment", status(), [2]string{StatusDeployed, StatusDeployed})
}

// walk pages through the services by marker. It returns the status of each service
// and the sizes of the pages.
func (b *bench) walk(limit int) (statuses map[string]string, sizes []int) {
	b.t.Helper()
	statuses = make(map[string]string)
	for marker := ""; ; {
		var page struct {
			Services []struct{ ID, Status string }
			Links    []struct{ Rel, Href string }
		}
		query := fmt.Sprintf("/services?limit=%d", limit)
		if marker != "" {
			query += "&marker=" + marker
		}
		b.get(query, &page)
		sizes = append(sizes, len(page.Services))
		for _, service := range page.Services {
			if service.ID <= marker {
				b.t.Errorf("%s is listed after %s", service.ID, marker)
			}
			marker = service.ID
			statuses[service.ID] = service.Status
		}
		if len(page.Links) == 0 {
			return statuses, sizes
		}
		same(b.t, "links", page.Links, []struct{ Rel, Href string }{{"next", fmt.Sprintf("%s/v1.0/110011/services?marker=%s&limit=%d", nextHost, marker, limit)}})
		next, err := url.Parse(page.Links[0].Href)
		if err != nil || "https://"+next.Host == b.url {
			b.t.Errorf("the next page is not on another host: %v, %v", next, err)
		}
	}
}

func TestServicesComeInPages(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		services, limit int
		want            []int
	}{
		"the defaults need two pages of 20":      {23, 20, []int{20, 3}},
		"the defaults need three pages of 10":    {23, 10, []int{10, 10, 3}},
		"a full last page links to an empty one": {20, 10, []int{10, 10, 0}},
		"one by one":                             {3, 1, []int{1, 1, 1, 0}},
		"without a service, one empty page":      {0, 10, []int{0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(s *Server) { s.Services = s.Services[:tc.services] })
			statuses, sizes := b.walk(tc.limit)
			same(t, "pages", sizes, tc.want)
			same(t, "services", len(statuses), tc.services)
		})
	}
}

func TestListParameters(t *testing.T) {
	t.Parallel()
	const number = "Limit should be an integer greater than 0 and less or equal to 20"
	for query, want := range map[string]response{
		"limit=0":         rejected(400, "Limit should be greater than 0"),
		"limit=-1":        rejected(400, "Limit should be greater than 0"),
		"limit=21":        rejected(400, "Limit should be less than or equal to 20"),
		"limit=ten":       rejected(400, number),
		"limit=":          rejected(400, number),
		"marker=":         rejected(400, "Marker must be a valid UUID"),
		"marker=website":  rejected(400, "Marker must be a valid UUID"),
		"marker=a&limit=": rejected(400, number),
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			same(t, "response", newBench(t).do(http.MethodGet, "/v1.0/110011/services?"+query), want)
		})
	}
}

func TestListWithoutParameters(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var page struct{ Services []struct{ ID string } }
	b.get("/services", &page)
	same(t, "ten services", len(page.Services), 10)
	b.get("/services?limit=20&marker=FE000000-0000-4000-8000-000000000000", &page)
	same(t, "a marker that is not an ID of a service", len(page.Services), 1)
}

func TestDefaultServices(t *testing.T) {
	t.Parallel()
	named, status := map[string]int{}, map[string]int{}
	for _, service := range New().Services {
		id, ok := canonicalID(service.ID)
		same(t, "id", []any{id, ok}, []any{service.ID, true})
		named[service.Name]++
		status[service.Status]++
		if service.Disabled {
			status[StatusDisabled]++
		}
	}
	same(t, "twins", named[TwinName], 2)
	same(t, "names", len(named), 22)
	same(t, "status", status, map[string]int{StatusDeployed: 22, StatusFailed: 1, StatusDisabled: 1})
}
