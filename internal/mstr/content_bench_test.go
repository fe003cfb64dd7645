// SPDX-License-Identifier: MPL-2.0

package mstr_test

import (
	"fmt"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/mstr"
	"github.com/cachepurge/terraform-provider-purge/internal/mstr/mstrtest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/wiretest"
)

// BenchmarkPurgeContent purges 10,000 caches on four nodes, either all of them or
// the tenth that uses one table, over a network in memory. The time includes the
// fake.
func BenchmarkPurgeContent(b *testing.B) {
	for name, filter := range map[string]mstr.ContentFilter{
		"all":       {},
		"one table": {WarehouseTables: []string{"F_3"}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				f := tenThousandCaches()
				network := wiretest.Listen()
				network.Serve(f)
				client := mstr.New(mstr.Config{
					BaseURL: "http://localhost" + f.ContextPath, Username: f.Username, Password: f.Password, Transport: transport.Options{Dial: network.Dial},
				})
				b.StartTimer()
				done, err := client.PurgeContent(b.Context(), tutorial, filter)
				b.StopTimer()
				if err != nil {
					b.Fatal(err)
				}
				if err := client.Close(b.Context()); err != nil {
					b.Error(err)
				}
				network.Close()
				b.ReportMetric(float64(done.Invalidated), "invalidated")
				b.ReportMetric(float64(len(f.Journal.Select("contents"))), "lists")
				b.ReportMetric(float64(len(f.ContentBatches())), "invalidations")
				b.ReportMetric(float64(len(f.Journal.Entries())), "requests")
				b.StartTimer()
			}
		})
	}
}

func tenThousandCaches() *mstrtest.Server {
	f := mstrtest.New()
	f.Nodes = nil
	for n := range 4 {
		f.Nodes = append(f.Nodes, mstrtest.Node{Name: fmt.Sprintf("iserver-%d", n+1), Status: "running"})
	}
	for n := range 10_000 {
		f.AddContentCache(result(f.Nodes[n%4].Name, n, fmt.Sprintf("F_%d", n/4%10), "D_STORE"))
	}
	return f
}
