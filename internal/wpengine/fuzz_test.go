// SPDX-License-Identifier: MPL-2.0

package wpengine_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/cachepurge/terraform-provider-purge/internal/transport"
	"github.com/cachepurge/terraform-provider-purge/internal/transport/clienttest"
	"github.com/cachepurge/terraform-provider-purge/internal/wpengine"
)

func FuzzErrorBody(f *testing.F) {
	clienttest.Responses{
		Bodies: []string{
			`{"message":"Invalid Request","documentation_url":"https://a","errors":[{"resource":"Install","field":"type","code":"invalid","message":"b\nc"}]}`,
			`{"errors":[{"field":{"a":1},"code":7,"message":null}]}`, `{"errors":["a"]}`, `{"errors":{}}`, `{"errors":[null]}`,
			`{"message":"Missing Authentication Token"}`, `{"message":"one request every 60 seconds"}`, `{"message":"every 0 seconds"}`,
		},
		Statuses: []int{200, 202, 400, 401, 403, 404, 429, 500, 503},
		Send: func(ctx context.Context, opts transport.Options) error {
			client := wpengine.New(wpengine.Config{BaseURL: "http://localhost/v1", Username: "u", Password: "p4ssw0rd", Transport: opts})
			defer func() { _ = client.Close(ctx) }()
			return client.Purge(ctx, "0a1b2c3d-1111-2222-3333-444455556666", "page")
		},
		Accepted: []int{http.StatusAccepted, http.StatusOK},
	}.Fuzz(f)
}
