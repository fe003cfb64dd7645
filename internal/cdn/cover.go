// SPDX-License-Identifier: MPL-2.0

package cdn

import (
	"slices"
	"strings"
)

// Cover returns the pattern of one soft purge that invalidates all given paths:
// the path itself if there is one, otherwise "*" below their longest common
// directory. A path with wildcards counts up to its first "*". All paths are
// results of EncodePath. Without a path, the pattern is empty.
//
//	/css/a.css, /css/b/c.css → /css/*
//	/a, /b/c                 → /*
func Cover(paths ...string) string {
	distinct := slices.Compact(slices.Sorted(slices.Values(paths)))
	switch len(distinct) {
	case 0:
		return ""
	case 1:
		return distinct[0]
	}
	common := directory(distinct[0])
	for _, path := range distinct[1:] {
		for dir := directory(path); !strings.HasPrefix(dir, common); {
			common = directory(strings.TrimSuffix(common, "/"))
		}
	}
	return common + "*"
}

// directory returns a path up to the last slash before its first wildcard.
func directory(path string) string {
	path, _, _ = strings.Cut(path, "*")
	return path[:strings.LastIndexByte(path, '/')+1]
}
