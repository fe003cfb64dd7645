// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

var (
	soakLong = flag.Bool("soak", false, "TestSoak: 10,000 purges in place of some hundred")
	soakSeed = flag.Uint64("soak-seed", 0, "TestSoak: the seed of an earlier run; the order of goroutines still differs")
)

// TestSoak asks for many purges of all systems at once, as applies do, while
// one request in twenty goes wrong. What was not delivered is asked for by the
// next apply.
func TestSoak(t *testing.T) {
	t.Parallel()
	purges, perApply := 450, 150
	if *soakLong {
		purges, perApply = 10000, 500
	}
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("go test -run TestSoak ./internal/provider/ -soak=%t -soak-seed=%d", *soakLong, seed)
	synctest.Test(t, func(t *testing.T) {
		s := newSoak(t, seed)
		for range purges {
			s.wanted = append(s.wanted, s.random())
		}
		applies := 0
		for ; len(s.wanted) > 0; applies++ {
			if applies > 20+purges/20 {
				t.Fatalf("%d of %d purges are not delivered after %d applies", len(s.wanted), purges, applies)
			}
			now := s.wanted[:min(perApply, len(s.wanted))]
			rest := s.wanted[len(now):]
			s.wanted = append(s.apply(now), rest...)
		}
		s.end(applies)
	})
}

// soak is all systems in virtual time, and what was asked of them.
type soak struct {
	bench
	env      map[string]string
	services []string // ids of those that are deployed

	wanted []wish
	asks   []ask

	mu      sync.Mutex
	chances *rand.Rand
	made    injected
}

// injected is how often something went wrong that the checks have to know of,
// by system.
type injected struct {
	// logins is what may cost another login.
	logins map[string]int
	// lost are the requests that worked and whose answer did not arrive.
	lost map[string]int
	// refused are the purges that were refused with the status of the system's
	// own limiter.
	refused map[string]int
}

// wish is one resource that is to be applied.
type wish struct {
	*target
	resource model
}

// ask is one purge that was asked for, and when it was reported done.
type ask struct {
	system, begins, subject string // begins is the operation of its first request
	asked, done             time.Time
}

func newSoak(t *testing.T, seed uint64) *soak {
	t.Helper()
	s := &soak{chances: rand.New(rand.NewPCG(seed, 0))}
	s.bench = bench{Sandbox: sandbox.New(), t: t, network: wiretest.Listen(), began: time.Now()}
	s.made = injected{logins: make(map[string]int), lost: make(map[string]int), refused: make(map[string]int)}
	s.MSTR.SessionIdle = 0 // a session that is left open stays so
	for _, service := range s.CDN.Services {
		if service.Status == cdntest.StatusDeployed {
			s.services = append(s.services, service.ID)
		}
	}
	for _, target := range targets {
		s.disturb(target.service, upstreamOf(t, target))
	}
	s.network.Serve(s.Sandbox)
	s.env = s.Reach("http://localhost")
	return s
}

func (s *soak) chance(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chances.IntN(n)
}

func pick[T any](s *soak, from []T) T { return from[s.chance(len(from))] }

// random is one resource of any target.
func (s *soak) random() wish {
	target := pick(s, targets)
	u := upstreams[target.name]
	if u.random == nil {
		return wish{target, u.more(s.chance(1000))}
	}
	return wish{target, u.random(s)}
}

func randomMSTR(s *soak) model {
	return &mstrCacheModel{
		ProjectID: types.StringValue(s.MSTR.Projects[s.chance(2)].ID),
		CacheType: types.StringValue(pick(s, s.MSTR.CacheTypes)),
	}
}

var contentTables = []string{"F_SALES", "D_STORE", "F_ORDERS"}

// randomMSTRContent is a purge of some results, or of all.
func randomMSTRContent(s *soak) model {
	m := mstrContentPurge(s.MSTR.Projects[s.chance(2)].ID)
	if s.chance(4) > 0 {
		m.WarehouseTables = listOf(pick(s, contentTables))
	}
	return m
}

func randomWPEngine(s *soak) model {
	return &wpengineCacheModel{
		InstallID: types.StringValue(pick(s, s.WPEngine.Installs).ID),
		CacheType: types.StringValue(pick(s, []string{"object", "page", "cdn", "all"})),
	}
}

// randomCDN is one asset, and now and then a wildcard or many assets.
func randomCDN(s *soak) model {
	switch s.chance(10) {
	default:
		return cdnPurgeOf(s.service(), fmt.Sprintf("/%d.css", s.chance(1000)), true)
	case 8:
		return cdnPurgeOf(s.service(), fmt.Sprintf("/%d/*", s.chance(10)), false)
	case 9:
		m := cdnPurgeOf(s.service(), "", true)
		assets := make(map[string]attr.Value)
		for i := range 8 {
			assets[fmt.Sprintf("/%d.css", 1000*i+s.chance(1000))] = types.StringValue("")
		}
		m.URL, m.Assets = types.StringNull(), types.MapValueMust(types.StringType, assets)
		return m
	}
}

func (s *soak) service() string { return pick(s, s.services) }

func cdnPurgeOf(service, url string, hard bool) *cdnAssetModel {
	return &cdnAssetModel{ServiceID: types.StringValue(service), pathsModel: pathsModel{URL: types.StringValue(url)}, Hard: types.BoolValue(hard)}
}

func cdnSubject(m model, name string) string {
	id, _ := m.identify()
	return fmt.Sprintf("%s %s hard=%t", id[0], name, m.(*cdnAssetModel).hard()) //nolint:forcetypeassert // the target has no other
}

func cdnWindow(string) (string, int) { return "the account", cdn.DefaultRequestsPerMinute }

func wpengineWindow(subject string) (string, int) {
	install, cacheType, _ := strings.Cut(subject, "/")
	if cacheType == "object" || cacheType == "all" {
		return install, 1
	}
	return "", 0
}

// inJournal is the journal's word for a purge.
func (w wish) inJournal(name string) string {
	if subject := upstreams[w.name].subject; subject != nil {
		return subject(w.resource, name)
	}
	id, _ := w.resource.identify()
	return w.join(id)
}

// terraformParallelism is how many resources terraform works on at once.
const terraformParallelism = 10

// apply is what one process of the provider does. It returns the resources of
// which not all was delivered.
func (s *soak) apply(resources []wish) []wish {
	s.configure(s.env, transport.Options{Dial: s.network.Dial})
	failed := make([]wish, len(resources))
	turns := make(chan struct{}, terraformParallelism)
	var group sync.WaitGroup
	for i, w := range resources {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			failed[i] = s.deliver(w)
		})
	}
	group.Wait()
	for _, c := range s.clients.open {
		if err := c.Close(context.Background()); err != nil {
			s.t.Errorf("closing: %s", err)
		}
	}
	if n := s.MSTR.OpenSessions(); n != 0 {
		s.t.Errorf("%d MicroStrategy sessions are open after an apply", n)
	}
	time.Sleep(quotaWindow) // the next process does not know what this one sent
	return slices.DeleteFunc(failed, func(w wish) bool { return w.target == nil })
}

const quotaWindow = time.Minute

// deliver does what a create does, and returns what the next apply is to ask
// for, nothing where all is done.
func (s *soak) deliver(w wish) wish {
	m := w.resource
	items, _ := m.items()
	tasks := tasksFor(items, nil, reasonAdded)
	phases := m.requests(tasks)
	pace := m.pace(phases, s.clients)
	ctx, cancel := quota.WithTimeout(s.t.Context(), pace.timeout+pace.wait)
	defer cancel()
	results, isContent := m.(*mstrContentCacheModel)
	var chosen []string
	if isContent {
		s.users()
		chosen = s.chosen(results)
	}
	asked := time.Now()
	o := run(ctx, w.batch(s.clients, m, tasks, phases, func(int) {}))
	done := time.Now()
	if isContent && o.complete() {
		if left := s.chosen(results); slices.ContainsFunc(left, func(id string) bool { return slices.Contains(chosen, id) }) {
			s.t.Errorf("of the results %v, a purge that was asked for at %s left %v", chosen, asked, left)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, j := range tasks {
		if o.fates[i].settled() {
			s.asks = append(s.asks, ask{w.service, upstreams[w.name].begin(), w.inJournal(j.name), asked, done})
		}
	}
	if o.complete() != !slices.ContainsFunc(o.fates, fate.open) {
		s.t.Errorf("fates: %v, with the error %v", o.fates, o.err)
	}
	if o.complete() {
		return wish{}
	}
	if many, ok := m.(*cdnAssetModel); ok && !many.Assets.IsNull() && slices.ContainsFunc(o.fates, fate.settled) {
		rest := many.Assets.Elements()
		for i, j := range tasks {
			if o.fates[i].settled() {
				delete(rest, j.name)
			}
		}
		many.Assets = types.MapValueMust(types.StringType, rest)
	}
	return w
}

// users run reports on each node.
func (s *soak) users() {
	for _, node := range s.MSTR.Nodes {
		for _, project := range s.MSTR.Projects[:2] {
			for _, table := range contentTables {
				s.MSTR.AddContentCache(mstrtest.ContentCache{
					Node: node.Name, Project: project.ID, SourceID: projectHex, Type: "report", WarehouseTables: []string{table},
				})
			}
		}
	}
}

// chosen returns the IDs of the results that users get and a purge is for.
func (s *soak) chosen(m *mstrContentCacheModel) []string {
	tables, _ := textsOf(m.WarehouseTables)
	var ids []string
	for _, c := range s.MSTR.ContentCaches() {
		if c.Ready && c.Project == m.ProjectID.ValueString() && c.Type != "cube" &&
			(tables == nil || slices.ContainsFunc(c.WarehouseTables, func(table string) bool { return slices.Contains(tables, table) })) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// disturb lets a fake answer one request in twenty wrongly.
func (s *soak) disturb(system string, u upstream) {
	u.recorder(&s.bench).Around = func(operation string, next http.HandlerFunc) http.HandlerFunc {
		if operation == "logout" || s.chance(20) > 0 {
			return next
		}
		return s.misbehave(disturbed{system, operation, u.limited, next})
	}
}

// disturbed is a request with which something goes wrong.
type disturbed struct {
	system, operation string
	// limited is the status of the system's own limiter.
	limited int
	next    http.HandlerFunc // answers as the fake does
}

// note counts what went wrong.
func (s *soak) note(counter map[string]int, system string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counter[system]++
}

// misbehave is one fault of the kinds of the fault suite. The status of an
// accepted purge is not among those that are made up.
func (s *soak) misbehave(d disturbed) http.HandlerFunc {
	switch d.operation {
	case "login":
		s.note(s.made.logins, d.system) // it is tried again
	case "variant":
		s.note(s.made.lost, d.system) // the purge was accepted in part, and all of it is sent again
	}
	switch s.chance(12) {
	default:
		return func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	case 1:
		return s.lose(d)
	case 2, 3:
		return reply(pick(s, []int{500, 502, 503, 504}), "")
	case 4:
		return s.refusal(d)
	case 5:
		s.note(s.made.logins, d.system)
		return reply(http.StatusUnauthorized, `{"message":"Unauthorized"}`)
	case 6:
		return func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // or the end of the connection is not noticed
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}
	case 7:
		return brokenBody(pick(s, []int{400, 500, 502}))
	case 8:
		s.expire()
		return d.next
	case 9:
		s.occupy(s.service(), time.Duration(30+s.chance(300))*time.Second)
		return d.next
	case 10:
		return page(pick(s, []int{200, 403, 502}))
	case 11:
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://evil.example.com/")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}
	}
}

func (s *soak) refusal(d disturbed) http.HandlerFunc {
	status, seconds := pick(s, []int{d.limited, http.StatusTooManyRequests, http.StatusServiceUnavailable}), s.chance(90)
	if d.operation == "login" && status == http.StatusRequestEntityTooLarge {
		status = http.StatusTooManyRequests // with a body it would be about that
	}
	if d.operation == "purge" && status == d.limited {
		s.note(s.made.refused, d.system)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		w.WriteHeader(status)
	}
}

// lose does what was asked for and cuts the connection. A login is left alone:
// nobody could end its session.
func (s *soak) lose(d disturbed) http.HandlerFunc {
	if d.operation == "login" {
		return d.next
	}
	s.note(s.made.lost, d.system)
	return func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		d.next(answer, r)
		w.WriteHeader(answer.Code) // for the journal: it is not flushed
		panic(http.ErrAbortHandler)
	}
}

// expire ends all sessions and tokens at the servers.
func (s *soak) expire() {
	for _, target := range targets {
		if u := upstreams[target.name]; u.expire != nil {
			s.note(s.made.logins, target.service)
			u.expire(s.Sandbox)
		}
	}
}

// occupy puts a service into a deployment by somebody else.
func (s *soak) occupy(service string, d time.Duration) {
	s.CDN.SetStatus(service, cdntest.StatusUpdateInProgress)
	time.AfterFunc(d, func() { s.CDN.SetStatus(service, cdntest.StatusDeployed) })
}

// end looks at the journal, and for what was left behind.
func (s *soak) end(applies int) {
	s.t.Helper()
	synctest.Wait()
	if n := s.network.Open(); n != 0 {
		s.t.Errorf("%d connections are open at the end", n)
	}
	s.network.Close()
	entries := s.Journal.Entries()
	<-time.After(time.Hour)
	if n := len(s.Journal.Entries()); n != len(entries) {
		s.t.Errorf("%d requests were sent after the end", n-len(entries))
	}
	s.delivered(entries)
	for _, target := range targets {
		s.paced(target.service, upstreams[target.name], entries)
	}
	s.fewLogins(entries, applies)
	s.t.Logf("%d purges reported done, %d requests, %d applies, %s; lost %v, refused %v", len(s.asks), len(entries), applies,
		time.Since(s.began).Round(time.Minute), s.made.lost, s.made.refused)
}

// delivered shows that each purge was accepted between the moment in which it
// was asked for and that in which it was reported done, and that none was sent
// again without a reason.
func (s *soak) delivered(entries []fake.Entry) {
	s.t.Helper()
	times := make(map[string][]time.Time)
	purges, accepted := make(map[string]int), make(map[string]int)
	for _, target := range targets {
		u := upstreams[target.name]
		accepted[target.service+" "+u.begin()] = u.accepted
	}
	for _, e := range entries {
		kind := e.System + " " + e.Operation
		if subject, ok := purgeIn(e); ok && e.Status == accepted[kind] {
			times[subject] = append(times[subject], e.Time)
			purges[kind]++
		}
	}
	for _, a := range s.asks {
		if !slices.ContainsFunc(timesOf(a.subject, times), func(at time.Time) bool { return !at.Before(a.asked) && !at.After(a.done) }) {
			s.t.Errorf("%s was asked for at %s, reported done at %s, and accepted at %v", a.subject, a.asked, a.done, times[a.subject])
		}
	}
	for kind := range accepted {
		if purges[kind] == 0 {
			s.t.Errorf("%s was never accepted", kind)
		}
	}
	for _, a := range s.asks {
		purges[a.system+" "+a.begins]--
	}
	for kind, more := range purges {
		// A list of nodes is of use only if all that follows it succeeds.
		if system, of, _ := strings.Cut(kind, " "); of == "purge" && more > s.made.lost[system] {
			s.t.Errorf("%s accepted %d purges more than were asked for, and %d answers were lost", system, more, s.made.lost[system])
		}
	}
}

// timesOf returns when a purge was accepted: by itself, or with a soft purge of
// a pattern that covers it.
func timesOf(subject string, times map[string][]time.Time) []time.Time {
	wanted, soft := strings.CutSuffix(subject, " hard=false")
	if !soft {
		return times[subject]
	}
	var all []time.Time
	for accepted, at := range times {
		pattern, soft := strings.CutSuffix(accepted, " hard=false")
		if prefix, found := strings.CutSuffix(pattern, "*"); soft && (pattern == wanted || found && strings.HasPrefix(wanted, prefix)) {
			all = append(all, at...)
		}
	}
	return all
}

// paced shows that nothing was sent faster than a system's quotas, and that its
// fake refused nothing for that by itself.
func (s *soak) paced(system string, u upstream, entries []fake.Entry) {
	s.t.Helper()
	sent, limits, refused := make(map[string][]time.Time), make(map[string]int), 0
	for _, e := range entries {
		if e.System != system || e.Operation != "purge" {
			continue
		}
		if e.Status == u.limited {
			refused++
		}
		if u.window == nil {
			continue
		}
		if key, limit := u.window(e.Subject); limit > 0 {
			sent[key], limits[key] = append(sent[key], e.Time), limit
		}
	}
	for key, times := range sent {
		for i := limits[key]; i < len(times); i++ {
			if span := times[i].Sub(times[i-limits[key]]); span < quotaWindow {
				s.t.Errorf("%s, %s: %d requests in %s", system, key, limits[key]+1, span)
			}
		}
	}
	if made := s.made.refused[system]; refused != made {
		s.t.Errorf("%s refused %d purges with %d, of which %d were made up", system, refused, u.limited, made)
	}
}

func (s *soak) fewLogins(entries []fake.Entry, applies int) {
	s.t.Helper()
	logins := make(map[string]int)
	for _, e := range entries {
		if e.Operation == "login" {
			logins[e.System]++
		}
	}
	for system, n := range logins {
		if most := applies + s.made.logins[system]; n > most {
			s.t.Errorf("%d logins at %s, want one in each of %d applies and %d more for what went wrong", n, system, applies, most-applies)
		}
	}
}
