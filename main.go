// Command terraform-provider-purge is a Terraform provider that purges caches
// as part of an apply. Terraform starts it; it is not run by hand.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	purge "github.com/cachepurge/terraform-provider-purge/internal/provider"
)

// version is set by the release build.
var version = "dev"

// goodbye is how long open sessions may take to be closed. Terraform kills the
// process about two seconds after it has let go of it.
const goodbye = 1500 * time.Millisecond

func main() {
	debug := flag.Bool("debug", false, "serve in the foreground for a debugger")
	flag.Parse()

	quietFramework()
	p := purge.New(purge.Options{Version: version})
	err := providerserver.Serve(context.Background(), func() provider.Provider { return p },
		providerserver.ServeOpts{Address: purge.Address, Debug: *debug})

	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		log.Printf("[WARN] a session was left open, it ends by itself at the server: %s", err)
	}
	if err != nil {
		log.Fatal(err) //nolint:gocritic // nothing is left to be cancelled
	}
}

// quietFramework turns off the framework's trace line for each element of each
// collection, which it prepares even when nobody logs: its cost grows with the
// square of the number of assets.
func quietFramework() {
	const level = "TF_LOG_SDK_FRAMEWORK"
	if _, set := os.LookupEnv(level); !set {
		_ = os.Setenv(level, "WARN") // can't fail for this name
	}
}
