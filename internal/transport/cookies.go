// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
)

// cookie is a cookie that a server set. Its value is unchanged: it includes
// quotation marks and characters that net/http considers invalid.
type cookie struct{ name, value, path string }

// secret returns the part of the value that must not be shown.
func (c *cookie) secret() string { return strings.Trim(c.value, `"`) }

// cookies are the cookies of one session. A cookie jar omits Secure cookies for
// a loopback address, and cookies whose Path does not match the URL in front of
// a proxy. But MicroStrategy requires all cookies in all requests.
type cookies struct {
	kept  []cookie // in order of arrival
	first int      // number of cookies that came with the login
}

// Limits for servers that set cookies with more and more names. The latest
// cookies are kept, because servers reject a header that is too long.
const (
	maxCookies = 50
	maxCookie  = MaxToken
)

// set handles a Set-Cookie header. There is one cookie per name and path. A
// cookie without a path replaces all cookies with its name, because its default
// path would be that of the request.
func (c *cookies) set(line string, now time.Time, s *Scrubber) {
	pair, attributes, _ := strings.Cut(line, ";")
	name, value, found := strings.Cut(pair, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	// net/http parses only the attributes, because it rejects or changes some
	// values.
	parsed, err := http.ParseSetCookie("x=x;" + attributes)
	if !found || name == "" || strings.ContainsFunc(name+value, isControl) || err != nil || len(name)+len(value) > maxCookie {
		return
	}
	gone, next := expired(parsed, now), cookie{name, value, parsed.Path}
	if !gone {
		s.hold(next.secret())
	}
	same := func(old cookie) bool {
		return old.name == name && (old.path == next.path || old.path == "" || next.path == "")
	}
	place := slices.IndexFunc(c.kept, same)
	for at := len(c.kept) - 1; at >= 0; at-- {
		if same(c.kept[at]) && (gone || at != place) {
			c.drop(at, s)
		}
	}
	switch {
	case gone:
	case place >= 0:
		s.release(c.kept[place].secret())
		c.kept[place] = next
	default:
		if len(c.kept) == maxCookies {
			c.drop(min(c.first, maxCookies-1), s)
		}
		c.kept = append(c.kept, next)
	}
}

func (c *cookies) drop(at int, s *Scrubber) {
	s.release(c.kept[at].secret())
	c.kept = slices.Delete(c.kept, at, at+1)
	if at < c.first {
		c.first--
	}
}

// expired reports whether a Set-Cookie header deletes its cookie. Some servers
// write the year with two digits.
func expired(c *http.Cookie, now time.Time) bool {
	expires := c.Expires
	if expires.IsZero() {
		expires, _ = time.Parse("Mon, 02-Jan-06 15:04:05 MST", c.RawExpires)
	}
	return c.MaxAge < 0 || c.MaxAge == 0 && !expires.IsZero() && expires.Before(now)
}

// header returns the value of the Cookie header. Of several cookies with one
// name, the longest path comes first, as RFC 6265, section 5.4, requires.
func (c *cookies) header() string {
	sorted := slices.SortedStableFunc(slices.Values(c.kept), func(a, b cookie) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(len(b.path), len(a.path)))
	})
	pairs := make([]string, len(sorted))
	for i, one := range sorted {
		pairs[i] = one.name + "=" + one.value
	}
	return strings.Join(pairs, "; ")
}
