package redact

import "bytes"

// A fate says what becomes of a line inside something of several lines.
type fate uint8

const (
	lineOrdinary fate = iota // that has ended, or the line is to be looked at anyway
	lineKept                 // nothing in the line is to be expected by what stood before it
	lineDropped              // and s.instead put in its place
)

// begin does what the lines before ask for. It reports whether the line is
// dropped, and s.instead put in its place.
func (s *scanner) begin() (drop bool) {
	st, v := &s.st, s.v
	s.tools.word = st.command
	if f := s.inside(); f != lineOrdinary {
		return f == lineDropped
	}
	i := skipBlanks(v, logPrefix(v))
	if st.pending != noPending && isGap(v[i:]) {
		s.waitOn()
		return false
	}
	s.prompted()
	if st.pending != noPending {
		s.pendingValue(i, i-logPrefix(v))
	} else if st.ttl > 0 && st.mode == modeNone {
		s.separateValue(i)
	}
	if st.wrapped && st.mode == modeNone && s.skip <= i {
		s.continuation(i)
	}
	if st.k.value > 0 && s.known != nil {
		s.known.continued(s, st.k)
	}
	if st.mode == modeNone {
		s.keyBody()
	}
	if st.accounts > 0 && len(bytes.TrimSpace(v)) > 0 {
		s.next.accounts = st.accounts - 1
		s.accountLine()
	}
	if st.jwk > 0 && st.mode == modeNone {
		s.jwkLine()
	}
	if st.table.left > 0 && st.mode == modeNone && s.row() {
		s.next.table = st.table
		s.next.table.left--
	}
	return false
}

// inside handles a line inside a private key, a block scalar or a here-document.
func (s *scanner) inside() fate {
	v := s.v
	switch s.st.mode {
	case modePEM:
		if s.pemLine() {
			if s.st.word == headless {
				s.replaceLine(privateKey)
			}
			return lineDropped
		}
	case modeHex:
		if isHexLine(bytes.TrimSpace(v)) {
			return s.dropMore(modeHex, privateKey)
		}
	case modePutty:
		line := bytes.Trim(v, " \t\r\n\"',\\+")
		if len(line) >= 4 && len(line) <= 80 && isPEMBody(line) {
			return s.dropMore(modePutty, privateKey)
		}
		if s.st.word == "" && bytes.Equal(line, []byte("[redacted "+privateKey+"]")) {
			return lineKept
		}
	case modeBlock:
		return s.insideBlock()
	case modeUntil:
		return s.insideHeredoc()
	}
	return lineOrdinary
}

// dropMore drops a line, as the next lines in the same mode: a mark stands in the place
// of the first.
func (s *scanner) dropMore(m mode, kind string) fate {
	s.next.mode, s.next.indent, s.next.word = m, s.st.indent, more
	if s.st.word == "" {
		s.replaceLine(kind)
	}
	return lineDropped
}

// more is the word of a mode that has dropped a line.
const more = "more"

// insideBlock handles a line that may be one of a block scalar of YAML: it is, if it is
// indented more than its key.
func (s *scanner) insideBlock() fate {
	v, st := s.v, &s.st
	if len(bytes.TrimSpace(v)) == 0 {
		s.next.mode, s.next.indent, s.next.word = modeBlock, st.indent, st.word
		return lineKept
	}
	if p := logPrefix(v); p > 0 {
		// The prefix stays, on every line.
		a, e := skipBlanks(v, p), len(bytes.TrimRight(v, "\r\n"))
		if a-p <= st.indent || e <= a {
			return lineOrdinary
		}
		s.next.mode, s.next.indent, s.next.word = modeBlock, st.indent, more
		if m := v[a:e]; markLen(m) != len(m) {
			s.found(a, e, "")
			s.next.wrapped = false
		}
		return lineKept
	}
	if len(v)-len(bytes.TrimLeft(v, " \t")) <= st.indent {
		return lineOrdinary
	}
	kind := ""
	if bytes.Contains(v, []byte("PRIVATE KEY")) || bytes.Contains(v, []byte("[redacted "+privateKey+"]")) {
		kind = privateKey
	}
	return s.dropMore(modeBlock, kind)
}

// What indent says in modeUntil.
const (
	untilNothing = iota // no line has been dropped
	untilDropped
	untilMarked // the first was a mark: a pass before has dropped them
)

// insideHeredoc handles a line of a here-document or of a string in three quotes.
func (s *scanner) insideHeredoc() fate {
	v, st := s.v, &s.st
	line := bytes.TrimSpace(v)
	if st.word[0] == '"' || st.word[0] == '\'' {
		if n := bytes.Index(v, []byte(st.word)); n >= 0 {
			s.found(skipBlanks(v, 0), n, "")
			s.skip = n
			return lineKept
		}
	} else if string(line) == st.word || hasPrefix(line, st.word+")") {
		return lineKept
	}
	if st.ttl > 0 && st.indent == untilMarked || st.ttl >= maxUntil {
		return lineOrdinary
	}
	s.next.mode, s.next.word, s.next.ttl = modeUntil, st.word, st.ttl+1
	if len(line) == 0 {
		return lineKept
	}
	s.next.indent = max(untilDropped, st.indent)
	if st.indent == untilNothing {
		if n := markLen(line); n > 0 && n == len(line) {
			s.next.indent = untilMarked
		}
		s.replaceLine("")
	}
	return lineDropped
}

// isGap reports whether a line says nothing: it is empty, or the fence of a block of
// code.
func isGap(line []byte) bool {
	return atEnd(line, 0) || hasPrefix(line, "```") && len(bytes.TrimSpace(line)) < 12
}

// waitOn makes the line behind a gap hold what this one was to hold.
func (s *scanner) waitOn() {
	st := &s.st
	switch {
	case st.pending == pendingPrinted && st.ttl > 1:
		s.expectPrinted(st.valueOf, st.ttl-1)
		s.next.indentK = st.indentK
	case st.pending == pendingRandom && st.valueOf.need < random:
		s.expectPrinted(st.valueOf, 2)
	}
}

// keyBody holds a line that looks like the first of a private key whose BEGIN was cut
// off.
func (s *scanner) keyBody() {
	s.next.body = isKeyLine(s.v) || hasPrefix(s.v, "-----BEGIN ")
	if s.next.body && !s.st.body && s.v[0] != '-' {
		s.want(wantEnd)
	}
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
