// SPDX-License-Identifier: MPL-2.0

// Command terraform-provider-purge is a Terraform provider that purges caches
// during an apply. Terraform starts it.
package main

import (
	"flag"
	"log"

	"github.com/cachepurge/terraform-provider-purge/internal/provider"
)

// version is set by the release build.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "serve in the foreground for a debugger")
	flag.Parse()
	if err := provider.Serve(version, *debug); err != nil {
		log.Fatal(err)
	}
}
