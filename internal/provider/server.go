// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// stopTimeout limits the time that StopProvider waits for interrupted actions.
const stopTimeout = time.Second

// protocolServer contains the parts of Terraform's protocol that the provider serves.
type protocolServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ActionServer
}

// server is the framework's server, except that StopProvider waits until the
// interrupted actions have reported their errors. terraform-plugin-go ends their
// streams when StopProvider returns, and Terraform treats a stream without a result
// as success.
type server struct {
	protocolServer

	mu       sync.Mutex
	stopping bool
	running  int           // number of running actions
	idle     chan struct{} // closed when the last action ends
}

// newServer returns the server of a provider.
func newServer(p provider.Provider) protocolServer {
	//nolint:forcetypeassert // The framework serves actions, but the type of its result does not include them yet.
	return &server{protocolServer: providerserver.NewProtocol6(p)().(protocolServer)}
}

// InvokeAction implements tfprotov6.ActionServer.
func (s *server) InvokeAction(ctx context.Context, req *tfprotov6.InvokeActionRequest) (*tfprotov6.InvokeActionServerStream, error) {
	// The lock ensures that StopProvider either cancels an action or has set stopping
	// before the action starts.
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		ctx = canceled
	}
	stream, err := s.protocolServer.InvokeAction(ctx, req)
	if err != nil {
		return nil, err
	}
	if s.running == 0 {
		s.idle = make(chan struct{})
	}
	s.running++
	events := stream.Events
	stream.Events = func(push func(tfprotov6.InvokeActionEvent) bool) {
		defer s.ended()
		events(push)
	}
	return stream, nil
}

func (s *server) ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	if s.running == 0 {
		close(s.idle)
	}
}

// StopProvider implements tfprotov6.ProviderServer.
func (s *server) StopProvider(ctx context.Context, req *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	s.mu.Lock()
	resp, err := s.protocolServer.StopProvider(ctx, req)
	running, idle := s.running, s.idle
	s.stopping = true
	s.mu.Unlock()
	if running > 0 {
		select {
		case <-idle:
		case <-ctx.Done():
		case <-time.After(stopTimeout):
		}
	}
	s.mu.Lock()
	s.stopping = false
	s.mu.Unlock()
	return resp, err
}
