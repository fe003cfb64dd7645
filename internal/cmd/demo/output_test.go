// SPDX-License-Identifier: MPL-2.0

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEssentials(t *testing.T) {
	t.Parallel()
	const output = `
Terraform will perform the following actions:

  # purge_cdn_asset.page["/index.html"] will be updated in-place
  ~ resource "purge_cdn_asset" "page" {
      ~ last_purged_at = "2024-03-01T12:00:00Z" -> (known after apply)
      ~ summary        = "2 created; 2 purges" -> "since 2024-03-01T12:00:00Z: 1 changed; 1 purge"
    }

Plan: 0 to add, 1 to change, 0 to destroy.
purge_cdn_asset.page["/index.html"]: Modifying... [id=s/index.html]
purge_cdn_asset.page["/index.html"]: Modifications complete after 0s [id=s/index.html]

Warning: Purge accepted, deployment not confirmed
`
	const want = `# purge_cdn_asset.page["/index.html"] will be updated in-place
  ~ summary        = "2 created; 2 purges" -> "since 2024-03-01T12:00:00Z: 1 changed; 1 purge"
Plan: 0 to add, 1 to change, 0 to destroy.
purge_cdn_asset.page["/index.html"]: Modifications complete after 0s [id=s/index.html]
Warning: Purge accepted, deployment not confirmed
`
	if diff := cmp.Diff(want, essentials(output)); diff != "" {
		t.Errorf("essentials (-want +got):\n%s", diff)
	}
}
