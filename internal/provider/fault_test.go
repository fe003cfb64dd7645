// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/fake"
	"github.com/cachepurge/terraform-provider-purge/internal/quota"
	"github.com/cachepurge/terraform-provider-purge/internal/sandbox"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// api describes the system of a target for the fault suite.
type api struct {
	recorder func(*bench) *fake.Recorder
	// purge returns a purge, and more returns the n-th of many.
	purge func() model
	more  func(n int) model
	// requests contains the kinds of requests that the target and its lookup send.
	requests []exchange
	// begins is the operation of the first request of a purge, which each purge
	// sends exactly once. The default is purge.
	begins string
	// prepare configures the fake. It can be nil.
	prepare func(*bench)
	// own returns the faults of this system only. It can be nil.
	own func() []fault
	// sessions returns the number of open sessions on the server. It is nil if
	// there are no sessions.
	sessions func(*bench) int
	// expire ends the credentials of all logins. It is nil if there is no login.
	expire func(*sandbox.Sandbox)
	// crowd returns the n-th of many purges that share one window. The default is
	// more.
	crowd func(n int) model
	// accepted and limited are the statuses with which the fake accepts a purge and
	// rate-limits it.
	accepted, limited int
	// pages is true if a page can be the response to a purge.
	pages bool
	// random returns a purge that the fake accepts. The default is one of a
	// thousand of more.
	random func(*soak) model
	// subject returns the name of a purge in the journal. The default is the ID of
	// the resource.
	subject func(m model, name string) string
	// window returns the key of a purge's rate limit and the number of purges that
	// it allows per minute, 0 for any number. It is nil if there is no rate limit.
	window func(subject string) (key string, limit int)
}

// exchange is one kind of request to an API.
type exchange struct {
	// name is the operation in the journal of the fake.
	name string
	// after is the number of requests that precede it in do.
	after int
	// do is the user's operation that sends it.
	do func(context.Context, *bench) diagnosis
}

// apis contains the system of each target. A target without one fails the
// suite.
var apis = map[string]api{
	"mstr_cache": {
		recorder: func(b *bench) *fake.Recorder { return b.MSTR.Recorder },
		purge:    func() model { return mstrPurge(projectHex) },
		more:     func(n int) model { return mstrPurge(fmt.Sprintf("%032X", n)) },
		requests: []exchange{
			{"login", 0, purge(mstrPurge(projectHex))},
			{"purge", 1, purge(mstrPurge(projectHex))},
			{"projects", 1, look(mstrProjects)},
		},
		own:      mstrFaults,
		sessions: func(b *bench) int { return b.MSTR.OpenSessions() },
		expire:   func(s *sandbox.Sandbox) { s.MSTR.ExpireSessions() },
		accepted: http.StatusNoContent, limited: http.StatusTooManyRequests,
		random: randomMSTR,
	},
	"mstr_content_cache": {
		recorder: func(b *bench) *fake.Recorder { return b.MSTR.Recorder },
		purge:    func() model { return mstrContentPurge(projectHex) },
		more:     func(n int) model { return mstrContentPurge(fmt.Sprintf("%032X", n)) },
		requests: []exchange{
			{"login", 0, purge(mstrContentPurge(projectHex))},
			{"nodes", 1, purge(mstrContentPurge(projectHex))},
			{"contents", 2, purge(mstrContentPurge(projectHex))},
			{"invalidate", 3, purge(mstrContentPurge(projectHex))},
		},
		begins:   "nodes",
		prepare:  func(b *bench) { b.MSTR.Nodes = b.MSTR.Nodes[:1] }, // requests to several nodes have no order
		own:      mstrContentFaults,
		sessions: func(b *bench) int { return b.MSTR.OpenSessions() },
		expire:   func(s *sandbox.Sandbox) { s.MSTR.ExpireSessions() },
		accepted: http.StatusOK, limited: http.StatusTooManyRequests,
		random: randomMSTRContent,
	},
	"cdn_asset": {
		recorder: func(b *bench) *fake.Recorder { return b.CDN.Recorder },
		purge:    func() model { return cdnPurge("/logo.png", true) },
		more:     func(n int) model { return cdnPurge(fmt.Sprintf("/%d.png", n), true) },
		requests: []exchange{
			{"login", 0, purge(cdnPurge("/logo.png", true))},
			{"purge", 1, purge(cdnPurge("/logo.png", true))},
			{"service", 2, purgeWithin(5*time.Minute, cdnPurge("/images/*", false))},
			{"services", 1, look(cdnServices)},
		},
		own:      cdnFaults,
		expire:   func(s *sandbox.Sandbox) { s.CDN.ExpireTokens() },
		accepted: http.StatusAccepted, limited: http.StatusRequestEntityTooLarge,
		random: randomCDN, subject: cdnSubject, window: cdnWindow,
	},
	"http_cache": httpCacheAPI,
	"wpengine_cache": {
		recorder: func(b *bench) *fake.Recorder { return b.WPEngine.Recorder },
		purge:    func() model { return wpenginePurge(0, "object") },
		more:     func(n int) model { return wpenginePurge(n, "page") },
		requests: []exchange{
			{"purge", 0, purge(wpenginePurge(0, "object"))},
			{"installs", 0, look(wpengineInstalls)},
		},
		own:      wpengineFaults,
		crowd:    func(int) model { return wpenginePurge(0, "page") },
		accepted: http.StatusAccepted, limited: http.StatusTooManyRequests,
		random: randomWPEngine, window: wpengineWindow,
	},
}

func mstrPurge(project string) model {
	return &mstrCacheModel{ProjectID: types.StringValue(project), CacheType: types.StringValue("object")}
}

func mstrContentPurge(project string, tables ...string) *mstrContentCacheModel {
	m := &mstrContentCacheModel{ProjectID: types.StringValue(project)}
	m.WarehouseTables, m.ContentIDs = types.ListNull(types.StringType), types.ListNull(types.StringType)
	if len(tables) > 0 {
		m.WarehouseTables = listOf(tables...)
	}
	return m
}

func listOf(texts ...string) types.List {
	values := make([]attr.Value, len(texts))
	for i, text := range texts {
		values[i] = types.StringValue(text)
	}
	return types.ListValueMust(types.StringType, values)
}

func cdnPurge(url string, hard bool) model {
	return &cdnAssetModel{
		ServiceID: types.StringValue(cdntest.DeployedID), pathsModel: pathsModel{URL: types.StringValue(url)}, Hard: types.BoolValue(hard),
	}
}

const install = "3b2f4a44-6ddd-4b6a-8d29-a56fd9abf7a0"

func wpenginePurge(n int, cacheType string) model {
	id := install
	if n > 0 {
		id = fmt.Sprintf("%08x-0000-4000-8000-000000000000", n)
	}
	return &wpengineCacheModel{InstallID: types.StringValue(id), CacheType: types.StringValue(cacheType)}
}

// diagnosis is the result that a user sees.
type diagnosis struct {
	kind     transport.Kind
	diag     diag.Diagnostic // nil after a success
	warnings []string
}

// purge does what an apply does, with the default timeout.
func purge(m model) func(context.Context, *bench) diagnosis { return purgeWithin(0, m) }

func purgeWithin(timeout time.Duration, m model) func(context.Context, *bench) diagnosis {
	return func(ctx context.Context, b *bench) diagnosis {
		items, _ := m.items()
		tasks := tasksFor(items, nil, reasonAdded)
		phases := m.requests(tasks)
		pace := m.pace(phases, b.clients)
		ctx, cancel := quota.WithTimeout(ctx, cmp.Or(timeout, pace.timeout+pace.wait))
		defer cancel()
		o := run(ctx, b.target.batch(b.clients, m, tasks, phases, func(int) {}))
		var result diagnosis
		for _, w := range o.warnings {
			result.warnings = append(result.warnings, w.detail)
		}
		switch {
		case o.err != nil:
			result.kind = kindOf(o.err)
		case len(o.failures) > 0:
			result.kind = kindOf(o.failures[0].err)
		}
		if !o.complete() {
			result.diag = b.target.diagnoseOutcome(operationUpdate.voice(), o, 1)
		}
		return result
	}
}

// look does what a data source does.
func look[T any](l *lookup[T]) func(context.Context, *bench) diagnosis {
	return func(ctx context.Context, b *bench) diagnosis {
		ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
		defer cancel()
		_, err := l.list(ctx, b.clients, nil)
		if err != nil {
			return diagnosis{diag: l.diagnose(l.one, err), kind: kindOf(err)}
		}
		return diagnosis{}
	}
}

func kindOf(err error) transport.Kind {
	var e *transport.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return transport.KindUnknown
}

// bench is one target with its API, in virtual time. Anything that a test leaves
// open, and every secret that it shows, fails the test.
type bench struct {
	*sandbox.Sandbox
	api
	t       *testing.T
	target  *target
	network *wiretest.Network
	clients *clients
	began   time.Time
	// alone makes each request use its own connection.
	alone bool
	// perMinute is cdn.requests_per_minute, or 0 for the default.
	perMinute int64
	// before is called with each request before the fake serves it.
	before func(*http.Request)
	// lost is true if a response to a login is cut off, because nobody can end that
	// session.
	lost bool

	mu    sync.Mutex
	shown strings.Builder // what a user or a log sees
}

// Write implements io.Writer, for logs.
func (b *bench) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.shown.Write(p)
}

// onBench runs a test for a target. The function edit can change the options before
// the provider is configured.
func onBench(t *testing.T, target *target, test func(*bench), edit ...func(*bench, map[string]string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{Sandbox: sandbox.New(), api: apiOf(t, target), t: t, target: target, network: wiretest.Listen(), began: time.Now()}
		b.MSTR.Projects[0].ID, b.WPEngine.Installs[0].ID = projectHex, install
		if b.prepare != nil {
			b.prepare(b)
		}
		b.network.Serve(b)
		env := b.SetAddress("http://localhost")
		for _, e := range edit {
			e(b, env)
		}
		b.configure(env, transport.Options{Dial: b.network.Dial})
		test(b)
		b.end()
	})
}

// configure creates the clients as the provider does.
func (b *bench) configure(env map[string]string, opts transport.Options) {
	b.t.Helper()
	opts.Backoff = func(retry int) time.Duration {
		if retry > 4 {
			return 7 * time.Second // no other event happens at this time
		}
		return time.Second
	}
	opts.ProbePause = func(down time.Duration) time.Duration { return min(max(down, time.Second/2), 30*time.Second) }
	var diags diag.Diagnostics
	options := Options{Version: "test", Transport: opts, Getenv: func(name string) string { return env[name] }}
	b.clients = options.configure(b.t.Context(), b.config(&diags), &diags)
	if diags.HasError() {
		b.t.Fatal(diags)
	}
}

// config returns a provider block that leaves most arguments to the environment.
func (b *bench) config(diags *diag.Diagnostics) *providerModel {
	if b.perMinute == 0 {
		return &providerModel{}
	}
	var resp provider.SchemaResponse
	New(Options{}).Schema(b.t.Context(), provider.SchemaRequest{}, &resp)
	kind, ok := resp.Schema.Attributes["cdn"].GetType().(types.ObjectType)
	if !ok {
		b.t.Fatal("the cdn argument is not an object")
	}
	m := cdnModel{RequestsPerMinute: types.Int64Value(b.perMinute), connectionModel: connectionModel{Headers: types.MapNull(types.StringType)}}
	block, ds := types.ObjectValueFrom(b.t.Context(), kind.AttrTypes, m)
	diags.Append(ds...)
	return &providerModel{CDN: block}
}

// ServeHTTP implements http.Handler.
func (b *bench) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.alone {
		w.Header().Set("Connection", "close")
	}
	if b.before != nil {
		b.before(r)
	}
	b.Sandbox.ServeHTTP(w, r)
}

// around lets f choose the handler of each request to the fake.
func (b *bench) around(f func(operation string, next http.HandlerFunc) http.HandlerFunc) {
	b.recorder(b).Around = f
}

// fail makes the fake respond to a number of requests of an operation with a fault.
func (b *bench) fail(operation string, times int, h http.HandlerFunc) {
	b.recorder(b).Fail(operation, times, h)
}

// dial breaks a number of connections, the first of them for a request.
func (b *bench) dial(at exchange, times int, f wiretest.Fault) {
	b.alone = true
	b.network.Set(func(ctx context.Context, address string, connect func(context.Context) (net.Conn, error)) (net.Conn, error) {
		n := len(b.network.Dialed()) - 1 - at.after
		if n < 0 || times >= 0 && n >= times {
			return connect(ctx)
		}
		return f(ctx, address, connect)
	})
}

// end closes the provider and checks that nothing is left open.
func (b *bench) end() {
	b.t.Helper()
	b.recorder(b).ClearFaults()
	b.network.Set(nil)
	for _, c := range b.clients.open {
		if err := c.Close(context.Background()); err != nil {
			b.t.Errorf("closing: %s", err)
		}
	}
	if b.sessions != nil && !b.lost {
		if n := b.sessions(b); n != 0 {
			b.t.Errorf("%d sessions are open at the end, want none", n)
		}
	}
	synctest.Wait()
	if n := b.network.Open(); n != 0 {
		b.t.Errorf("%d connections are open at the end, want none", n)
	}
	sent := len(b.Journal.Entries())
	<-time.After(time.Hour)
	if n := len(b.Journal.Entries()); n != sent {
		b.t.Errorf("%d requests were sent after the end", n-sent)
	}
	b.network.Close()
	for _, address := range b.network.Dialed() {
		if address != "localhost:80" {
			b.t.Errorf("%s was dialed", address)
		}
	}
	b.keepsSecrets()
}

// keepsSecrets searches the journal and everything that was shown for secrets.
func (b *bench) keepsSecrets() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	shown := b.shown.String() + fmt.Sprint(b.Journal.Entries())
	for _, leak := range leaks(shown, append(b.Secrets(), kept(b.Sandbox)...)) {
		b.t.Errorf("the secret %s is shown", leak)
	}
}

// sent returns the requests that reached the fake, such as "login 204, purge 500
// ×5".
func (b *bench) sent() string {
	var parts []string
	times := 0
	last := ""
	flush := func() {
		switch {
		case times == 1:
			parts = append(parts, last)
		case times > 1:
			parts = append(parts, fmt.Sprintf("%s ×%d", last, times))
		}
	}
	probes := 0 // the probes of a host, without credentials
	for _, e := range b.Journal.Entries() {
		if e.Operation == "unknown" && strings.HasPrefix(e.Subject, "GET ") {
			probes++
			continue
		}
		next := fmt.Sprintf("%s %d", e.Operation, e.Status)
		if e.Status == 0 {
			next = e.Operation + " unanswered"
		}
		if next != last {
			flush()
			last, times = next, 0
		}
		times++
	}
	flush()
	if probes > 0 {
		parts = append(parts, fmt.Sprintf("probes ×%d", probes))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	if len(parts) > 12 {
		parts = append(parts[:8], fmt.Sprintf("… (%d requests)", len(b.Journal.Entries())))
	}
	return strings.Join(parts, ", ")
}

func apiOf(t *testing.T, target *target) api {
	t.Helper()
	u, ok := apis[target.name]
	if !ok {
		t.Fatalf("the target %s has no API: add one to apis in fault_test.go, and the fault suite covers it", target.name)
	}
	return u
}

// begin returns the operation of the first request of a purge.
func (u api) begin() string { return cmp.Or(u.begins, "purge") }

func forEachAPI(t *testing.T, test func(t *testing.T, target *target)) {
	t.Helper()
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			t.Parallel()
			apiOf(t, target)
			test(t, target)
		})
	}
}

// kinds contains the names of transport.Kind in the golden files.
var kinds = []string{
	"unknown", "canceled", "timeout", "no response", "unknown host", "TLS", "redirect", "unexpected", "credentials",
	"forbidden", "not found", "invalid", "limited", "state", "server", "config", "proxy", "outage",
}
