// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"
)

// trouble is a login that fails for now.
type trouble struct {
	since, next time.Time // when it first failed, and may be tried again
	times       int
	doubts      int  // how often it may have been counted, without an answer
	named       bool // the server named the time
	last        *Error
}

// outcome is what a failed login means for the next one.
type outcome int

const (
	forget   outcome = iota // those who wait are told; who comes later tries again
	tryAgain                // for all who wait
	remember                // never again in this process
)

// judge is the policy for logins. An account is locked by attempts with a wrong
// password that the server counted. So a login is repeated without a limit only
// if it was not sent, or got an answer before anybody looked at the password. One
// that may have been counted is repeated once, unless the credentials are known
// to be good.
func (t *trouble) judge(e *Error, trusted bool) outcome {
	switch {
	case e.over, e.Kind == KindCanceled, e.Status == 0 && e.Kind == KindConfig, e.Kind == KindProxy && !e.outage:
		return forget
	case e.unsent, e.skipped, e.refused, e.repeat, e.outage && e.Status == http.StatusServiceUnavailable:
		return tryAgain
	case e.outage || e.Status == 0 && e.Sent > 0:
		t.doubts++
		if trusted || t.doubts == 1 {
			return tryAgain
		}
		e.Advice = cmp.Or(e.Advice, "The provider does not retry this login, because the server may have counted each attempt, and too many attempts lock the account. Apply again.")
		return remember
	case e.Status >= 400:
		return remember // a final 500, too, such as that for too many sessions
	default:
		return forget
	}
}

// note sets the time of the next login.
func (t *trouble) note(e *Error, backoff func(int) time.Duration) {
	now := time.Now()
	if t.since.IsZero() {
		t.since = now
	}
	t.times++
	wait := e.Wait
	if t.named = wait > 0; !t.named {
		wait = backoff(t.times)
	}
	t.next, t.last = now.Add(wait), e
}

// wait is how long a caller waits for the next login. It gives up, like with an
// outage, when the login has failed for as long as its own timeout, unless it is
// time for the next one; and now, if the server named a time after its deadline.
func (t *trouble) wait(ctx context.Context, now time.Time) (time.Duration, error) {
	wait := t.next.Sub(now)
	if t.last == nil || wait <= 0 {
		if t.last != nil && -wait > staleAfter {
			t.since = now
		}
		return 0, nil
	}
	who := callerOf(ctx)
	left := t.since.Add(who.timeout).Sub(now)
	if tooLong := t.named && tooLate(ctx, wait); tooLong || who.timeout > 0 && left <= 0 {
		own := t.told(nil)
		if own.tooLong = tooLong; tooLong {
			own.Wait = wait
		}
		return 0, own
	}
	who.observe("the next login attempt", t.next)
	if who.timeout > 0 {
		wait = min(wait, left)
	}
	return wait, nil
}

// told is what those are told who give up.
func (t *trouble) told(cause error) *Error {
	own := *t.last
	own.ended, own.Err = true, errors.Join(cause, own.Err)
	return &own
}
