// SPDX-License-Identifier: MPL-2.0

package urlpath

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// FromFile returns the path at which a web server serves a file. The name of the
// file is relative to the site's root, with "/" as separator. All of its
// characters are literal, so FromFile encodes "#", "?", and "%" in addition to the
// characters that Encode encodes. Encode returns the result unchanged, unless it
// rejects a "*". The text of an error completes a sentence that starts with the
// name.
func FromFile(name string) (string, error) {
	if err := checkFile(name); err != nil {
		return "", err
	}
	return "/" + escape(literal.Replace(name)), nil
}

var literal = strings.NewReplacer("%", "%25", "#", "%23", "?", "%3F")

func checkFile(name string) error {
	switch {
	case name == "":
		return errors.New("must not be empty")
	case strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("must not contain control characters, such as a line break")
	case strings.Contains(name, `\`):
		return fmt.Errorf("must not contain a backslash. Use %q", strings.ReplaceAll(name, `\`, "/"))
	case name[0] == '/':
		return errors.New("must be relative to the root of the site, without a slash at its start")
	}
	if segments := strings.Split(name, "/"); slices.Contains(segments, "") || slices.ContainsFunc(segments, func(s string) bool { return s == "." || s == ".." }) {
		return errors.New(`must not contain "." or ".." or an empty name between its slashes`)
	}
	return nil
}
