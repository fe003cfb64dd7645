// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// rpc serves p with the gRPC server of terraform-plugin-go, to which Terraform
// connects.
func (p *protocol) rpc() *grpc.ClientConn {
	p.t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer()
	plugin := &tf6server.GRPCProviderPlugin{
		GRPCProvider: func() tfprotov6.ProviderServer { return p }, Name: Address,
		Opts: []tf6server.ServeOpt{tf6server.WithLoggingSink(p.t)},
	}
	p.must(plugin.GRPCServer(nil, server))
	go func() { _ = server.Serve(listener) }() // Stop ends it
	conn, err := grpc.NewClient("passthrough:provider", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return listener.Dial() }))
	p.must(err)
	p.t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
	})
	return conn
}

// message returns a message with one field. The types of Terraform's protocol are
// internal to terraform-plugin-go, so the test encodes them itself.
func message(number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
}

// inField returns the values of a field of a message.
func inField(t *testing.T, data []byte, number protowire.Number) [][]byte {
	t.Helper()
	var values [][]byte
	for len(data) > 0 {
		at, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		m := protowire.ConsumeFieldValue(at, kind, data[n:])
		if m < 0 {
			t.Fatal(protowire.ParseError(m))
		}
		if at == number {
			value, _ := protowire.ConsumeBytes(data[n:])
			values = append(values, value)
		}
		data = data[n+m:]
	}
	return values
}

// invokeOver invokes an action over gRPC.
func (p *protocol) invokeOver(conn *grpc.ClientConn, name string, config object) grpc.ClientStream {
	p.t.Helper()
	stream, err := conn.NewStream(p.t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/tfplugin6.Provider/InvokeAction")
	p.must(err)
	packed := p.pack(p.actionKind(name), config)
	request := &emptypb.Empty{}
	request.ProtoReflect().SetUnknown(append(message(1, []byte(name)), message(2, message(1, packed.MsgPack))...))
	p.must(stream.SendMsg(request))
	p.must(stream.CloseSend())
	return stream
}

// results reads a stream to its end. It returns the summaries of the errors in its
// result, and the number of results.
func (p *protocol) results(stream grpc.ClientStream) (summaries []string, completed int) {
	p.t.Helper()
	for {
		event := &emptypb.Empty{}
		err := stream.RecvMsg(event)
		if errors.Is(err, io.EOF) {
			return summaries, completed
		}
		p.must(err)
		for _, result := range inField(p.t, event.ProtoReflect().GetUnknown(), 2) {
			completed++
			for _, diagnostic := range inField(p.t, result, 1) {
				for _, summary := range inField(p.t, diagnostic, 2) {
					summaries = append(summaries, string(summary))
				}
			}
		}
	}
}

// TestStopProviderKeepsTheErrorsOfActions interrupts actions as Terraform does.
// terraform-plugin-go closes the streams at the same time, so the test tries it
// several times.
func TestStopProviderKeepsTheErrorsOfActions(t *testing.T) {
	t.Parallel()
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *world, network *wiretest.Network) {
				network.Set(wiretest.Hang)
				f := w.fixture(t, target)
				p := w.speak(t)
				conn := p.rpc()
				const tries = 20
				kept := 0
				for range tries {
					first := p.invokeOver(conn, f.kind(), f.asAction(t, f.here))
					second := p.invokeOver(conn, f.kind(), f.asAction(t, f.there))
					synctest.Wait() // both actions now wait for a connection
					began := time.Now()
					p.must(conn.Invoke(t.Context(), "/tfplugin6.Provider/StopProvider", &emptypb.Empty{}, &emptypb.Empty{}))
					if took := time.Since(began); took != 0 {
						t.Errorf("stopping took %s", took)
					}
					for _, stream := range []grpc.ClientStream{first, second} {
						got, completed := p.results(stream)
						if completed == 1 && len(got) == 1 && got[0] == "Interrupted before "+target.title+" accepted the purge" {
							kept++
						}
					}
				}
				if kept != 2*tries {
					t.Errorf("%d of %d interrupted actions report it", kept, 2*tries)
				}
				network.Set(nil)
			})
		})
	}
}

// stubborn is a provider whose actions end only when the test releases them.
type stubborn struct {
	protocolServer
	letGo    chan struct{}
	canceled []bool // whether the context of each action was canceled when it began
}

func (s *stubborn) InvokeAction(ctx context.Context, _ *tfprotov6.InvokeActionRequest) (*tfprotov6.InvokeActionServerStream, error) {
	s.canceled = append(s.canceled, ctx.Err() != nil)
	return &tfprotov6.InvokeActionServerStream{Events: func(func(tfprotov6.InvokeActionEvent) bool) { <-s.letGo }}, nil
}

func (s *stubborn) StopProvider(context.Context, *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

func TestStopProviderWaitsForActions(t *testing.T) {
	t.Parallel()
	for sentence, test := range map[string]struct {
		actions int
		letGo   time.Duration
		late    time.Duration // when another action is invoked
		want    time.Duration
	}{
		"no action runs":                {letGo: time.Hour, want: 0},
		"one ends soon":                 {actions: 1, letGo: 300 * time.Millisecond, want: 300 * time.Millisecond},
		"many end together":             {actions: 50, letGo: 300 * time.Millisecond, want: 300 * time.Millisecond},
		"one does not end":              {actions: 1, letGo: time.Hour, want: stopTimeout},
		"one begins in the meantime":    {actions: 1, letGo: 300 * time.Millisecond, late: 100 * time.Millisecond, want: 300 * time.Millisecond},
		"one begins when it is stopped": {letGo: time.Hour, late: time.Minute, want: 0},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				actions := &stubborn{letGo: make(chan struct{})}
				s := &server{protocolServer: actions}
				invoke := func() {
					stream, err := s.InvokeAction(t.Context(), &tfprotov6.InvokeActionRequest{})
					if err != nil {
						t.Error(err)
						return
					}
					stream.Events(nil)
				}
				for range test.actions {
					go invoke()
				}
				synctest.Wait()
				if test.late > 0 {
					time.AfterFunc(test.late, invoke)
				}
				time.AfterFunc(test.letGo, func() { close(actions.letGo) })
				began := time.Now()
				if _, err := s.StopProvider(t.Context(), &tfprotov6.StopProviderRequest{}); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took != test.want {
					t.Errorf("took %s, want %s", took, test.want)
				}
				<-time.After(2 * time.Hour)
				s.mu.Lock()
				defer s.mu.Unlock()
				if s.running != 0 {
					t.Errorf("%d actions are counted at the end", s.running)
				}
				if n := len(actions.canceled); test.late > 0 && actions.canceled[n-1] != (test.late < test.want) {
					t.Errorf("the late action begins canceled: %t", actions.canceled[n-1])
				}
			})
		})
	}
}
