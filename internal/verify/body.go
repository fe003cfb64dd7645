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

// buffers are reused from body to body, because there are thousands of small
// files.
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

// digest reads a body and returns its digests as sent and as decoded.
func (f *fingerprint) digest(body io.Reader, gzipped bool) (sent, decoded []byte, err error) {
	b := pool.Get().(*buffers) //nolint:forcetypeassert // the pool contains only these
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

// contains reports whether a body contains a text. It stops reading at the text.
func contains(body io.Reader, gzipped bool, text []byte) (bool, error) {
	b := pool.Get().(*buffers) //nolint:forcetypeassert // the pool contains only these
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
		// The text may begin at the end of the window.
		kept := min(filled, len(text)-1)
		copy(window, window[filled-kept:filled])
		filled = kept
	}
}

// maxRest is how many bytes drain reads to reuse the connection.
const maxRest = 256 << 10

// drain reads the rest of a body, if it is short.
func drain(body io.Reader) { _, _ = io.CopyN(io.Discard, body, maxRest) }

// watched is a body that may take long but not stall: each read resets the timer.
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
