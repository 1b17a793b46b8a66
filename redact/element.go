package redact

import "bytes"

// element redacts the text of an XML element whose name begins at v[start] and whose
// tag goes on at v[i]: <password>x</password>, <Password enc="no">x</Password>.
func (s *scanner) element(start, i int, ver verdict) {
	const cdata = "<![CDATA["
	v := s.v
	i = tagEnd(v, i)
	if i < 0 || byteBefore(v, start) == '/' {
		return
	}
	alone := byteBefore(v, start) == '<' && s.lineStart(start-1) // on its line
	if skipBlanks(v, i) >= len(bytes.TrimRight(v, "\n")) {
		if alone {
			s.await(pendingAny, start, ver)
		}
		return
	}
	for i < len(v) && isSpace(v[i]) {
		i++
	}
	if hasPrefix(v[i:], cdata) {
		i += len(cdata)
		if n := bytes.Index(v[i:], []byte("]]>")); n > 0 && s.enough(v[i:i+n], ver) {
			s.foundValue(i, i+n)
		}
		return
	}
	for _, t := range []string{"<string>", "<value>"} {
		if hasPrefix(v[i:], t) {
			i += len(t)
		}
	}
	n := bytes.IndexByte(v[i:], '<')
	if n < 0 && alone && s.eol && i < len(v) && bytes.IndexByte(v[i:], ' ') < 0 && s.enough(bytes.TrimSpace(v[i:]), ver) {
		s.found(i, len(bytes.TrimRight(v, " \t\r\n")), "") // the end tag is on the next line
	}
	if n <= 0 || !hasPrefix(v[i+n:], "</") && !hasPrefix(v[i+n:], `<\/`) {
		return
	}
	s.steps += n
	val := bytes.TrimRight(v[i:i+n], " \t\r\n")
	if s.enough(val, ver) && !isSentence(val) && !isLabel(val) {
		s.foundValue(i, i+len(val))
	}
}

// tagEnd returns where the tag ends whose name ends at v[i], behind its attributes, or
// -1 if it is no tag or that of an empty element.
func tagEnd(v []byte, i int) int {
	if c := byteAt(v, i); c == '>' || i >= len(v) {
		return min(i+1, len(v))
	} else if c != ' ' {
		return -1
	}
	n := bytes.IndexByte(v[i:min(len(v), i+200)], '>')
	if n < 0 || bytes.ContainsAny(v[i:i+n], "<\n") || v[i+n-1] == '/' {
		return -1
	}
	return i + n + 1
}

// escapedElement redacts the text of an XML element written as JSON or HTML.
func (s *scanner) escapedElement(start, i int, ver verdict) {
	v := s.v
	open, end := `\u003e`, `\u003c`
	if v[i] == '&' {
		open, end = "&gt;", "&lt;"
	}
	if byteBefore(v, start) == '/' {
		return
	}
	i += len(open)
	n := bytes.Index(v[i:min(len(v), i+512)], []byte(end))
	if n > 0 && s.enough(v[i:i+n], ver) && !isSentence(v[i:i+n]) {
		s.foundValue(i, i+n)
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
			s.expectPrinted(ver, 1)
		}
		return
	}
	n := bytes.IndexByte(v[i:min(len(v), i+maxHeader)], '<')
	if n > 0 && weigh(v[i:i+n]) >= max(likely, ver.need) && !isSentence(v[i:i+n]) {
		s.foundValue(i, i+n)
	}
}
