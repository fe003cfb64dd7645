// SPDX-License-Identifier: MPL-2.0

// Package fake is what the stand-ins for the upstream systems share: a journal
// of what reached them, and faults that a test puts in front of them. The
// stand-ins themselves live beside their clients (mstrtest and so on).
package fake

import (
	"net/http"
	"sync"
	"time"
)

// Entry is one request as it reached a fake. It never holds a credential: no
// header, no body and no cookie is recorded.
type Entry struct {
	// Time is when the request arrived, by the fake's clock.
	Time time.Time
	// System is the name of the provider's block: mstr, cdn, …
	System string
	// Operation is what was asked for, in one word: login, logout, purge, …
	Operation string
	// Subject is what it was asked for, for instance "<project>/object".
	Subject string
	// Status is the HTTP status of the reply, 0 where the connection was cut.
	Status int
}

// Journal collects entries in the order in which the requests arrived. The zero
// value is ready to use; several fakes may share one.
type Journal struct {
	mu      sync.Mutex
	entries []*Entry
}

// Entries returns a copy of what has been recorded so far. An entry whose
// request is not answered yet has the status 0.
func (j *Journal) Entries() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	entries := make([]Entry, len(j.entries))
	for i, e := range j.entries {
		entries[i] = *e
	}
	return entries
}

// Select returns the entries of one operation.
func (j *Journal) Select(operation string) []Entry {
	var selected []Entry
	for _, e := range j.Entries() {
		if e.Operation == operation {
			selected = append(selected, e)
		}
	}
	return selected
}

// Reset forgets everything that has been recorded.
func (j *Journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = nil
}

func (j *Journal) open(e Entry) *Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, &e)
	return &e
}

func (j *Journal) close(e *Entry, status int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Status = status
}

// Recorder is embedded by every fake: it journals each request and lets faults
// answer in the place of the fake.
type Recorder struct {
	// System names the fake in the journal.
	System string
	// Journal receives an entry per request. It may be shared between fakes.
	Journal *Journal
	// Now is the clock, time.Now unless a test or the sandbox replaces it.
	Now func() time.Time
	// Around, unless it is nil, is asked for each request what answers it; next
	// is the fault or the fake. It is set before the fake serves.
	Around func(operation string, next http.HandlerFunc) http.HandlerFunc

	mu     sync.Mutex
	faults map[string][]*fault
}

type fault struct {
	left   int
	answer http.HandlerFunc
}

// NewRecorder returns a recorder with a journal of its own and the real clock.
func NewRecorder(system string) *Recorder {
	return &Recorder{System: system, Journal: &Journal{}, Now: time.Now}
}

// Fail makes answer reply to the next times requests of an operation in the
// place of the fake, and to all of them where times is negative. Faults of one
// operation are used up in the order in which they were given. An answer that
// panics with http.ErrAbortHandler cuts the connection.
func (r *Recorder) Fail(operation string, times int, answer http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.faults == nil {
		r.faults = make(map[string][]*fault)
	}
	r.faults[operation] = append(r.faults[operation], &fault{left: times, answer: answer})
}

// Heal takes back every fault that is not used up.
func (r *Recorder) Heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = nil
}

func (r *Recorder) nextFault(operation string) http.HandlerFunc {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.faults[operation] {
		if f.left == 0 {
			continue
		}
		if f.left > 0 {
			f.left--
		}
		return f.answer
	}
	return nil
}

// Handle wraps the handler of one operation with the journal and the faults.
// The subject function may be nil.
func (r *Recorder) Handle(operation string, subject func(*http.Request) string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		e := Entry{Time: r.Now(), System: r.System, Operation: operation}
		if subject != nil {
			e.Subject = subject(req)
		}
		entry := r.Journal.open(e)
		watched := &statusWriter{ResponseWriter: w}
		defer func() { r.Journal.close(entry, watched.status) }()

		answer := r.nextFault(operation)
		if answer == nil {
			answer = h
		}
		if r.Around != nil {
			answer = r.Around(operation, answer)
		}
		answer(watched, req)
		if watched.status == 0 {
			watched.status = http.StatusOK
		}
	}
}

// statusWriter remembers the status of the final reply.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection, for faults that
// stall or cut it.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
