// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// framing are headers that the provider or net/http sets, and those that are
// about the connection and not about the request.
var framing = []string{
	"Accept", "Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host", "Keep-Alive",
	"Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent",
}

// Headers checks headers that go with each request in addition to those of the
// API. Own are the headers of the API's credentials, which must not be among
// them. Headers without a value are left out. The error is in words that follow
// the name of a setting and quotes nothing that may be secret.
func Headers(values map[string]string, own []string) (http.Header, error) {
	headers := make(http.Header, len(values))
	for _, given := range slices.Sorted(maps.Keys(values)) { // in order, so that the same fault is reported each time
		name, value := http.CanonicalHeaderKey(strings.TrimSpace(given)), strings.TrimSpace(values[given])
		switch {
		case value == "":
			continue
		case !httpguts.ValidHeaderFieldName(name):
			return nil, errors.New("contains an invalid HTTP header name")
		case slices.Contains(own, name):
			return nil, fmt.Errorf("must not contain %s, which carries the credentials of this system", name)
		case slices.Contains(framing, name):
			return nil, fmt.Errorf("must not contain %s, which the provider sets", name)
		case strings.ContainsFunc(value, isControl):
			return nil, errors.New("contains a value with a line break or another control character")
		case headers[name] != nil:
			return nil, errors.New("contains a header twice, in different spellings")
		}
		headers[name] = []string{value}
	}
	return headers, nil
}

// secretsOf returns the values of headers, and what is in those that carry
// credentials: "Bearer <token>", "Basic <base64 of user:password>".
func secretsOf(headers http.Header) []string {
	var all []string
	for _, values := range headers {
		for _, value := range values {
			all = append(all, value)
			scheme, behind, _ := strings.Cut(value, " ")
			all = append(all, behind)
			if pair, err := base64.StdEncoding.DecodeString(behind); err == nil && strings.EqualFold(scheme, "Basic") {
				_, password, _ := strings.Cut(string(pair), ":")
				all = append(all, string(pair), password)
			}
		}
	}
	return all
}
