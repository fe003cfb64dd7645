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

// stopPatience is how long StopProvider waits for the actions that it interrupts.
const stopPatience = time.Second

// protocolServer is all of Terraform's protocol that the provider serves.
type protocolServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ActionServer
}

// server is the provider as Terraform talks to it. It is the framework's server,
// except that StopProvider waits until the interrupted actions have reported their
// errors. terraform-plugin-go ends their streams when StopProvider returns, and
// Terraform takes a stream without a result for success.
type server struct {
	protocolServer

	mu       sync.Mutex
	stopping bool
	running  int           // actions
	idle     chan struct{} // closed when the last of them ends
}

// newServer serves a provider.
func newServer(p provider.Provider) protocolServer {
	//nolint:forcetypeassert // The framework serves actions. Only the type of its result does not contain them yet.
	return &server{protocolServer: providerserver.NewProtocol6(p)().(protocolServer)}
}

// InvokeAction implements tfprotov6.ActionServer.
func (s *server) InvokeAction(ctx context.Context, req *tfprotov6.InvokeActionRequest) (*tfprotov6.InvokeActionServerStream, error) {
	// With the lock, an action is either canceled by StopProvider or sees that it
	// is stopping.
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
		case <-time.After(stopPatience):
		}
	}
	s.mu.Lock()
	s.stopping = false
	s.mu.Unlock()
	return resp, err
}
