// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

// fails plans and applies, and returns the state and the error.
func (v *visited) fails(what string, prior, config object) (state object, reported string) {
	v.t.Helper()
	planned, _ := v.plan(verification, prior, config)
	state, all := v.apply(verification, prior, planned, config)
	if len(all) != 1 || !strings.HasPrefix(all[0], "error: ") {
		v.t.Fatalf("%s: reported %q, want one error", what, all)
	}
	return state, all[0]
}

func wantPending(t *testing.T, what string, want, state object) {
	t.Helper()
	got, _ := state["pending"].(object)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: pending (-want +got):\n%s", what, diff)
	}
}

// TestARemovedPathKeepsItsFingerprintUntilItIsGone fails twice more: after an apply
// that verified nothing and after one that verified something.
func TestARemovedPathKeepsItsFingerprintUntilItIsGone(t *testing.T) {
	t.Parallel()
	visit(t, func(v *visited) {
		one := prints{"/a": "a1", "/gone": "g1"}
		v.put(one)
		state := v.change("a create", nil, siteOf(digests(one)), "2 created; 2 paths", map[string]int{"/a": 2, "/gone": 2})
		waits := object{"/gone": "removed " + digestOf("g1") + ", failed"}
		for i, config := range []object{
			siteOf(digests(prints{"/a": "a1"})),
			siteOf(digests(prints{"/a": "a1"}), object{"timeouts": object{"update": "5m"}}),
			siteOf(digests(prints{"/a": "a1", "/b": "b1"})),
			siteOf(digests(prints{"/a": "a1", "/b": "b1"})),
		} {
			v.put(prints{"/b": "b1"})
			var reported string
			state, reported = v.fails(fmt.Sprint("failure ", i), state, config)
			wantPending(t, fmt.Sprint("failure ", i), waits, state)
			if diff := cmp.Diff(config["timeouts"], state["timeouts"]); diff != "" {
				t.Errorf("failure %d: timeouts (-want +got):\n%s", i, diff)
			}
			if !strings.Contains(reported, "expected the content with MD5 digest "+digestOf("g1")+" to be gone, got 200 OK with MD5 digest "+digestOf("g1")) {
				t.Errorf("failure %d: reported %q", i, reported)
			}
		}
		v.Journal.Reset()
		v.put(prints{"/gone": "something else"})
		v.PurgeAll()
		v.change("other content", state, siteOf(digests(prints{"/a": "a1", "/b": "b1"})),
			fmt.Sprintf("since %s: 1 removed; 1 path", state["last_verified_at"]), map[string]int{"/gone": 2})
	})
}

// TestAVerificationDoesNotTakeTheStateOfAnother deletes a tainted verification
// while another one of the same site is created.
func TestAVerificationDoesNotTakeTheStateOfAnother(t *testing.T) {
	t.Parallel()
	visit(t, func(v *visited) {
		v.put(prints{"/a": "a1", "/b": "b0", "/c": "c1"})
		failed, _ := v.fails("the create of one", nil, siteOf(digests(prints{"/a": "a1", "/b": "b1"})))
		v.Journal.Reset()
		v.destroy(verification, failed)
		v.change("the create of another", nil, siteOf(digests(prints{"/c": "c1"})), "1 created; 1 path", map[string]int{"/c": 2})
	})
}

// TestAReplacementVerifiesTheRemainingPaths has other triggers, or one path
// less.
func TestAReplacementVerifiesTheRemainingPaths(t *testing.T) {
	t.Parallel()
	all, rest := map[string]int{"/a": 2, "/b": 2}, map[string]int{"/b": 2}
	files := digests(prints{"/a": "a1", "/b": "b1"})
	for what, c := range map[string]struct {
		config object
		want   map[string]int
	}{
		"the same":               {siteOf(files), rest},
		"one path less":          {siteOf(object{"/a": files["/a"]}), nil},
		"another purge":          {siteOf(files, object{"purged_at": "2026-11-23T20:29:23Z"}), all},
		"triggers":               {siteOf(files, object{"triggers": object{"release": "2"}}), all},
		"other content":          {siteOf(digests(prints{"/a": "a2", "/b": "b1"})), all},
		"another site":           {siteOf(files, object{"base_url": "http://localhost:80"}), all},
		"pages instead of files": {object{"base_url": "http://localhost", "urls": texts("/a", "/b"), "contains": "1"}, nil},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			visit(t, func(v *visited) {
				v.put(prints{"/a": "a1", "/b": "b0"})
				failed, _ := v.fails("the create", nil, siteOf(files))
				if what == "other content" {
					v.put(prints{"/a": "a2"})
				}
				v.put(prints{"/b": "b1"})
				v.PurgeAll()
				v.Journal.Reset()
				planned, _ := v.plan(verification, nil, c.config)
				v.destroy(verification, failed)
				_, reported := v.apply(verification, nil, planned, c.config)
				wantReported(t, "the replacement", reported)
				if c.config["urls"] != nil {
					c.want = all
				}
				if diff := cmp.Diff(c.want, v.looked()); diff != "" {
					t.Errorf("requests (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestAReplacementThatFailsKeepsItsProgress fails twice more without progress.
func TestAReplacementThatFailsKeepsItsProgress(t *testing.T) {
	t.Parallel()
	visit(t, func(v *visited) {
		v.put(prints{"/a": "a1", "/b": "b0"})
		config := siteOf(digests(prints{"/a": "a1", "/b": "b1"}))
		state, _ := v.fails("the create", nil, config)
		since := state["last_verified_at"]
		for range 2 {
			v.Journal.Reset()
			planned, _ := v.plan(verification, nil, config)
			v.destroy(verification, state)
			state, _ = v.apply(verification, nil, planned, config)
			wantPending(t, "the replacement", object{"/b": "created, failed"}, state)
			if looks := v.looked(); looks["/a"] > 0 || looks["/b"] == 0 {
				t.Errorf("the replacement requests %v", looks)
			}
			if diff := cmp.Diff(config["assets"], state["assets"]); diff != "" || state["last_verified_at"] != since {
				t.Errorf("the state is %v", state)
			}
		}
	})
}

// TestAnInterruptedVerificationKeepsItsProgress presses Ctrl-C.
func TestAnInterruptedVerificationKeepsItsProgress(t *testing.T) {
	t.Parallel()
	visit(t, func(v *visited) {
		v.put(prints{"/a": "a1", "/b": "b0"})
		config := siteOf(digests(prints{"/a": "a1", "/b": "b1"}))
		planned, _ := v.plan(verification, nil, config)
		ctx, cancel := context.WithTimeout(v.t.Context(), time.Minute)
		defer cancel()
		stop := context.AfterFunc(ctx, func() {
			_, _ = v.StopProvider(v.t.Context(), &tfprotov6.StopProviderRequest{})
		})
		defer stop()
		state, reported := v.apply(verification, nil, planned, config)
		wantReported(t, "the apply", reported, "error: Verification not finished: 1 of 2 paths was verified. The next apply verifies the remaining 1.\n\nhttp://localhost/b: interrupted; expected content with MD5 digest ")
		wantPending(t, "the apply", object{"/b": "created"}, state)
	})
}

// TestTheErrorIsThatOfTheWorstVerdict has a path without a verdict, a path that is
// old, and a path that was old at the origin.
func TestTheErrorIsThatOfTheWorstVerdict(t *testing.T) {
	t.Parallel()
	visit(t, func(v *visited) {
		v.put(prints{"/b": "b0", "/c": "c0"})
		v.Origin.Put("/a", verifytest.File{Status: http.StatusBadGateway}, 0)
		v.fails("a visit", nil, siteOf(digests(prints{"/b": "b1"}), object{"timeouts": object{"create": "1s"}}))
		time.Sleep(time.Minute)
		config := siteOf(digests(prints{"/a": "a1", "/b": "b1", "/c": "c1"}), object{"purged_at": v.Purge("/c").Format(time.RFC3339)})
		time.Sleep(5 * time.Second)
		_, reported := v.fails("the create", nil, config)
		for _, want := range []string{
			"error: The origin had old content after the purge: 0 of 3 paths were verified. The next apply verifies all of them.\n\n",
			"\n  /a: expected content with MD5 digest " + digestOf("a1") + ", got 502 Bad Gateway (",
			"\n  /b: expected content with MD5 digest " + digestOf("b1") + ", got 200 OK with MD5 digest " + digestOf("b0") + " (Age: ",
			"\n  /c: expected ",
			"Upload the content to the origin, and then purge again, because the next apply only verifies: ",
		} {
			if !strings.Contains(reported, want) {
				t.Errorf("%q does not contain %q", reported, want)
			}
		}
	})
}

// TestTheErrorContainsTheResponse compares the whole text.
func TestTheErrorContainsTheResponse(t *testing.T) {
	t.Parallel()
	visit(t, func(v *visited) {
		v.put(prints{"/a": "a1"})
		v.fails("a visit", nil, siteOf(digests(prints{"/a": "none"}), object{"timeouts": object{"create": "1s"}}))
		config := siteOf(digests(prints{"/a": "a2"}), object{"purged_at": v.Now().Add(2 * time.Second).Format(time.RFC3339), "timeouts": object{"create": "10m"}})
		_, reported := v.fails("a purge without effect", nil, config)
		want := "error: The site does not serve the expected content: http://localhost/a: expected content with MD5 digest " + digestOf("a2") +
			", got 200 OK with MD5 digest " + digestOf("a1") + " (Age: 599, Cache-Status: edge; hit, X-Cache: HIT). The provider fetched the path 45 times within 10 minutes.\n\n" +
			"If the purge needs more time, raise timeouts.create and apply again. If the purge failed, purge again, because the next apply only verifies: " +
			"change a trigger of the resource that purges, or run terraform apply -replace=<its address>. " +
			"A hard purge of Rackspace CDN can fail after it was accepted: the data source purge_cdn_service returns the error. " +
			"If the edge changes the content (minification, image conversion), compare an ETag, or a text with urls and contains."
		if diff := cmp.Diff(want, reported); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestAVerificationHasNoAttributesOfAPurge checks that a verification has no attributes of
// purges.
func TestAVerificationHasNoAttributesOfAPurge(t *testing.T) {
	t.Parallel()
	w := &world{provider: New(Options{Getenv: func(string) string { return "" }})}
	p := w.speak(t)
	resp, err := p.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: verification, ID: "https://www.example.com"})
	p.must(err)
	if reported := diagnosticLines(resp.Diagnostics); len(reported) != 1 || !strings.HasPrefix(reported[0], "error") || len(resp.ImportedResources) > 0 {
		t.Errorf("an import: %q, %d resources", reported, len(resp.ImportedResources))
	}
	if p.schemas.ActionSchemas[verification] != nil || p.identities[verification] != nil {
		t.Error("there is an action or an identity")
	}
	var names []string
	for _, a := range p.schemas.ResourceSchemas[verification].Block.Attributes {
		names = append(names, a.Name)
	}
	want := object{}
	for _, name := range []string{"base_url", "assets", "urls", "contains", "purged_at", "triggers", "last_verified_at", "summary", "pending", "timeouts"} {
		want[name] = true
	}
	got := object{}
	for _, name := range names {
		got[name] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}

// TestAnUnknownPurgeThatTurnsOutEqualVerifiesNothing plans purged_at as unknown.
func TestAnUnknownPurgeThatTurnsOutEqualVerifiesNothing(t *testing.T) {
	t.Parallel()
	visit(t, func(v *visited) {
		files, then := prints{"/a": "a1", "/b": "b1"}, "2026-11-23T20:29:23Z"
		v.put(files)
		state := v.change("a create", nil, siteOf(digests(files), object{"purged_at": then}), "2 created; 2 paths", map[string]int{"/a": 2, "/b": 2})
		time.Sleep(time.Minute)
		turnsOut := func(at string) object {
			planned, _ := v.plan(verification, state, siteOf(digests(files), object{"purged_at": unknown{}}))
			planned["purged_at"] = at
			after, reported := v.apply(verification, state, planned, siteOf(digests(files), object{"purged_at": at}))
			wantReported(t, "the apply", reported)
			return after
		}
		if diff := cmp.Diff(state, turnsOut(then)); diff != "" {
			t.Errorf("the state changes:\n%s", diff)
		}
		if looks := v.looked(); looks != nil {
			t.Errorf("requested %v", looks)
		}
		since := state["last_verified_at"]
		state = turnsOut("2026-11-23T20:30:00Z")
		if want := fmt.Sprintf("since %s: 2 triggered; 2 paths", since); state["summary"] != want || state["last_verified_at"] == since {
			t.Errorf("another purge: %v", state)
		}
		if diff := cmp.Diff(map[string]int{"/a": 2, "/b": 2}, v.looked()); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

// TestAPlanAndARefreshVerifyNothing covers every kind of plan.
func TestAPlanAndARefreshVerifyNothing(t *testing.T) {
	t.Parallel()
	visit(t, func(v *visited) {
		v.put(prints{"/a": "a1"})
		failed := object{
			"base_url": "http://localhost", "assets": digests(prints{"/a": "a1"}), "summary": "1 created; 1 path",
			"pending": object{"/a": "created, failed"},
		}
		for _, prior := range []object{nil, failed, merged(failed, object{"pending": nil})} {
			for _, config := range []object{
				siteOf(digests(prints{"/a": "a1"})), siteOf(digests(prints{"/b": "b1"})), siteOf(object{"/a": unknown{}}),
				siteOf(digests(prints{"/a": "a1"}), object{"purged_at": unknown{}}), siteOf(digests(prints{"/a": "a1"}), object{"base_url": unknown{}}),
			} {
				v.plan(verification, prior, config)
			}
			if prior != nil {
				_, err := v.ReadResource(v.t.Context(), &tfprotov6.ReadResourceRequest{TypeName: verification, CurrentState: v.packState(verification, prior)})
				v.must(err)
				v.destroy(verification, prior)
			}
		}
		if looks := v.looked(); looks != nil {
			t.Errorf("requested %v", looks)
		}
	})
}

func merged(o, more object) object {
	all := maps.Clone(o)
	maps.Copy(all, more)
	return all
}
