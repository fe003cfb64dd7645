// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
)

// Every play also fails if a system has a second login. See compareSent.

// instances declares n resources of every target with a meta-argument. The
// expression each is the index of an instance.
func (w *world) instances(t *testing.T, n int, meta arguments, each string) (config string, sent []string) {
	t.Helper()
	var b strings.Builder
	for _, target := range targets {
		f := w.fixture(t, target)
		things, journal := f.many(n)
		sent = append(sent, journal...)
		links := meta.with()
		fmt.Fprintf(&b, "locals {\n  %s = [\n", target.name)
		for _, thing := range things {
			b.WriteString(thing.object() + ",\n")
			for name := range thing {
				links[name] = "local." + target.name + "[" + each + "]." + name
			}
		}
		b.WriteString("]\n}\n" + f.config(links))
	}
	return b.String(), sent
}

// severalInstances is more than terraform applies in parallel.
const severalInstances = 12

func TestInstancesUnderCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, sent := w.instances(t, severalInstances, arguments{"count": strconv.Itoa(severalInstances)}, "count.index")
	w.play(t, step{name: "all are purged", config: config, sent: sent})
}

// plugin-testing does not support for_each.
func TestInstancesUnderForEach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := fmt.Sprintf("toset([for i in range(%d) : tostring(i)])", severalInstances)
	config, sent := w.instances(t, severalInstances, arguments{"for_each": keys}, "tonumber(each.key)")
	tf := newTerraform(t, w, config)
	tf.mustRun(t, "apply", "-auto-approve")
	w.compareSent(t, step{name: "all are purged", sent: sent})
	tf.mustRun(t, "plan", "-detailed-exitcode")
	w.compareSent(t, step{name: "a plan without changes"})
}

func TestSoftAndHardPurgesOfOneServiceDoNotOverlap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.CDN.DeployTime = 20 * time.Millisecond
	w.CDN.PurgesPerMinute = 20 // a DELETE counts even if the state of the service rejects it, and would exhaust the limit
	config := fmt.Sprintf(`
resource "purge_cdn_asset" "soft" {
  count      = 10
  service_id = %[1]q
  url        = "/soft/${count.index}/*"
  hard       = false
  timeouts   = { create = "5s" } # waiting for the others does not count
}
resource "purge_cdn_asset" "hard" {
  count      = 10
  service_id = %[1]q
  url        = "/hard/${count.index}.css"
}
`, cdntest.DeployedID)
	newTerraform(t, w, config).mustRun(t, "apply", "-auto-approve")
	soft, hard := 0, 0
	for _, p := range w.CDN.Purges() {
		if p.Hard {
			hard++
		} else {
			soft++
		}
	}
	if got := len(w.Journal.Select("purge")); got != soft+hard {
		t.Errorf("%d of %d purges were rejected", got-soft-hard, got)
	}
	// Terraform does not start all resources at the same time, so some can be sent
	// before the others wait.
	if hard != 10 || soft < 1 || soft > 9 {
		t.Errorf("%d hard and %d soft purges were sent, want 10 and fewer than 10", hard, soft)
	}
	for i := range 10 {
		if path := fmt.Sprintf("/soft/%d/a", i); !w.CDN.Refreshes(cdntest.DeployedID, path) {
			t.Errorf("the edge keeps %s", path)
		}
	}
}
