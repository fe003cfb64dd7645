// SPDX-License-Identifier: MPL-2.0

// Package fake contains the code that the fakes of the APIs share: a journal of the
// requests that reached them, and faults that a test injects. Each fake is in a
// package next to its client (mstrtest and so on).
package fake

import (
	"net/http"
	"sync"
	"time"
)

// Entry is one request that reached a fake. It contains no credentials, because
// headers, bodies, and cookies are not recorded.
type Entry struct {
	// Time is when the request arrived, by the fake's clock.
	Time time.Time
	// System is the name of the provider's argument: mstr, cdn, …
	System string
	// Operation is the operation in one word: login, logout, purge, …
	Operation string
	// Subject is the object of the operation, such as "<project>/object".
	Subject string
	// Status is the HTTP status of the response, or 0 if there is none.
	Status int
}

// Journal records entries in the order in which the requests arrive. The zero
// value is ready to use. Several fakes may share one.
type Journal struct {
	mu      sync.Mutex
	entries []*Entry
}

// Entries returns a copy of the entries. The status of a request that is still
// in flight is 0.
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

// Reset deletes all entries.
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

// Recorder is embedded by every fake. It records each request in the journal
// and injects faults.
type Recorder struct {
	// System is the name of the fake in the journal.
	System string
	// Journal receives an entry per request. Several fakes may share one.
	Journal *Journal
	// Now is the clock. It is time.Now unless a test or the sandbox replaces it.
	Now func() time.Time
	// Around, if not nil, returns the handler of each request. next is the fault
	// or the handler of the fake. Set it before the fake serves requests.
	Around func(operation string, next http.HandlerFunc) http.HandlerFunc

	mu     sync.Mutex
	faults map[string][]*fault
}

type fault struct {
	left    int
	handler http.HandlerFunc
}

// NewRecorder returns a recorder with its own journal and the real clock.
func NewRecorder(system string) *Recorder {
	return &Recorder{System: system, Journal: &Journal{}, Now: time.Now}
}

// Fail makes h instead of the fake handle the next requests of an operation, as
// many as times, or all of them if times is negative. Several faults of one
// operation apply in the order in which they were added. A handler that panics
// with http.ErrAbortHandler closes the connection.
func (r *Recorder) Fail(operation string, times int, h http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.faults == nil {
		r.faults = make(map[string][]*fault)
	}
	r.faults[operation] = append(r.faults[operation], &fault{left: times, handler: h})
}

// ClearFaults removes all faults.
func (r *Recorder) ClearFaults() {
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
		return f.handler
	}
	return nil
}

// Handle wraps the handler of one operation with the journal and the faults.
// subject may be nil.
func (r *Recorder) Handle(operation string, subject func(*http.Request) string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		e := Entry{Time: r.Now(), System: r.System, Operation: operation}
		if subject != nil {
			e.Subject = subject(req)
		}
		entry := r.Journal.open(e)
		watched := &statusWriter{ResponseWriter: w}
		defer func() { r.Journal.close(entry, watched.status) }()

		handler := r.nextFault(operation)
		if handler == nil {
			handler = h
		}
		if r.Around != nil {
			handler = r.Around(operation, handler)
		}
		handler(watched, req)
		if watched.status == 0 {
			watched.status = http.StatusOK
		}
	}
}

// statusWriter records the status of the final response.
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

// Unwrap gives http.ResponseController access to the connection, for faults
// that stall or close it.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
