// SPDX-License-Identifier: MPL-2.0

package cdn_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/cdn"
	"github.com/cachepurge/terraform-provider-purge/internal/cdn/cdntest"
	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
)

// responses fuzzes the response to the first request of a purge: the purge itself
// if there is a token, otherwise the login.
func responses(config cdn.Config) clienttest.Responses {
	return clienttest.Responses{
		Bodies: []string{
			`{"message":"Service x is not deployed."}`, `{"message":{"a":["b\n"]}}`, `{"message":null}`,
			`{"overLimit":{"code":413,"message":"OverLimit Retry..."}}`, `{"unauthorized":{"message":"Additional authentication credentials required"}}`,
			`{"a":{"message":1},"b":{"message":"x"}}`,
		},
		Statuses: []int{200, 202, 400, 401, 403, 404, 405, 500, 503},
		Send: func(ctx context.Context, opts transport.Options) error {
			config.Transport = opts
			client := cdn.New(config)
			defer func() { _ = client.Close(ctx) }()
			return client.Purge(ctx, cdntest.DeployedID, "/a")
		},
	}
}

func FuzzLoginBody(f *testing.F) {
	responses(cdn.Config{IdentityURL: "http://localhost/v2.0", Username: "u", APIKey: "4p1-k3y"}).Fuzz(f)
}

func FuzzErrorBody(f *testing.F) {
	r := responses(cdn.Config{AuthToken: "t0k3n", ProjectID: "1", Endpoint: "http://localhost/v1.0"})
	r.Accepted = []int{http.StatusAccepted}
	r.Fuzz(f)
}
