// SPDX-License-Identifier: MPL-2.0

// Package quota decides when a purge may go on the wire: pace (a sliding window
// per key), joining (equal purges that wait become one), and patience (a
// timeout whose clock can be stopped while somebody else is at work). It knows
// nothing of HTTP.
package quota
