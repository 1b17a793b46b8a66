package redact

import (
	"bytes"
	"slices"
	"sort"
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
	drop := false
	from := s.viewOf(ctx)
	was := s.swallowing
	if was != swallowNone {
		n := s.swallowed(from)
		if n == len(s.v) && !eol {
			return dst, len(b)
		}
		raw := s.rawEnd(n, b)
		s.swallowing = swallowNone
		ctx, from = raw, n
	}
	if first {
		drop = s.begin()
	}
	if !drop {
		s.scan()
	}
	if s.wants != wantNothing {
		s.swallowing = was
		return dst, 0
	}
	spans := s.merge(from)
	if s.unwrap > 0 && !s.crosses(spans, b) {
		s.swallowing = was
		return dst, 0
	}
	commit := len(s.v)
	if !eol {
		commit = max(from, s.viewOf(len(b)-overlap))
		for i, sp := range spans {
			if sp.start >= commit {
				spans = spans[:i]
				break
			}
			if sp.end > commit {
				commit = sp.end
				if sp.end == len(s.v) {
					s.swallowing = swallowToken
					if q := s.quoteBefore(sp.start); q != 0 {
						s.swallowing, s.swallowQuote = swallowQuoted, q
					}
				}
			}
		}
	}
	if drop {
		dst = append(dst, s.instead...)
		s.instead = s.instead[:0]
		s.st = s.next
		return dst, len(b)
	}
	end := len(b)
	if commit < len(s.v) {
		end = s.raw(commit)
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

// crosses reports whether one of the spans goes over the line end left out.
func (s *scanner) crosses(spans []span, b []byte) bool {
	for _, sp := range spans {
		if s.raw(sp.start) < s.unwrap && s.rawEnd(sp.end, b) > s.unwrap {
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
	s.skip, s.names, s.noAt, s.header, s.dsnAt, s.refusedTo, s.refusals, s.refused = 0, 0, 0, 0, 0, 0, 0, 0
	s.tools, s.noTable = toolSearch{}, false
	s.weighed.at = nil // buffers are used again
	clear(s.runs[:])
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
		a, z := s.raw(sp.start), s.rawEnd(sp.end, b)
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

// view makes s.v from b: without terminal escapes and without the NULs of
// UTF-16, so that a secret is seen in one piece. Other NULs become line ends.
func (s *scanner) view(b []byte) {
	esc, nul := bytes.IndexByte(b, 0x1b), bytes.IndexByte(b, 0)
	if esc < 0 && nul < 0 && s.unwrap == 0 {
		s.v, s.pos = b, nil
		return
	}
	s.steps += len(b)
	s.buf, s.posBuf = s.buf[:0], s.posBuf[:0]
	for i := 0; i < len(b); i++ {
		c := b[i]
		if s.unwrap > 0 && (i == s.unwrap || i == s.unwrap-1 && c == '\r') {
			if i == s.unwrap {
				i = skipBlanks(b, i+1) - 1
			}
			continue
		}
		if c == 0x1b {
			if n := escapeLen(b[i:]); n > 0 {
				i += n - 1
				continue
			}
		}
		if c == 0 {
			if i >= 2 && b[i-2] == 0 && b[i-1] != 0 || i+2 < len(b) && b[i+2] == 0 && b[i+1] != 0 || i+1 == len(b) && i > 0 && b[i-1] == '\n' || i == 0 && len(b) > 1 && b[1] == '\n' || i == 0 && len(b) == 1 {
				continue
			}
			c = '\n'
		}
		s.buf = append(s.buf, c)
		s.posBuf = append(s.posBuf, int32(i))
	}
	if esc >= 0 && nul >= 0 { // the escapes were in UTF-16 too
		n := 0
		for i := 0; i < len(s.buf); i++ {
			if k := escapeLen(s.buf[i:]); k > 0 {
				i += k - 1
				continue
			}
			s.buf[n], s.posBuf[n] = s.buf[i], s.posBuf[i]
			n++
		}
		s.buf, s.posBuf = s.buf[:n], s.posBuf[:n]
	}
	s.v, s.pos = s.buf, s.posBuf
}

// escapeLen returns the length of the terminal escape that b begins with.
// Source: ECMA-48 sections 5.3 and 5.4.
func escapeLen(b []byte) int {
	if len(b) < 2 || b[0] != 0x1b {
		return 0
	}
	switch b[1] {
	case '[':
		for i := 2; i < len(b) && i < 64; i++ {
			if 0x40 <= b[i] && b[i] <= 0x7e {
				return i + 1
			}
			if b[i] < 0x20 || b[i] > 0x3f {
				return 0
			}
		}
	case ']':
		for i := 2; i < len(b) && i < 512; i++ {
			if b[i] == 7 {
				return i + 1
			}
			if b[i] == 0x1b && i+1 < len(b) && b[i+1] == '\\' {
				return i + 2
			}
			if b[i] < 0x20 {
				return 0
			}
		}
	case '(', ')':
		if len(b) > 2 {
			return 3
		}
	case '7', '8', '=', '>', 'M', 'c':
		return 2
	}
	return 0
}

// raw returns the offset in the line of v[i].
func (s *scanner) raw(i int) int {
	if s.pos == nil {
		return i
	}
	return int(s.pos[i])
}

// rawEnd returns the offset in the line behind v[i-1].
func (s *scanner) rawEnd(i int, b []byte) int {
	if s.pos == nil {
		return i
	}
	if i == 0 {
		return 0
	}
	return int(s.pos[i-1]) + 1
}

// viewOf returns the first offset in v that is not before offset i of the line.
func (s *scanner) viewOf(i int) int {
	if s.pos == nil {
		return i
	}
	return sort.Search(len(s.pos), func(k int) bool { return int(s.pos[k]) >= i })
}

// begin does what the lines before ask for. It reports whether the line is
// dropped, and s.instead put in its place.
func (s *scanner) begin() (drop bool) {
	st := &s.st
	v := s.v
	switch st.mode {
	case modePEM:
		if s.pemLine() {
			if st.word == headless {
				s.replaceLine(privateKey)
			}
			return true
		}
	case modeHex:
		if line := bytes.TrimSpace(v); isHexLine(line) {
			s.next.mode, s.next.word = modeHex, "more"
			if st.word == "" {
				s.replaceLine(privateKey)
			}
			return true
		}
	case modePutty:
		if line := bytes.Trim(v, " \t\r\n\"',\\+"); len(line) >= 4 && isPEMBody(line) && len(line) <= 80 {
			s.next.mode, s.next.word = modePutty, "more"
			if st.word == "" {
				s.replaceLine(privateKey)
			}
			return true
		} else if st.word == "" && bytes.Equal(line, []byte("[redacted "+privateKey+"]")) {
			return false
		}
	case modeBlock:
		if len(bytes.TrimSpace(v)) == 0 {
			s.next.mode, s.next.indent, s.next.word = modeBlock, st.indent, st.word
			return false
		}
		if p := logPrefix(v); p > 0 {
			// The prefix stays, on every line.
			a := skipBlanks(v, p)
			if e := len(bytes.TrimRight(v, "\r\n")); a-p > st.indent && e > a {
				s.next.mode, s.next.indent, s.next.word = modeBlock, st.indent, "more"
				if m := v[a:e]; markLen(m) != len(m) {
					s.found(a, e, "")
					s.next.cont = noCont
				}
				return false
			}
		} else if n := len(v) - len(bytes.TrimLeft(v, " \t")); n > st.indent {
			s.next.mode, s.next.indent, s.next.word = modeBlock, st.indent, "more"
			if st.word == "" {
				kind := ""
				if bytes.Contains(v, []byte("PRIVATE KEY")) || bytes.Contains(v, []byte("["+"redacted "+privateKey+"]")) {
					kind = privateKey
				}
				s.replaceLine(kind)
			}
			return true
		}
	case modeUntil:
		trimmed := bytes.TrimSpace(v)
		quotes := st.word[0] == '"' || st.word[0] == '\''
		if quotes {
			if n := bytes.Index(v, []byte(st.word)); n >= 0 {
				if a := skipBlanks(v, 0); n > a {
					s.found(a, n, "")
				}
				s.skip = n
				return false
			}
		} else if string(trimmed) == st.word || hasPrefix(trimmed, st.word+")") {
			return false
		}
		if st.ttl > 0 && st.indent == 2 {
			break // it was dropped by a pass before
		}
		if st.ttl < maxUntil {
			s.next.mode, s.next.word, s.next.ttl = modeUntil, st.word, st.ttl+1
			if len(trimmed) == 0 {
				return false
			}
			s.next.indent = max(1, st.indent)
			if n := markLen(trimmed); st.indent == 0 && n > 0 && n == len(trimmed) {
				s.next.indent = 2
			}
			if st.indent == 0 {
				s.replaceLine("")
			}
			return true
		}
	}
	i := skipBlanks(v, logPrefix(v))
	indent := i - logPrefix(v)
	if i >= len(v) || v[i] == '\n' || hasPrefix(v[i:], "```") && len(bytes.TrimSpace(v[i:])) < 12 {
		switch {
		case st.pending == pendingPrinted && st.ttl > 1:
			s.next.pending, s.next.valueOf, s.next.ttl, s.next.indentK = st.pending, st.valueOf, st.ttl-1, st.indentK
		case st.pending == pendingRandom && st.valueOf.need < 3:
			s.next.pending, s.next.valueOf, s.next.ttl = pendingPrinted, st.valueOf, 2
		}
		if st.pending != noPending {
			return false
		}
	}
	s.prompted()
	if st.pending != noPending {
		s.pendingValue(i, indent)
	} else if st.ttl > 0 && st.mode == modeNone {
		s.separateValue(i)
	}
	if st.cont == contToken && st.mode == modeNone && s.skip <= i {
		s.continuation(i)
	}
	if st.k.value > 0 && s.known != nil {
		s.known.continued(s, st.k)
	}
	if st.mode == modeNone {
		s.next.body = isKeyLine(v) || hasPrefix(v, "-----BEGIN ")
		if s.next.body && !st.body && v[0] != '-' {
			s.want(wantEnd)
		}
	}
	if st.accounts > 0 && len(bytes.TrimSpace(v)) > 0 {
		s.next.accounts = st.accounts - 1
		s.accountLine()
	}
	if st.jwk > 0 && st.mode == modeNone {
		end := len(v)
		if n := bytes.IndexByte(v, '}'); n >= 0 {
			end = n
		} else {
			s.next.jwk = st.jwk - 1
		}
		s.jwkMembers(0, end)
	}
	if st.table.left > 0 && st.mode == modeNone && s.row() {
		s.next.table = st.table
		s.next.table.left--
	}
	return false
}

// replaceLine puts the indentation and a mark in the place of the line.
func (s *scanner) replaceLine(kind string) {
	v := s.v
	i := skipBlanks(v, 0)
	s.instead = append(s.instead[:0], v[:i]...)
	pos := s.pos
	s.pos = nil
	s.instead = s.mark(s.instead, nil, kind)
	s.pos = pos
	if n := len(v); n > 1 && v[n-2] == '\r' {
		s.instead = append(s.instead, '\r')
	}
	if n := len(v); n > 0 && v[n-1] == '\n' {
		s.instead = append(s.instead, '\n')
	}
}

// continuation redacts the rest of a secret that was wrapped at the end of the
// line before.
func (s *scanner) continuation(i int) {
	v := s.v
	i = max(i, s.sameHead())
	j := i
	for j < len(v) && bytes.IndexByte([]byte("\"'>| +./*#"), v[j]) >= 0 && j-i < 16 {
		j++
	}
	e := j
	for e < len(v) && charsets['p'][v[e]] && v[e] != ':' {
		e++
	}
	run := v[j:e]
	s.steps += e - i
	if len(run) < 6 || len(bytes.Trim(v[e:], " \t\r\n\"'`,;\\)|]}")) > 0 && (e >= len(v) || v[e] != '"' && v[e] != '\'' && v[e] != ' ' && v[e] != '&') {
		return
	}
	if n := bytes.IndexByte(run, '='); n > 0 && n < len(bytes.TrimRight(run, "=")) {
		return
	}
	if isUUID(run) || isDate(run) || isVersion(run) || bytes.IndexByte(run, '/') == 0 && isPath(run) {
		return
	}
	if s.st.contLen >= 16 && len(bytes.TrimSpace(v[e:])) == 0 && !wordyParts(run) && rises(run) > 0 {
		s.found(j, e, "")
		return
	}
	if looksRandom(run) || len(run) >= 20 && mixed(run) && !wordyParts(run) || s.st.contLen >= 16 && mixed(run) && strongWord(run) && len(bytes.TrimSpace(v[e:])) == 0 && !wordyParts(run) || s.st.contLen >= 24 && mixedCase(run) {
		s.found(j, e, "")
	}
}

// sameHead returns where this line begins to differ from the one before, if that is
// behind a word that both begin with: what a logger puts before lines.
func (s *scanner) sameHead() int {
	n := common(s.v, s.st.head[:])
	for n > 0 && s.v[n-1] != ' ' {
		n--
	}
	if n < 6 {
		return 0
	}
	return n
}
