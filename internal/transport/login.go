// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"
)

// loginFailure is the state of a login that may succeed later. The zero value
// means that the latest login did not fail.
type loginFailure struct {
	since, next  time.Time // when it first failed, and when it may be retried
	times        int
	maybeCounted int  // failed attempts that the server may have counted
	stated       bool // the server stated the wait
	last         *Error
}

// outcome is the consequence of a failed login.
type outcome int

const (
	forget   outcome = iota // waiting callers receive the error; later callers log in again
	tryAgain                // the login is retried for all callers
	remember                // no login is sent again in this process
)

// judge is the retry policy for logins. Servers lock an account after several
// attempts with a wrong password. So a login is retried without a limit only if
// it was not sent, or if the response came before the server checked the
// password. A login that the server may have counted is retried once, unless an
// earlier login proved that the credentials are valid.
func (f *loginFailure) judge(e *Error, trusted bool) outcome {
	switch {
	case e.over, e.Kind == KindCanceled, e.Status == 0 && e.Kind == KindConfig, e.Kind == KindProxy && !e.outage:
		return forget
	case e.unsent, e.skipped, e.limited, e.retryable, e.outage && e.Status == http.StatusServiceUnavailable:
		return tryAgain
	case e.outage || e.Status == 0 && e.Sent > 0:
		f.maybeCounted++
		if trusted || f.maybeCounted == 1 {
			return tryAgain
		}
		e.Advice = cmp.Or(e.Advice, "The provider does not retry this login, because the server may have counted each attempt, and too many attempts lock the account.")
		return remember
	case e.Status >= 400:
		return remember // includes a final 500, such as for too many sessions
	default:
		return forget
	}
}

// note records a failure and sets the time of the next login.
func (f *loginFailure) note(e *Error, backoff func(int) time.Duration) {
	now := time.Now()
	if f.since.IsZero() {
		f.since = now
	}
	f.times++
	wait := e.Wait
	if f.stated = wait > 0; !f.stated {
		wait = backoff(f.times)
	}
	f.next, f.last = now.Add(wait), e
}

// wait returns how long a caller waits for the next login. It returns an error
// if the login has failed for as long as the timeout of the caller, unless the
// next login is due. It also returns an error if the server requires a wait
// beyond the deadline of the caller.
func (f *loginFailure) wait(ctx context.Context, now time.Time) (time.Duration, error) {
	wait := f.next.Sub(now)
	if f.last == nil || wait <= 0 {
		if f.last != nil && -wait > staleAfter {
			f.since = now
		}
		return 0, nil
	}
	who := callerOf(ctx)
	left := f.since.Add(who.timeout).Sub(now)
	if tooLong := f.stated && tooLate(ctx, wait); tooLong || who.timeout > 0 && left <= 0 {
		own := f.abandoned(nil)
		if own.tooLong = tooLong; tooLong {
			own.Wait = wait
		}
		return 0, own
	}
	who.observe("the next login attempt", f.next)
	if who.timeout > 0 {
		wait = min(wait, left)
	}
	return wait, nil
}

// abandoned returns the error for callers that stop waiting for a login.
func (f *loginFailure) abandoned(cause error) *Error {
	own := *f.last
	own.ended, own.Err = true, errors.Join(cause, own.Err)
	return &own
}
