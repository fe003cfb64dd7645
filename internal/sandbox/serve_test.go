// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cachepurge/terraform-provider-purge/internal/fake"
)

func get(t *testing.T, url string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	return resp, err
}

func TestTakeEntriesReturnsEachRequestOnce(t *testing.T) {
	t.Parallel()
	s := New()
	env, stop, err := s.Start(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for _, path := range []string{"/status", "/nothing"} {
		if _, err := get(t, env["WPE_API_BASE_URL"]+path); err != nil {
			t.Fatal(err)
		}
	}
	want := []fake.Entry{
		{System: "wpengine", Operation: "status", Status: http.StatusOK},
		{System: "wpengine", Operation: "unknown", Subject: "GET /v1/nothing", Status: http.StatusForbidden},
	}
	if diff := cmp.Diff(want, s.TakeEntries(), cmpopts.IgnoreFields(fake.Entry{}, "Time")); diff != "" {
		t.Errorf("first take (-want +got):\n%s", diff)
	}
	if again := s.TakeEntries(); len(again) != 0 {
		t.Errorf("second take returns %v, want nothing", again)
	}
}

func TestStopEndsServing(t *testing.T) {
	t.Parallel()
	env, stop, err := New().Start(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if resp, err := get(t, env["WPE_API_BASE_URL"]+"/status"); err == nil {
		t.Errorf("received %s after stop", resp.Status)
	}
}

func TestInputsExistInTheFakes(t *testing.T) {
	t.Parallel()
	s := New()
	inputs := s.Inputs()
	if project := s.MSTR.Projects[0]; project.ID != inputs["mstr_project_id"] || project.Status < 0 {
		t.Errorf("the project %q is not loaded", inputs["mstr_project_id"])
	}
	if status := s.CDN.Service(inputs["cdn_service_id"]).Status; status != "deployed" {
		t.Errorf("the service is %q, want deployed", status)
	}
	if id := s.WPEngine.Install("acmeprod").ID; id != inputs["wpengine_install_id"] {
		t.Errorf("the install is %q, want %q", inputs["wpengine_install_id"], id)
	}
}
