// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
)

// assetModel returns a model with assets, as a state or a plan contains it.
func assetModel(assets prints, edit ...func(*cdnAssetModel)) *cdnAssetModel {
	m := &cdnAssetModel{ServiceID: types.StringValue(cdntest.DeployedID)}
	m.PurgeOnCreate = types.BoolValue(true)
	m.setAssets(assets)
	for _, e := range edit {
		e(m)
	}
	return m
}

func (m *cdnAssetModel) setAssets(assets prints) {
	values := make(map[string]attr.Value)
	for name, fingerprint := range assets {
		values[name] = types.StringValue(fingerprint)
		if fingerprint == "?" {
			values[name] = types.StringUnknown()
		}
	}
	m.Assets = types.MapValueMust(types.StringType, values)
}

func listed(m types.Map) prints {
	p := make(prints)
	for name, value := range m.Elements() {
		text, _ := value.(types.String)
		p[name] = text.ValueString()
	}
	return p
}

// oneURL changes a model to one url.
func oneURL(path string) func(*cdnAssetModel) {
	return func(m *cdnAssetModel) {
		m.URL, m.Assets = types.StringValue(path), types.MapNull(types.StringType)
	}
}

func soft(m *cdnAssetModel) { m.Hard = types.BoolValue(false) }

func threshold(n int64) func(*cdnAssetModel) {
	return func(m *cdnAssetModel) { m.WildcardThreshold = types.Int64Value(n) }
}

func elsewhere(m *cdnAssetModel) { m.ServiceID = types.StringValue(cdntest.OtherID) }

func purgesOnDestroy(m *cdnAssetModel) { m.PurgeOnDestroy = types.BoolValue(true) }

func adopted(m *cdnAssetModel) { m.PurgeOnCreate = types.BoolNull() }

func recording(m *cdnAssetModel) { m.PurgeOnCreate = types.BoolValue(false) }

func released(value string) func(*cdnAssetModel) {
	return func(m *cdnAssetModel) {
		m.Triggers = types.MapValueMust(types.StringType, map[string]attr.Value{"release": types.StringValue(value)})
		if value == "?" {
			m.Triggers = types.MapUnknown(types.StringType)
		}
	}
}

// waiting adds pending items to a model.
func waiting(pending prints) func(*cdnAssetModel) {
	return func(m *cdnAssetModel) {
		values := make(map[string]attr.Value)
		for name, reason := range pending {
			values[name] = types.StringValue(reason)
		}
		m.Pending = types.MapValueMust(types.StringType, values)
	}
}

// decided describes a decision.
type decided struct {
	Unknown, Adopts bool
	Previous, Tasks prints
}

func inWords(d decision) decided {
	words := func(tasks []task) prints {
		var p prints
		for _, t := range tasks {
			if p == nil {
				p = make(prints)
			}
			p[t.name] = t.reason
		}
		return p
	}
	return decided{Unknown: d.unknown, Adopts: d.adopts, Previous: words(d.previous), Tasks: words(d.tasks)}
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	ab := prints{"/a": "1", "/b": "1"}
	all := prints{"/a": "triggered", "/b": "triggered"}
	added := prints{"/a": "added", "/b": "added"}
	created := prints{"/a": "created", "/b": "created"}
	removed := prints{"/a": "removed", "/b": "removed"}
	tests := map[string]struct {
		prior, next *cdnAssetModel
		want        decided
	}{
		"a create":              {nil, assetModel(ab), decided{Tasks: created}},
		"a create that records": {nil, assetModel(ab, recording), decided{}},
		"a create that records unknown fingerprints":         {nil, assetModel(prints{"/a": "?"}, recording), decided{}},
		"a create with an unknown fingerprint":               {nil, assetModel(prints{"/a": "?", "/b": "1"}), decided{Unknown: true}},
		"a create with an unknown purge_on_create":           {nil, assetModel(ab, func(m *cdnAssetModel) { m.PurgeOnCreate = types.BoolUnknown() }), decided{Unknown: true}},
		"a create with an unknown hard":                      {nil, assetModel(ab, func(m *cdnAssetModel) { m.Hard = types.BoolUnknown() }), decided{Unknown: true}},
		"a create with an unknown threshold":                 {nil, assetModel(ab, func(m *cdnAssetModel) { m.WildcardThreshold = types.Int64Unknown() }), decided{Unknown: true}},
		"an import of another service and hard unknown":      {assetModel(nil, adopted), assetModel(ab, elsewhere, func(m *cdnAssetModel) { m.Hard = types.BoolUnknown() }), decided{Unknown: true}},
		"a create without assets":                            {nil, assetModel(nil), decided{}},
		"no change":                                          {assetModel(ab), assetModel(ab), decided{}},
		"added, changed and removed":                         {assetModel(prints{"/a": "1", "/b": "1", "/c": "1"}), assetModel(prints{"/a": "1", "/b": "2", "/d": "1"}), decided{Tasks: prints{"/b": "changed", "/c": "removed", "/d": "added"}}},
		"another spelling":                                   {assetModel(prints{"/ü": "1"}), assetModel(prints{"/%c3%bc": "1"}), decided{}},
		"another spelling with other content":                {assetModel(prints{"/ü": "1"}), assetModel(prints{"/%c3%bc": "2"}), decided{Tasks: prints{"/%c3%bc": "changed"}}},
		"another spelling of the service":                    {assetModel(ab), assetModel(ab, func(m *cdnAssetModel) { m.ServiceID = types.StringValue(strings.ToUpper(cdntest.DeployedID)) }), decided{}},
		"triggers":                                           {assetModel(ab), assetModel(ab, released("1")), decided{Tasks: all}},
		"triggers with changes":                              {assetModel(prints{"/a": "1", "/c": "1"}), assetModel(ab, released("1")), decided{Tasks: prints{"/a": "triggered", "/b": "added", "/c": "removed"}}},
		"unknown triggers":                                   {assetModel(ab), assetModel(ab, released("?")), decided{Unknown: true}},
		"hard":                                               {assetModel(ab), assetModel(ab, soft), decided{Tasks: all}},
		"hard = true instead of null":                        {assetModel(ab), assetModel(ab, func(m *cdnAssetModel) { m.Hard = types.BoolValue(true) }), decided{}},
		"an unknown hard":                                    {assetModel(ab), assetModel(ab, func(m *cdnAssetModel) { m.Hard = types.BoolUnknown() }), decided{Unknown: true}},
		"another threshold":                                  {assetModel(ab), assetModel(ab, threshold(1)), decided{}},
		"an unknown map":                                     {assetModel(ab), assetModel(ab, func(m *cdnAssetModel) { m.Assets = types.MapUnknown(types.StringType) }), decided{Unknown: true}},
		"an emptied map":                                     {assetModel(ab), assetModel(nil), decided{Tasks: removed}},
		"triggers of an empty map":                           {assetModel(nil), assetModel(nil, released("1")), decided{}},
		"another service":                                    {assetModel(ab), assetModel(ab, elsewhere), decided{Tasks: added}},
		"another service, with purge_on_destroy":             {assetModel(ab), assetModel(ab, elsewhere, purgesOnDestroy), decided{Previous: removed, Tasks: added}},
		"another service, without purge_on_destroy any more": {assetModel(ab, purgesOnDestroy), assetModel(ab, elsewhere), decided{Tasks: added}},
		"one url instead of assets":                          {assetModel(ab), assetModel(nil, oneURL("/c")), decided{Tasks: prints{"/c": "added"}}},
		"assets instead of one url":                          {assetModel(nil, oneURL("/c")), assetModel(ab, purgesOnDestroy), decided{Previous: prints{"/c": "removed"}, Tasks: added}},
		"an unknown url":                                     {assetModel(ab), assetModel(ab, func(m *cdnAssetModel) { m.URL = types.StringUnknown() }), decided{Unknown: true}},
		"an unknown purge_on_destroy":                        {assetModel(ab), assetModel(ab, func(m *cdnAssetModel) { m.PurgeOnDestroy = types.BoolUnknown() }), decided{}},
		"an unknown purge_on_destroy with another service":   {assetModel(ab), assetModel(ab, elsewhere, func(m *cdnAssetModel) { m.PurgeOnDestroy = types.BoolUnknown() }), decided{Unknown: true}},
		"an imported state":                                  {assetModel(nil, adopted), assetModel(ab, released("1")), decided{Adopts: true}},
		"an imported state and unknown fingerprints":         {assetModel(nil, adopted), assetModel(prints{"/a": "?"}), decided{Adopts: true}},
		"an import of another service":                       {assetModel(nil, adopted), assetModel(ab, elsewhere, purgesOnDestroy), decided{Tasks: added}},
		"an import of one url":                               {assetModel(nil, oneURL("/c"), adopted), assetModel(ab, purgesOnDestroy), decided{Tasks: added}},

		"pending items":                                                          {assetModel(ab, waiting(prints{"/b": "changed"})), assetModel(ab), decided{Tasks: prints{"/b": "changed"}}},
		"pending items in another spelling":                                      {assetModel(prints{"/ü": "1"}, waiting(prints{"/ü": "changed, failed"})), assetModel(prints{"/%c3%bc": "1"}), decided{Tasks: prints{"/%c3%bc": "changed"}}},
		"pending items that change":                                              {assetModel(ab, waiting(prints{"/b": "added"})), assetModel(prints{"/a": "1", "/b": "2"}), decided{Tasks: prints{"/b": "changed"}}},
		"pending items with changed triggers":                                    {assetModel(ab, waiting(prints{"/b": "added"})), assetModel(ab, released("2")), decided{Tasks: all}},
		"pending items that are removed":                                         {assetModel(ab, waiting(prints{"/b": "changed"})), assetModel(prints{"/a": "1"}), decided{Tasks: prints{"/b": "removed"}}},
		"pending items that were removed before":                                 {assetModel(prints{"/a": "1"}, waiting(prints{"/b": "removed"})), assetModel(prints{"/a": "1"}), decided{Tasks: prints{"/b": "removed"}}},
		"a removed item that comes back":                                         {assetModel(ab, waiting(prints{"/b": "removed"})), assetModel(ab), decided{Tasks: prints{"/b": "added"}}},
		"pending items of an unfinished create":                                  {assetModel(ab, waiting(prints{"/b": "created"})), assetModel(ab), decided{Tasks: prints{"/b": "added"}}},
		"pending items of the previous service are dropped":                      {assetModel(ab, waiting(prints{"/c": "removed"})), assetModel(ab, elsewhere), decided{Tasks: added}},
		"pending items of the previous service are purged with purge_on_destroy": {assetModel(ab, waiting(prints{"/c": "removed"})), assetModel(ab, elsewhere, purgesOnDestroy), decided{Previous: prints{"/a": "removed", "/b": "removed", "/c": "removed"}, Tasks: added}},
		"a service that was never reached is not purged":                         {assetModel(ab, waiting(prints{"/a": "added", "/b": "added, failed"})), assetModel(ab, elsewhere, purgesOnDestroy), decided{Tasks: added}},
		"one url instead of assets that were never reached, on the same service": {assetModel(ab), assetModel(nil, oneURL("/a"), purgesOnDestroy), decided{Previous: prints{"/b": "removed"}, Tasks: prints{"/a": "added"}}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			var prior model
			if test.prior != nil {
				prior = test.prior
			}
			if diff := cmp.Diff(test.want, inWords(decide(cdnAsset, prior, test.next))); diff != "" {
				t.Errorf("the decision (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheStateAfterAFailure(t *testing.T) {
	t.Parallel()
	type result struct {
		Which           string // prior or next, empty if the state does not change
		Assets, Pending prints
	}
	ab := prints{"/a": "1", "/b": "1"}
	tests := map[string]struct {
		prior, next *cdnAssetModel
		done        []string // names, with the prefix "-" for the previous target and "!" for rejected items
		want        result
	}{
		"nothing was accepted": {
			assetModel(prints{"/a": "1", "/b": "1"}, waiting(prints{"/b": "removed"})), assetModel(prints{"/a": "2"}), nil,
			result{"prior", ab, prints{"/a": "changed", "/b": "removed"}},
		},
		"nothing was accepted, and one rejected": {
			assetModel(ab), assetModel(ab, released("2")),
			[]string{"!/a"},
			result{"prior", ab, prints{"/a": "triggered, failed", "/b": "triggered"}},
		},
		"a create without an accepted purge": {nil, assetModel(ab), nil, result{}},
		"a create that is partially accepted": {
			nil, assetModel(ab),
			[]string{"/b"},
			result{"next", ab, prints{"/a": "created"}},
		},
		"an update that is partially accepted": {
			assetModel(prints{"/a": "1", "/b": "1", "/gone": "1", "/same": "1"}), assetModel(prints{"/a": "2", "/b": "2", "/new": "1", "/same": "1"}),
			[]string{"/a"},
			result{"next", prints{"/a": "2", "/b": "2", "/new": "1", "/same": "1"}, prints{"/b": "changed", "/new": "added", "/gone": "removed"}},
		},
		"an item that failed before and was not sent stays marked": {
			assetModel(ab, waiting(prints{"/b": "added, failed"})), assetModel(prints{"/a": "2", "/b": "1"}),
			[]string{"/a"},
			result{"next", prints{"/a": "2", "/b": "1"}, prints{"/b": "added, failed"}},
		},
		"in the new spelling": {
			assetModel(prints{"/ü": "1", "/b": "1"}), assetModel(prints{"/%c3%bc": "2", "/b": "2"}),
			[]string{"/b"},
			result{"next", prints{"/%c3%bc": "2", "/b": "2"}, prints{"/%c3%bc": "changed"}},
		},
		"another service that was not reached": {
			assetModel(ab, waiting(prints{"/b": "added"})), assetModel(ab, elsewhere), nil, result{},
		},
		"part of the previous service": {
			assetModel(prints{"/a": "1", "/b": "2"}, waiting(prints{"/c": "removed", "/d": "removed"})), assetModel(prints{"/e": "1"}, elsewhere, purgesOnDestroy),
			[]string{"-/a", "-/c"},
			result{"prior", prints{"/b": "2"}, prints{"/d": "removed"}},
		},
		"nothing of the previous service": {
			assetModel(ab), assetModel(prints{"/c": "1"}, elsewhere, purgesOnDestroy), nil, result{},
		},
		"all of the previous service and nothing of the new one": {
			assetModel(prints{"/a": "1"}), assetModel(prints{"/c": "1"}, elsewhere, purgesOnDestroy),
			[]string{"-/a"},
			result{"next", prints{"/c": "1"}, prints{"/c": "added"}},
		},
		"all of the previous service and some of the new one": {
			assetModel(prints{"/a": "1"}), assetModel(prints{"/a": "1", "/c": "1"}, elsewhere, purgesOnDestroy),
			[]string{"-/a", "/c"},
			result{"next", prints{"/a": "1", "/c": "1"}, prints{"/a": "added"}},
		},
		"the previous url and not the new one": {
			assetModel(nil, oneURL("/a")), assetModel(nil, oneURL("/c"), purgesOnDestroy),
			[]string{"-/a"},
			result{"next", prints{}, prints{"/c": "added"}},
		},
		"a target that was never reached stays so": {
			assetModel(ab, waiting(prints{"/a": "added", "/b": "added"})), assetModel(prints{"/a": "1"}), nil,
			result{"prior", ab, prints{"/a": "added", "/b": "added"}},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			var prior model
			if test.prior != nil {
				prior = test.prior
			}
			d := decide(cdnAsset, prior, test.next)
			o := &outcome{fates: append(fatesOf("-", d.previous, test.done), fatesOf("", d.tasks, test.done)...)}
			var got result
			switch m := d.saved(prior, test.next, o); {
			case m == nil:
			case m == model(test.next):
				got = result{"next", listed(test.next.Assets), listed(test.next.Pending)}
			default:
				got = result{"prior", listed(test.prior.Assets), listed(test.prior.Pending)}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("the saved state (-want +got):\n%s", diff)
			}
		})
	}
}

func fatesOf(prefix string, tasks []task, done []string) []fate {
	fates := make([]fate, len(tasks))
	for i, j := range tasks {
		switch {
		case slices.Contains(done, prefix+j.name):
			fates[i] = fateAccepted
		case slices.Contains(done, "!"+j.name):
			fates[i] = fateFailed
		}
	}
	return fates
}

// fleet returns a batch of tasks with the given responses. The names are numbers in
// the order in which the requests are sent.
func fleet(n int, respond func(ctx context.Context, name string) (string, error)) batch {
	b := batch{tasks: make([]task, n), parallel: 4, concerns: cdnAsset.concerns, report: never}
	for place, i := range (&phase{batch: b, requests: oneEach(b.tasks)}).order() {
		b.tasks[i] = task{name: strconv.Itoa(place), reason: reasonChanged}
	}
	b.phases = [][]request{oneEach(b.tasks)}
	b.send = func(ctx context.Context, r request, _ string) (receipt, error) {
		text, err := respond(ctx, r.name)
		got := receipt{at: time.Now()}
		if text != "" {
			got.warning = warning{text, text}
		}
		return got, err
	}
	return b
}

func never(int) {}

// doneOf returns the names of the tasks with a fate.
func doneOf(b batch, o *outcome, f fate) []string {
	var names []string
	for i, t := range b.tasks {
		if o.fates[i] == f {
			names = append(names, t.name)
		}
	}
	slices.Sort(names)
	return names
}

func TestARunThatFails(t *testing.T) {
	t.Parallel()
	errDenied := errors.New("denied")
	tests := map[string]struct {
		respond  func(ctx context.Context, name string) (string, error)
		want     []string // accepted
		took     time.Duration
		err      error
		warnings []warning
	}{
		"requests in flight complete": {
			func(_ context.Context, name string) (string, error) {
				if name == "1" {
					time.Sleep(time.Second)
					return "", errDenied
				}
				time.Sleep(time.Minute)
				return "", nil
			}, []string{"0", "2", "3"}, time.Minute, errDenied, nil,
		},
		"the run ends with the first failure": {
			func(_ context.Context, name string) (string, error) {
				if name == "2" {
					time.Sleep(time.Second)
					return "", errDenied
				}
				time.Sleep(time.Minute)
				return "", errors.New("late")
			}, nil, time.Minute, errDenied, nil,
		},
		"the run does not end with a stopped request": {
			func(_ context.Context, name string) (string, error) {
				if name == "0" {
					time.Sleep(time.Second)
					return "", quota.ErrStopped
				}
				time.Sleep(time.Minute)
				return "", errDenied
			}, nil, time.Minute, errDenied, nil,
		},
		"each warning is reported once": {
			func(context.Context, string) (string, error) { return "slow", nil },
			[]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
			0, nil,
			[]warning{{"slow", "slow"}},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, began := fleet(10, test.respond), time.Now()
				o := run(t.Context(), b)
				done := doneOf(b, o, fateAccepted)
				if diff := cmp.Diff(test.want, done); diff != "" || o.accepted != len(done) {
					t.Errorf("%d are accepted (-want +got):\n%s", o.accepted, diff)
				}
				if !errors.Is(o.err, test.err) || time.Since(began) != test.took {
					t.Errorf("%v after %s, want %v after %s", o.err, time.Since(began), test.err, test.took)
				}
				if diff := cmp.Diff(test.warnings, o.warnings, cmp.AllowUnexported(warning{})); diff != "" {
					t.Errorf("warnings (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestOneBadTaskDoesNotStopTheOthers has errors of single paths, in order of
// arrival.
func TestOneBadTaskDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	rejected := &transport.Error{System: cdn.System, Kind: transport.KindInvalid, Status: 400}
	blames := func(input string) error {
		return &transport.Error{System: cdn.System, Kind: transport.KindInvalid, Input: input}
	}
	failed := &transport.Error{System: cdn.System, Kind: transport.KindServer, Status: 500}
	login := &transport.Error{System: cdn.IdentitySystem, Kind: transport.KindInvalid, Status: 413}
	denied := &transport.Error{System: cdn.System, Kind: transport.KindForbidden, Status: 403}
	tests := map[string]struct {
		bad  map[string]error
		want []string // accepted
		err  error
	}{
		"rejected paths":              {map[string]error{"0": rejected, "1": rejected, "2": rejected, "3": blames("url")}, []string{"4", "5", "6", "7", "8", "9"}, nil},
		"one that blames the service": {map[string]error{"2": blames("service_id")}, []string{"0", "1"}, blames("service_id")},
		"one that is denied":          {map[string]error{"2": denied}, []string{"0", "1"}, denied},
		"a login that is rejected":    {map[string]error{"2": login}, []string{"0", "1"}, login},
		"two errors of the server":    {map[string]error{"0": failed, "1": failed}, []string{"2", "3", "4", "5", "6", "7", "8", "9"}, nil},
		"two in a row, twice":         {map[string]error{"0": failed, "1": failed, "3": failed, "4": failed}, []string{"2", "5", "6", "7", "8", "9"}, nil},
		"three in a row":              {map[string]error{"1": failed, "2": failed, "3": failed}, []string{"0"}, failed},
		"none in a row":               {map[string]error{"0": failed, "1": rejected, "2": failed, "3": rejected, "4": failed, "5": rejected}, []string{"6", "7", "8", "9"}, nil},
		"an interrupt after an error": {map[string]error{"1": errors.Join(context.Canceled, failed)}, []string{"0"}, context.Canceled},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			b := fleet(10, func(_ context.Context, name string) (string, error) { return "", test.bad[name] })
			b.parallel = 1
			o := run(t.Context(), b)
			if diff := cmp.Diff(test.want, doneOf(b, o, fateAccepted)); diff != "" {
				t.Errorf("accepted (-want +got):\n%s", diff)
			}
			if fmt.Sprint(o.err) != fmt.Sprint(test.err) && !errors.Is(o.err, test.err) {
				t.Errorf("the run ends with %v, want %v", o.err, test.err)
			}
		})
	}
}

// TestABadDirectoryDoesNotStopTheOthers has a directory of which the server can
// purge nothing. It can be anywhere in the list and contain up to three quarters of
// it. An error can arrive before, with, or after an acceptance.
func TestABadDirectoryDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	for _, slow := range []time.Duration{time.Minute, time.Second, time.Millisecond} {
		for _, n := range []int{17, 40, 60, 210, 1000} {
			for _, bad := range []int{n / 4, n / 2, n * 3 / 4} {
				for _, from := range []int{0, (n - bad) / 2, n - bad} {
					t.Run(fmt.Sprintf("%d of %d from %d on, after %s", bad, n, from, slow), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) {
							if o, _ := runDirectory(t, n, from, from+bad, slow, nil); o.accepted != n-bad {
								t.Errorf("%d are accepted, want %d", o.accepted, n-bad)
							}
							// A rejection shows that the server works as well as an acceptance does.
							rejected := &transport.Error{System: cdn.System, Kind: transport.KindInvalid, Status: 400, Input: "url"}
							if o, sent := runDirectory(t, n, from, from+bad, slow, rejected); sent != n {
								t.Errorf("%d are sent, want %d; the run ends with %v", sent, n, o.err)
							}
						})
					})
				}
			}
		}
	}
}

// TestAServerThatFailsStopsTheRun has a server that can purge no path. Only the
// requests that were sent before the first error reach it.
func TestAServerThatFailsStopsTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if o, sent := runDirectory(t, 1000, 0, 1000, time.Second, nil); sent != maxParallel || o.err == nil {
			t.Errorf("%d are sent, and the run ends with %v; want %d and an error", sent, o.err, maxParallel)
		}
	})
}

// runDirectory runs n tasks. The server fails those from first to last after a
// delay, and responds to the others with err. It returns the number of sent
// requests.
func runDirectory(t *testing.T, n, first, last int, slow time.Duration, err error) (o *outcome, sent int) {
	t.Helper()
	b := fleet(n, nil)
	b.parallel = maxParallel
	var mu sync.Mutex
	b.send = func(_ context.Context, r request, _ string) (receipt, error) {
		mu.Lock()
		sent++
		mu.Unlock()
		if i := r.tasks[0]; first <= i && i < last {
			time.Sleep(slow)
			return receipt{}, &transport.Error{System: cdn.System, Kind: transport.KindServer, Status: 500}
		}
		time.Sleep(time.Second)
		return receipt{at: time.Now()}, err
	}
	o = run(t.Context(), b)
	return o, sent
}

// TestAnAbandonedRetryHasFailed has requests that wait for a retry when the run
// stops. In the next apply they come last, because a bad directory would otherwise
// cost ten of them.
func TestAnAbandonedRetryHasFailed(t *testing.T) {
	t.Parallel()
	failed := &transport.Error{Kind: transport.KindServer, Status: 500}
	b := fleet(2, func(_ context.Context, name string) (string, error) {
		if name == "0" {
			return "", errors.Join(quota.ErrStopped, failed)
		}
		return "", quota.ErrStopped
	})
	b.parallel = 1
	b.phases = [][]request{oneEach(b.tasks)[:1]}
	if got := run(t.Context(), b).fates; got[0] != fateFailed || got[1] != fateUntried {
		t.Errorf("the fates are %v", got)
	}
}

func TestARejectedAndRemovedPathIsDropped(t *testing.T) {
	t.Parallel()
	b := fleet(2, func(context.Context, string) (string, error) {
		return "", &transport.Error{System: cdn.System, Kind: transport.KindInvalid, Status: 400}
	})
	b.tasks[1].reason = reasonRemoved
	o := run(t.Context(), b)
	if diff := cmp.Diff([]string{"1"}, doneOf(b, o, fateDropped)); diff != "" || len(o.failures) != 1 || len(o.dropped) != 1 {
		t.Errorf("%d failures and %d dropped (-want +got):\n%s", len(o.failures), len(o.dropped), diff)
	}
}

func TestARunThatIsInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, interrupt)
		b := fleet(10, func(ctx context.Context, name string) (string, error) {
			if name == "0" || name == "1" {
				return "", nil
			}
			<-ctx.Done()
			return "", context.Cause(ctx)
		})
		began := time.Now()
		o := run(ctx, b)
		if o.accepted != 2 || !errors.Is(o.err, context.Canceled) || time.Since(began) != time.Minute {
			t.Errorf("%d accepted after %s, and %v; want 2 after 1m0s, interrupted", o.accepted, time.Since(began), o.err)
		}
	})
}

func TestTheProgressInTheLog(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		total int
		each  time.Duration // between two purges
		want  []string
	}{
		"a single request": {1, time.Minute, []string{
			"0s 0 of 1 purge done, waiting for a test",
			"25s 0 of 1 purge done, waiting for a test (for 25 seconds)", "50s 0 of 1 purge done, waiting for a test (for 50 seconds)",
		}},
		"every tenth": {20, time.Second, []string{
			"2s 2 of 20 purges done", "4s 4 of 20 purges done", "6s 6 of 20 purges done", "8s 8 of 20 purges done", "10s 10 of 20 purges done",
			"12s 12 of 20 purges done", "14s 14 of 20 purges done", "16s 16 of 20 purges done", "18s 18 of 20 purges done",
		}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				began := time.Now()
				var got []string
				record := logProgress(tflogtest.RootLogger(t.Context(), &log))
				watchRun(t.Context(), test.total, count, func(message string) {
					record(message)
					entries, err := tflogtest.MultilineJSONDecode(&log)
					if err != nil || len(entries) != 1 || entries[0]["@level"] != "info" {
						t.Errorf("the log: %v, %v", entries, err)
						return
					}
					got = append(got, fmt.Sprint(time.Since(began), " ", entries[0]["@message"]))
				}, func(ctx context.Context, w *watch) *outcome {
					if test.total == 1 {
						quota.Observe(ctx, "a test", time.Time{})
					}
					for done := range test.total {
						time.Sleep(test.each)
						w.accepted(done + 1)
					}
					return nil
				})
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("the log (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestTheDefaultTimeoutOfAssets(t *testing.T) {
	t.Parallel()
	atTwenty := &clients{requestsPerMinute: 20}
	atTwenty.cdn.ready = true
	tests := map[string]struct {
		model   *cdnAssetModel
		n       int
		clients *clients
		want    time.Duration
	}{
		"one hard purge":                    {assetModel(nil), 1, atTwenty, 20 * time.Minute},
		"as many as the rate limit allows":  {assetModel(nil), 20, atTwenty, 20 * time.Minute},
		"one more":                          {assetModel(nil), 21, atTwenty, 21*time.Minute + 3*time.Second},
		"ten thousand":                      {assetModel(nil), 10000, atTwenty, 20*time.Minute + 499*time.Minute*105/100},
		"an unknown rate":                   {assetModel(nil), 10000, &clients{}, 20 * time.Minute},
		"one soft purge":                    {assetModel(nil, soft), 1, atTwenty, 60 * time.Minute},
		"a thousand paths of one":           {assetModel(nil, soft), 1000, atTwenty, 60 * time.Minute},
		"more than the threshold":           {assetModel(nil, threshold(99)), 100, atTwenty, 60 * time.Minute},
		"as many as the threshold":          {assetModel(nil, threshold(100)), 100, atTwenty, 24*time.Minute + 12*time.Second},
		"a provider that is not configured": {assetModel(nil), 10000, nil, 20 * time.Minute},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			tasks := make([]task, test.n)
			for i := range tasks {
				tasks[i] = task{name: fmt.Sprintf("/%d", i)}
			}
			p := test.model.pace(test.model.requests(tasks), test.clients)
			for _, op := range []operation{operationCreate, operationUpdate, operationDelete} {
				if got, _ := op.timeout(t.Context(), test.model.Timeouts, p); got != test.want {
					t.Errorf("%s: %s, want %s", op, got, test.want)
				}
			}
		})
	}
}
