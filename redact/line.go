package redact

import (
	"bytes"
	"slices"
)

// Sizes that bound the memory of a Writer, whatever the input.
const (
	maxLine    = 64 << 10 // a longer line is judged in windows
	overlap    = 16 << 10 // of one window and the next; no secret but a swallowed one is longer
	lookBehind = 512      // of a window, into what has left already
	maxJoin    = 8 << 10  // of lines that wait for the end of a quoted value
	maxJoined  = 32       // lines
	maxKey     = 64       // lines of a private key whose BEGIN was cut off
	maxUntil   = 64       // lines of a here-document or of a value in three quotes
)

// want is what a line waits for.
type want uint8

const (
	wantNothing want = iota
	wantQuote        // the closing quote of a value
	wantRest         // the rest of a token or known value that was wrapped
	wantBody         // the first line of a private key
	wantEnd          // the END of a private key whose BEGIN was cut off
)

// swallow says what of the next window belongs to a secret of this one.
type swallow uint8

const (
	swallowNone swallow = iota
	swallowToken
	swallowQuoted
)

// want makes the line wait, if it may.
func (s *scanner) want(w want) {
	if s.mayHold && s.wants == wantNothing {
		s.wants = w
	}
}

// line judges b, of which the first ctx bytes have left already and are looked
// at only. If eol, b is all of a line, or the end of one; else it is a window of
// a line that goes on, and may be consumed in part. What is to leave is appended
// to dst. If the line cannot be judged without the next, line consumes nothing.
//
// A panic would be a mistake of ours; what it could not judge is dropped.
func (s *scanner) line(dst, b []byte, ctx int, eol bool) (out []byte, consumed int) {
	kept := len(dst)
	defer func() {
		if p := recover(); p != nil {
			onPanic(p)
			s.wants, s.swallowing, s.unwrap, s.st = wantNothing, swallowNone, 0, state{}
			out, consumed = append(append(dst[:kept], Mark...), '\n'), len(b)
		}
	}()
	s.view(b)
	s.eol = eol
	s.reset()
	first := ctx == 0
	if first {
		s.next = state{}
	}
	from := s.viewOf(ctx)
	was := s.swallowing
	if was != swallowNone {
		from = s.swallowed(from)
		if from == len(s.v) && !eol {
			return dst, len(b)
		}
		ctx = s.rawEnd(from)
		s.swallowing = swallowNone
	}
	drop := first && s.begin()
	if !drop {
		s.scan()
		s.goesOnCommand()
	}
	spans := s.merge(from)
	if s.wants != wantNothing || s.unwrap > 0 && !s.crosses(spans) {
		s.swallowing = was
		return dst, 0 // wait for the next line
	}
	if drop {
		dst = append(dst, s.instead...)
		s.instead = s.instead[:0]
		s.st = s.next
		return dst, len(b)
	}
	end := len(b)
	if !eol {
		var commit int
		if spans, commit = s.commit(spans, max(from, s.viewOf(len(b)-overlap))); commit < len(s.v) {
			end = s.raw(commit)
		}
	}
	dst = s.emit(dst, b[:end], ctx, spans)
	if first && eol && len(spans) > 0 && s.refused > 0 {
		dst = s.settle(dst, kept)
	}
	if eol {
		s.st = s.next
	}
	return dst, end
}

// commit returns the spans of a window that begin before v[end], and where the part of
// it ends that can leave: behind the last of them. A secret that reaches the end of the
// window goes on in the next.
func (s *scanner) commit(spans []span, end int) ([]span, int) {
	for i, sp := range spans {
		if sp.start >= end {
			return spans[:i], end
		}
		if sp.end <= end {
			continue
		}
		end = sp.end
		if end == len(s.v) {
			s.swallowing = swallowToken
			if q := s.quoteBefore(sp.start); q != 0 {
				s.swallowing, s.swallowQuote = swallowQuoted, q
			}
		}
	}
	return spans, end
}

// crosses reports whether one of the spans goes over the line end left out.
func (s *scanner) crosses(spans []span) bool {
	for _, sp := range spans {
		if s.raw(sp.start) < s.unwrap && s.rawEnd(sp.end) > s.unwrap {
			return true
		}
	}
	return false
}

// settle judges what was appended to dst behind kept again, until nothing
// changes: a name whose value was refused may be judged otherwise now that there
// are replacements beside it, and a second pass is not to find anything new.
func (s *scanner) settle(dst []byte, kept int) []byte {
	next, unwrap := s.next, s.unwrap
	s.mayHold, s.unwrap = false, 0
	for range 4 {
		s.again = append(s.again[:0], dst[kept:]...)
		s.reset()
		s.view(s.again)
		s.scan()
		spans := s.merge(0)
		if len(spans) == 0 {
			break
		}
		dst = s.emit(dst[:kept], s.again, 0, spans)
	}
	s.next, s.unwrap = next, unwrap
	return dst
}

// reset forgets what was found in the line before.
func (s *scanner) reset() {
	s.spans = s.spans[:0]
	s.wants = wantNothing
	s.progress = progress{}
}

// onPanic is told of a panic before the line is dropped; tests let it through.
var onPanic = func(any) {}

// quoteBefore returns the quote character at which the value at v[i] begins.
func (s *scanner) quoteBefore(i int) byte {
	if i > 0 && (s.v[i-1] == '"' || s.v[i-1] == '\'') {
		return s.v[i-1]
	}
	return 0
}

// swallowed returns where the secret that began in the window before ends.
func (s *scanner) swallowed(i int) int {
	v := s.v
	s.steps += len(v) - i
	for ; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\n':
			return i
		case s.swallowing == swallowQuoted:
			if c == s.swallowQuote {
				return i
			}
		case c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '&' || c == ',' || c == ';' || c == '`':
			return i
		}
	}
	return i
}

// emit appends b[from:] with its spans replaced.
func (s *scanner) emit(dst, b []byte, from int, spans []span) []byte {
	for _, sp := range spans {
		a, z := s.raw(sp.start), s.rawEnd(sp.end)
		if a < from {
			a = from
		}
		if z <= a {
			continue
		}
		dst = append(dst, b[from:a]...)
		dst = s.mark(dst, b[a:z], sp.kind)
		if s.unwrap > 0 && a < s.unwrap && z > s.unwrap && len(bytes.TrimSpace(b[z:])) > 0 {
			dst = append(dst, '\n') // of the two lines there are still two
		}
		from = z
	}
	return append(dst, b[from:]...)
}

// mark appends the replacement of old: with the NULs between its characters if
// old is UTF-16, and followed by the colours that old changed to.
func (s *scanner) mark(dst, old []byte, kind string) []byte {
	at := len(dst)
	dst = append(dst, "[redacted"...)
	if kind != "" {
		dst = append(dst, ' ')
		dst = append(dst, kind...)
	}
	dst = append(dst, ']')
	if s.pos == nil {
		return dst
	}
	if len(old) > 2 && old[1] == 0 {
		n := len(dst) - at
		dst = append(dst, make([]byte, n-1)...)
		for i := n - 1; i > 0; i-- {
			dst[at+2*i] = dst[at+i]
			dst[at+2*i-1] = 0
		}
	}
	for i := 0; i < len(old); {
		if n := escapeLen(old[i:]); n > 0 {
			dst = append(dst, old[i:i+n]...)
			i += n
			continue
		}
		i++
	}
	return dst
}

// merge sorts the spans, joins those that overlap and cuts off what lies before
// from.
func (s *scanner) merge(from int) []span {
	sp := s.spans
	if len(sp) > 1 {
		slices.SortStableFunc(sp, func(a, b span) int { return a.start - b.start })
	}
	n := 0
	for _, x := range sp {
		if x.end <= from {
			continue
		}
		x.start = max(x.start, from)
		if n > 0 && x.start < sp[n-1].end {
			last := &sp[n-1]
			if x.kind != "" && (last.kind == "" && (x.end-x.start)*3 >= (last.end-last.start)*2 || x.end-x.start > last.end-last.start) {
				last.kind = x.kind
			}
			last.end = max(last.end, x.end)
			continue
		}
		sp[n] = x
		n++
	}
	return sp[:n]
}
