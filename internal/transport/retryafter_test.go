// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"net/http"
	"testing"
	"time"
)

// reading is the result of retryAfter.
type reading struct {
	Wait   time.Duration
	Stated bool
}

var now = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

const (
	dateNow  = "Sun, 01 Mar 2026 12:00:00 GMT"
	hourAgo  = "Sun, 01 Mar 2026 11:00:00 GMT"
	inMinute = "Sun, 01 Mar 2026 12:01:00 GMT"
)

// retryAfters is also the seed of the fuzz test.
var retryAfters = map[string]struct {
	values []string
	date   string
	want   reading
}{
	"no value":                                        {nil, "", reading{}},
	"an empty value":                                  {[]string{""}, "", reading{}},
	"a space":                                         {[]string{" "}, "", reading{}},
	"seconds":                                         {[]string{"120"}, "", reading{2 * time.Minute, true}},
	"seconds with leading zeros":                      {[]string{"007"}, "", reading{7 * time.Second, true}},
	"a day":                                           {[]string{"86400"}, "", reading{24 * time.Hour, true}},
	"more than a time.Duration":                       {[]string{"9223372037"}, "", reading{longestWait, true}},
	"more than an int64":                              {[]string{"99999999999999999999999999"}, "", reading{longestWait, true}},
	"0 is in the past":                                {[]string{"0"}, "", reading{0, true}},
	"-0 is in the past":                               {[]string{"-0"}, "", reading{0, true}},
	"a negative number is in the past":                {[]string{"-5"}, "", reading{0, true}},
	"a large negative number is in the past":          {[]string{"-99999999999999999999999999"}, "", reading{0, true}},
	"a minus without a number":                        {[]string{"-"}, "", reading{}},
	"a plus is invalid":                               {[]string{"+5"}, "", reading{}},
	"a fraction":                                      {[]string{"1.5"}, "", reading{1500 * time.Millisecond, true}},
	"a unit":                                          {[]string{"30s"}, "", reading{30 * time.Second, true}},
	"a unit after a space":                            {[]string{"30 s"}, "", reading{30 * time.Second, true}},
	"a spelled-out unit":                              {[]string{"90 Seconds"}, "", reading{90 * time.Second, true}},
	"minutes":                                         {[]string{"2 min"}, "", reading{2 * time.Minute, true}},
	"two units":                                       {[]string{"1m30s"}, "", reading{90 * time.Second, true}},
	"milliseconds":                                    {[]string{"1500ms"}, "", reading{1500 * time.Millisecond, true}},
	"a negative fraction is in the past":              {[]string{"-1.5"}, "", reading{0, true}},
	"days are invalid":                                {[]string{"3 days"}, "", reading{}},
	"text":                                            {[]string{"soon"}, "", reading{}},
	"other digits":                                    {[]string{"６０"}, "", reading{}},
	"a date, plus a second for truncation":            {[]string{inMinute}, dateNow, reading{61 * time.Second, true}},
	"a date in the format of RFC 850":                 {[]string{"Sunday, 01-Mar-26 12:01:00 GMT"}, dateNow, reading{61 * time.Second, true}},
	"a date in the format of asctime":                 {[]string{"Sun Mar  1 12:01:00 2026"}, dateNow, reading{61 * time.Second, true}},
	"a date without a Date header":                    {[]string{inMinute}, "", reading{61 * time.Second, true}},
	"a date of a server whose clock is behind":        {[]string{"Sun, 01 Mar 2026 11:01:00 GMT"}, hourAgo, reading{61 * time.Second, true}},
	"a date with an invalid Date header":              {[]string{inMinute}, "yesterday", reading{61 * time.Second, true}},
	"a date in the past":                              {[]string{hourAgo}, dateNow, reading{0, true}},
	"a date that is now":                              {[]string{dateNow}, dateNow, reading{0, true}},
	"a date centuries in the past":                    {[]string{"Mon, 01 Jan 0001 00:00:00 GMT"}, dateNow, reading{0, true}},
	"a date beyond a time.Duration":                   {[]string{"Fri, 31 Dec 9999 23:59:59 GMT"}, dateNow, reading{longestWait + time.Second, true}},
	"a date in another time zone is invalid":          {[]string{"Sun, 01 Mar 2026 12:01:00 +0000"}, dateNow, reading{}},
	"a date that does not exist":                      {[]string{"Sun, 31 Feb 2026 12:01:00 GMT"}, dateNow, reading{}},
	"two numbers, of which the longer counts":         {[]string{"5", "60"}, "", reading{time.Minute, true}},
	"a number and a date, of which the longer counts": {[]string{"5", inMinute}, dateNow, reading{61 * time.Second, true}},
	"an invalid value and a number":                   {[]string{"soon", "5"}, "", reading{5 * time.Second, true}},
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
			wait, stated := retryAfter(h, now)
			same(t, "reading", row.want, reading{wait, stated})
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
		wait, stated := retryAfter(http.Header{"Retry-After": {value}, "Date": {date}}, now)
		if wait < 0 || wait > longestWait+time.Second {
			t.Errorf("%q at %q: %s is out of range", value, date, wait)
		}
		if !stated && wait != 0 {
			t.Errorf("%q at %q: waits %s although no wait is stated", value, date, wait)
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
