// SPDX-License-Identifier: MPL-2.0

package cdntest

import "strings"

// Refreshes reports whether the edge asks the origin again if a visitor requests
// the path now, because of the rule of a soft purge. A service has one rule: each
// deployment replaces the one before, which is lost for whatever no visitor has
// requested meanwhile. The path is as a visitor requests it; its query does not
// count.
func (s *Server) Refreshes(id, path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	service := s.find(id)
	if service == nil {
		return false
	}
	path, _, _ = strings.Cut(path, "?")
	return matches(s.rules[service.ID], path)
}

// matches compares as Akamai's url-wildcard does: exactly, with "*" for any
// characters, slashes included, and none.
func matches(pattern, path string) bool {
	literals := strings.Split(pattern, "*")
	if len(literals) == 1 {
		return pattern == path
	}
	first, last := literals[0], literals[len(literals)-1]
	if !strings.HasPrefix(path, first) {
		return false
	}
	path = path[len(first):]
	for _, literal := range literals[1 : len(literals)-1] {
		_, rest, found := strings.Cut(path, literal)
		if !found {
			return false
		}
		path = rest
	}
	return strings.HasSuffix(path, last)
}
