package redact

import "bytes"

// await makes the next line begin with the value of a name on this one.
func (s *scanner) await(p pending, start int, ver verdict) {
	if !s.eol {
		return
	}
	s.next.pending, s.next.valueOf, s.next.ttl = p, ver, 1
	s.next.indentK = s.indentOf(start)
}

// expectPrinted makes a word a secret that has one of the next lines to itself.
func (s *scanner) expectPrinted(ver verdict, lines int) {
	s.next.pending, s.next.valueOf, s.next.ttl, s.next.indentK = pendingPrinted, ver, lines, 0
}

// promises makes the next line a secret if this one ends with a colon or is
// nothing but the name a.
func (s *scanner) promises(a *assignment) {
	if !s.eol || a.ver.need > 2 || a.ver.kind != plainKey || len(s.v) > 400 {
		return
	}
	v := bytes.TrimRight(s.v, " \t\r\n*")
	if len(v) == 0 || v[len(v)-1] != ':' && !bytes.HasSuffix(v, []byte(" is")) && (a.stop < len(v) || bytes.Count(bytes.TrimLeft(v, " \t"), []byte(" ")) > 1) {
		return
	}
	if bytes.IndexByte(v[:a.start], '=') >= 0 || bytes.IndexByte(v[:a.start], '{') >= 0 {
		return
	}
	s.expectPrinted(a.ver, 2)
}

// pendingValue redacts a value whose name ended the line before.
func (s *scanner) pendingValue(i, indent int) {
	v := s.v
	if i >= len(v) {
		return
	}
	ver := s.st.valueOf
	switch s.st.pending {
	case pendingPrinted:
		s.printed(i)
		return
	case pendingList:
		s.listed(i)
		return
	}
	if hasPrefix(v[i:], "string(") { // what PHP's var_dump puts before a value
		if n := bytes.IndexByte(v[i:min(len(v), i+16)], ' '); n > 0 {
			i += n + 1
		}
	}
	if n, q := openQuote(v, i); n > 0 {
		if s.st.pending == pendingRandom && (indent <= s.st.indentK || !ver.numbers && ver.need > 2) {
			return
		}
		end, closed := closeQuote(v, i+n, q, false)
		if val := v[i+n : end]; closed && s.enough(val, ver) && !isSentence(val) && !isTemplate(val) {
			s.foundValue(i+n, end)
			s.goesOn(end+n, ver)
		}
		return
	}
	switch s.st.pending {
	case pendingAny:
		if v[i] == '<' {
			s.separateValue(i)
			return
		}
		if e := s.wordEnd(i, len(v)); v[i] != '-' && v[i] != '|' && v[i] != '<' && !isDate(v[i:e]) {
			s.argument(i)
		}
	case pendingRandom:
		if hasPrefix(v[i:], "- ") && indent >= s.st.indentK && ver.need <= 2 {
			s.item(skipBlanks(v, i+1), ver)
			return
		}
		e := s.wordEnd(i, len(v))
		if n := bytes.Index(v[i:min(len(v), i+maxName)], []byte(": ")); n > 0 && indent > s.st.indentK && bytes.IndexByte(v[i:i+n], ' ') < 0 {
			// secrets: and its entries, one a line
			s.next.pending, s.next.valueOf, s.next.indentK = pendingRandom, ver, s.st.indentK
			a := skipBlanks(v, i+n+1)
			if e := s.wordEnd(a, len(v)); weigh(v[a:e]) == 3 && s.enough(v[a:e], verdict{need: 3, weak: true}) {
				s.foundValue(a, e)
			}
			return
		}
		val := v[i:e]
		strong := weigh(val) == 3 || ver.numbers && ver.need < 3 && weigh(val) == 2 && strongWord(val)
		if indent > s.st.indentK && skipBlanks(v, e) >= len(bytes.TrimRight(v, "\r\n")) && strong && s.enough(val, verdict{need: 2, numbers: true}) && val[len(val)-1] != ':' {
			s.foundValue(i, e)
		}
	}
}
