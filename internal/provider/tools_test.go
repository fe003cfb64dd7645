package provider

import (
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/hashicorp/hc-install"
	_ "github.com/hashicorp/terraform-exec/tfexec"
	_ "github.com/hashicorp/terraform-json"
	_ "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	_ "pgregory.net/rapid"
)
