// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
)

// cookie is one that a server set, with its value as it came: quotes belong to
// it, and so does what net/http takes for invalid.
type cookie struct{ name, value, path string }

// secret is what must not be shown of it.
func (c *cookie) secret() string { return strings.Trim(c.value, `"`) }

// cookies are those of one session. A cookie jar would hold back those that are
// Secure from a loopback address, and those whose Path is not the one that we
// see behind a proxy, but MicroStrategy wants all of them on all requests.
type cookies struct {
	kept  []cookie // in the order in which they came
	first int      // so many came with the login
}

// Servers that set cookies with more and more names get the latest of them back,
// because a header that only grows is refused in the end.
const (
	maxCookies = 50
	maxCookie  = MaxToken
)

// set takes a Set-Cookie header. Of a name there is one cookie per path. One
// without a path stands for all of its name, since its path would be that of the
// request.
func (c *cookies) set(line string, now time.Time, s *Scrubber) {
	pair, attributes, _ := strings.Cut(line, ";")
	name, value, found := strings.Cut(pair, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	// net/http reads the attributes; it would drop or change some values.
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

// expired tells whether a cookie is set to delete it. Some servers write the
// year of the date with two digits.
func expired(c *http.Cookie, now time.Time) bool {
	expires := c.Expires
	if expires.IsZero() {
		expires, _ = time.Parse("Mon, 02-Jan-06 15:04:05 MST", c.RawExpires)
	}
	return c.MaxAge < 0 || c.MaxAge == 0 && !expires.IsZero() && expires.Before(now)
}

// header is the value of the Cookie header: of one name the longest path first,
// as RFC 6265, section 5.4 wants it.
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
