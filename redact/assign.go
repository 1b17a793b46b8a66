package redact

import "bytes"

// An assignment is a name that may be one of a secret, and what is known so far of
// the value assigned to it.
type assignment struct {
	start, stop int // of the name
	name        []byte
	ver         verdict
	dashes      int  // before the name, if it is one of an option
	spaced      bool // the name has two words with a blank between: API key
	label       bool // the name is a word such as "value", its own name stands elsewhere
	inURL       bool // it is a parameter of a URL

	quoted bool  // the name is a string: "password": x
	around quote // what it is quoted with
	sep    separator
	wide   bool // blanks stand before the value
}

// flag reports whether the name is one of an option: --password x.
func (a *assignment) flag() bool { return a.dashes > 0 }

// assigned looks for the value of a name: in the element that the name opens, behind
// a separator, on the lines that follow, or in the words of a sentence.
func (s *scanner) assigned(a *assignment) {
	i := s.nameEnd(a)
	if s.markup(a, i) {
		return
	}
	i = closeBrackets(s.v, i, a.quoted)
	j := skipBlanks(s.v, i)
	if atEnd(s.v, j) {
		s.nameEndsLine(a)
		return
	}
	end, ok := s.separated(a, j, j-i)
	if !ok {
		return
	}
	m, ok := s.valueStart(a, end)
	if !ok || a.ver.kind != plainKey && s.headerValue(a, m) || s.valueBelow(a, m) || s.structured(a, m) {
		return
	}
	m = s.skipAnnotation(a, m)
	if m >= len(s.v) || s.v[m] == '\n' || s.printedHeredoc(m) {
		return
	}
	s.value(a, m)
}

// nameEnd returns where the name ends: behind its closing quote if it is a string, as
// "password" in {"password": "x"}.
func (s *scanner) nameEnd(a *assignment) int {
	v, i := s.v, a.stop
	opened := a.start - a.dashes
	if c := byteAt(v, i); (c == '"' || c == '\'') && byteAt(v, i+1) == ':' && byteBefore(v, opened) == ' ' { // "db password": x
		opened = s.wordBefore(a.start)
	}
	n, q := openQuote(v, i)
	if n == 0 || opened == 0 || !isQuoteEnd(v[opened-1], q) {
		return i
	}
	a.around, a.quoted = q, true
	return i + n
}

// markup looks for the text of an element that the name, which ends at v[i], is part
// of: <password>x</password>, <entry key="password">x</entry>, or the next cell of
// a table in HTML. It reports whether there is no other value.
func (s *scanner) markup(a *assignment, i int) (done bool) {
	v := s.v
	closes := byteAt(v, i) == '>'
	switch before := byteBefore(v, a.start); {
	case a.quoted:
		if closes {
			s.element(a.start, i, a.ver)
		}
	case hasPrefix(v[i:], `\u003e`) || hasPrefix(v[i:], "&gt;"):
		s.escapedElement(a.start, i, a.ver)
		return true
	case before == '>' && hasPrefix(v[i:], "</t"):
		s.cellAfter(i, a.ver)
		return true
	case before == '<' || closes:
		s.element(a.start, i, a.ver)
	}
	return closes
}

// closeBrackets returns where what closes around a name that ends at v[i] ends: the
// bracket of config["password"], the stars of **Password**.
func closeBrackets(v []byte, i int, quoted bool) int {
	for c := byteAt(v, i); c == ']' || c == ')' && quoted; c = byteAt(v, i) {
		i++
	}
	if hasPrefix(v[i:], "**") {
		i += 2
	}
	return i
}

// nameEndsLine makes the next line say what the value of a name at the end of a line
// is: the heading of a table, an option on a line of its own, "Your new password".
func (s *scanner) nameEndsLine(a *assignment) {
	switch {
	case s.heading(a):
	case a.quoted:
	case a.flag():
		s.await(pendingAny, a.start, a.ver)
	default:
		s.promises(a)
	}
}

// separated returns where the separator at v[j], behind a number of blanks, ends. ok
// is false if none is there, and what there is instead has been looked at: the other
// headings of a table, a sentence.
func (s *scanner) separated(a *assignment, j, blanks int) (end int, ok bool) {
	v := s.v
	a.sep, end = s.separator(a, j, blanks > 0)
	if a.sep != sepNone {
		return end, a.sep != sepOther
	}
	bar := v[j] == '|'
	switch {
	case s.next.table.left > 0 || bar && !a.flag() && s.heading(a):
		s.heading(a)
	case bar && a.start > 1 && blanks > 0 && !bytes.Contains(v[max(0, a.start-maxName):a.start], []byte("{{")):
		a.sep = sepBar
		return j + 1, true
	case a.flag() && blanks > 0:
		a.sep = sepBlank
		return j, true
	case !a.ver.weak && !s.heading(a):
		n := len(s.spans)
		if s.prose(a, blanks); len(s.spans) == n {
			s.promises(a)
		}
		s.refused++ // what prose says depends on many words
	}
	return 0, false
}

// valueStart returns where the value behind a separator that ends at v[i] begins:
// behind blanks, and behind what formats it in Markdown (**Password:** x), HTML or on
// a terminal. ok is false if an escaped line end stands there: what follows it is as
// on a line of its own.
func (s *scanner) valueStart(a *assignment, i int) (m int, ok bool) {
	v := s.v
	if hasPrefix(v[i:], "** ") || hasPrefix(v[i:], "__ ") {
		i += 2
	}
	m = skipBlanks(v, i)
	a.wide = m > i
	if a.sep == sepColon {
		m = skipTags(v, m)
	}
	if n := escapedBreak(v, m); n > m {
		if _, q := openQuote(v, n); !a.flag() && !(q.ch != 0 && a.quoted) {
			return 0, false
		}
		m = n
	}
	return escapedColor(v, m), true
}

// skipTags returns where the text behind short tags of HTML at v[i] begins: in
// <b>Password:</b> <code>x.
func skipTags(v []byte, i int) int {
	for byteAt(v, i) == '<' {
		n := bytes.IndexByte(v[i:min(len(v), i+12)], '>')
		if n < 2 || v[i+1] != '/' && !isLower(v[i+1]) {
			break
		}
		i = skipBlanks(v, i+n+1)
	}
	return i
}

// headerValue redacts what is secret in the value of an Authorization or Cookie
// header, and reports whether v[m:] is one.
func (s *scanner) headerValue(a *assignment, m int) bool {
	header := a.sep == sepColon || a.sep == sepEqual || a.sep == sepBlank || a.sep == sepComma
	if a.ver.kind == authKey {
		if header {
			s.authorization(m)
		}
		return true
	}
	if header {
		s.cookies(m)
	}
	return header
}

// valueBelow makes the next lines tell the value if this one ends at v[m], or goes no
// further than to open a list: "password:", "TOKEN=\", "keys = [". It reports whether
// that is so.
func (s *scanner) valueBelow(a *assignment, m int) bool {
	v := s.v
	assigns := a.sep == sepColon || a.sep == sepEqual
	switch c := byteAt(v, m); {
	case c == '\\' && (m+1 == len(v) || atEnd(v, m+1)):
		s.await(pendingAny, a.start, a.ver)
	case m >= len(v) || c == '\n':
		switch {
		case a.quoted && a.sep != sepComma || a.sep == sepCall:
			s.await(pendingQuoted, a.start, a.ver)
		case assigns:
			s.await(pendingRandom, a.start, a.ver)
			if a.sep == sepColon && !s.lineStart(a.start) || a.spaced {
				s.promises(a)
			}
		}
	case assigns && (c == '(' || c == '[') && skipBlanks(v, m+1) >= len(bytes.TrimRight(v, "\n")):
		s.await(pendingList, a.start, a.ver)
	default:
		return false
	}
	return true
}

// structured looks at a value at v[m] that is more than a word or a string: a block
// scalar, an object, a list, a here-document. It reports whether v[m] begins one.
func (s *scanner) structured(a *assignment, m int) bool {
	v := s.v
	switch v[m] {
	case '|', '>', '\\':
		return s.block(a, m)
	case '{':
		s.object(a, m)
		return true
	case '[':
		return (a.sep == sepColon || a.sep == sepEqual || a.sep == sepCall) && !hasPrefix(v[m:], "[redacted") && s.list(m+1, a.ver)
	case '<':
		return hasPrefix(v[m:], "<<") && s.heredoc(m+2)
	}
	return false
}

// object looks at what begins with a brace at v[m]: PWD={x}; of ODBC, a reference
// such as {{ x }}, or an object, whose "value" is then the value.
func (s *scanner) object(a *assignment, m int) {
	v := s.v
	if hasPrefix(v[m:], "{{") || markLen(v[m+1:]) > 0 {
		return
	}
	if a.sep == sepEqual && !a.wide {
		n := bytes.IndexByte(v[m:min(len(v), m+256)], '}')
		if n > 4 && !bytes.ContainsAny(v[m+1:m+n], "\"'=") && s.enough(v[m+1:m+n], a.ver) {
			s.found(m+1, m+n, "")
			return
		}
	}
	if a.sep == sepColon || a.sep == sepEqual {
		s.next.valueOf, s.next.ttl = a.ver, 6
		s.valueAfter(m+1, a.ver)
	}
}

// skipAnnotation returns where the value behind what may stand before one at v[m]
// begins: <![CDATA[, an anchor (&name) or a tag (!!str) of YAML.
func (s *scanner) skipAnnotation(a *assignment, m int) int {
	const cdata = "<![CDATA["
	v := s.v
	yaml := a.sep == sepColon && a.wide
	switch {
	case hasPrefix(v[m:], cdata):
		return m + len(cdata)
	case yaml && v[m] == '&' && isLetter(byteAt(v, m+1)):
		n := m + 1
		for n < len(v) && nameByte(v[n]) {
			n++
		}
		if byteAt(v, n) == ' ' && n+1 < len(v) && v[n+1] != '=' {
			return skipBlanks(v, n)
		}
	case yaml && hasPrefix(v[m:], "!!"):
		n := m
		for n < len(v) && v[n] > ' ' {
			n++
		}
		return skipBlanks(v, n)
	}
	return m
}

// value redacts the value at v[m], a string or a word, if it is a secret.
func (s *scanner) value(a *assignment, m int) {
	v := s.v
	m, ok := s.literal(a, m)
	if !ok {
		return
	}
	if hasPrefix(v[m:], `"""`) || hasPrefix(v[m:], `'''`) {
		s.tripleQuoted(m, a.ver)
		return
	}
	if n, q := openQuote(v, m); n > 0 && !a.inside(q) {
		if !s.closesString(a, m, q) {
			s.quotedValue(a, m+n, q)
		}
		return
	}
	switch {
	case a.sep == sepComma:
	case a.sep == sepCall:
		s.bareArgument(a, m)
	case s.stringOfPair(a, m):
	default:
		if s.bareValue(a, m); !a.ver.weak && !s.inSpan(m) {
			s.fallback(m)
		}
	}
}

// literal returns where the string at v[m] begins behind what languages put before
// one: the b of b'x', a type (password: string = "x"), a conversion (Secret("x")). ok
// is false if the string is made of others, as f"{a}{b}" is.
func (s *scanner) literal(a *assignment, m int) (at int, ok bool) {
	v := s.v
	if c, next := v[m], byteAt(v, m+1); bytes.IndexByte([]byte("$@bruLNf"), c) >= 0 && (next == '\'' || next == '"') {
		if c == 'f' && bytes.IndexByte(v[m:], '{') > 0 {
			return m, false
		}
		m++
	}
	if a.sep == sepColon || a.sep == sepCall {
		if n := s.afterType(m); n > m {
			m, a.sep, a.wide = n, sepEqual, true
		}
	}
	return s.insideCall(m), true
}

// inside reports whether q ends the string that the name is a string in, rather than
// opens a value: the last quote of "{\"password\":".
func (a *assignment) inside(q quote) bool {
	return a.quoted && a.around.entity == "" && q.ch == a.around.ch && q.slashes < a.around.slashes
}

// closesString reports whether the quote q at v[m] ends the string that the name
// stands in: "PASSWORD=", "Password: ".
func (s *scanner) closesString(a *assignment, m int, q quote) bool {
	switch {
	case a.quoted:
		return false
	case a.sep == sepEqual && !a.wide:
		return s.closesOuter(a.start, m, q)
	}
	return a.sep == sepColon && a.wide && q.ch == '"' && q.slashes == 0 && s.insideQuotes(a.start)
}

// maxArgument is the length of the longest argument that is looked at.
const maxArgument = 256

// bareArgument redacts the argument of a call that is no string. setPassword(x) has a
// variable unless it looks random.
func (s *scanner) bareArgument(a *assignment, m int) {
	if s.fallback(m) {
		return
	}
	end := m
	for end < len(s.v) && end-m < maxArgument && s.v[end] > ' ' && s.v[end] != ')' && s.v[end] != ',' {
		end++
	}
	s.steps += end - m
	if weigh(s.v[m:end]) == random {
		s.foundValue(m, end)
	}
}

// stringOfPair redacts the value of "NAME=value" or "--name=value", which goes on to
// the closing quote, and reports whether the name stands in such a string.
func (s *scanner) stringOfPair(a *assignment, m int) bool {
	v := s.v
	opened := a.start - a.dashes
	if c := byteBefore(v, opened); c != '"' && c != '\'' || a.quoted || a.sep != sepEqual || a.wide || !a.flag() && !a.loud() {
		return false
	}
	slashes := 0
	for byteBefore(v, opened-1-slashes) == '\\' {
		slashes++
	}
	end, closed := closeQuote(v, m, quote{ch: v[opened-1], slashes: slashes}, false)
	if i := bytes.Index(v[m:end], []byte(" -")); a.flag() && i > 0 {
		end = m + i // the next option
	}
	if closed && s.enough(v[m:end], a.ver) && !hasPrefix(v[m:], "-----BEGIN") {
		s.foundValue(m, end)
	}
	return closed
}

// loud reports whether the name is written as environment variables are.
func (a *assignment) loud() bool { return !a.label && isLoud(a.name) }
