// SPDX-License-Identifier: MPL-2.0

package cdn

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cachepurge/terraform-provider-purge/internal/urlpath"
)

// EncodePath checks a path for a hard or soft purge and returns it in the form
// that the client sends. See urlpath.Encode for the text of errors.
//
// A hard purge deletes exactly one URL, including its query. The rule of a soft
// purge matches the path without its query, and its only wildcard is "*".
func EncodePath(path string, hard bool) (string, error) {
	encoded, err := urlpath.EncodePattern(path)
	switch bare, _, query := strings.Cut(encoded, "?"); {
	case err != nil:
		return "", err
	case hard && urlpath.HasWildcard(path):
		return "", errors.New("must not contain a wildcard in a hard purge, because the CDN accepts it and purges nothing. " +
			"To invalidate all matching assets, set hard = false")
	case !hard && query:
		return "", fmt.Errorf("must not contain a query in a soft purge, because the CDN matches the path without the query. "+
			"Use %q to invalidate it with every query, or set hard = true", bare)
	}
	return encoded, nil
}

// DirectoryPattern returns the pattern for all assets below a path that ends in a
// slash. A soft purge of the path itself invalidates only the page at that
// address. For any other path, ok is false.
func DirectoryPattern(path string) (pattern string, ok bool) {
	return path + "*", strings.HasSuffix(path, "/")
}
