// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var uuid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// The messages of these checks do not contain the value, because it can be
// sensitive, and Terraform does not redact messages during planning.

// checkUUID reports a value that is not a UUID. The hint describes where to find
// the UUID. It can be empty.
func checkUUID(diags *diag.Diagnostics, name string, value types.String, hint string) {
	if known(value) && !uuid.MatchString(value.ValueString()) {
		diags.AddAttributeError(path.Root(name), "Invalid "+name, strings.TrimSpace(fmt.Sprintf(
			"%s must be a UUID such as 0a1b2c3d-1111-2222-3333-444455556666. %s", name, hint)))
	}
}

func checkOneOf(diags *diag.Diagnostics, name string, value types.String, allowed []string) {
	if known(value) && !slices.Contains(allowed, value.ValueString()) {
		diags.AddAttributeError(path.Root(name), "Invalid "+name, fmt.Sprintf(
			"%s must be one of %s.", name, enumerate(allowed, "or")))
	}
}
