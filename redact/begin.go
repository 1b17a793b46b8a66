package redact

import "bytes"

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
			s.expectPrinted(st.valueOf, 2)
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
