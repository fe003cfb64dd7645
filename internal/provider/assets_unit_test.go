package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/quota"
)

// assetModel is a model of many assets as it comes out of a state or a plan.
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

// oneURL makes a model that of one url.
func oneURL(path string) func(*cdnAssetModel) {
	return func(m *cdnAssetModel) {
		m.URL, m.Assets = types.StringValue(path), types.MapNull(types.StringType)
	}
}

func soft(m *cdnAssetModel) { m.Hard = types.BoolValue(false) }

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

// decided is a decision in words.
type decided struct {
	Unknown, Adopts bool
	Former, Jobs    prints
}

func inWords(d decision) decided {
	words := func(jobs []job) prints {
		var p prints
		for _, j := range jobs {
			if p == nil {
				p = make(prints)
			}
			p[j.name] = j.reason
		}
		return p
	}
	return decided{Unknown: d.unknown, Adopts: d.adopts, Former: words(d.former), Jobs: words(d.jobs)}
}

func TestWhatIsDecided(t *testing.T) {
	t.Parallel()
	ab := prints{"/a": "1", "/b": "1"}
	all := prints{"/a": "triggered", "/b": "triggered"}
	added := prints{"/a": "added", "/b": "added"}
	removed := prints{"/a": "removed", "/b": "removed"}
	tests := map[string]struct {
		prior, next *cdnAssetModel
		want        decided
	}{
		"a create":                                      {nil, assetModel(ab), decided{Jobs: added}},
		"a create that records":                         {nil, assetModel(ab, recording), decided{}},
		"one with unknown fingerprints":                 {nil, assetModel(prints{"/a": "?"}, recording), decided{}},
		"a create with an unknown fingerprint":          {nil, assetModel(prints{"/a": "?", "/b": "1"}), decided{Unknown: true}},
		"a create that may only record":                 {nil, assetModel(ab, func(m *cdnAssetModel) { m.PurgeOnCreate = types.BoolUnknown() }), decided{Unknown: true}},
		"a create of nothing":                           {nil, assetModel(nil), decided{}},
		"no change":                                     {assetModel(ab), assetModel(ab), decided{}},
		"added, changed and removed":                    {assetModel(prints{"/a": "1", "/b": "1", "/c": "1"}), assetModel(prints{"/a": "1", "/b": "2", "/d": "1"}), decided{Jobs: prints{"/b": "changed", "/c": "removed", "/d": "added"}}},
		"another spelling":                              {assetModel(prints{"/ü": "1"}), assetModel(prints{"/%c3%bc": "1"}), decided{}},
		"another spelling with other content":           {assetModel(prints{"/ü": "1"}), assetModel(prints{"/%c3%bc": "2"}), decided{Jobs: prints{"/%c3%bc": "changed"}}},
		"another spelling of the service":               {assetModel(ab), assetModel(ab, func(m *cdnAssetModel) { m.ServiceID = types.StringValue(strings.ToUpper(cdntest.DeployedID)) }), decided{}},
		"triggers":                                      {assetModel(ab), assetModel(ab, released("1")), decided{Jobs: all}},
		"triggers with changes":                         {assetModel(prints{"/a": "1", "/c": "1"}), assetModel(ab, released("1")), decided{Jobs: prints{"/a": "triggered", "/b": "added", "/c": "removed"}}},
		"unknown triggers":                              {assetModel(ab), assetModel(ab, released("?")), decided{Unknown: true}},
		"hard":                                          {assetModel(ab), assetModel(ab, soft), decided{Jobs: all}},
		"hard = true where it was null":                 {assetModel(ab), assetModel(ab, func(m *cdnAssetModel) { m.Hard = types.BoolValue(true) }), decided{}},
		"an unknown hard":                               {assetModel(ab), assetModel(ab, func(m *cdnAssetModel) { m.Hard = types.BoolUnknown() }), decided{Unknown: true}},
		"an unknown map":                                {assetModel(ab), assetModel(ab, func(m *cdnAssetModel) { m.Assets = types.MapUnknown(types.StringType) }), decided{Unknown: true}},
		"an emptied map":                                {assetModel(ab), assetModel(nil), decided{Jobs: removed}},
		"triggers of an empty map":                      {assetModel(nil), assetModel(nil, released("1")), decided{}},
		"another service":                               {assetModel(ab), assetModel(ab, elsewhere), decided{Jobs: added}},
		"another service, with purge_on_destroy":        {assetModel(ab), assetModel(ab, elsewhere, purgesOnDestroy), decided{Former: removed, Jobs: added}},
		"another service, when it was purge_on_destroy": {assetModel(ab, purgesOnDestroy), assetModel(ab, elsewhere), decided{Jobs: added}},
		"one url in place of many":                      {assetModel(ab), assetModel(nil, oneURL("/c")), decided{Jobs: prints{"/c": "added"}}},
		"many in place of one url":                      {assetModel(nil, oneURL("/c")), assetModel(ab, purgesOnDestroy), decided{Former: prints{"/c": "removed"}, Jobs: added}},
		"an unknown url":                                {assetModel(ab), assetModel(ab, func(m *cdnAssetModel) { m.URL = types.StringUnknown() }), decided{Unknown: true}},
		"an adopted state":                              {assetModel(nil, adopted), assetModel(ab, released("1")), decided{Adopts: true}},
		"an adopted state and unknown fingerprints":     {assetModel(nil, adopted), assetModel(prints{"/a": "?"}), decided{Adopts: true}},
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

func TestWhatIsKeptOfAFailure(t *testing.T) {
	t.Parallel()
	type result struct {
		Which          string // of prior and next, empty where the state stays as it was
		Assets, Purged prints
	}
	tests := map[string]struct {
		prior, next *cdnAssetModel
		done        []string // names, those of the former target with a "-" before
		want        result
	}{
		"nothing was done": {assetModel(prints{"/a": "1"}), assetModel(prints{"/a": "2"}), nil, result{}},
		"a create half done": {
			nil, assetModel(prints{"/a": "1", "/b": "1"}),
			[]string{"/b"},
			result{"next", prints{"/b": "1"}, prints{"/b": "added"}},
		},
		"purged ones with the new fingerprint, what is not purged yet is left out": {
			assetModel(prints{"/a": "1", "/b": "1", "/same": "1"}), assetModel(prints{"/a": "2", "/b": "2", "/new": "1", "/same": "1"}),
			[]string{"/a"},
			result{"next", prints{"/a": "2", "/same": "1"}, prints{"/a": "changed"}},
		},
		"removed ones stay until they are purged": {
			assetModel(prints{"/gone": "1", "/left": "7", "/same": "1"}), assetModel(prints{"/same": "1"}),
			[]string{"/gone"},
			result{"next", prints{"/left": "7", "/same": "1"}, prints{"/gone": "removed"}},
		},
		"triggers": {
			assetModel(prints{"/a": "1", "/b": "1"}), assetModel(prints{"/a": "1", "/b": "1"}, released("2")),
			[]string{"/b"},
			result{"next", prints{"/b": "1"}, prints{"/b": "triggered"}},
		},
		"in the new spelling": {
			assetModel(prints{"/ü": "1", "/b": "1"}), assetModel(prints{"/%c3%bc": "2", "/b": "2"}),
			[]string{"/%c3%bc"},
			result{"next", prints{"/%c3%bc": "2"}, prints{"/%c3%bc": "changed"}},
		},
		"the former service in part": {
			assetModel(prints{"/a": "1", "/b": "2"}), assetModel(prints{"/c": "1"}, elsewhere, purgesOnDestroy),
			[]string{"-/a"},
			result{"prior", prints{"/b": "2"}, prints{"/a": "removed"}},
		},
		"all of the former service and nothing of the new one": {
			assetModel(prints{"/a": "1"}), assetModel(prints{"/c": "1"}, elsewhere, purgesOnDestroy),
			[]string{"-/a"},
			result{"next", prints{}, prints{}},
		},
		"all of the former service and some of the new one": {
			assetModel(prints{"/a": "1"}), assetModel(prints{"/a": "1", "/c": "1"}, elsewhere, purgesOnDestroy),
			[]string{"-/a", "/c"},
			result{"next", prints{"/c": "1"}, prints{"/c": "added"}},
		},
		"many assets and not the url that follows": {
			assetModel(prints{"/a": "1"}), assetModel(nil, oneURL("/c"), purgesOnDestroy),
			[]string{"-/a"},
			result{"prior", prints{}, prints{"/a": "removed"}},
		},
		"one url and not the next has no way to tell": {
			assetModel(nil, oneURL("/a")), assetModel(nil, oneURL("/c"), purgesOnDestroy),
			[]string{"-/a"},
			result{},
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
			var done []bool
			for _, j := range d.former {
				done = append(done, slices.Contains(test.done, "-"+j.name))
			}
			for _, j := range d.jobs {
				done = append(done, slices.Contains(test.done, j.name))
			}
			var got result
			switch m := d.kept(prior, test.next, done); {
			case m == nil:
			case m == model(test.next):
				got = result{"next", listed(test.next.Assets), listed(test.next.Purged)}
			default:
				got = result{"prior", listed(test.prior.Assets), listed(test.prior.Purged)}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("what is saved (-want +got):\n%s", diff)
			}
		})
	}
}

// upstreamModel stands for a target whose requests do what a test says.
type upstreamModel struct {
	model
	answer func(ctx context.Context, name string) (warning string, err error)
}

func (m *upstreamModel) send(ctx context.Context, _ *clients, name string) (receipt, error) {
	warning, err := m.answer(ctx, name)
	return receipt{at: time.Now(), warning: warning}, err
}

// fleet is jobs with names from 0 on.
func fleet(n int, answer func(ctx context.Context, name string) (string, error)) []job {
	jobs := make([]job, n)
	for i := range jobs {
		jobs[i] = job{model: &upstreamModel{answer: answer}, name: strconv.Itoa(i)}
	}
	return jobs
}

func never(int) {}

func TestARunThatFails(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	tests := map[string]struct {
		answer   func(ctx context.Context, name string) (string, error)
		want     []string // done
		took     time.Duration
		err      error
		warnings []string
	}{
		"what is on the wire is waited for": {
			func(_ context.Context, name string) (string, error) {
				if name == "1" {
					time.Sleep(time.Second)
					return "", refused
				}
				time.Sleep(time.Minute)
				return "", nil
			}, []string{"0", "2", "3"}, time.Minute, refused, nil,
		},
		"the first failure is the reason": {
			func(_ context.Context, name string) (string, error) {
				if name == "2" {
					time.Sleep(time.Second)
					return "", refused
				}
				time.Sleep(time.Minute)
				return "", errors.New("late")
			}, nil, time.Minute, refused, nil,
		},
		"that others were stopped is not": {
			func(_ context.Context, name string) (string, error) {
				if name == "0" {
					time.Sleep(time.Second)
					return "", quota.ErrStopped
				}
				time.Sleep(time.Minute)
				return "", refused
			}, nil, time.Minute, refused, nil,
		},
		"warnings come once": {
			func(context.Context, string) (string, error) { return "slow", nil },
			[]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
			0, nil,
			[]string{"slow"},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				jobs, began := fleet(10, test.answer), time.Now()
				o := run(t.Context(), nil, jobs, pace{sideBySide: 4}, never)
				var done []string
				for i, j := range jobs {
					if o.done[i] {
						done = append(done, j.name)
					}
				}
				if diff := cmp.Diff(test.want, done); diff != "" || o.accepted != len(done) {
					t.Errorf("%d are accepted (-want +got):\n%s", o.accepted, diff)
				}
				if !errors.Is(o.err, test.err) || time.Since(began) != test.took {
					t.Errorf("%v after %s, want %v after %s", o.err, time.Since(began), test.err, test.took)
				}
				if diff := cmp.Diff(test.warnings, o.warnings); diff != "" {
					t.Errorf("warnings (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestARunThatIsInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, interrupt)
		jobs := fleet(10, func(ctx context.Context, name string) (string, error) {
			if name == "0" || name == "1" {
				return "", nil
			}
			<-ctx.Done()
			return "", context.Cause(ctx)
		})
		began := time.Now()
		o := run(ctx, nil, jobs, pace{sideBySide: 4}, never)
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
		want  []string      // after, done, time left
	}{
		"a short run says nothing":             {100, 200 * time.Millisecond, nil},
		"a tenth where that is rarer":          {20, 60 * time.Second, []string{"2m0s 2/20 18m0s", "4m0s 4/20 16m0s", "6m0s 6/20 14m0s", "8m0s 8/20 12m0s", "10m0s 10/20 10m0s", "12m0s 12/20 8m0s", "14m0s 14/20 6m0s", "16m0s 16/20 4m0s", "18m0s 18/20 2m0s", "20m0s 20/20 0s"}},
		"half a minute where that is":          {100, time.Second, []string{"30s 30/100 1m10s", "1m0s 60/100 40s", "1m30s 90/100 10s"}},
		"half a minute is a full one":          {3, 29 * time.Second, []string{"58s 2/3 29s"}},
		"a single one does not need a percent": {1, 40 * time.Second, []string{"40s 1/1 0s"}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				report := logProgress(tflogtest.RootLogger(t.Context(), &log), test.total)
				began := time.Now()
				var got []string
				for done := range test.total {
					time.Sleep(test.each)
					report(done + 1)
					entries, err := tflogtest.MultilineJSONDecode(&log)
					if err != nil {
						t.Fatal(err)
					}
					for _, e := range entries {
						got = append(got, fmt.Sprintf("%s %v/%v %v", time.Since(began), e["done"], e["total"], e["time_left"]))
						if diff := cmp.Diff([]any{"info", "Purging"}, []any{e["@level"], e["@message"]}); diff != "" {
							t.Errorf("the entry (-want +got):\n%s", diff)
						}
					}
				}
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
		"one hard purge":             {assetModel(nil), 1, atTwenty, 20 * time.Minute},
		"as many as go at once":      {assetModel(nil), 20, atTwenty, 20 * time.Minute},
		"one more":                   {assetModel(nil), 21, atTwenty, 21 * time.Minute},
		"ten thousand":               {assetModel(nil), 10000, atTwenty, 20*time.Minute + 499*time.Minute},
		"where the rate is unknown":  {assetModel(nil), 10000, &clients{}, 20 * time.Minute},
		"one soft purge":             {assetModel(nil, soft), 1, atTwenty, 60 * time.Minute},
		"a thousand of them":         {assetModel(nil, soft), 1000, atTwenty, 1059 * time.Minute},
		"before there is a provider": {assetModel(nil), 10000, nil, 20 * time.Minute},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			p := test.model.pace(test.n, test.clients)
			for _, op := range []operation{operationCreate, operationUpdate, operationDelete} {
				if got, _ := op.timeout(t.Context(), test.model.Timeouts, p); got != test.want {
					t.Errorf("%s: %s, want %s", op, got, test.want)
				}
			}
		})
	}
}
