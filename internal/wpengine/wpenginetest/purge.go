// SPDX-License-Identifier: MPL-2.0

package wpenginetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Purge is a purge that was accepted.
type Purge struct {
	// Time is when it was accepted, by the fake's clock.
	Time time.Time
	// Install is the ID of the install, in lower case.
	Install string
	// Type is object, page, cdn, or all.
	Type string
}

// Purges returns the accepted purges, oldest first.
func (s *Server) Purges() []Purge {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.purges)
}

// maxBody is more bytes than any purge needs.
const maxBody = 64 << 10

// isPurge reports whether a path below the base path is
// installs/{install_id}/purge_cache.
func isPurge(path string) bool {
	parts := strings.Split(path, "/")
	return len(parts) == 3 && parts[0] == "installs" && parts[1] != "" && parts[2] == "purge_cache"
}

// installID returns the second to last element of a purge's path, unescaped.
func installID(r *http.Request) string {
	parts := strings.Split(r.URL.EscapedPath(), "/")
	id, _ := url.PathUnescape(parts[len(parts)-2]) // an EscapedPath is always valid
	return id
}

// purgeSubject returns the journal's subject of a purge. It restores the body,
// because it is called before the request is handled.
func purgeSubject(r *http.Request) string {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody)) // a body that is cut off is not JSON
	r.Body = io.NopCloser(bytes.NewReader(body))
	kind, problems := purgeType(r)
	if len(problems) > 0 {
		kind = "invalid"
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return installID(r) + "/" + kind
}

// purgeType reads the type from the body. It reports every problem of the body as
// a problem of "type", which is its only field.
func purgeType(r *http.Request) (string, []problem) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return "", wrong("type", "missing_field", "type is required in a body of the content type application/json")
	}
	body, _ := io.ReadAll(r.Body)
	// A map, because the fields of a struct would match in any case.
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields["type"] == nil {
		return "", wrong("type", "missing_field", "type is required in a JSON object")
	}
	var kind string
	err := json.Unmarshal(fields["type"], &kind)
	if err != nil || !slices.Contains([]string{"object", "page", "cdn", "all"}, kind) {
		return "", wrong("type", "invalid", "type must be one of object, page, cdn, all")
	}
	return kind, nil
}

func (s *Server) validated(w http.ResponseWriter, r *http.Request) {
	install := installID(r)
	kind, problems := purgeType(r)
	if !uuid.MatchString(install) {
		problems = append(wrong("install_id", "invalid", "install_id must be a UUID"), problems...)
	}
	if len(problems) > 0 {
		invalid(w, problems, reference)
		return
	}
	s.purge(w, r, strings.ToLower(install), kind)
}

func (s *Server) purge(w http.ResponseWriter, r *http.Request, install, kind string) {
	known := !s.AccessOff && slices.ContainsFunc(s.Installs, func(in Install) bool { return strings.EqualFold(in.ID, install) })
	switch {
	case s.Forbidden[install]:
		Error(http.StatusForbidden, "You do not have permission to access this install")(w, r)
	case !known:
		Error(http.StatusNotFound, "Install not found")(w, r)
	case !s.accept(install, kind):
		seconds := int(math.Ceil(s.ObjectWindow.Seconds()))
		Error(http.StatusTooManyRequests, fmt.Sprintf("Object cache purges are rate-limited"+
			" to one request every %d seconds for each install", seconds))(w, r)
	case s.AcceptStatus != http.StatusAccepted && s.AcceptStatus != http.StatusOK:
		Error(http.StatusInternalServerError, "Internal Server Error")(w, r)
	default:
		w.WriteHeader(s.AcceptStatus)
	}
}

// accept records a purge, unless the object cache of its install was purged within
// the window. It counts "all" as an object purge, which is not documented but is
// the cautious assumption.
func (s *Server) accept(install, kind string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	if kind == "object" || kind == "all" {
		if last, ok := s.lastObject[install]; ok && now.Sub(last) < s.ObjectWindow {
			return false
		}
		s.lastObject[install] = now
	}
	s.purges = append(s.purges, Purge{Time: now, Install: install, Type: kind})
	return true
}
