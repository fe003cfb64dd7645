// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"net/http"
	"testing"
	"time"
)

// reading is what a reply says about how long to wait.
type reading struct {
	Wait time.Duration
	Says bool
}

var now = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

const (
	dateNow  = "Sun, 01 Mar 2026 12:00:00 GMT"
	hourAgo  = "Sun, 01 Mar 2026 11:00:00 GMT"
	inMinute = "Sun, 01 Mar 2026 12:01:00 GMT"
)

// retryAfters is read by the fuzz target too.
var retryAfters = map[string]struct {
	values []string
	date   string
	want   reading
}{
	"nothing is said":                             {nil, "", reading{}},
	"nothing is in it":                            {[]string{""}, "", reading{}},
	"nor where it is blank":                       {[]string{" "}, "", reading{}},
	"seconds":                                     {[]string{"120"}, "", reading{2 * time.Minute, true}},
	"seconds with zeros before them":              {[]string{"007"}, "", reading{7 * time.Second, true}},
	"a day":                                       {[]string{"86400"}, "", reading{24 * time.Hour, true}},
	"more than a Duration holds":                  {[]string{"9223372037"}, "", reading{longestWait, true}},
	"more than an int64 holds":                    {[]string{"99999999999999999999999999"}, "", reading{longestWait, true}},
	"0 says a time, and it is past":               {[]string{"0"}, "", reading{0, true}},
	"-0 too":                                      {[]string{"-0"}, "", reading{0, true}},
	"a negative number too":                       {[]string{"-5"}, "", reading{0, true}},
	"an endless negative number too":              {[]string{"-99999999999999999999999999"}, "", reading{0, true}},
	"a minus is no number":                        {[]string{"-"}, "", reading{}},
	"a plus is not in the grammar":                {[]string{"+5"}, "", reading{}},
	"a fraction is not in the grammar, but clear": {[]string{"1.5"}, "", reading{1500 * time.Millisecond, true}},
	"so is a unit":                                {[]string{"30s"}, "", reading{30 * time.Second, true}},
	"so is one behind a space":                    {[]string{"30 s"}, "", reading{30 * time.Second, true}},
	"so is one in full":                           {[]string{"90 Seconds"}, "", reading{90 * time.Second, true}},
	"so are minutes":                              {[]string{"2 min"}, "", reading{2 * time.Minute, true}},
	"so are two":                                  {[]string{"1m30s"}, "", reading{90 * time.Second, true}},
	"so are milliseconds":                         {[]string{"1500ms"}, "", reading{1500 * time.Millisecond, true}},
	"a negative fraction is past":                 {[]string{"-1.5"}, "", reading{0, true}},
	"another unit is none":                        {[]string{"3 days"}, "", reading{}},
	"words":                                       {[]string{"soon"}, "", reading{}},
	"other digits":                                {[]string{"６０"}, "", reading{}},
	"the date of today, cut to seconds":           {[]string{inMinute}, dateNow, reading{61 * time.Second, true}},
	"the date of RFC 850":                         {[]string{"Sunday, 01-Mar-26 12:01:00 GMT"}, dateNow, reading{61 * time.Second, true}},
	"the date of asctime":                         {[]string{"Sun Mar  1 12:01:00 2026"}, dateNow, reading{61 * time.Second, true}},
	"a date, where only our clock is there":       {[]string{inMinute}, "", reading{61 * time.Second, true}},
	"a date by a server whose clock is behind":    {[]string{"Sun, 01 Mar 2026 11:01:00 GMT"}, hourAgo, reading{61 * time.Second, true}},
	"a date next to a Date that can't be read":    {[]string{inMinute}, "yesterday", reading{61 * time.Second, true}},
	"a date that is past":                         {[]string{hourAgo}, dateNow, reading{0, true}},
	"a date that is now":                          {[]string{dateNow}, dateNow, reading{0, true}},
	"a date that is centuries past":               {[]string{"Mon, 01 Jan 0001 00:00:00 GMT"}, dateNow, reading{0, true}},
	"a date that is more than a Duration ahead":   {[]string{"Fri, 31 Dec 9999 23:59:59 GMT"}, dateNow, reading{longestWait + time.Second, true}},
	"a date in another zone is not HTTP's":        {[]string{"Sun, 01 Mar 2026 12:01:00 +0000"}, dateNow, reading{}},
	"a date that does not exist":                  {[]string{"Sun, 31 Feb 2026 12:01:00 GMT"}, dateNow, reading{}},
	"twice: the longer one":                       {[]string{"5", "60"}, "", reading{time.Minute, true}},
	"twice, a number and a date: the longer one":  {[]string{"5", inMinute}, dateNow, reading{61 * time.Second, true}},
	"twice, one of them garbage: the other":       {[]string{"soon", "5"}, "", reading{5 * time.Second, true}},
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for name, row := range retryAfters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{"Retry-After": row.values}
			if row.date != "" {
				h.Set("Date", row.date)
			}
			wait, says := retryAfter(h, now)
			same(t, "reading", row.want, reading{wait, says})
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, row := range retryAfters {
		for _, value := range row.values {
			f.Add(value, row.date)
		}
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		wait, says := retryAfter(http.Header{"Retry-After": {value}, "Date": {date}}, now)
		if wait < 0 || wait > longestWait+time.Second {
			t.Errorf("%q at %q: %s is not a wait", value, date, wait)
		}
		if !says && wait != 0 {
			t.Errorf("%q at %q: waits %s although nothing is said", value, date, wait)
		}
		if now.Add(wait).Before(now) {
			t.Errorf("%q at %q: %s overflows", value, date, wait)
		}
		twice, _ := retryAfter(http.Header{"Retry-After": {value, "1"}, "Date": {date}}, now)
		if twice < max(wait, time.Second) {
			t.Errorf("%q at %q: with a second value it waits %s, less than %s", value, date, twice, wait)
		}
	})
}
