// SPDX-License-Identifier: MPL-2.0

package transport

import "time"

const (
	// settles is how old a session is that the server has surely accepted on
	// all of its nodes. If it is denied, it has ended.
	settles = time.Minute
	// reconsider is how long after the second denial of a younger session the
	// request is sent a third time, at least.
	reconsider = 5 * time.Second
	// maxBarren is how many sessions in a row may be accepted for nothing. Each
	// may stay open at the server, which has a limit for them.
	maxBarren = 3
)

// tenure is what is known of the current session.
type tenure struct {
	began    time.Time
	granted  int  // to how many requests it was given
	accepted int  // the number of the latest that it was accepted for; 0: none
	barren   int  // sessions before it that were accepted for none
	taken    bool // one before it ended before it was a minute old
}

// denial is what one request has met of 401s.
type denial struct {
	cred     *Credential // the latest that was denied to it
	times    int         // in a row, with that one
	granted  int         // to how many it was given, at the first of them
	renewals int         // how many sessions were dropped for it
}

// again is whether and when a request that was denied is sent once more.
type again struct {
	send  bool
	after time.Duration
}

var (
	never  = again{}
	atOnce = again{send: true}
)

// denied takes a 401 for a request with a credential, with the lock held. It
// condemns nothing, because a server may deny one request and accept all others
// of the same session: each request loses only itself.
func (s *Session) denied(cred *Credential, err *Error, d *denial) again {
	switch {
	case s.refused != nil || s.closed:
		return never
	case s.current != cred:
		return atOnce // with the newer one
	case d.cred != cred:
		*d = denial{cred: cred, granted: s.tenure.granted, renewals: d.renewals}
	}
	d.times++
	old := time.Since(s.tenure.began) > settles
	switch {
	case old && d.times == 1 && d.renewals == 0 && s.tenure.barren < maxBarren:
		return s.drop(d)
	case s.tenure.accepted > d.granted && (d.times > 2 || old):
		err.Kind, err.single = KindForbidden, true
		err.Advice = "The API accepts the same session for other requests. Check that the user has the permission for this request."
		return never
	case d.times == 1:
		return atOnce
	case d.times == 2:
		// Two processes that take each other's session must not do it in step.
		return again{true, reconsider + s.Backoff(1)}
	case s.tenure.accepted == 0 && s.hopeless(d):
		if s.tenure.taken {
			err.Advice = takenAdvice
		}
		return never // another login would not help, and each leaves a session at the server
	default:
		s.tenure.taken = s.tenure.taken || s.tenure.accepted > 0
		err.Advice = takenAdvice
		return s.drop(d)
	}
}

// hopeless tells whether another login would not help. If something else uses
// the account, it may have ended the new session before it was accepted.
func (s *Session) hopeless(d *denial) bool {
	if s.tenure.taken {
		return d.renewals > 1 || s.tenure.barren >= maxBarren
	}
	return s.tenure.barren > 0 || d.renewals > 0
}

// takenAdvice is for a session that ended right after it was accepted.
const takenAdvice = "The session ended within 1 minute of the login. Another client probably uses the same account, and the server allows one session per account. " +
	"Use an account that no other client uses. Otherwise, check that all requests reach the same server with their cookies."

func (s *Session) drop(d *denial) again {
	s.dropped = append(s.dropped, s.current)
	s.current = nil
	d.renewals++
	if s.tenure.accepted == 0 {
		s.tenure.barren++
	} else {
		s.tenure.barren = 0
	}
	return atOnce
}
