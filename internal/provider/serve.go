// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

// goodbye is how long the provider may take to close open sessions. Terraform
// kills the process about two seconds after it has let go of it.
const goodbye = 1500 * time.Millisecond

// parentCheck is how often the provider checks, after SIGTERM, whether its parent
// lives.
const parentCheck = 100 * time.Millisecond

// Serve is what the process of the provider does: it serves until Terraform
// lets go of it, then it closes the sessions that are still open. With debug it
// stays in the foreground for a debugger.
func Serve(version string, debug bool) error {
	quietFramework()
	p := New(Options{Version: version})
	closeSessions := sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), goodbye)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			log.Printf("[WARN] a session was left open, it ends by itself at the server: %s", err)
		}
	})
	if !debug {
		outliveTermination(func() {
			closeSessions()
			os.Exit(1)
		})
	}
	var opts []tf6server.ServeOpt
	if debug {
		opts = append(opts, tf6server.WithManagedDebug())
	}
	err := tf6server.Serve(Address, func() tfprotov6.ProviderServer { return newServer(p) }, opts...)
	closeSessions()
	return err
}

// outliveTermination ignores SIGTERM while the parent of the process lives. A
// canceled CI job and timeout(1) send SIGTERM to Terraform and to the provider.
// Terraform stops the provider itself, and needs it for that. (SIGINT, which a
// terminal sends to both, is ignored by go-plugin.) If the parent is dead or dies
// later, nobody is left to stop the provider, and orphaned is called.
func outliveTermination(orphaned func()) {
	parent := os.Getppid()
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	go func() {
		<-terminated
		// Nobody reads what an orphan logs, which would be the end of it.
		signal.Ignore(syscall.SIGPIPE)
		for os.Getppid() == parent {
			<-time.After(parentCheck)
		}
		orphaned()
	}()
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
