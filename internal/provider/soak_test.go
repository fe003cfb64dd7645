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

// TestSoak sends many purges to all systems in parallel, in several applies. One
// request in twenty fails. The next apply sends the purges that were not accepted.
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

// soak is all systems in virtual time, with the purges that were sent to them.
type soak struct {
	bench
	env      map[string]string
	services []string // IDs of the deployed services

	wanted []wish
	asks   []ask

	mu      sync.Mutex
	chances *rand.Rand
	made    injected
}

// injected counts the faults that the checks must take into account, by system.
type injected struct {
	// logins counts faults that can cause another login.
	logins map[string]int
	// lost counts requests that succeeded and whose response was lost.
	lost map[string]int
	// rateLimited counts the purges that were rejected with the status of the system's
	// own rate limit.
	rateLimited map[string]int
}

// wish is one resource to apply.
type wish struct {
	*target
	resource model
}

// ask is one purge, with the times when it was requested and reported as accepted.
type ask struct {
	system, begins, subject string // begins is the operation of its first request
	began, done             time.Time
}

func newSoak(t *testing.T, seed uint64) *soak {
	t.Helper()
	s := &soak{chances: rand.New(rand.NewPCG(seed, 0))}
	s.bench = bench{Sandbox: sandbox.New(), t: t, network: wiretest.Listen(), began: time.Now()}
	s.made = injected{logins: make(map[string]int), lost: make(map[string]int), rateLimited: make(map[string]int)}
	s.MSTR.SessionIdle = 0 // an abandoned session stays open
	for _, service := range s.CDN.Services {
		if service.Status == cdntest.StatusDeployed {
			s.services = append(s.services, service.ID)
		}
	}
	for _, target := range targets {
		s.disturb(target.service, apiOf(t, target))
	}
	s.network.Serve(s.Sandbox)
	s.env = s.SetAddress("http://localhost")
	return s
}

func (s *soak) chance(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chances.IntN(n)
}

func pick[T any](s *soak, from []T) T { return from[s.chance(len(from))] }

// random returns a resource of a random target.
func (s *soak) random() wish {
	target := pick(s, targets)
	u := apis[target.name]
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

// randomMSTRContent returns a purge of some results or of all results.
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

// randomCDN returns one asset, sometimes a wildcard or many assets.
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

// inJournal returns the name of a purge in the journal.
func (w wish) inJournal(name string) string {
	if subject := apis[w.name].subject; subject != nil {
		return subject(w.resource, name)
	}
	id, _ := w.resource.identify()
	return w.join(id)
}

// terraformParallelism is the number of resources that terraform applies in
// parallel.
const terraformParallelism = 10

// apply applies resources in one provider process. It returns the resources that
// failed.
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
	time.Sleep(quotaWindow) // the next process does not know the purges of this one
	return slices.DeleteFunc(failed, func(w wish) bool { return w.target == nil })
}

const quotaWindow = time.Minute

// deliver does what a create does. It returns the resource for the next apply,
// which has no model if everything was accepted.
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
	began := time.Now()
	o := run(ctx, w.batch(s.clients, m, tasks, phases, func(int) {}))
	done := time.Now()
	if isContent && o.complete() {
		if left := s.chosen(results); slices.ContainsFunc(left, func(id string) bool { return slices.Contains(chosen, id) }) {
			s.t.Errorf("of the results %v, a purge that began at %s left %v", chosen, began, left)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, j := range tasks {
		if o.fates[i].settled() {
			s.asks = append(s.asks, ask{w.service, apis[w.name].begin(), w.inJournal(j.name), began, done})
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

// users runs reports on each node.
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

// chosen returns the IDs of the ready results that a purge selects.
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

// disturb makes a fake respond to one request in twenty with a fault.
func (s *soak) disturb(system string, u api) {
	u.recorder(&s.bench).Around = func(operation string, next http.HandlerFunc) http.HandlerFunc {
		if operation == "logout" || s.chance(20) > 0 {
			return next
		}
		return s.misbehave(disturbed{system, operation, u.limited, next})
	}
}

// disturbed is a request that gets a fault.
type disturbed struct {
	system, operation string
	// limited is the status of the system's own rate limit.
	limited int
	next    http.HandlerFunc // responds as the fake does
}

// note counts a fault.
func (s *soak) note(counter map[string]int, system string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counter[system]++
}

// misbehave returns one of the faults of the fault suite, except the status of an
// accepted purge.
func (s *soak) misbehave(d disturbed) http.HandlerFunc {
	switch d.operation {
	case "login":
		s.note(s.made.logins, d.system) // the provider retries it
	case "variant":
		s.note(s.made.lost, d.system) // the purge was accepted partially, and is sent again completely
	}
	switch s.chance(12) {
	default:
		return func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	case 1:
		return s.lose(d)
	case 2, 3:
		return reply(pick(s, []int{500, 502, 503, 504}), "")
	case 4:
		return s.rateLimit(d)
	case 5:
		s.note(s.made.logins, d.system)
		return reply(http.StatusUnauthorized, `{"message":"Unauthorized"}`)
	case 6:
		return func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // otherwise the end of the connection is not detected
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

func (s *soak) rateLimit(d disturbed) http.HandlerFunc {
	status, seconds := pick(s, []int{d.limited, http.StatusTooManyRequests, http.StatusServiceUnavailable}), s.chance(90)
	if d.operation == "login" && status == http.StatusRequestEntityTooLarge {
		status = http.StatusTooManyRequests // with a body, the response would describe this limit
	}
	if d.operation == "purge" && status == d.limited {
		s.note(s.made.rateLimited, d.system)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		w.WriteHeader(status)
	}
}

// lose serves the request and cuts the connection. It does not lose the response to
// a login, because nobody could end that session.
func (s *soak) lose(d disturbed) http.HandlerFunc {
	if d.operation == "login" {
		return d.next
	}
	s.note(s.made.lost, d.system)
	return func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		d.next(recorded, r)
		w.WriteHeader(recorded.Code) // for the journal, because it is not flushed
		panic(http.ErrAbortHandler)
	}
}

// expire ends all sessions and tokens on the servers.
func (s *soak) expire() {
	for _, target := range targets {
		if u := apis[target.name]; u.expire != nil {
			s.note(s.made.logins, target.service)
			u.expire(s.Sandbox)
		}
	}
}

// occupy makes another client deploy a service.
func (s *soak) occupy(service string, d time.Duration) {
	s.CDN.SetStatus(service, cdntest.StatusUpdateInProgress)
	time.AfterFunc(d, func() { s.CDN.SetStatus(service, cdntest.StatusDeployed) })
}

// end checks the journal and that nothing was left open.
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
		s.paced(target.service, apis[target.name], entries)
	}
	s.fewLogins(entries, applies)
	s.t.Logf("%d purges reported done, %d requests, %d applies, %s; lost %v, rate-limited %v", len(s.asks), len(entries), applies,
		time.Since(s.began).Round(time.Minute), s.made.lost, s.made.rateLimited)
}

// delivered checks that each purge was accepted between the times of its request
// and its report, and that no purge was sent again without a reason.
func (s *soak) delivered(entries []fake.Entry) {
	s.t.Helper()
	times := make(map[string][]time.Time)
	purges, accepted := make(map[string]int), make(map[string]int)
	for _, target := range targets {
		u := apis[target.name]
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
		if !slices.ContainsFunc(timesOf(a.subject, times), func(at time.Time) bool { return !at.Before(a.began) && !at.After(a.done) }) {
			s.t.Errorf("%s began at %s, ended at %s, and accepted at %v", a.subject, a.began, a.done, times[a.subject])
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
		// A list of nodes only counts if all requests that follow it succeed.
		if system, of, _ := strings.Cut(kind, " "); of == "purge" && more > s.made.lost[system] {
			s.t.Errorf("%s accepted %d purges more than were requested, and %d responses were lost", system, more, s.made.lost[system])
		}
	}
}

// timesOf returns the times when a purge was accepted, on its own or as part of a
// soft purge of a pattern that covers it.
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

// paced checks that no request exceeded a quota of a system, and that its fake
// rate-limited nothing on its own.
func (s *soak) paced(system string, u api, entries []fake.Entry) {
	s.t.Helper()
	sent, limits, rateLimited := make(map[string][]time.Time), make(map[string]int), 0
	for _, e := range entries {
		if e.System != system || e.Operation != "purge" {
			continue
		}
		if e.Status == u.limited {
			rateLimited++
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
	if made := s.made.rateLimited[system]; rateLimited != made {
		s.t.Errorf("%s rate-limited %d purges with %d, of which the test injected %d", system, rateLimited, u.limited, made)
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
