// SPDX-License-Identifier: MPL-2.0

package cdntest

import "strings"

// Refreshes reports whether the edge revalidates a path with the origin if a
// visitor requests it now, because of the rule of a soft purge. A service has one
// rule. Each deployment replaces it, so the earlier rule has no effect on paths
// that no visitor has requested meanwhile. The query of the path does not count.
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

// matches compares like Akamai's url-wildcard: exactly, except that "*" matches
// any number of any characters, including slashes.
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
