// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

// starts is the number of starts in one run.
const starts = 10

// process compares the start of the process and the size of the binary.
func (b *bench) process(ctx context.Context, out io.Writer, o options) error {
	const title = "the process"
	if !o.wants(title) {
		return nil
	}
	header(out, "The process", title, "terraform-provider-purge", "a bare provider", "ratio")
	var ours, theirs []float64
	for range o.runs {
		for _, provider := range []struct {
			binary string
			took   *[]float64
		}{{b.ours, &ours}, {b.bare, &theirs}} {
			began := time.Now()
			for range starts {
				if err := start(ctx, provider.binary); err != nil {
					return fmt.Errorf("%s: %w", provider.binary, err)
				}
			}
			*provider.took = append(*provider.took, time.Since(began).Seconds()/starts)
		}
	}
	line(out, "start until the schema is served", milli(ours), milli(theirs), ratio(ours, theirs))
	size, err := os.Stat(b.ours)
	if err != nil {
		return err
	}
	bare, err := os.Stat(b.bare)
	if err != nil {
		return err
	}
	const mb = 1 << 20
	line(out, "size of the binary", fmt.Sprintf("%.1f MB", float64(size.Size())/mb), fmt.Sprintf("%.1f MB", float64(bare.Size())/mb),
		fmt.Sprintf("%.2f", float64(size.Size())/float64(bare.Size())))
	return nil
}

func milli(seconds []float64) string { return fmt.Sprintf("%.0f ms", 1e3*median(seconds)) }

// start starts a provider as terraform does, gets its schema, and stops it.
func start(ctx context.Context, binary string) (err error) {
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append(os.Environ(),
		"TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2", "PLUGIN_PROTOCOL_VERSIONS=6")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // the error is that it was killed
	}()
	// The handshake: core protocol, version, network, address, kind, certificate.
	handshake, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return err
	}
	fields := strings.Split(handshake, "|")
	if len(fields) < 4 || fields[2] != "unix" {
		return fmt.Errorf("the handshake is %q", handshake)
	}
	conn, err := grpc.NewClient("unix:"+fields[3], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// Empty messages discard the fields of the schema.
	return conn.Invoke(ctx, "/tfplugin6.Provider/GetProviderSchema", &emptypb.Empty{}, &emptypb.Empty{})
}
