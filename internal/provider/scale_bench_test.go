// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// BenchmarkPlanCreateAssets measures the provider's part of planning a large map,
// without Terraform.
func BenchmarkPlanCreateAssets(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			ctx := context.Background()
			server := providerserver.NewProtocol6(New(Options{Getenv: func(string) string { return "" }}))()
			schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
			if err != nil {
				b.Fatal(err)
			}
			kind := schemas.ResourceSchemas["purge_cdn_asset"].ValueType()
			object, ok := kind.(tftypes.Object)
			if !ok {
				b.Fatal("the schema is not an object")
			}
			config := assetsValue(object, n)
			dynamic, err := tfprotov6.NewDynamicValue(kind, config)
			if err != nil {
				b.Fatal(err)
			}
			none, _ := tfprotov6.NewDynamicValue(kind, tftypes.NewValue(kind, nil))
			for b.Loop() {
				resp, err := server.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
					TypeName: "purge_cdn_asset", PriorState: &none, ProposedNewState: &dynamic, Config: &dynamic,
				})
				if err != nil || len(resp.Diagnostics) > 0 {
					b.Fatal(err, resp.Diagnostics)
				}
			}
		})
	}
}

// assetsValue returns the configuration of a resource with n assets that only
// records.
func assetsValue(kind tftypes.Object, n int) tftypes.Value {
	values := make(map[string]tftypes.Value)
	for name, t := range kind.AttributeTypes {
		values[name] = tftypes.NewValue(t, nil)
	}
	assets := make(map[string]tftypes.Value, n)
	for i := range n {
		assets[fmt.Sprintf("/assets/file-%06d.html", i)] = tftypes.NewValue(tftypes.String, strconv.Itoa(i))
	}
	values["service_id"] = tftypes.NewValue(tftypes.String, "96737ae3-cfc1-4c72-be88-5d0e7cc9a3f0")
	values["assets"] = tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, assets)
	values["purge_on_create"] = tftypes.NewValue(tftypes.Bool, false)
	return tftypes.NewValue(kind, values)
}
