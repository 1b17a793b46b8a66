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
	if !s.eol || a.ver.need > likely || a.ver.kind != plainKey || len(s.v) > 400 {
		return
	}
	v := bytes.TrimRight(s.v, " \t\r\n*")
	if bytes.Contains(v, []byte("[redacted")) {
		return // it has said what it had to say
	}
	if len(v) == 0 || v[len(v)-1] != ':' && !bytes.HasSuffix(v, []byte(" is")) && (a.stop < len(v) || bytes.Count(bytes.TrimLeft(v, " \t"), []byte(" ")) > 1) {
		return
	}
	if bytes.IndexByte(v[:a.start], '=') >= 0 || bytes.IndexByte(v[:a.start], '{') >= 0 {
		return
	}
	s.expectPrinted(a.ver, 2)
}

// pendingValue redacts a value whose name ended the line before. This line begins at
// v[i], behind an indentation.
func (s *scanner) pendingValue(i, indent int) {
	v := s.v
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
		s.pendingString(i+n, q, indent)
		return
	}
	switch s.st.pending {
	case pendingAny:
		s.pendingWord(i)
	case pendingRandom:
		s.pendingEntry(i, indent)
	}
}

// pendingString redacts the quoted value at v[i].
func (s *scanner) pendingString(i int, q quote, indent int) {
	ver := s.st.valueOf
	if s.st.pending == pendingRandom && (indent <= s.st.indentK || !ver.numbers && ver.need > likely) {
		return
	}
	end, closed := closeQuote(s.v, i, q, false)
	if val := s.v[i:end]; closed && s.enough(val, ver) && !isSentence(val) && !isTemplate(val) {
		s.foundValue(i, end)
		s.goesOn(end+q.len(), ver)
	}
}

// pendingWord redacts the word at v[i], the argument of an option or the text of an
// element.
func (s *scanner) pendingWord(i int) {
	if byteAt(s.v, i) == '<' {
		s.separateValue(i)
		return
	}
	e := s.wordEnd(i, len(s.v))
	if c := byteAt(s.v, i); i < len(s.v) && c != '-' && c != '|' && !isDate(s.v[i:e]) {
		s.argument(i)
	}
}

// pendingEntry redacts what stands at v[i], below "name:" of YAML, if it is random: an
// item of a list, an entry of a mapping, or the value itself.
func (s *scanner) pendingEntry(i, indent int) {
	v, ver := s.v, s.st.valueOf
	if hasPrefix(v[i:], "- ") && indent >= s.st.indentK && ver.need <= likely {
		s.item(skipBlanks(v, i+1), ver)
		return
	}
	if indent <= s.st.indentK {
		if ver.numbers && ver.need <= likely {
			s.printed(i) // a password below its name
		}
		return
	}
	if n := bytes.Index(v[i:min(len(v), i+maxName)], []byte(": ")); n > 0 && bytes.IndexByte(v[i:i+n], ' ') < 0 {
		// secrets: and its entries, one a line
		s.next.pending, s.next.valueOf, s.next.indentK = pendingRandom, ver, s.st.indentK
		a := skipBlanks(v, i+n+1)
		if e := s.wordEnd(a, len(v)); weigh(v[a:e]) == random && s.enough(v[a:e], verdict{need: random, weak: true}) {
			s.foundValue(a, e)
		}
		return
	}
	e := s.wordEnd(i, len(v))
	val := v[i:e]
	w := weigh(val)
	alone := skipBlanks(v, e) >= len(bytes.TrimRight(v, "\r\n"))
	if alone && (w == random || w == likely && ver.numbers && ver.need < random && strongWord(val)) && s.enough(val, verdict{need: likely, numbers: true}) && val[len(val)-1] != ':' {
		s.foundValue(i, e)
	}
}
