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

// closeTimeout limits the time to close open sessions. Terraform kills the process
// about two seconds after it disconnects.
const closeTimeout = 1500 * time.Millisecond

// parentCheck is the interval of the checks after SIGTERM whether the parent process
// is alive.
const parentCheck = 100 * time.Millisecond

// Serve serves the provider until Terraform disconnects, and then closes the open
// sessions. With debug, it prints how to attach Terraform to this process, for a
// debugger.
func Serve(version string, debug bool) error {
	quietFramework()
	p := New(Options{Version: version})
	closeSessions := sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			log.Printf("[WARN] a session was left open and expires on the server: %s", err)
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

// outliveTermination ignores SIGTERM while the parent process is alive. A canceled
// CI job and timeout(1) send SIGTERM to Terraform and to the provider, but Terraform
// needs a running provider to stop it properly. (A terminal sends SIGINT to both,
// and go-plugin ignores it.) If the parent is dead or dies later, nothing else stops
// the provider, and orphaned is called.
func outliveTermination(orphaned func()) {
	parent := os.Getppid()
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	go func() {
		<-terminated
		// Without a parent, nobody reads the log, and a write would end the process.
		signal.Ignore(syscall.SIGPIPE)
		for os.Getppid() == parent {
			<-time.After(parentCheck)
		}
		orphaned()
	}()
}

// quietFramework turns off the framework's trace messages. The framework prepares
// one for each element of a collection even if logging is off, and the cost grows
// with the square of the number of assets.
func quietFramework() {
	const level = "TF_LOG_SDK_FRAMEWORK"
	if _, set := os.LookupEnv(level); !set {
		_ = os.Setenv(level, "WARN") // cannot fail for this name
	}
}
