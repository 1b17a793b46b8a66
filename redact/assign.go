package redact

import "bytes"

// assigned looks for a value behind the name v[start:stop].
func (s *scanner) assigned(start, stop int, ver verdict, name []byte, dashes int, inURL, spaced bool) {
	v := s.v
	i := stop
	flag := dashes > 0
	opened := start - dashes
	// The end of what the name is quoted or indexed with.
	var around quote
	quoted := false
	if i+1 < len(v) && (v[i] == '"' || v[i] == '\'') && v[i+1] == ':' && opened > 0 && v[opened-1] == ' ' { // "db password": x
		opened = s.wordBefore(start)
	}
	if n, q := openQuote(v, i); n > 0 && opened > 0 && isQuoteEnd(v[opened-1], q) {
		around, quoted = q, true
		i += n
		if i < len(v) && v[i] == '>' { // <entry key="password">
			s.element(start, i, ver)
			return
		}
	} else if hasPrefix(v[i:], `\u003e`) || hasPrefix(v[i:], "&gt;") {
		s.escapedElement(start, i, ver)
		return
	} else if start > 0 && v[start-1] == '>' && hasPrefix(v[i:], "</t") {
		s.cellAfter(i, ver)
		return
	} else if start > 0 && v[start-1] == '<' || i < len(v) && v[i] == '>' {
		s.element(start, stop, ver)
		if i < len(v) && v[i] == '>' {
			return
		}
	}
	for i < len(v) && (v[i] == ']' || v[i] == ')' && quoted) {
		i++
	}
	if i < len(v) && v[i] == '*' && i+1 < len(v) && v[i+1] == '*' { // **Password:** x
		i += 2
	}
	j := skipBlanks(v, i)
	blanks := j - i
	if j >= len(v) || v[j] == '\n' {
		switch {
		case s.heading(start, stop, ver):
		case flag && !quoted:
			s.await(pendingAny, start, ver)
		case !quoted:
			s.promises(start, stop, ver)
		}
		return
	}
	sep := byte(0)
	k := j
	switch c := v[j]; {
	case c == '=':
		sep, k = '=', j+1
		for k < len(v) && (v[k] == '=' || v[k] == '>' || v[k] == '~') {
			k++
		}
		if hasPrefix(v[j:], "=3D") && !hasPrefix(v[j:], "=3D\"") && s.looksQuotedPrintable(j+3) {
			k = j + 3
		}
	case (c == '!' || c == '?' || c == '+' || c == ':') && j+1 < len(v) && v[j+1] == '=':
		sep, k = '=', j+2
		for k < len(v) && v[k] == '=' {
			k++
		}
	case c == ':' && blanks == 0 && j+2 < len(v) && v[j+1] == ':' && v[j+2] == ' ': // LDIF, RFC 2849
		sep, k = ':', j+2
	case c == ':' && j+1 < len(v) && v[j+1] == ':':
		if j+2 < len(v) && v[j+2] == '=' {
			sep, k = '=', j+3
			break
		}
		return
	case c == ':' && !hasPrefix(v[j:], "://"):
		if blanks > 0 && j+1 < len(v) && v[j+1] == '\'' {
			return // a variable of psql
		}
		sep, k = ':', j+1
	case c == '%' && (hasPrefix(v[j:], "%3D") || hasPrefix(v[j:], "%3d")):
		sep, k = '=', j+3
		inURL = true
	case c == '%' && (hasPrefix(v[j:], "%3A") || hasPrefix(v[j:], "%3a")):
		sep, k = ':', j+3
	case c == '\\' && (hasPrefix(v[j:], `\u003d`) || hasPrefix(v[j:], `\u003D`)):
		sep, k = '=', j+6
	case c == '\\' && hasPrefix(v[j:], `\=`):
		sep, k = '=', j+2
	case c == '&' && (hasPrefix(v[j:], "&#61;") || hasPrefix(v[j:], "&#x3D;")):
		sep, k = '=', j+bytes.IndexByte(v[j:], ';')+1
	case c == '-' && hasPrefix(v[j:], "->"):
		if blanks == 0 {
			return // a member, a Clojure name
		}
		sep, k = '=', j+2
	case hasPrefix(v[j:], "→"):
		sep, k = '=', j+3
	case hasPrefix(v[j:], "："):
		sep, k = ':', j+3
	case c == ',' && quoted:
		sep, k = ',', j+1
	case c == ',' && start > 0 && v[start-1] == '{' && hasPrefix(v[skipBlanks(v, j+1):], `<<"`): // Erlang's {password, <<"x">>}
		sep, k = '=', skipBlanks(v, j+1)+2
	case c == '(' && blanks == 0:
		sep, k = '(', j+1
	case s.next.table.left > 0 || c == '|' && !flag && s.heading(start, stop, ver):
		s.heading(start, stop, ver)
		return
	case c == '|' && start > 1 && blanks > 0 && !bytes.Contains(v[max(0, start-maxName):start], []byte("{{")):
		sep, k = '|', j+1
	default:
		if flag && blanks > 0 {
			sep, k = 'f', j
			break
		}
		if !ver.weak && !s.heading(start, stop, ver) {
			n := len(s.spans)
			if s.prose(start, stop, ver, name, blanks, spaced); len(s.spans) == n {
				s.promises(start, stop, ver)
			}
			s.refused++ // what prose says depends on many words
		}
		return
	}
	if hasPrefix(v[k:], "** ") || hasPrefix(v[k:], "__ ") { // **Password:** x
		k += 2
	}
	m := skipBlanks(v, k)
	wide := m > k
	for m < len(v) && v[m] == '<' && sep == ':' { // <b>Password:</b> <code>x
		n := bytes.IndexByte(v[m:min(len(v), m+12)], '>')
		if n < 2 || v[m+1] != '/' && !isLower(v[m+1]) {
			break
		}
		m = skipBlanks(v, m+n+1)
	}
	if n := escapedBreak(v, m); n > m {
		// A line end inside a string: what follows is as on a line of its own.
		if _, q := openQuote(v, n); !(flag || q.ch != 0 && quoted) {
			return
		}
		m = n
	}
	m = escapedColor(v, m)
	if ver.kind == cookieKey && (sep == ':' || sep == '=' || sep == 'f' || sep == ',') {
		s.cookies(m)
		return
	}
	if ver.kind == authKey {
		if sep == ':' || sep == '=' || sep == ',' || sep == 'f' {
			s.authorization(m, quoted)
		}
		return
	}
	if m >= len(v) || v[m] == '\n' || (v[m] == '\\' && (m+1 == len(v) || v[m+1] == '\n' || v[m+1] == '\r')) {
		switch {
		case m < len(v) && v[m] == '\\':
			s.await(pendingAny, start, ver)
		case quoted && sep != ',' || sep == '(':
			s.await(pendingQuoted, start, ver)
		case sep == ':' || sep == '=':
			s.await(pendingRandom, start, ver)
			if sep == ':' && !s.lineStart(start) || spaced {
				s.promises(start, stop, ver)
			}
		}
		return
	}
	if (v[m] == '(' || v[m] == '[') && skipBlanks(v, m+1) >= len(bytes.TrimRight(v, "\n")) && (sep == '=' || sep == ':') {
		s.await(pendingList, start, ver)
		return
	}
	if v[m] == '\\' && hasPrefix(v[m:], `\u003e`) && sep == ':' {
		if n := escapedBreak(v, skipIndicator(v, m+6)); n > m+6 {
			s.bareValue(start, stop, n, ver, '=', true, flag, inURL, quoted, spaced)
			return
		}
	}
	switch v[m] {
	case '|', '>':
		if n := escapedBreak(v, skipIndicator(v, m+1)); n > m+2 && sep == ':' {
			s.bareValue(start, stop, n, ver, '=', true, flag, inURL, quoted, spaced)
			return
		}
		if (sep == ':' || sep == '=') && s.blockScalar(m) {
			s.next.mode, s.next.indent = modeBlock, s.indentOf(start)
			return
		}
	case '{':
		if sep == '=' && !wide && !hasPrefix(v[m:], "{{") { // ODBC: PWD={x};
			if n := bytes.IndexByte(v[m:min(len(v), m+256)], '}'); n > 4 && !bytes.ContainsAny(v[m+1:m+n], "\"'=") && s.enough(v[m+1:m+n], ver) {
				s.found(m+1, m+n, "")
				return
			}
		}
		if bytes.HasPrefix(v[m:], []byte("{{")) || bytes.HasPrefix(v[m:], []byte("${")) {
			return
		}
		if sep == ':' || sep == '=' { // an object; its "value" is ours
			s.next.valueOf, s.next.ttl = ver, 6
			s.valueAfter(m+1, ver)
		}
		return
	case '[':
		if (sep == ':' || sep == '=' || sep == '(') && !hasPrefix(v[m:], "[redacted") {
			if s.list(m+1, ver) {
				return
			}
		}
	case '<':
		if hasPrefix(v[m:], "<<") && s.heredoc(m+2) {
			return
		}
		if hasPrefix(v[m:], "<![CDATA[") {
			m += len("<![CDATA[")
		}
	case '&':
		// a YAML anchor
		if sep == ':' && wide && m+1 < len(v) && isLetter(v[m+1]) {
			n := m + 1
			for n < len(v) && nameByte(v[n]) {
				n++
			}
			if n < len(v) && v[n] == ' ' && n+1 < len(v) && v[n+1] != '=' {
				m = skipBlanks(v, n)
			}
		}
	case '!':
		// a YAML tag
		if sep == ':' && wide && hasPrefix(v[m:], "!!") {
			n := m
			for n < len(v) && v[n] > ' ' {
				n++
			}
			m = skipBlanks(v, n)
		}
	}
	if m >= len(v) || v[m] == '\n' {
		return
	}
	if hasPrefix(v[m:], "$(") {
		if n := bytes.Index(v[m:min(len(v), m+64)], []byte("<<")); n > 0 && s.heredoc(m+n+2) {
			return
		}
	}
	// $'…', @"…", b"…", r"…", f"…", L"…", N'…' before a quoted value.
	if c := v[m]; (c == '$' || c == '@' || c == 'b' || c == 'r' || c == 'u' || c == 'L' || c == 'N' || c == 'f') && m+1 < len(v) && (v[m+1] == '\'' || v[m+1] == '"') {
		if c == 'f' && bytes.IndexByte(v[m:], '{') > 0 {
			return
		}
		m++
	}
	// A declared type: password: string = "x", or a conversion: Secret("x").
	if sep == ':' || sep == '(' {
		if n := s.afterType(m); n > m {
			m = n
			sep, wide = '=', true
		}
	}
	if n := s.insideCall(m); n > m {
		m = n
	}
	if hasPrefix(v[m:], `"""`) || hasPrefix(v[m:], `'''`) {
		s.tripleQuoted(m, ver)
		return
	}
	if n, q := openQuote(v, m); n > 0 && !(quoted && around.entity == "" && q.ch == around.ch && q.slashes < around.slashes) {
		if !quoted && around.ch == 0 && sep == '=' && !wide && s.closesOuter(start, m, q) || !quoted && sep == ':' && wide && q.ch == '"' && q.slashes == 0 && s.insideQuotes(start) {
			return
		}
		s.quotedValue(m+n, q, ver, sep, quoted, flag)
		return
	}
	if sep == '(' || sep == ',' {
		if sep == ',' {
			return
		}
		if s.fallback(m) {
			return
		}
		// setPassword(hunter2) is a variable unless it looks random.
		e := s.bareEnd(m, sep, inURL, false, start)
		if weigh(v[m:e]) == 3 {
			s.found(m, e, s.kindOf(m, e))
		}
		return
	}
	if !quoted && sep == '=' && !wide && opened > 0 && (isLoud(name) || flag) && (v[opened-1] == '"' || v[opened-1] == '\'') {
		// "NAME=value", an element of a list: the value goes on to the quote.
		k := opened - 1
		for k > 0 && v[k-1] == '\\' {
			k--
		}
		end, closed := closeQuote(v, m, quote{ch: v[opened-1], slashes: opened - 1 - k}, false)
		if i := bytes.Index(v[m:end], []byte(" -")); flag && i > 0 {
			end = m + i // the next option
		}
		if closed {
			if s.enough(v[m:end], ver) && !hasPrefix(v[m:], "-----BEGIN") {
				s.found(m, end, s.kindOf(m, end))
			}
			return
		}
	}
	if s.bareValue(start, stop, m, ver, sep, wide, flag, inURL, quoted, spaced); !ver.weak && !s.inSpan(m) {
		s.fallback(m)
	}
}

// escapedColor returns where the text behind a terminal's colour at v[i] begins, that
// was written out: \u001b[31m.
func escapedColor(v []byte, i int) int {
	for _, esc := range []string{`\u001b[`, `\x1b[`, `\033[`, `\e[`} {
		if hasPrefix(v[i:], esc) {
			if n := bytes.IndexByte(v[i:min(len(v), i+24)], 'm'); n > 0 {
				return i + n + 1
			}
		}
	}
	return i
}

// fallback redacts the literal that a look-up falls back on: os.environ.get("X",
// "secret"), process.env.X || "secret".
func (s *scanner) fallback(m int) bool {
	v := s.v
	if m >= len(v) || !isLetter(v[m]) && v[m] != '$' && !hasPrefix(v[m:], "<%=") {
		return false
	}
	end := min(len(v), m+120)
	for i := m; i < end && v[i] != '\n' && v[i] != ';'; i++ {
		if c := v[i]; c != '|' && c != '?' && c != 'o' && c != ',' {
			continue
		}
		n := 0
		switch {
		case hasPrefix(v[i:], "|| "), hasPrefix(v[i:], "?? "), hasPrefix(v[i:], "or "), hasPrefix(v[i:], "?: "):
			n = 3
		case v[i] == ',' && bytes.IndexByte(v[m:i], '(') > 0:
			n = 1
		default:
			continue
		}
		j := skipBlanks(v, i+n)
		if w, q := openQuote(v, j); w > 0 {
			e, closed := closeQuote(v, j+w, q, false)
			if val := v[j+w : e]; closed && weigh(val) >= 2 && !isSentence(val) && len(val) >= 6 && !isVersion(val) {
				s.found(j+w, e, s.kindOf(j+w, e))
			}
			return true
		}
	}
	return false
}
