// SPDX-License-Identifier: MPL-2.0

// Package quota controls when purges are sent. It depends on no protocol.
//
//   - A [Window] limits the rate of requests. A purge waits for a [Slot], which
//     permits one request.
//   - A [Group] coalesces identical purges: callers of [Do] with the same key
//     share one purge while it waits.
//   - [WithTimeout] limits the time of an operation. [Pause] pauses that timeout
//     while a purge waits for the work of others.
//
// A purge is in flight from Slot.Send until the result of its request is reported:
// it was rate-limited (RateLimited) or not (Passed), the result is unknown
// (Failed), or it was not sent (Unsent). A rate-limited response closes the window
// for a time. When the window reopens, one request goes first, the probe, and the
// others follow after it has passed.
package quota
