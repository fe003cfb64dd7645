// SPDX-License-Identifier: MPL-2.0

package verify

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"sync"
	"time"
)

// buffers is what reading a body needs. It is kept for the next one: there are
// thousands of small files.
type buffers struct {
	copy   []byte
	reader *bufio.Reader
	gzip   gzip.Reader
}

var pool = sync.Pool{New: func() any {
	return &buffers{copy: make([]byte, 32<<10), reader: bufio.NewReaderSize(nil, 4<<10)}
}}

// decode returns the decoded content of a gzipped body.
func (b *buffers) decode(body io.Reader) (io.Reader, error) {
	b.reader.Reset(body)
	return &b.gzip, b.gzip.Reset(b.reader)
}

// digest reads a body and returns the digests of what was sent and of what
// that is when it is decoded.
func (f *fingerprint) digest(body io.Reader, gzipped bool) (sent, decoded []byte, err error) {
	b := pool.Get().(*buffers) //nolint:forcetypeassert // the pool has no other
	defer pool.Put(b)
	content := f.hash()
	if !gzipped {
		_, err = io.CopyBuffer(content, body, b.copy)
		sum := content.Sum(nil)
		return sum, sum, err
	}
	raw := f.hash()
	reader, err := b.decode(io.TeeReader(body, raw))
	if err == nil {
		_, err = io.CopyBuffer(content, reader, b.copy)
	}
	return raw.Sum(nil), content.Sum(nil), err
}

// contains reports whether a text is in a body. It reads no further than it has
// to.
func contains(body io.Reader, gzipped bool, text []byte) (bool, error) {
	b := pool.Get().(*buffers) //nolint:forcetypeassert // the pool has no other
	defer pool.Put(b)
	if gzipped {
		var err error
		if body, err = b.decode(body); err != nil {
			return false, err
		}
	}
	window := b.copy
	if len(window) < 2*len(text) {
		window = make([]byte, 2*len(text))
	}
	filled := 0
	for {
		n, err := body.Read(window[filled:])
		filled += n
		switch {
		case bytes.Contains(window[:filled], text):
			return true, nil
		case err == io.EOF:
			return false, nil
		case err != nil:
			return false, err
		}
		// The text may have begun at the end.
		kept := min(filled, len(text)-1)
		copy(window, window[filled-kept:filled])
		filled = kept
	}
}

// maxRest is what is read of the rest of a body to keep the connection.
const maxRest = 256 << 10

// drain reads the rest of a body that does not matter, if it is short.
func drain(body io.Reader) { _, _ = io.CopyN(io.Discard, body, maxRest) }

// watched is a body that may be long but not stall.
type watched struct {
	io.Reader
	timer *time.Timer
	limit time.Duration
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 {
		w.timer.Reset(w.limit)
	}
	return n, err
}
