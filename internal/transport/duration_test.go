// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"testing"
	"time"
)

func TestFormatDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                               "0 seconds",
		400 * time.Millisecond:          "0 seconds",
		999 * time.Millisecond:          "1 second",
		42 * time.Second:                "42 seconds",
		time.Minute:                     "1 minute",
		90 * time.Second:                "1 minute and 30 seconds",
		59*time.Minute + 59*time.Second: "59 minutes and 59 seconds",
		time.Hour:                       "1 hour",
		time.Hour + 29*time.Second:      "1 hour",
		time.Hour + 90*time.Second:      "1 hour and 2 minutes",
		24 * time.Hour:                  "24 hours",
		47*time.Hour + 59*time.Minute:   "47 hours and 59 minutes",
		48 * time.Hour:                  "2 days",
		365 * 24 * time.Hour:            "365 days",
		2 * 365 * 24 * time.Hour:        "2 years",
		1<<63 - 1:                       "292 years",
	} {
		same(t, d.String(), want, FormatDuration(d))
	}
}
