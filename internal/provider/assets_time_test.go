// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// Behavior over time, in virtual time and over Terraform's protocol.

// manyAssets returns a configuration with n assets of one fingerprint.
func manyAssets(n int, fingerprint string, more ...object) object {
	assets := object{}
	for i := range n {
		assets[fmt.Sprintf("/%04d.css", i)] = fingerprint
	}
	config := object{"service_id": cdntest.DeployedID, "assets": assets, "purge_on_create": true}
	for _, o := range more {
		for name, value := range o {
			config[name] = value
		}
	}
	return config
}

// assetsIn counts the assets of a configuration or a state.
func assetsIn(o object) int {
	assets, _ := o["assets"].(object)
	return len(assets)
}

// acceptedIn counts the assets of a state that are not pending.
func acceptedIn(o object) int {
	pending, _ := o["pending"].(object)
	return assetsIn(o) - len(pending)
}

// deploy plans and applies, and returns the state and the messages of both.
func (p *protocol) deploy(prior, config object) (state object, planSaid, applySaid []string) {
	p.t.Helper()
	planned, planSaid := p.plan("purge_cdn_asset", prior, config)
	state, applySaid = p.apply("purge_cdn_asset", prior, planned, config)
	return state, planSaid, applySaid
}

func wantReported(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d diagnostics, want %d: %q", what, len(got), len(want), got)
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("%s: %q does not contain %q", what, got[i], want[i])
		}
	}
}

func TestTheEstimateDuringPlanning(t *testing.T) {
	t.Parallel()
	const tooShort = "warning: The timeout is too short for all purges: "
	const remaining = " sends the remaining purges. Raise timeouts."
	const instead = ", or purge one wildcard path with hard = false."
	const noProgress = "Terraform does not show their progress. To see it, set the environment variable TF_LOG_PROVIDER=INFO."
	limit := func(operation, timeout string) object { return object{"timeouts": object{operation: timeout}} }
	soft := object{"hard": false}
	tests := map[string]struct {
		prior, config object
		want          []string
	}{
		"no timeout set: the default grows, and the plan states the duration": {
			nil, manyAssets(5000, "1"),
			[]string{"warning: The purges take 4 hours and 9 minutes: The apply sends 5000 purges. At the allowed rate, they take about 4 hours and 9 minutes. " + noProgress},
		},
		"one soft purge does not take long":  {nil, manyAssets(5000, "1", soft), nil},
		"no warning below 5 minutes":         {nil, manyAssets(100, "1"), nil},
		"100 hard purges fit into 4 minutes": {nil, manyAssets(100, "1", limit("create", "4m")), nil},
		"101 hard purges do not fit into less than 5 minutes": {
			nil, manyAssets(101, "1", limit("create", "299s")),
			[]string{tooShort + "The apply sends 101 purges. At the allowed rate, they take at least 5 minutes, but timeouts.create is 4 minutes and 59 seconds. The next apply" + remaining + "create" + instead},
		},
		"only changed assets count": {manyAssets(100, "1"), manyAssets(120, "1", limit("update", "1m")), nil},
		"an update's own timeout": {
			manyAssets(100, "1"), manyAssets(100, "2", limit("update", "1m")),
			[]string{tooShort + "The apply sends 100 purges. At the allowed rate, they take at least 4 minutes, but timeouts.update is 1 minute. The next apply" + remaining + "update" + instead},
		},
		"the timeout of another operation": {manyAssets(100, "1"), manyAssets(100, "2", limit("create", "1m")), nil},
		"the previous service counts, too": {
			manyAssets(30, "1"), manyAssets(30, "1", limit("update", "1m"), object{"service_id": cdntest.OtherID, "purge_on_destroy": true}),
			[]string{tooShort + "The apply sends 60 purges. At the allowed rate, they take at least 2 minutes, but timeouts.update is 1 minute. The next apply" + remaining + "update" + instead},
		},
		"a create that only records sends nothing": {nil, manyAssets(1000, "1", limit("create", "1m"), object{"purge_on_create": false}), nil},
		"a destroy": {
			manyAssets(100, "1", limit("delete", "1m"), object{"purge_on_destroy": true}), nil,
			[]string{tooShort + "The destroy sends 100 purges. At the allowed rate, they take at least 4 minutes, but timeouts.delete is 1 minute. The next destroy" + remaining + "delete" + instead},
		},
		"a destroy with enough time": {
			manyAssets(100, "1", object{"purge_on_destroy": true}), nil,
			[]string{"warning: The destroy sends purges: Because the purge_cdn_asset with the ID \"\" has purge_on_destroy = true, destroying it sends 100 purges, which takes about 4 minutes."},
		},
		"a destroy that sends nothing": {manyAssets(100, "1", limit("delete", "1m")), nil, nil},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *world, _ *wiretest.Network) {
				p := w.speak(t)
				if test.config == nil {
					resp, err := p.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
						TypeName: "purge_cdn_asset", PriorState: p.packState("purge_cdn_asset", test.prior),
						ProposedNewState: p.packState("purge_cdn_asset", nil), Config: p.packState("purge_cdn_asset", nil),
					})
					p.must(err)
					wantReported(t, "the plan", diagnosticLines(resp.Diagnostics), test.want...)
					return
				}
				_, reported := p.plan("purge_cdn_asset", test.prior, test.config)
				wantReported(t, "the plan", reported, test.want...)
			})
		})
	}
}

func TestHowLongManyAssetsTake(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config  object
		latency time.Duration
		want    time.Duration
	}{
		"hard purges use the whole quota":              {manyAssets(100, "1"), 0, 4 * time.Minute},
		"slow hard purges in parallel":                 {manyAssets(16, "1"), 20 * time.Second, 20 * time.Second},
		"longer than the default timeout of one purge": {manyAssets(1000, "1"), 0, 49 * time.Minute},
		"one soft purge with a deployment":             {manyAssets(200, "1", object{"hard": false}), 0, time.Minute},
		"one soft purge above the threshold":           {manyAssets(3000, "1", object{"wildcard_threshold": 500}), 0, time.Minute},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *world, _ *wiretest.Network) {
				if test.latency > 0 {
					w.CDN.Fail("purge", -1, func(rw http.ResponseWriter, r *http.Request) {
						wait(r, time.After(test.latency))
						rw.WriteHeader(http.StatusAccepted)
					})
				}
				p, began := w.speak(t), time.Now()
				_, planSaid, applySaid := p.deploy(nil, test.config)
				var long []string
				if test.want >= longApply {
					long = []string{"warning: The purges take "}
				}
				wantReported(t, "the plan", planSaid, long...)
				wantReported(t, "the apply", applySaid)
				var paths []string
				for _, e := range w.Journal.Select("purge") {
					_, rest, _ := strings.Cut(e.Subject, " ")
					path, _, _ := strings.Cut(rest, " ")
					paths = append(paths, path)
				}
				want, slack := assetsIn(test.config), time.Second
				if test.config["hard"] == false || test.config["wildcard_threshold"] != nil {
					want, slack = 1, 11*time.Second // the status is polled up to 10 seconds after a deployment
					if diff := cmp.Diff([]string{"/*"}, paths); diff != "" {
						t.Errorf("the soft purge (-want +got):\n%s", diff)
					}
				}
				if len(paths) != want {
					t.Errorf("%d purges were sent, want %d", len(paths), want)
				}
				if took := time.Since(began); took < test.want || took > test.want+slack {
					t.Errorf("took %s, want %s", took, test.want)
				}
			})
		})
	}
}

func TestATimeoutThatWasTooShort(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world, _ *wiretest.Network) {
		p := w.speak(t)
		recorded, _, _ := p.deploy(nil, manyAssets(100, "1", object{"purge_on_create": false}))
		config := manyAssets(100, "2", object{"purge_on_create": false, "timeouts": object{"update": "150s"}})
		state, planSaid, applySaid := p.deploy(recorded, config)
		wantReported(t, "the plan", planSaid, "sends 100 purges")
		wantReported(t, "the apply", applySaid, "error: Timed out before Rackspace CDN accepted all purges: 60 of 100 purges were accepted. The next apply sends the remaining 40.\n\n")
		if n := acceptedIn(state); n != 60 {
			t.Errorf("%d assets are recorded as accepted, want 60", n)
		}
		_, planSaid, applySaid = p.deploy(state, config)
		wantReported(t, "the next plan", planSaid)
		wantReported(t, "the next apply", applySaid)
		var subjects []string
		for _, e := range w.Journal.Select("purge") {
			subjects = append(subjects, e.Subject)
		}
		slices.Sort(subjects)
		if n := len(slices.Compact(subjects)); n != 100 || len(subjects) != 100 {
			t.Errorf("%d purges of %d assets were sent, want 100 of 100", len(subjects), n)
		}
	})
}

// TestRequestsInFlightCompleteAfterAFailure has 16 purges in flight when one of them is denied. The
// provider waits for all of them, and sends no other one.
func TestRequestsInFlightCompleteAfterAFailure(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world, _ *wiretest.Network) {
		var arrived atomic.Int64
		w.CDN.Fail("purge", -1, func(rw http.ResponseWriter, r *http.Request) {
			if arrived.Add(1) == 10 {
				wait(r, time.After(time.Second))
				cdntest.HTML(http.StatusForbidden)(rw, r)
				return
			}
			wait(r, time.After(25*time.Second))
			rw.WriteHeader(http.StatusAccepted)
		})
		p, began := w.speak(t), time.Now()
		state, _, reported := p.deploy(nil, manyAssets(40, "1"))
		wantReported(t, "the apply", reported, "error: Rackspace CDN denied permission: 15 of 40 purges were accepted. ")
		if took := time.Since(began); took != 25*time.Second {
			t.Errorf("took %s, want 25s, the time of the requests in flight", took)
		}
		if n := arrived.Load(); n != 16 {
			t.Errorf("%d purges were sent, want the 16 in flight", n)
		}
		if n := acceptedIn(state); n != 15 {
			t.Errorf("%d assets are recorded as accepted, want 15", n)
		}
	})
}

func TestAnInterruptionRecordsWhatWasAccepted(t *testing.T) {
	t.Parallel()
	three := manyAssets(3, "1")
	tests := map[string]struct {
		prior    object
		want     string // the reason why two of them are pending
		reported string
	}{
		"a create": {
			nil,
			"created",
			"1 of 3 purges was accepted. The next apply sends the remaining 2.",
		},
		"an update": {
			manyAssets(3, "0", object{"id": cdntest.DeployedID}),
			"changed",
			"1 of 3 purges was accepted. The next apply sends the remaining 2.",
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *world, _ *wiretest.Network) {
				p, began := w.speak(t), time.Now()
				const name = "purge_cdn_asset"
				planned, _ := p.plan(name, test.prior, three)
				ctx, interrupt := context.WithCancel(t.Context())
				defer interrupt()
				w.CDN.Fail("purge", 1, func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusAccepted) })
				w.CDN.Fail("purge", -1, func(_ http.ResponseWriter, r *http.Request) {
					wait(r, time.After(time.Second))
					interrupt()
					<-r.Context().Done() // never responds
				})
				resp, err := p.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
					TypeName: name, PriorState: p.packState(name, test.prior), PlannedState: p.pack(p.kind(name), planned), Config: p.pack(p.kind(name), three),
				})
				p.must(err)
				wantReported(t, "the apply", diagnosticLines(resp.Diagnostics), "error: Interrupted before Rackspace CDN accepted all purges: "+test.reported)
				state := p.unpack(p.kind(name), resp.NewState)
				pending, _ := state["pending"].(object)
				for name, reason := range pending {
					if reason != test.want {
						t.Errorf("%s is pending as %v, want %s", name, reason, test.want)
					}
				}
				if len(pending) != 2 {
					t.Errorf("%v are pending, want 2", pending)
				}
				if state["last_purged_at"] == nil {
					t.Error("last_purged_at is null")
				}
				if took := time.Since(began); took != time.Second {
					t.Errorf("returned after %s, want with the interruption, after 1s", took)
				}
				synctest.Wait()
			})
		})
	}
}

func TestChecksOfAssets(t *testing.T) {
	t.Parallel()
	w := &world{provider: New(Options{Getenv: func(string) string { return "" }})}
	p := w.speak(t)
	site := func(o object) object {
		o["service_id"] = cdntest.DeployedID
		return o
	}
	tests := map[string]struct {
		config object
		want   []string
	}{
		"one url":                {object{"url": "/a.css"}, nil},
		"many assets":            {object{"assets": object{"/a.css": "1"}}, nil},
		"neither url nor assets": {object{"assets": object{}}, nil},
		"an unknown map":         {object{"assets": unknown{}}, nil},
		"unknown fingerprints":   {object{"assets": object{"/a.css": unknown{}}}, nil},
		"both unknown":           {object{"assets": unknown{}, "url": unknown{}}, nil},
		"neither":                {object{}, []string{"Nothing to purge: Set url for one asset, or assets for many."}},
		"both":                   {object{"url": "/a.css", "assets": object{}}, []string{"Both url and assets: Set url for one asset or assets for many, not both."}},
		"a null fingerprint":     {object{"assets": object{"/a.css": nil}}, []string{`Null fingerprint: assets["/a.css"] is null.`}},
		"a relative path":        {object{"assets": object{"a.css": "1"}}, []string{`Invalid path of an asset: The key "a.css" of assets must start with a slash. Use "/a.css".`}},
		"a hard wildcard":        {object{"assets": object{"/*": "1"}}, []string{`The key "/*" of assets must not contain a wildcard in a hard purge`}},
		"a soft wildcard":        {object{"hard": false, "assets": object{"/*": "1"}}, nil},
		"three spellings": {
			object{"assets": object{"/ü a": "1", "/%c3%bc a": "2", "/%C3%BC%20a": "3"}},
			[]string{
				`One asset twice: assets contains "/%C3%BC%20a" and "/%c3%bc a", which are two spellings of one path. Keep one of them.`,
				`One asset twice: assets contains "/%C3%BC%20a" and "/ü a", which are two spellings of one path. Keep one of them.`,
			},
		},
		"1000 invalid paths": {
			object{"assets": manyFaults(1000)},
			append(slices.Repeat([]string{"Invalid path of an asset: The key \""}, maxInvalid), "More invalid assets: assets contains 990 more invalid paths or fingerprints."),
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			resp, err := p.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{
				TypeName: "purge_cdn_asset", Config: p.pack(p.kind("purge_cdn_asset"), site(test.config)),
			})
			p.must(err)
			reported := diagnosticLines(resp.Diagnostics)
			// The error that counts the others is the last one.
			slices.SortStableFunc(reported, func(a, b string) int {
				return strings.Count(a, "More faults") - strings.Count(b, "More faults")
			})
			wantReported(t, "validation", reported, test.want...)
		})
	}
}

func manyFaults(n int) object {
	assets := object{}
	for i := range n {
		assets[fmt.Sprintf("%04d.css", i)] = "1"
	}
	return assets
}
