// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"fmt"
	"time"
)

// FormatDuration formats a duration for messages, in its two largest units: "1
// minute and 30 seconds". From two days on, it uses only days, and from two years
// on, only years.
func FormatDuration(d time.Duration) string {
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	switch d = d.Round(time.Second); {
	case d >= 2*year:
		return plural(d/year, "year")
	case d >= 2*day:
		return plural(d/day, "day")
	case d >= time.Hour:
		return inUnits(d.Round(time.Minute), time.Hour, "hour", time.Minute, "minute")
	default:
		return inUnits(d, time.Minute, "minute", time.Second, "second")
	}
}

func inUnits(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	n, rest := d/large, d%large/small
	switch {
	case n == 0:
		return plural(rest, smallName)
	case rest == 0:
		return plural(n, largeName)
	default:
		return plural(n, largeName) + " and " + plural(rest, smallName)
	}
}

func plural(n time.Duration, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
