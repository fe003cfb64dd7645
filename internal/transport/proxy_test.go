package transport

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

const childVariable = "PURGE_TEST_PROXY_WANT"

// TestProxy runs itself: net/http reads the environment once per process.
func TestProxy(t *testing.T) {
	t.Parallel()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxyChild$", "-test.v")
	child.Env = append(os.Environ(), "HTTP_PROXY=http://user:hunter22@proxy.example:3128", "NO_PROXY=", "no_proxy=", childVariable+"=proxy.example:3128")
	out, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestProxyChild") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestProxyChild(t *testing.T) { //nolint:paralleltest // alone in its process
	want := os.Getenv(childVariable)
	if want == "" {
		t.Skip("run by TestProxy")
	}
	network := wiretest.Listen()
	network.Set(wiretest.Refuse)
	c := New("Upstream", Options{MaxRetries: -1, Dial: network.Dial})
	defer c.Close()
	req := purge()
	req.Base = "http://upstream.example"
	_, err := c.Do(t.Context(), req)
	same(t, "dialed", want, strings.Join(network.Dialed(), " "))
	if strings.Contains(strings.Join(everyText(err), " "), "hunter") {
		t.Errorf("%q holds the proxy's password", err)
	}
}
