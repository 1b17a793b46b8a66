package redact

import "bytes"

// element redacts the text of an XML element whose name ends at v[stop].
func (s *scanner) element(start, stop int, ver verdict) {
	v := s.v
	i := stop
	if i < len(v) && v[i] != '>' {
		// attributes; the element's own text still is the value
		if j := bytes.IndexByte(v[i:min(len(v), i+200)], '>'); j >= 0 && v[i] == ' ' && !bytes.ContainsAny(v[i:i+j], "<\n") && i+j > 0 && v[i+j-1] != '/' {
			i += j
		} else {
			return
		}
	}
	if start > 0 && v[start-1] == '/' {
		return
	}
	i = min(i+1, len(v))
	if skipBlanks(v, i) >= len(bytes.TrimRight(v, "\n")) {
		if start < 1 || v[start-1] != '<' || !s.lineStart(start-1) {
			return
		}
		s.await(pendingAny, start, ver)
		return
	}
	for i < len(v) && isSpace(v[i]) {
		i++
	}
	if hasPrefix(v[i:], "<![CDATA[") {
		i += len("<![CDATA[")
		if n := bytes.Index(v[i:], []byte("]]>")); n > 0 && s.enough(v[i:i+n], ver) {
			s.found(i, i+n, s.kindOf(i, i+n))
		}
		return
	}
	for _, t := range []string{"<string>", "<value>"} {
		if hasPrefix(v[i:], t) {
			i += len(t)
		}
	}
	n := bytes.IndexByte(v[i:], '<')
	if n <= 0 {
		if n < 0 && s.eol && start > 0 && v[start-1] == '<' && s.lineStart(start-1) && i < len(v) && bytes.IndexByte(v[i:], ' ') < 0 && s.enough(bytes.TrimSpace(v[i:]), ver) {
			s.found(i, len(bytes.TrimRight(v, " \t\r\n")), "")
		}
		return
	}
	s.steps += n
	val := bytes.TrimRight(v[i:i+n], " \t\r\n")
	if (hasPrefix(v[i+n:], "</") || hasPrefix(v[i+n:], `<\/`)) && s.enough(val, ver) && !isSentence(val) && !isLabel(val) {
		s.found(i, i+len(val), s.kindOf(i, i+len(val)))
	}
}

// escapedElement redacts the text of an XML element written as JSON or HTML.
func (s *scanner) escapedElement(start, i int, ver verdict) {
	v := s.v
	open, end := `\u003e`, `\u003c`
	if v[i] == '&' {
		open, end = "&gt;", "&lt;"
	}
	if start > 0 && v[start-1] == '/' {
		return
	}
	i += len(open)
	n := bytes.Index(v[i:min(len(v), i+512)], []byte(end))
	if n > 0 && s.enough(v[i:i+n], ver) && !isSentence(v[i:i+n]) {
		s.found(i, i+n, s.kindOf(i, i+n))
	}
}

// cellAfter redacts the cell of an HTML table that follows one with a name, which ends
// at v[i], on this line or the next.
func (s *scanner) cellAfter(i int, ver verdict) {
	v := s.v
	for i < len(v) && v[i] == '<' {
		n := bytes.IndexByte(v[i:min(len(v), i+40)], '>')
		if n < 0 {
			return
		}
		i = skipBlanks(v, i+n+1)
	}
	if i >= len(v) || v[i] == '\n' {
		if s.eol {
			s.next.pending, s.next.valueOf, s.next.ttl, s.next.indentK = pendingPrinted, ver, 1, 0
		}
		return
	}
	n := bytes.IndexByte(v[i:min(len(v), i+maxHeader)], '<')
	if n > 0 && weigh(v[i:i+n]) >= max(2, ver.need) && !isSentence(v[i:i+n]) {
		s.found(i, i+n, s.kindOf(i, i+n))
	}
}
