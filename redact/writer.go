package redact

import (
	"bytes"
	"io"
)

// maxState is how much a Writer holds back at most, and about how much memory
// it needs, whatever it is given: a window of a long line, its copy without
// terminal escapes, and the output of one step.
const maxState = 1 << 20

// A writer redacts what it is given line by line. The result depends on the
// bytes only, not on how they were cut into writes: a line is judged when its
// end is known, a longer one than maxLine in windows that are counted from its
// beginning.
type writer struct {
	w   io.Writer
	s   scanner
	buf []byte // what has not been judged, behind ctx bytes of what has
	ctx int

	searched int // no line end in buf before
	held     int // length of the first line of buf, if it waits for the next
	lines    int // lines in buf behind it
	out      []byte
	err      error
	closed   bool
}

// Write redacts p and passes on every line that is finished, unless it may
// belong to a secret of several lines. An error is that of the underlying
// writer and is final.
func (w *writer) Write(p []byte) (int, error) {
	if w.closed {
		return 0, io.ErrClosedPipe
	}
	n := len(p)
	for len(p) > 0 && w.err == nil {
		// In bounded steps, so that a huge write needs no huge buffer.
		k := min(len(p), maxLine)
		w.buf = append(w.buf, p[:k]...)
		p = p[k:]
		w.judge()
	}
	if w.err != nil {
		return 0, w.err
	}
	return n, nil
}

// Close passes on what was held back. It does not close the underlying writer.
func (w *writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	for w.err == nil && len(w.buf) > w.ctx {
		w.judge()
		n := 0
		switch {
		case len(w.buf) == w.ctx:
		case w.held == 0:
			w.s.mayHold = false
			n = w.stepOn(w.buf, true)
			w.ctx = 0
		case len(w.buf) > w.held:
			if n = w.join(w.buf, len(w.buf)); n == 0 {
				n = w.alone(w.buf)
			}
		default:
			n = w.alone(w.buf)
		}
		w.buf = w.buf[:copy(w.buf, w.buf[n:])]
		w.searched = 0
	}
	w.flush()
	w.buf = w.buf[:0]
	return w.err
}

// clear makes w as good as new, but for its memory, and reports whether that is little
// enough to be kept. The verdicts on names stay too: they depend on the name alone.
func (w *writer) clear() bool {
	s := &w.s
	clear(s.spans[:cap(s.spans)])
	*w = writer{
		buf: w.buf[:0], out: w.out[:0],
		s: scanner{
			cache: s.cache, spans: s.spans[:0], again: s.again[:0], buf: s.buf[:0], posBuf: s.posBuf[:0],
			plain: s.plain,
		},
	}
	return cap(w.buf)+cap(w.out)+cap(s.buf)+cap(s.again)+cap(s.plain.b)+cap(s.plain.spare.b) <= 4*maxLine &&
		cap(s.spans)+cap(s.posBuf)+cap(s.plain.from)+cap(s.plain.to)+cap(s.plain.spare.from)+cap(s.plain.spare.to) <= maxLine
}

// judge judges all that can be judged.
func (w *writer) judge() {
	start := 0 // of what is left in buf
	for {
		b := w.buf[start:]
		nl := bytes.IndexByte(b[w.searched:], '\n')
		if nl < 0 {
			w.searched = len(b)
			if w.held > 0 && len(b)-w.held > maxJoin {
				start += w.alone(b)
				continue
			}
			if w.held > 0 || len(b)-w.ctx < maxLine {
				break
			}
			start += w.window(b[:w.ctx+maxLine])
			continue
		}
		end := w.searched + nl + 1
		if end-w.ctx > maxLine && w.held == 0 {
			start += w.window(b[:w.ctx+maxLine])
			continue
		}
		if w.held > 0 {
			start += w.join(b, end)
			continue
		}
		w.s.mayHold = true
		n := w.stepOn(b[:end], true)
		if n == 0 {
			w.held, w.searched = end, end
			continue
		}
		start += end
		w.searched, w.ctx = 0, 0
	}
	if start > 0 {
		w.buf = w.buf[:copy(w.buf, w.buf[start:])]
	}
	w.flush()
}

// window judges a window of a long line and returns how much of it is done with.
func (w *writer) window(b []byte) int {
	w.s.mayHold = false
	n := w.stepOn(b, false)
	w.ctx = min(lookBehind, n)
	w.searched = 0
	return n - w.ctx
}

// alone judges the first line of b, which has waited in vain.
func (w *writer) alone(b []byte) int {
	w.s.mayHold = false
	n := w.held
	w.stepOn(b[:n], true)
	w.held, w.lines, w.searched, w.ctx = 0, 0, 0, 0
	return n
}

// join judges the first line of b together with those that follow, if the one
// that ends at end says so.
func (w *writer) join(b []byte, end int) int {
	last := b[:end]
	last = last[bytes.LastIndexByte(last[:end-1], '\n')+1:]
	w.lines++
	if end-w.held > maxJoin {
		return w.alone(b) // as if it had come in pieces
	}
	switch w.s.wants {
	case wantQuote:
		i := bytes.IndexByte(last, w.s.quote)
		if i < 0 && w.lines < maxJoined {
			w.searched = end
			return 0
		}
		if i < 0 || !endsValue(last[i+1:]) {
			return w.alone(b)
		}
	case wantBody:
		w.s.begun = beginsKey(last)
		n := w.alone(b)
		w.s.begun = false
		return n
	case wantEnd:
		switch line := bytes.TrimSpace(last); {
		case len(line) >= 4 && len(line) <= 76 && isPEMBody(line) && w.lines < maxKey:
			w.searched = end
			return 0
		case hasPrefix(line, "-----END ") && isPrivateLabel(line):
			w.s.st.mode, w.s.st.word, w.s.st.ttl = modePEM, headless, 1
		}
		return w.alone(b)
	case wantRest:
		w.s.mayHold, w.s.unwrap = false, w.held-1
		n := w.stepOn(b[:end], true)
		w.s.unwrap = 0
		if n == 0 {
			return w.alone(b)
		}
		w.held, w.lines, w.searched, w.ctx = 0, 0, 0, 0
		return end
	}
	w.s.mayHold, w.s.join = false, true
	w.stepOn(b[:end], true)
	w.s.join = false
	w.held, w.lines, w.searched, w.ctx = 0, 0, 0, 0
	return end
}

// endsValue reports whether rest may follow the closing quote of a value.
func endsValue(rest []byte) bool {
	rest = bytes.TrimSpace(rest)
	return len(rest) == 0 || len(rest) <= 3 && bytes.IndexByte([]byte(",;)}]"), rest[0]) >= 0
}

// stepOn judges b and returns how much of it is done with.
func (w *writer) stepOn(b []byte, eol bool) int {
	var n int
	w.out, n = w.s.line(w.out, b, w.ctx, eol)
	if len(w.out) >= maxLine {
		w.flush()
	}
	return n
}

// flush passes on what has been judged.
func (w *writer) flush() {
	if len(w.out) > 0 && w.err == nil {
		_, w.err = w.w.Write(w.out)
	}
	w.out = w.out[:0]
	if cap(w.out) > 4*maxLine {
		w.out = nil
	}
}
