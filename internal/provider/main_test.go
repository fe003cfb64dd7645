// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"os"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// TestMain is the provider's process if Terraform starts this test binary as the
// provider. See process_test.go. Otherwise, it runs the tests.
func TestMain(m *testing.M) {
	if os.Getenv("TF_PLUGIN_MAGIC_COOKIE") != "" {
		if err := Serve("test", false); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// If the file does not exist, terraform prints a warning and OpenTofu fails.
	_ = os.Unsetenv("TF_CLI_CONFIG_FILE")
	_ = os.Setenv("CHECKPOINT_DISABLE", "1") // no network
	if b, err := found(); err == nil && b.Tofu {
		_ = os.Setenv(resource.EnvTfAccProviderHost, "registry.opentofu.org")
	}
	code := m.Run()
	if installed.dir != "" {
		_ = os.RemoveAll(installed.dir)
	}
	os.Exit(code)
}
