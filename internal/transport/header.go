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

// framing lists headers that the provider or net/http sets, or that describe
// the connection instead of the request.
var framing = []string{
	"Accept", "Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host", "Keep-Alive",
	"Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent",
}

// Headers checks headers to send with each request in addition to those of the
// API. own lists the credential headers of the API, which values must not
// contain. Headers without a value are omitted. The error completes a sentence
// that begins with the name of a setting. It contains no value.
func Headers(values map[string]string, own []string) (http.Header, error) {
	headers := make(http.Header, len(values))
	for _, given := range slices.Sorted(maps.Keys(values)) { // for the same error each time
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

// secretsOf returns the values of headers, and the secrets in values that
// contain credentials: "Bearer <token>", "Basic <base64 of user:password>".
func secretsOf(headers http.Header) []string {
	var all []string
	for _, values := range headers {
		for _, value := range values {
			all = append(all, value)
			scheme, rest, _ := strings.Cut(value, " ")
			all = append(all, rest)
			if pair, err := base64.StdEncoding.DecodeString(rest); err == nil && strings.EqualFold(scheme, "Basic") {
				_, password, _ := strings.Cut(string(pair), ":")
				all = append(all, string(pair), password)
			}
		}
	}
	return all
}
