// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"crypto/md5"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
	"github.com/cachepurge/terraform-provider-purge/internal/verify/verifytest"
)

const verification = "purge_verification"

// visited is a site behind an edge, with a provider that verifies it, in virtual
// time.
type visited struct {
	*verifytest.Edge
	*protocol
	t *testing.T
}

func visit(t *testing.T, test func(v *visited)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		edge, network := verifytest.NewEdge(), wiretest.Listen()
		w := &world{provider: New(Options{Getenv: func(string) string { return "" }, Transport: transport.Options{Dial: network.Dial}})}
		network.Serve(edge)
		defer network.Close()
		test(&visited{Edge: edge, protocol: w.speak(t), t: t})
		if err := w.provider.Close(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if open := network.Open(); open != 0 {
			t.Errorf("%d connections are open at the end, want none", open)
		}
	})
}

func digestOf(body string) string { return fmt.Sprintf("%x", md5.Sum([]byte(body))) }

// put makes the origin serve a body at each path.
func (v *visited) put(files prints) {
	for name, body := range files {
		v.Origin.Put(name, verifytest.File{Body: body}, 0)
	}
}

// digests returns the fingerprints of bodies.
func digests(files prints) object {
	o := object{}
	for name, body := range files {
		o[name] = digestOf(body)
	}
	return o
}

func siteOf(assets object, more ...object) object {
	o := object{"base_url": "http://localhost/", "assets": assets}
	for _, m := range more {
		maps.Copy(o, m)
	}
	return o
}

// looked returns the paths that were fetched since the last call, with their
// numbers of requests.
func (v *visited) looked() map[string]int {
	times := make(map[string]int)
	for _, e := range v.Journal.Select("get") {
		times[e.Subject]++
	}
	v.Journal.Reset()
	if len(times) == 0 {
		return nil
	}
	return times
}

// change plans and applies, and compares the result with the plan.
func (v *visited) change(what string, prior, config object, summary string, want map[string]int) (state object) {
	v.t.Helper()
	planned, reported := v.plan(verification, prior, config)
	wantReported(v.t, what+", the plan", reported)
	if planned["summary"] != summary {
		v.t.Errorf("%s: the summary is %q, want %q", what, planned["summary"], summary)
	}
	state, reported = v.apply(verification, prior, planned, config)
	wantReported(v.t, what, reported)
	if state["summary"] != summary {
		v.t.Errorf("%s: the summary becomes %q", what, state["summary"])
	}
	if diff := cmp.Diff(want, v.looked()); diff != "" {
		v.t.Errorf("%s: requests (-want +got):\n%s", what, diff)
	}
	if again, reported := v.plan(verification, state, config); !cmp.Equal(state, again) || len(reported) > 0 {
		v.t.Errorf("%s: the next plan is not empty: %q\n%s", what, reported, cmp.Diff(state, again))
	}
	return state
}

func TestTheRequestsOfAVerification(t *testing.T) {
	t.Parallel()
	visit(t, func(v *visited) {
		one := prints{"/a": "a1", "/b": "b1", "/c": "c1"}
		v.put(one)
		both := map[string]int{"/a": 2, "/b": 2, "/c": 2} // with and without gzip
		state := v.change("a create", nil, siteOf(digests(one)), "3 created; 3 paths", both)
		since := fmt.Sprintf("since %s: ", state["last_verified_at"])
		time.Sleep(time.Minute)

		two := prints{"/a": "a2", "/b": "b1", "/d": "d1"}
		v.put(prints{"/a": "a2", "/d": "d1"})
		v.Origin.Remove("/c", 0)
		v.PurgeAll()
		purged := object{"purged_at": v.Now().Format(time.RFC3339)}
		state = v.change("a change of files with their purge", state, siteOf(digests(two), purged),
			since+"1 added, 1 changed, 1 removed; 3 paths", map[string]int{"/a": 2, "/c": 2, "/d": 2})
		since = fmt.Sprintf("since %s: ", state["last_verified_at"])

		all := map[string]int{"/a": 2, "/b": 2, "/d": 2}
		purged = object{"purged_at": v.Now().Add(time.Second).Format(time.RFC3339)}
		state = v.change("the purge alone", state, siteOf(digests(two), purged), since+"3 triggered; 3 paths", all)
		since = fmt.Sprintf("since %s: ", state["last_verified_at"])
		state = v.change("triggers", state, siteOf(digests(two), purged, object{"triggers": object{"release": "2"}}), since+"3 triggered; 3 paths", all)
		last, _ := state["summary"].(string)
		v.change("timeouts", state, siteOf(digests(two), purged, object{"triggers": object{"release": "2"}, "timeouts": object{"update": "30m"}}), last, nil)

		pages := object{"base_url": "http://localhost", "urls": texts("/b", "/d"), "contains": "1"}
		state = v.change("pages instead of files", state, pages, fmt.Sprintf("since %s: 2 added; 2 paths", state["last_verified_at"]), map[string]int{"/b": 2, "/d": 2})
		pages["contains"] = "d1"
		v.put(prints{"/b": "the body of d1"})
		v.PurgeAll()
		state = v.change("another text", state, pages, fmt.Sprintf("since %s: 2 triggered; 2 paths", state["last_verified_at"]), map[string]int{"/b": 2, "/d": 2})
		v.change("one page less", state, object{"base_url": "http://localhost", "urls": texts("/b"), "contains": "1"},
			fmt.Sprintf("since %s: 1 triggered; 1 path", state["last_verified_at"]), map[string]int{"/b": 2})
	})
}

func TestAVerificationWithAnUnknownPurge(t *testing.T) {
	t.Parallel()
	visit(t, func(v *visited) {
		files := prints{"/a": "a1"}
		v.put(files)
		const then = "2026-11-23T20:29:23Z"
		state := v.change("a create", nil, siteOf(digests(files), object{"purged_at": then}), "1 created; 1 path", map[string]int{"/a": 2})

		planned, _ := v.plan(verification, state, siteOf(digests(files), object{"purged_at": unknown{}}))
		if planned["summary"] != (unknown{}) || planned["last_verified_at"] != (unknown{}) {
			t.Errorf("planned with an unknown purge: %v", planned)
		}
		again, _ := v.plan(verification, state, siteOf(digests(files), object{"purged_at": then}))
		if diff := cmp.Diff(state, again); diff != "" {
			t.Errorf("a purge that turns out equal changes something:\n%s", diff)
		}
		planned, _ = v.plan(verification, state, siteOf(object{"/a": digestOf("a2")}, object{"purged_at": unknown{}}))
		if got, _ := planned["summary"].(string); !strings.HasSuffix(got, ": 1 changed; 1 path") {
			t.Errorf("a change of files with an unknown purge is %v", planned["summary"])
		}
	})
}

func TestAVerificationThatFailsKeepsItsProgress(t *testing.T) {
	t.Parallel()
	visit(t, func(v *visited) {
		one := prints{"/a": "a1", "/b": "b1", "/gone": "g1"}
		v.put(one)
		state := v.change("a create", nil, siteOf(digests(one)), "3 created; 3 paths", map[string]int{"/a": 2, "/b": 2, "/gone": 2})

		v.put(prints{"/b": "b2"})
		v.Purge("/b")
		two := siteOf(digests(prints{"/a": "a2", "/b": "b2"}))
		planned, _ := v.plan(verification, state, two)
		began := time.Now()
		failed, reported := v.apply(verification, state, planned, two)
		wantReported(t, "an old file and one that is not gone", reported,
			"error: The site does not serve the expected content: 1 of 3 paths was verified. The next apply verifies the remaining 2.\n\n  /")
		for _, want := range []string{"/a: expected content with MD5 digest " + digestOf("a2") + ", got 200 OK with MD5 digest " + digestOf("a1"), "/gone: expected the content with MD5 digest " + digestOf("g1")} {
			if !strings.Contains(reported[0], want) {
				t.Errorf("%q does not contain %q", reported[0], want)
			}
		}
		if took := time.Since(began); took != defaultTimeout {
			t.Errorf("stopped after %s, want %s", took, defaultTimeout)
		}
		want := object{"/a": "changed, failed", "/gone": "removed " + digestOf("g1") + ", failed"}
		if diff := cmp.Diff(want, failed["pending"]); diff != "" {
			t.Errorf("pending (-want +got):\n%s", diff)
		}
		v.Journal.Reset()

		v.put(prints{"/a": "a2"})
		v.Origin.Remove("/gone", 0)
		v.PurgeAll()
		v.change("the next apply", failed, two, fmt.Sprintf("since %s: 1 changed, 1 removed; 2 paths", failed["last_verified_at"]), map[string]int{"/a": 2, "/gone": 2})
	})
}

// TestACreateOfAVerificationResumes deletes a tainted verification and creates it
// again in the same process.
func TestACreateOfAVerificationResumes(t *testing.T) {
	t.Parallel()
	visit(t, func(v *visited) {
		v.put(prints{"/a": "a1", "/b": "b0"})
		config := siteOf(digests(prints{"/a": "a1", "/b": "b1"}))
		planned, _ := v.plan(verification, nil, config)
		failed, reported := v.apply(verification, nil, planned, config)
		if len(reported) != 1 || !strings.HasSuffix(reported[0], "run terraform untaint first.") {
			t.Errorf("diagnostics: %q", reported)
		}
		if diff := cmp.Diff(object{"/b": "created, failed"}, failed["pending"]); diff != "" {
			t.Fatalf("pending (-want +got):\n%s", diff)
		}
		v.Journal.Reset()
		v.put(prints{"/b": "b1"})
		v.PurgeAll()
		planned, _ = v.plan(verification, nil, config)
		v.destroy(verification, failed)
		state, reported := v.apply(verification, nil, planned, config)
		wantReported(t, "the replacement", reported)
		if diff := cmp.Diff(map[string]int{"/b": 2}, v.looked()); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		if state["pending"] != nil || state["summary"] != "2 created; 2 paths" {
			t.Errorf("the state: %v", state)
		}
	})
}

func TestAnErrorAboutAnOldOrigin(t *testing.T) {
	t.Parallel()
	visit(t, func(v *visited) {
		v.put(prints{"/a": "a1"})
		config := siteOf(digests(prints{"/a": "a2"}), object{"purged_at": v.PurgeAll().Format(time.RFC3339)})
		planned, _ := v.plan(verification, nil, config)
		time.Sleep(time.Second)
		state, reported := v.apply(verification, nil, planned, config)
		wantReported(t, "the apply", reported, "error: The origin had old content after the purge: http://localhost/a: expected content with MD5 digest ")
		if state != nil {
			t.Errorf("a create without a verified path leaves %v", state)
		}
	})
}

func TestChecksOfAVerification(t *testing.T) {
	t.Parallel()
	w := &world{provider: New(Options{Getenv: func(string) string { return "" }})}
	p := w.speak(t)
	const digest = "d41d8cd98f00b204e9800998ecf8427e"
	pages := object{"base_url": "https://www.example.com", "urls": texts("/"), "contains": "x"}
	files := object{"base_url": "https://www.example.com", "assets": object{"/a": digest}}
	for sentence, c := range map[string]struct {
		config object
		want   []string
	}{
		"files":                   {files, nil},
		"pages":                   {pages, nil},
		"an origin over http":     {merged(files, object{"base_url": "http://10.0.0.1:8080/site"}), nil},
		"an unknown base_url":     {merged(files, object{"base_url": unknown{}}), nil},
		"neither":                 {object{"base_url": "https://www.example.com"}, []string{`error at AttributeName("assets"): Nothing to verify`}},
		"both":                    {merged(files, object{"urls": texts("/"), "contains": "x"}), []string{`error at AttributeName("urls"): Both assets and urls`}},
		"pages without a text":    {object{"base_url": "https://www.example.com", "urls": texts("/")}, []string{`error at AttributeName("urls"): urls without contains`}},
		"files with a text":       {merged(files, object{"contains": "x"}), []string{`error at AttributeName("contains"): contains without urls`}},
		"an empty text":           {merged(pages, object{"contains": ""}), []string{`error at AttributeName("contains"): Invalid contains`}},
		"no page":                 {merged(pages, object{"urls": texts()}), []string{`error at AttributeName("urls"): Nothing to verify`}},
		"a page twice":            {merged(pages, object{"urls": texts("/ü", "/%c3%bc")}), []string{`error at AttributeName("urls").ElementKeyInt(1): One path twice`}},
		"unknown urls":            {object{"base_url": "https://www.example.com", "urls": unknown{}, "assets": object{"/a": digest}}, nil},
		"a page with a host":      {merged(pages, object{"urls": texts("https://www.example.com/a")}), []string{`error at AttributeName("urls").ElementKeyInt(0): Invalid path`}},
		"a wildcard":              {merged(files, object{"assets": object{"/a/*": digest}}), []string{`error at AttributeName("assets").ElementKeyString("/a/*"): Invalid path`}},
		"no fingerprint":          {merged(files, object{"assets": object{"/a": "1"}}), []string{`error at AttributeName("assets").ElementKeyString("/a"): Invalid fingerprint: assets["/a"] must be an MD5`}},
		"a base_url with a query": {merged(files, object{"base_url": "https://www.example.com/?a=b"}), []string{`error at AttributeName("base_url"): Invalid base_url`}},
		"a base_url with a user":  {merged(files, object{"base_url": "https://me:secret@www.example.com"}), []string{`error at AttributeName("base_url"): Invalid base_url`}},
		"an invalid purged_at":    {merged(files, object{"purged_at": "yesterday"}), []string{`error at AttributeName("purged_at"): Invalid purged_at`}},
		"a null purged_at":        {merged(files, object{"purged_at": nil}), nil},
		"no files":                {merged(files, object{"assets": object{}}), []string{`warning at AttributeName("assets"): No assets`}},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, reported := p.plan(verification, nil, c.config)
			wantReported(t, "the plan", reported, c.want...)
			for _, text := range reported {
				if strings.Contains(text, "secret") {
					t.Errorf("%q shows the password", text)
				}
			}
		})
	}
}
