package provider

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
)

// goodbye is how long open sessions may take to be closed. Terraform kills the
// process about two seconds after it has let go of it.
const goodbye = 1500 * time.Millisecond

// Serve is what the process of the provider does: it serves until Terraform
// lets go of it, then it closes the sessions that are still open. With debug it
// stays in the foreground for a debugger.
func Serve(version string, debug bool) error {
	quietFramework()
	p := New(Options{Version: version})
	err := providerserver.Serve(context.Background(), func() provider.Provider { return p },
		providerserver.ServeOpts{Address: Address, Debug: debug})

	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		log.Printf("[WARN] a session was left open, it ends by itself at the server: %s", err)
	}
	return err
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
