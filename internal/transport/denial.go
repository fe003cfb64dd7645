// SPDX-License-Identifier: MPL-2.0

package transport

import "time"

const (
	// settleTime is the age from which all nodes of the server know a session. If
	// an older session is denied, it has ended.
	settleTime = time.Minute
	// thirdTryDelay is the minimum wait after the second 401 response to a
	// request with a younger session.
	thirdTryDelay = 5 * time.Second
	// maxUnaccepted is the maximum number of sessions in a row that the server
	// accepts for no request. Each of them may stay open, and the server limits
	// the number of sessions.
	maxUnaccepted = 3
)

// sessionUse records how requests have used the current session.
type sessionUse struct {
	began      time.Time
	granted    int  // number of requests that received it
	accepted   int  // number of the latest request that was accepted with it; 0 if none was
	unaccepted int  // previous sessions in a row that were accepted for no request
	endedEarly bool // a previous session ended within a minute
}

// denial records the 401 responses to one request.
type denial struct {
	cred     *Credential // the latest credential that was denied
	times    int         // consecutive denials of that credential
	granted  int         // sessionUse.granted at the first of them
	renewals int         // number of sessions that were dropped for this request
}

// again reports whether and when a denied request is retried.
type again struct {
	send  bool
	after time.Duration
}

var (
	never       = again{}
	immediately = again{send: true}
)

// denied handles a 401 response to a request. The response does not prove that
// the session has ended, because a server may deny one request and accept all
// others of the same session. So other requests keep using the session. The
// caller holds s.mu.
func (s *Session) denied(cred *Credential, err *Error, d *denial) again {
	switch {
	case s.rejected != nil || s.closed:
		return never
	case s.current != cred:
		return immediately // with the newer credential
	case d.cred != cred:
		*d = denial{cred: cred, granted: s.use.granted, renewals: d.renewals}
	}
	d.times++
	old := time.Since(s.use.began) > settleTime
	switch {
	case old && d.times == 1 && d.renewals == 0 && s.use.unaccepted < maxUnaccepted:
		return s.drop(d)
	case s.use.accepted > d.granted && (d.times > 2 || old):
		err.Kind, err.single = KindForbidden, true
		err.Advice = "The API accepts the same session for other requests. Check that the user has the permission for this request."
		return never
	case d.times == 1:
		return immediately
	case d.times == 2:
		// The random part keeps two processes that end each other's session from
		// retrying at the same time.
		return again{true, thirdTryDelay + s.Backoff(1)}
	case s.use.accepted == 0 && s.renewalUseless(d):
		if s.use.endedEarly {
			err.Advice = endedEarlyAdvice
		}
		return never // another login would not help, and each leaves a session at the server
	default:
		s.use.endedEarly = s.use.endedEarly || s.use.accepted > 0
		err.Advice = endedEarlyAdvice
		return s.drop(d)
	}
}

// renewalUseless reports whether another login would not help. If another
// client uses the account, it may have ended the new session before the server
// accepted a request with it.
func (s *Session) renewalUseless(d *denial) bool {
	if s.use.endedEarly {
		return d.renewals > 1 || s.use.unaccepted >= maxUnaccepted
	}
	return s.use.unaccepted > 0 || d.renewals > 0
}

// endedEarlyAdvice is the advice for a session that ended right after it was
// accepted.
const endedEarlyAdvice = "The session ended within 1 minute of the login. Another client probably uses the same account, and the server allows one session per account. " +
	"Use an account that no other client uses. Otherwise, check that all requests reach the same server with their cookies."

func (s *Session) drop(d *denial) again {
	s.dropped = append(s.dropped, s.current)
	s.current = nil
	d.renewals++
	if s.use.accepted == 0 {
		s.use.unaccepted++
	} else {
		s.use.unaccepted = 0
	}
	return immediately
}
