// SPDX-License-Identifier: MPL-2.0

//go:build unix

package provider

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
)

// watched is a world that reports its events and can leave a request without a
// response.
type watched struct {
	*world
	// holdAfter is the number of accepted purges after which the first request of
	// the next purge gets no response. 0 disables this.
	holdAfter int
	over      chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed when a request was served
	holding bool
	held    bool
}

func newWatchedWorld(t *testing.T) *watched {
	t.Helper()
	w := &watched{world: &world{}, changed: make(chan struct{}), over: make(chan struct{})}
	w.open(t, func(s *httptest.Server) {
		s.Config.Handler = http.HandlerFunc(w.serve)
		s.Start()
	})
	t.Cleanup(func() { close(w.over) })
	return w
}

func (w *watched) serve(rw http.ResponseWriter, r *http.Request) {
	// The requests about content caches belong to a purge that has already begun.
	if !strings.HasSuffix(r.URL.Path, "/caches/contents") && w.holds() {
		w.change()
		<-w.over
		panic(http.ErrAbortHandler)
	}
	w.ServeHTTP(rw, r)
	w.change() // before the response is sent
}

func (w *watched) holds() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.holding {
		return false
	}
	w.holding, w.held, w.holdAfter = false, true, 0
	return true
}

func (w *watched) change() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.holdAfter > 0 {
		accepted := 0
		for _, e := range w.Journal.Entries() {
			// The second request completes a purge of an HTTP cache.
			_, last := purgeIn(e)
			last = last && e.System != "http_cache" || e.Operation == "variant"
			if last && e.Status/100 == 2 {
				accepted++
			}
		}
		w.holding = accepted == w.holdAfter
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

// screen is the output of a command so far.
type screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed when there is more output
}

func (s *screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.text.Write(text)
}

func (s *screen) read() (text string, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String(), s.changed
}

func (s *screen) String() string {
	text, _ := s.read()
	return text
}

// running is a running terraform command.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	name   string
	output *screen
	ended  chan error
}

// start runs terraform in its own process group, as a shell does.
func (tf *terraform) start(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{t: t, cmd: tf.command(args...), name: strings.Join(args, " "), ended: make(chan error, 1)}
	r.output = &screen{changed: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = r.output, r.output
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.ended <- r.cmd.Wait() }()
	return r
}

// patience is how long a test waits for terraform. The waits that it interrupts
// would take hours.
const patience = 2 * time.Minute

// until waits for an event while terraform runs.
func (r *running) until(w *watched, what string, happened func() bool) {
	r.t.Helper()
	timeout := time.After(patience)
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		if happened() {
			return
		}
		select {
		case <-changed:
		case err := <-r.ended:
			r.t.Fatalf("terraform %s ended (%v) before %s\n%s\n%v", r.name, err, what, r.output.String(), w.Journal.Entries())
		case <-timeout:
			r.kill()
			r.t.Fatalf("never: %s\n%v", what, w.Journal.Entries())
		}
	}
}

// shows waits until the output of terraform contains a text.
func (r *running) shows(what string) {
	r.t.Helper()
	timeout := time.After(patience)
	for {
		text, changed := r.output.read()
		if strings.Contains(text, what) {
			return
		}
		select {
		case <-changed:
		case err := <-r.ended:
			r.t.Fatalf("terraform %s ended (%v) and did not write %q:\n%s", r.name, err, what, text)
		case <-timeout:
			r.kill()
			r.t.Fatalf("terraform %s does not write %q:\n%s", r.name, what, text)
		}
	}
}

// interrupt presses Ctrl-C, waits for terraform to end, and returns its output.
func (r *running) interrupt() string {
	r.t.Helper()
	return r.signal(syscall.SIGINT)
}

// signal sends a signal to the process group, including the provider, waits for
// terraform to end, and returns its output.
func (r *running) signal(s syscall.Signal) string {
	r.t.Helper()
	if err := syscall.Kill(-r.cmd.Process.Pid, s); err != nil {
		r.t.Fatal(err)
	}
	return r.fails()
}

// fails waits for terraform to fail.
func (r *running) fails() string {
	r.t.Helper()
	select {
	case err := <-r.ended:
		if err == nil {
			r.t.Errorf("terraform %s succeeded:\n%s", r.name, r.output.String())
		}
	case <-time.After(patience):
		r.kill()
		r.t.Fatalf("terraform %s does not return:\n%s", r.name, r.output.String())
	}
	return r.output.String()
}

// kill ends a command after a test gave up on it.
func (r *running) kill() {
	_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) // the process may have ended
	if err := <-r.ended; err == nil {
		r.t.Logf("terraform %s had just ended", r.name)
	}
}

// count returns the number of requests of an operation with a status.
func (w *watched) count(system, operation string, status int) int {
	n := 0
	for _, e := range w.Journal.Entries() {
		if e.System == system && e.Operation == operation && e.Status == status {
			n++
		}
	}
	return n
}

// hours is longer than any test, and shorter than the timeouts of its purges.
const hours = 10 * time.Hour

// TestInterruptedWaits interrupts everything that a purge can wait for. Each wait
// would take hours.
func TestInterruptedWaits(t *testing.T) {
	t.Parallel()
	w := newWatchedWorld(t)
	w.CDN.DeployTime, w.WPEngine.ObjectWindow = hours, hours
	install := w.WPEngine.Install("acmeprod").ID
	config := func(edition string) string {
		return fmt.Sprintf(`
locals {
  forever = { create = "11h", update = "11h" }
}
resource "purge_mstr_cache" "waiting" {
  project_id = %[2]q
  cache_type = "object"
  triggers   = { release = %[1]q }
  timeouts   = local.forever
}
resource "purge_wpengine_cache" "waiting" {
  install_id = %[3]q
  cache_type = "object"
  triggers   = { release = %[1]q }
  timeouts   = local.forever
}
resource "purge_cdn_asset" "busy" {
  service_id = %[4]q
  url        = "/busy.css"
  triggers   = { release = %[1]q }
  timeouts   = local.forever
}
resource "purge_cdn_asset" "deploying" {
  service_id = %[5]q
  url        = "/deploying/*"
  hard       = false
  triggers   = { release = %[1]q }
  timeouts   = local.forever

  wait_until_deployed = %[6]t
}
`, edition, projectHex, install, cdntest.DeployedID, cdntest.OtherID, edition == "2")
	}
	tf := newTerraform(t, w.world, config("1"))
	tf.mustRun(t, "apply", "-auto-approve")
	w.openSessions(t, "the first apply", 1)
	w.CDN.SetStatus(cdntest.OtherID, cdntest.StatusDeployed)

	tf.write(t, "main.tf", config("2"))
	w.MSTR.Fail("purge", 1, tooMany)
	w.CDN.SetStatus(cdntest.DeployedID, cdntest.StatusUpdateInProgress)
	apply := tf.start(t, "apply", "-auto-approve", "-no-color")
	apply.until(w, "all of them wait", func() bool {
		looked := 0
		for _, id := range []string{cdntest.DeployedID, cdntest.OtherID} {
			for _, e := range w.Journal.Select("service") {
				if e.Subject == id {
					looked++
					break
				}
			}
		}
		return w.count("mstr", "purge", 429) == 1 && w.count("wpengine", "purge", 429) == 1 && w.count("cdn", "purge", 400) == 1 && looked == 2
	})
	output := apply.interrupt()
	for _, system := range []string{"MicroStrategy", "WP Engine", "Rackspace CDN"} {
		if !containing("Interrupted before " + system + " accepted the purge").MatchString(output) {
			t.Errorf("the output does not report that the purge of %s was interrupted:\n%s", system, output)
		}
	}
	w.openSessions(t, "the interrupted apply", 1)

	// The invalidation was accepted, so the purge counts.
	want := map[string]string{
		"purge_mstr_cache.waiting": "1", "purge_wpengine_cache.waiting": "1",
		"purge_cdn_asset.busy": "1", "purge_cdn_asset.deploying": "2",
	}
	if diff := cmp.Diff(want, tf.releases(t, want)); diff != "" {
		t.Errorf("releases in the state (-want +got):\n%s", diff)
	}

	w.CDN.SetStatus(cdntest.DeployedID, cdntest.StatusDeployed)
	w.WPEngine.Fail("purge", 1, func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusAccepted) }) // its window is over
	w.Journal.Reset()
	tf.mustRun(t, "apply", "-auto-approve")
	w.compareSent(t, step{name: "the next apply", sent: []string{
		"mstr " + projectHex + "/object 204", "wpengine " + install + "/object 202",
		"cdn " + cdntest.DeployedID + " /busy.css hard=true 202",
	}})
	tf.mustRun(t, "plan", "-detailed-exitcode")
}

var tooMany = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", strconv.Itoa(int(hours/time.Second)))
	mstrtest.Error(http.StatusTooManyRequests, "ERR001", "", "too many requests")(w, r)
})

// releases returns the trigger of each resource in the state, or "none" if the
// resource is not there.
func (tf *terraform) releases(t *testing.T, addresses map[string]string) map[string]string {
	t.Helper()
	got := make(map[string]string)
	for address := range addresses {
		kind, name, _ := strings.Cut(address, ".")
		got[address] = "none"
		if triggers, ok := tf.stateOf(t, kind, name)["triggers"].(map[string]any); ok {
			got[address] = fmt.Sprint(triggers["release"])
		}
	}
	return got
}

func TestInterruptedPartwayThroughAssets(t *testing.T) {
	t.Parallel()
	w := newWatchedWorld(t)
	config := func(edition string, perMinute int) string {
		return fmt.Sprintf(`
provider "purge" {
  cdn = { requests_per_minute = %d }
}
resource "purge_cdn_asset" "it" {
  service_id      = %q
  assets          = { for i in range(5) : "/${i}.css" => %q }
  purge_on_create = false
}
`, perMinute, cdntest.DeployedID, edition)
	}
	tf := newTerraform(t, w.world, config("1", 2))
	tf.mustRun(t, "apply", "-auto-approve")
	tf.write(t, "main.tf", config("2", 2))
	apply := tf.start(t, "apply", "-auto-approve", "-no-color")
	apply.until(w, "half of them are accepted", func() bool { return w.count("cdn", "purge", 202) == 2 })
	// The third purge would be sent a minute later.
	output := apply.interrupt()
	sent := w.purges()
	if len(sent) != 2 {
		t.Errorf("sent before the interruption: %v, want 2", sent)
	}
	// The interrupt discards a response that is still in flight. A purge that it
	// accepted is sent again.
	state := tf.stateOf(t, "purge_cdn_asset", "it")
	pending, _ := state["pending"].(map[string]any)
	purged := make(map[string]any)
	for i := range 5 {
		if name := fmt.Sprintf("/%d.css", i); pending[name] == nil {
			purged[name] = true
		}
	}
	for name := range purged {
		if subject := fmt.Sprintf("%s %s hard=true", cdntest.DeployedID, name); !slices.Contains(sent, subject) {
			t.Errorf("%s is recorded as purged, and was not sent", name)
		}
	}
	came := fmt.Sprintf("%d of 5 purges %s accepted. The next apply sends the remaining %d.", len(purged), was(len(purged)), 5-len(purged))
	if len(purged) == 0 {
		came = "0 of 5 purges were accepted. The next apply sends all 5."
	}
	if !containing("Interrupted before Rackspace CDN accepted all purges", came).MatchString(output) {
		t.Errorf("the output does not contain %q:\n%s", came, output)
	}
	tf.write(t, "main.tf", config("2", 100))
	tf.mustRun(t, "apply", "-auto-approve")
	var rest []string
	for i := range 5 {
		if name := fmt.Sprintf("/%d.css", i); purged[name] == nil {
			rest = append(rest, fmt.Sprintf("cdn %s %s hard=true 202", cdntest.DeployedID, name))
		}
	}
	w.compareSent(t, step{name: "the next apply", sent: rest})
	tf.mustRun(t, "plan", "-detailed-exitcode")
}

func TestAPlanThatIsInterruptedDuringALookup(t *testing.T) {
	t.Parallel()
	w := newWatchedWorld(t)
	tf := newTerraform(t, w.world, "data \"purge_mstr_projects\" \"all\" {}\n")
	w.MSTR.Fail("projects", 1, func(_ http.ResponseWriter, r *http.Request) {
		w.change()
		<-r.Context().Done() // never responds
		panic(http.ErrAbortHandler)
	})
	plan := tf.start(t, "plan", "-no-color")
	plan.until(w, "the lookup is in flight", func() bool { return len(w.Journal.Select("projects")) == 1 })
	if output := plan.interrupt(); !containing("Interrupted before MicroStrategy responded").MatchString(output) {
		t.Errorf("the output does not report that the lookup was interrupted:\n%s", output)
	}
	w.openSessions(t, "an interrupted plan", 1)
}

// startHalfDone starts an apply of two resources of a target. It returns when the
// first purge is accepted and the second one waits for a response that never comes.
func (w *watched) startHalfDone(t *testing.T, target *target) (tf *terraform, apply *running, sent []string) {
	t.Helper()
	w.holdAfter = 1
	f := w.fixture(t, target)
	things, sent := f.many(2)
	tf = newTerraform(t, w.world, fmt.Sprintf("resource %[1]q \"first\" {\n%[2]s}\nresource %[1]q \"second\" {\n%[3]s  depends_on = [%[1]s.first]\n}\n",
		f.kind(), things[0].with(release("1")), things[1].with(release("1"))))
	apply = tf.start(t, "apply", "-auto-approve", "-no-color")
	apply.until(w, "the second purge is on its way", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.held
	})
	return tf, apply, sent
}

// TestTheProcessGroupIsTerminated does what a canceled CI job or timeout(1) does.
func TestTheProcessGroupIsTerminated(t *testing.T) {
	t.Parallel()
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			t.Parallel()
			w := newWatchedWorld(t)
			tf, apply, sent := w.startHalfDone(t, target)
			output := apply.signal(syscall.SIGTERM)
			if !containing("Interrupted before " + target.title + " accepted the purge").MatchString(output) {
				t.Errorf("the output does not report that the purge was interrupted:\n%s", output)
			}
			if open := w.MSTR.OpenSessions(); open != 0 {
				t.Errorf("%d sessions are open, want none", open)
			}
			w.compareSent(t, step{name: "the terminated apply", sent: sent[:1]})

			tf.mustRun(t, "apply", "-auto-approve")
			w.compareSent(t, step{name: "the next apply", sent: sent[1:]})
			tf.mustRun(t, "plan", "-detailed-exitcode")
		})
	}
}

// TestATerminatedOrphanEnds kills terraform after SIGTERM, as CI systems do with
// jobs that take too long to end.
func TestATerminatedOrphanEnds(t *testing.T) {
	t.Parallel()
	needProc(t)
	w := newWatchedWorld(t)
	_, apply, _ := w.startHalfDone(t, mstrCache)
	providers := apply.providers()
	for _, pid := range providers {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	if err := apply.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	apply.fails()
	deadline := time.After(patience)
	for _, pid := range providers {
		// A zombie process has no executable.
		for exe := fmt.Sprintf("/proc/%d/exe", pid); ; {
			if _, err := os.Readlink(exe); err != nil {
				break
			}
			select {
			case <-time.After(parentCheck):
			case <-deadline:
				_ = syscall.Kill(pid, syscall.SIGKILL) // the process may have ended
				t.Fatal("the provider outlives terraform and SIGTERM")
			}
		}
	}
	w.openSessions(t, "the end of an orphan", 1)
}

// TestAnInterruptedActionFails interrupts an action that a resource triggers.
// Without type server, most attempts end in "Apply complete".
func TestAnInterruptedActionFails(t *testing.T) {
	t.Parallel()
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			t.Parallel()
			w := newWatchedWorld(t)
			f := w.fixture(t, target)
			for try := range 3 {
				tf := newTerraform(t, w.world, fmt.Sprintf("resource %q \"first\" {\n%s}\n", f.kind(), f.there)+
					strings.Replace(f.asBlock("1", f.here), "  lifecycle {", "  depends_on = ["+f.kind()+".first]\n  lifecycle {", 1))
				tf.skipBelow(t, "1.14.0", "")
				w.mu.Lock()
				w.held, w.holdAfter = false, 1
				w.mu.Unlock()
				apply := tf.start(t, "apply", "-auto-approve", "-no-color")
				apply.until(w, "the action's purge is on its way", func() bool {
					w.mu.Lock()
					defer w.mu.Unlock()
					return w.held
				})
				// Terraform 1.14 and 1.15 crash if they read this message after the
				// interrupt.
				apply.shows("Sending 1 purge to " + target.title)
				output := apply.interrupt()
				if !containing("Interrupted before " + target.title + " accepted the purge").MatchString(output) {
					t.Errorf("try %d: the output does not report that the action was interrupted:\n%s", try, output)
				}
				if open := w.MSTR.OpenSessions(); open != 0 {
					t.Errorf("%d sessions are open, want none", open)
				}
				if sent := w.purges(); len(sent) != 1 {
					t.Errorf("sent %v, want the first purge only", sent)
				}
			}
		})
	}
}

// TestTheProviderIsKilled kills the provider's process when one purge is accepted
// and the next one is in flight.
func TestTheProviderIsKilled(t *testing.T) {
	t.Parallel()
	needProc(t)
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			t.Parallel()
			w := newWatchedWorld(t)
			tf, apply, sent := w.startHalfDone(t, target)
			apply.killProvider()
			if output := apply.fails(); strings.Contains(output, "Apply complete") {
				t.Errorf("the apply is complete without the provider:\n%s", output)
			}
			w.compareSent(t, step{name: "the apply whose provider was killed", sent: sent[:1]})
			w.MSTR.ExpireSessions() // the killed process could not end it

			tf.mustRun(t, "apply", "-auto-approve")
			w.compareSent(t, step{name: "the next apply", sent: sent[1:]})
			tf.mustRun(t, "plan", "-detailed-exitcode")
		})
	}
}

// killProvider kills the provider's processes.
func (r *running) killProvider() {
	r.t.Helper()
	for _, pid := range r.providers() {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			r.t.Fatal(err)
		}
	}
}

// needProc skips a test that looks up the provider's process, on a system without
// /proc.
func needProc(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/proc/self/task"); err != nil {
		t.Skip("finding the provider's process needs /proc:", err)
	}
}

// providers returns the provider's processes, which are children of terraform's
// process.
func (r *running) providers() []int {
	r.t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", r.cmd.Process.Pid))
	if err != nil {
		r.t.Fatal(err)
	}
	var pids []int
	for _, list := range lists {
		children, _ := os.ReadFile(list) // the thread may have ended
		for _, child := range strings.Fields(string(children)) {
			pid, err := strconv.Atoi(child)
			command, readErr := os.ReadFile("/proc/" + child + "/cmdline")
			if err == nil && readErr == nil && bytes.Contains(command, []byte("terraform-provider-purge")) {
				pids = append(pids, pid)
			}
		}
	}
	if len(pids) == 0 {
		r.kill()
		r.t.Fatal("terraform runs no provider")
	}
	return pids
}
