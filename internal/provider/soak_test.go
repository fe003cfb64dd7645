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
	*sandbox.Sandbox
	bench
	env      map[string]string
	services []string // ids of those that are deployed

	wanted []model
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

// ask is one purge that was asked for, and when it was reported done.
type ask struct {
	system, subject string
	asked, done     time.Time
}

func newSoak(t *testing.T, seed uint64) *soak {
	t.Helper()
	s := &soak{Sandbox: sandbox.New(), chances: rand.New(rand.NewPCG(seed, 0))}
	s.bench = bench{t: t, network: wiretest.Listen(), began: time.Now()}
	s.made = injected{logins: make(map[string]int), lost: make(map[string]int), refused: make(map[string]int)}
	s.MSTR.SessionIdle = 0 // a session that is left open stays so
	for _, service := range s.CDN.Services {
		if service.Status == cdntest.StatusDeployed {
			s.services = append(s.services, service.ID)
		}
	}
	s.network.Serve(http.HandlerFunc(s.serve))
	s.env = s.Reach("http://localhost")
	return s
}

func (s *soak) chance(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chances.IntN(n)
}

func pick[T any](s *soak, from []T) T { return from[s.chance(len(from))] }

// random is one resource: a purge of any system, and now and then many assets.
func (s *soak) random() model {
	switch s.chance(30) {
	default:
		return &mstrCacheModel{
			ProjectID: types.StringValue(s.MSTR.Projects[s.chance(2)].ID),
			CacheType: types.StringValue(pick(s, s.MSTR.CacheTypes)),
		}
	case 10, 11, 12, 13, 14, 15, 16, 17, 18, 19:
		return &wpengineCacheModel{
			InstallID: types.StringValue(pick(s, s.WPEngine.Installs).ID),
			CacheType: types.StringValue(pick(s, []string{"object", "page", "cdn", "all"})),
		}
	case 20, 21, 22, 23, 24, 25, 26, 27:
		return cdnPurgeOf(s.service(), fmt.Sprintf("/%d.css", s.chance(1000)), true)
	case 28:
		return cdnPurgeOf(s.service(), fmt.Sprintf("/%d/*", s.chance(10)), false)
	case 29:
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
	return &cdnAssetModel{ServiceID: types.StringValue(service), URL: types.StringValue(url), Hard: types.BoolValue(hard)}
}

// inJournal is the journal's words for a purge.
func inJournal(m model, name string) (system, subject string) {
	id, _ := m.identify()
	switch m := m.(type) {
	case *mstrCacheModel:
		return "mstr", id[0] + "/" + id[1]
	case *cdnAssetModel:
		return "cdn", fmt.Sprintf("%s %s hard=%t", id[0], name, m.hard())
	default:
		return "wpengine", id[0] + "/" + id[1]
	}
}

// terraformParallelism is how many resources terraform works on at once.
const terraformParallelism = 10

// apply is what one process of the provider does. It returns the resources of
// which not all was delivered.
func (s *soak) apply(resources []model) []model {
	s.configure(s.env, transport.Options{Dial: s.network.Dial})
	failed := make([]model, len(resources))
	turns := make(chan struct{}, terraformParallelism)
	var group sync.WaitGroup
	for i, m := range resources {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			failed[i] = s.deliver(m)
		})
	}
	group.Wait()
	for _, c := range s.clients.closers() {
		if err := c.Close(context.Background()); err != nil {
			s.t.Errorf("closing: %s", err)
		}
	}
	if n := s.MSTR.OpenSessions(); n != 0 {
		s.t.Errorf("%d MicroStrategy sessions are open after an apply", n)
	}
	time.Sleep(quotaWindow) // the next process does not know what this one sent
	return slices.DeleteFunc(failed, func(m model) bool { return m == nil })
}

const quotaWindow = time.Minute

// deliver does what a create does, and returns what the next apply is to ask
// for, nil where all is done.
func (s *soak) deliver(m model) model {
	units, _ := m.units()
	pace, jobs := m.pace(len(units), s.clients), jobsFor(m, units, reasonAdded)
	ctx, cancel := quota.WithTimeout(s.t.Context(), pace.patience+pace.wait)
	defer cancel()
	asked := time.Now()
	o := run(ctx, s.clients, jobs, pace, func(int) {})
	done := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, j := range jobs {
		if o.done[i] {
			system, subject := inJournal(m, j.name)
			s.asks = append(s.asks, ask{system, subject, asked, done})
		}
	}
	if (o.err == nil) != !slices.Contains(o.done, false) {
		s.t.Errorf("done: %v, with the error %v", o.done, o.err)
	}
	if o.err == nil {
		return nil
	}
	if many, ok := m.(*cdnAssetModel); ok && !many.Assets.IsNull() && slices.Contains(o.done, true) {
		rest := many.Assets.Elements()
		for i, j := range jobs {
			if o.done[i] {
				delete(rest, j.name)
			}
		}
		many.Assets = types.MapValueMust(types.StringType, rest)
	}
	return m
}

// serve answers as the fakes do, or, one time in twenty, wrongly.
func (s *soak) serve(w http.ResponseWriter, r *http.Request) {
	system, operation := classify(r)
	s.mu.Lock()
	wrong := operation != "logout" && s.chances.IntN(20) == 0
	s.mu.Unlock()
	if wrong {
		s.misbehave(w, r, system, operation)
		return
	}
	s.Sandbox.ServeHTTP(w, r)
}

func classify(r *http.Request) (system, operation string) {
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/auth/logout"):
		operation = "logout"
	case strings.HasSuffix(path, "/auth/login"), strings.HasSuffix(path, "/tokens"):
		operation = "login"
	case r.Method == http.MethodGet:
		operation = "service"
	default:
		operation = "purge"
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/mstr/"):
		return "mstr", operation
	case strings.HasPrefix(r.URL.Path, "/rackspace/"):
		return "cdn", operation
	default:
		return "wpengine", operation
	}
}

// note counts what went wrong.
func (s *soak) note(counter map[string]int, system string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counter[system]++
}

// misbehave is one fault of the kinds of the fault suite. What answers in the
// place of the fake is in the journal like any other answer. The status of an
// accepted purge is not among those that are made up.
func (s *soak) misbehave(w http.ResponseWriter, r *http.Request, system, operation string) {
	if operation == "login" {
		s.note(s.made.logins, system) // it is tried again
	}
	instead := func(answer http.HandlerFunc) {
		recorders := map[string]*fake.Recorder{"mstr": s.MSTR.Recorder, "cdn": s.CDN.Recorder, "wpengine": s.WPEngine.Recorder}
		recorders[system].Fail(operation, 1, answer)
		s.Sandbox.ServeHTTP(w, r)
	}
	switch s.chance(12) {
	case 0:
		instead(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	case 1:
		s.lose(w, r, system, operation)
	case 2, 3:
		instead(reply(pick(s, []int{500, 502, 503, 504}), ""))
	case 4:
		instead(s.refusal(system, operation))
	case 5:
		s.note(s.made.logins, system)
		instead(reply(http.StatusUnauthorized, `{"message":"Unauthorized"}`))
	case 6:
		instead(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // or the end of the connection is not noticed
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		})
	case 7:
		instead(brokenBody(pick(s, []int{400, 500, 502})))
	case 8:
		s.expire()
		s.Sandbox.ServeHTTP(w, r)
	case 9:
		s.occupy(s.service(), time.Duration(30+s.chance(300))*time.Second)
		s.Sandbox.ServeHTTP(w, r)
	case 10:
		instead(page(pick(s, []int{200, 403, 502})))
	case 11:
		instead(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://evil.example.com/")
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
	}
}

// limiters are the statuses with which the fakes refuse what is too fast.
var limiters = map[string]int{"mstr": http.StatusTooManyRequests, "cdn": http.StatusRequestEntityTooLarge, "wpengine": http.StatusTooManyRequests}

func (s *soak) refusal(system, operation string) http.HandlerFunc {
	status, seconds := pick(s, []int{limiters[system], http.StatusTooManyRequests, http.StatusServiceUnavailable}), s.chance(90)
	if operation == "login" && status == http.StatusRequestEntityTooLarge {
		status = http.StatusTooManyRequests // with a body it would be about that
	}
	if operation == "purge" && status == limiters[system] {
		s.note(s.made.refused, system)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		w.WriteHeader(status)
	}
}

// lose does what was asked for and cuts the connection. A login is left alone:
// nobody could end its session.
func (s *soak) lose(w http.ResponseWriter, r *http.Request, system, operation string) {
	if operation == "login" {
		s.Sandbox.ServeHTTP(w, r)
		return
	}
	s.note(s.made.lost, system)
	s.Sandbox.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// expire ends all sessions and tokens at the servers.
func (s *soak) expire() {
	s.note(s.made.logins, "mstr")
	s.note(s.made.logins, "cdn")
	s.MSTR.ExpireSessions()
	s.CDN.ExpireTokens()
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
	s.paced(entries)
	s.fewLogins(entries, applies)
	s.t.Logf("%d purges reported done, %d requests, %d applies, %s; lost %v, refused %v", len(s.asks), len(entries), applies,
		time.Since(s.began).Round(time.Minute), s.made.lost, s.made.refused)
}

// accepted are the statuses with which the fakes accept a purge.
var accepted = map[string]int{"mstr": http.StatusNoContent, "cdn": http.StatusAccepted, "wpengine": http.StatusAccepted}

// delivered shows that each purge was accepted between the moment in which it
// was asked for and that in which it was reported done, and that none was sent
// again without a reason.
func (s *soak) delivered(entries []fake.Entry) {
	s.t.Helper()
	times := make(map[string][]time.Time)
	purges := make(map[string]int)
	for _, e := range entries {
		if e.Operation == "purge" && e.Status == accepted[e.System] {
			times[e.Subject] = append(times[e.Subject], e.Time)
			purges[e.System]++
		}
	}
	for _, a := range s.asks {
		if !slices.ContainsFunc(times[a.subject], func(at time.Time) bool { return !at.Before(a.asked) && !at.After(a.done) }) {
			s.t.Errorf("%s was asked for at %s, reported done at %s, and accepted at %v", a.subject, a.asked, a.done, times[a.subject])
		}
		purges[a.system]--
	}
	for system, more := range purges {
		if more > s.made.lost[system] {
			s.t.Errorf("%s accepted %d purges more than were asked for, and %d answers were lost", system, more, s.made.lost[system])
		}
	}
}

// paced shows that nothing was sent faster than the quotas, and that no fake
// refused anything for that by itself.
func (s *soak) paced(entries []fake.Entry) {
	s.t.Helper()
	sent := make(map[string][]time.Time)
	limits := map[string]int{"cdn": cdn.DefaultRequestsPerMinute}
	refused := make(map[string]int)
	for _, e := range entries {
		if e.Operation != "purge" {
			continue
		}
		if e.Status == limiters[e.System] {
			refused[e.System]++
		}
		install, cacheType, _ := strings.Cut(e.Subject, "/")
		switch {
		case e.System == "cdn":
			sent["cdn"] = append(sent["cdn"], e.Time)
		case e.System == "wpengine" && (cacheType == "object" || cacheType == "all"):
			sent[install] = append(sent[install], e.Time)
			limits[install] = 1
		}
	}
	for key, times := range sent {
		for i := limits[key]; i < len(times); i++ {
			if span := times[i].Sub(times[i-limits[key]]); span < quotaWindow {
				s.t.Errorf("%s: %d requests in %s", key, limits[key]+1, span)
			}
		}
	}
	for system, n := range refused {
		if n != s.made.refused[system] {
			s.t.Errorf("%s refused %d purges with %d, of which %d were made up", system, n, limiters[system], s.made.refused[system])
		}
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
