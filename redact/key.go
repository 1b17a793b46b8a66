package redact

import "bytes"

// maxName is how long a name may be; longer runs of name characters are data.
const maxName = 80

func nameByte(c byte) bool {
	return isAlnum(c) || c == '_' || c == '-' || c == '.' || c >= 0x80
}

// key looks at the name around v[at:end], a stem such as "pass", and at what is
// assigned to it.
func (s *scanner) key(at, end int) {
	v := s.v
	for end > at+1 && !nameByte(v[end-1]) {
		end-- // a stem such as "pw=" that is too short without its sign
	}
	for at < end-1 && v[at] == ' ' {
		at++
	}
	start := at
	for start > 0 && at-start <= maxName && nameByte(v[start-1]) {
		start--
	}
	stop := end
	for stop < len(v) && stop-end <= maxName && nameByte(v[stop]) {
		stop++
	}
	s.steps += stop - start
	if at-start > maxName || stop-end > maxName {
		s.names = max(s.names, min(stop, end+maxName/2))
		return
	}
	start = afterEscape(v, start)
	if !hasHigh(v[at:end]) {
		// Letters of other alphabets are part of the name only if the stem is.
		for i := start; i < at; i++ {
			if v[i] >= 0x80 {
				start = i + 1
			}
		}
		for i := end; i < stop; i++ {
			if v[i] >= 0x80 {
				stop = i
				break
			}
		}
	}
	dashes := 0
	for start < at && (v[start] == '-' || v[start] == '.') {
		if v[start] == '-' {
			dashes++
		}
		start++
	}
	for stop > end && (v[stop-1] == '.' || v[stop-1] == '-') {
		stop--
	}
	if at < s.names {
		return
	}
	if start > 2 && hasPrefix(v[start-3:], "://") || start > 3 && hasPrefix(v[start-4:], "did:") {
		return // the user of a URL, a method of decentralized identifiers
	}
	name := v[start:stop]
	inURL := start > 0 && (v[start-1] == '?' || v[start-1] == '&' || v[start-1] == '#') && dashes == 0
	ver := s.cache.classify(name, inURL)
	for _, g := range s.r.keys {
		last := name[bytes.LastIndexByte(name, '.')+1:]
		if matchGlob(g, name) || matchGlob(g, last) {
			ver = verdict{need: 1, numbers: true}
		}
	}
	spaced := false
	if (ver.need == 0 || ver.need == 3) && dashes == 0 {
		// "API key", "Access Token": the word before belongs to the name.
		if from := s.wordBefore(start); from < start {
			two := s.cache.classify(v[from:stop], false)
			if two.need != 0 && (ver.need == 0 || two.need < ver.need) && two.kind == plainKey {
				ver, spaced = two, true
			} else if two.need == 0 && ver.weak {
				ver = verdict{}
			}
		}
	} else if ver.need == 1 && !ver.numbers && dashes == 0 {
		// "max tokens", "unexpected token": a token that is counted or parsed.
		if from := s.wordBefore(start); from < start && s.cache.classify(v[from:stop], false).need == 0 {
			ver = verdict{}
		}
	}
	if _, _, ok := markAround(v, start); ok {
		return // a replacement's own words
	}
	s.names = max(s.names, stop) // other stems in it are decided with it
	if ver.need == 0 || s.inARN(start) {
		return
	}
	if ver.need == 2 && string(name) == "pass" && bytes.Contains(v[max(0, start-80):start], []byte("user=")) {
		ver.need = 1 // user=a,pass=b
	}
	n := len(s.spans)
	s.assigned(start, stop, ver, name, dashes, inURL, spaced)
	if len(s.spans) == n && ver.kind == plainKey {
		s.named(start, stop, ver)
	}
	if len(s.spans) == n {
		s.refused++
	}
}

func hasHigh(v []byte) bool {
	for _, c := range v {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// wordBefore returns where the word before v[start], one space or dash away,
// begins, or start.
func (s *scanner) wordBefore(start int) int {
	v := s.v
	i := start
	if i < 3 || v[i-1] != ' ' {
		return start
	}
	j := i - 1
	for j > 0 && i-j < 20 && (isLetter(v[j-1]) || v[j-1] == '-' || v[j-1] == '_') {
		j--
	}
	if j == i-1 || j > 0 && v[j-1] == '-' {
		return start
	}
	return j
}

// afterEscape moves start behind what an escape before a name leaves there: the
// n of \n, the 22 of %22.
func afterEscape(v []byte, start int) int {
	if start == 0 {
		return start
	}
	switch v[start-1] {
	case '\\':
		if start < len(v) {
			switch v[start] {
			case 'n', 't', 'r':
				return start + 1
			case 'u':
				return min(len(v), start+5)
			case 'x':
				return min(len(v), start+3)
			}
		}
	case '%':
		if start+1 < len(v) && charsets['H'][v[start]] && charsets['H'][v[start+1]] {
			return start + 2
		}
	}
	return start
}

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

// inARN reports whether the name at start is a part of a resource name.
func (s *scanner) inARN(start int) bool {
	if start == 0 || s.v[start-1] != ':' {
		return false
	}
	before := s.v[max(0, start-80):start]
	return bytes.Contains(before, []byte("arn:aws")) || bytes.Contains(before, []byte("{{resolve:"))
}

// escapedBreak returns where the text behind escaped line ends at v[i] begins
// (\n with any number of backslashes, and the indentation behind it), or i.
func escapedBreak(v []byte, i int) int {
	j := i
	for j < len(v) && v[j] == '\\' && j-i < 16 {
		j++
	}
	if j == i || j >= len(v) || v[j] != 'n' && v[j] != 'r' {
		return i
	}
	if v[j] == 'r' && hasPrefix(v[j+1:], `\n`) {
		j += 2
	}
	return skipBlanks(v, j+1)
}

func skipIndicator(v []byte, i int) int {
	for i < len(v) && (v[i] == '-' || v[i] == '+') {
		i++
	}
	return i
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

// closesOuter reports whether the quote at v[m:] ends the string that the name
// stands in ("PASSWORD=" with nothing behind), rather than opens a value.
func (s *scanner) closesOuter(start, m int, q quote) bool {
	v := s.v
	if start == 0 || q.entity != "" {
		return false
	}
	if v[start-1] != q.ch {
		return false
	}
	i := m + 1 + q.slashes
	return i >= len(v) || v[i] == ',' || v[i] == ']' || v[i] == '}' || v[i] == ' ' || v[i] == '\n' || v[i] == ')'
}

// insideQuotes reports whether a string that began before v[i] is still open
// there: read -p "Password: ".
func (s *scanner) insideQuotes(i int) bool {
	j := i
	for j > 0 && i-j < 40 && (isAlnum(s.v[j-1]) || s.v[j-1] == ' ') {
		j--
	}
	return j > 1 && s.v[j-1] == '"' && (s.v[j-2] == ' ' || s.v[j-2] == '(')
}

func isQuoteEnd(before byte, q quote) bool {
	if q.entity != "" {
		return before == ';' || before >= 0x80 || isAlnum(before)
	}
	return before == q.ch
}

func skipBlanks(v []byte, i int) int {
	for i < len(v) {
		switch c := v[i]; {
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == 0xc2 && i+1 < len(v) && v[i+1] == 0xa0: // a space that does not break
			i += 2
		default:
			return i
		}
	}
	return i
}

// looksQuotedPrintable reports whether =3D was an encoded equals sign: the rest
// of the line has another encoded character or a soft line end.
func (s *scanner) looksQuotedPrintable(i int) bool {
	rest := s.v[i:min(len(s.v), i+256)]
	return bytes.HasSuffix(bytes.TrimRight(rest, "\r\n"), []byte("=")) || bytes.Contains(rest, []byte("=3D")) || bytes.Contains(rest, []byte("=20"))
}

// enough reports whether val is a secret under ver.
func (s *scanner) enough(val []byte, ver verdict) bool {
	w := s.weigh(val)
	if w == 0 || w < ver.need && !(ver.weak && isBasic(val) && len(val) >= 8) {
		return false
	}
	if ver.weak && (len(val) < 16 || isUUID(val) || isDigest(val[bytes.LastIndexByte(val, '-')+1:])) {
		return isBasic(val) && len(val) >= 8
	}
	if !ver.numbers && isNumber(val) || len(val) < 3 && w < 3 {
		return false
	}
	return !(ver.object && isObjectName(val)) && !(ver.need == 2 && isMail(val))
}

func isMail(val []byte) bool {
	user, host, ok := bytes.Cut(val, []byte("@"))
	return ok && wordy(user) && wordy(host) && bytes.IndexByte(host, '.') > 0
}

// objectWords are parts of the names that secrets have in Kubernetes and its like.
var objectWords = wordSet("credentials credential creds secret secrets tls cert certs auth token tokens key keys password passwords pass signer config registry account")

// isObjectName reports whether val is the name of a secret, rather than one:
// small letters in words joined by dashes, one of which says so.
func isObjectName(val []byte) bool {
	if bytes.IndexByte(val, '/') > 0 && wordy(val) {
		return true // database/creds/readonly
	}
	if bytes.IndexByte(val, '-') < 0 {
		return false
	}
	named := false
	for part := range bytes.SplitSeq(val, []byte("-")) {
		for _, c := range part {
			if !isLower(c) {
				return false
			}
		}
		named = named || objectWords[string(part)]
	}
	return named
}

func isNumber(v []byte) bool {
	for i, c := range v {
		if !isDigit(c) && c != '.' && c != ',' && c != '-' && c != '+' && (i == 0 || i < len(v)-1 || c != 'k' && c != 'K' && c != 'M' && c != '%') {
			return false
		}
	}
	return true
}

// quotedValue redacts the quoted value that begins at v[i] if it is a secret.
func (s *scanner) quotedValue(i int, q quote, ver verdict, sep byte, quotedKey, flag bool) {
	v := s.v
	if hasPrefix(v[i:], "-----BEGIN") {
		return // the block's own rule
	}
	end, closed := closeQuote(v, i, q, s.join)
	if !closed && !s.join && s.eol && sep != ',' && q.entity == "" && q.slashes == 0 && q.ch != '`' && end-i < maxJoin && ver.need <= 2 {
		// The value may go on in the next lines.
		s.quote = q.ch
		s.want(wantQuote)
	}
	val := v[i:end]
	s.steps += len(val)
	if sep == ',' || sep == '(' {
		if ver.need == 1 {
			ver.need = 2
		}
		if sep == '(' && weigh(val) == 1 && !closed {
			return
		}
		if sep == '(' && closed && len(val) >= 6 && weigh(val) == 1 && wordy(val) && bytes.IndexByte(val, ' ') < 0 && !stopWords[foldString(string(val))] && s.setter(i) {
			s.found(i, end, "")
			return
		}
	}
	if bytes.Contains(val, []byte("PRIVATE KEY-----")) || bytes.Contains(val, []byte("-----BEGIN")) {
		return // the block's own rule
	}
	if !s.enough(val, ver) {
		return
	}
	if ver.dsn && (bytes.IndexByte(val, '=') > 0 || bytes.IndexByte(val, '@') > 0) {
		return // its parts have names
	}
	if isTemplate(val) || q.ch == '`' && bytes.IndexByte(val, ' ') > 0 || isCommand(val) {
		return
	}
	if ver.need == 1 && isSentence(val) && sep != '=' && sep != 'f' || bytes.Count(val, []byte(" ")) > 12 && isSentence(val) {
		return
	}
	s.found(i, end, s.kindOf(i, end))
	if closed && q.entity == "" {
		s.goesOn(end+1+q.slashes, ver)
	}
	// A plan's change: "old" -> "new".
	if n := 1 + q.slashes; closed && q.entity == "" && hasPrefix(v[min(len(v), end+n):], " -> ") {
		i = end + n + len(" -> ")
		if n, q := openQuote(v, i); n > 0 {
			end, _ := closeQuote(v, i+n, q, false)
			if s.enough(v[i+n:end], ver) {
				s.found(i+n, end, s.kindOf(i+n, end))
			}
		}
	}
}

// goesOn makes the next lines part of a value whose quote closed before v[i], if a
// plus, a dot or a backslash ends the line.
func (s *scanner) goesOn(i int, ver verdict) {
	if i > len(s.v) {
		return
	}
	rest := bytes.TrimSpace(s.v[i:])
	if s.eol && len(rest) == 1 && (rest[0] == '+' || rest[0] == '.' || rest[0] == '\\') {
		s.next.pending, s.next.valueOf, s.next.ttl = pendingList, ver, 1
	}
}

// setter reports whether the call whose first argument begins at v[i] sets
// something: setPassword("x"), .password("x").
func (s *scanner) setter(i int) bool {
	lo := max(0, i-40)
	before := s.v[lo:i]
	return bytes.Contains(before, []byte("set")) || bytes.Contains(before, []byte("Set")) || bytes.Contains(before, []byte("with")) || bytes.Contains(before, []byte(".password(")) || bytes.Contains(before, []byte("PASSWORD("))
}

// isSentence reports whether val is prose: several words, some of which belong
// to sentences only.
func isSentence(val []byte) bool {
	if bytes.Count(val, []byte(" ")) < 2 {
		return bytes.IndexByte(val, ' ') > 0 && proseWords(val) >= 1 && weigh(val) <= 1
	}
	return proseWords(val) >= 1
}

// sentenceWords appear in messages about secrets, hardly in passphrases.
var sentenceWords = wordSet(`is was are were must should cannot can could may will the an and or for from with without must
	not be been has have had it its if when then than that this your you my our please required invalid incorrect expired
	wrong missing empty failed changed does do did on in of to at by as no
	only characters letters digits least password token username user login`)

func proseWords(val []byte) int {
	n := 0
	var buf [16]byte
	for _, w := range bytes.FieldsFunc(val[:min(len(val), 256)], func(r rune) bool { return r == ' ' || r == ',' || r == '.' }) {
		if len(w) <= len(buf) && sentenceWords[string(lower(w, buf[:0]))] {
			n++
		}
	}
	return n
}

// isCommand reports whether val is the command line of a program: in package.json
// "token": "node print.js".
func isCommand(val []byte) bool {
	word, rest, ok := bytes.Cut(val, []byte(" "))
	if !ok {
		return false
	}
	i := bytes.Index(rest, []byte("-"))
	return commands[string(word)] || wordy(word) && i >= 0 && (i == 0 || rest[i-1] == ' ') && i+1 < len(rest) && isLetter(rest[i+1])
}

// isTemplate reports whether val is made of references, with nothing secret beside
// them.
func isTemplate(val []byte) bool {
	return bytes.IndexByte(val, '{') >= 0 && (bytes.Contains(val, []byte("{{")) || bytes.Contains(val, []byte("${"))) && weigh(stripTemplates(val)) < 2
}

func stripTemplates(val []byte) []byte {
	var out []byte
	for i := 0; i < len(val); i++ {
		if val[i] == '{' {
			if j := bytes.IndexByte(val[i:], '}'); j >= 0 {
				i += j
				continue
			}
		}
		if val[i] != '}' && val[i] != '$' {
			out = append(out, val[i])
		}
	}
	return out
}

// bareEnd returns where the unquoted value at v[i] ends.
func (s *scanner) bareEnd(i int, sep byte, inURL, env bool, keyStart int) int {
	v := s.v
	depth := 0
	j := i
	for ; j < len(v) && j-i < 4*unbounded; j++ {
		c := v[j]
		if c <= ' ' || c == 0x7f {
			break
		}
		if env {
			if (c == ';' || c == '&') && pairAhead(v, j+1) {
				break
			}
			continue
		}
		next := byte(' ')
		if j+1 < len(v) {
			next = v[j+1]
		}
		stop := false
		switch c {
		case '"', '`':
			stop = true
		case '\'':
			stop = next <= ' ' || next == ',' || next == ')' || next == ']' || next == '}' || next == ';' || keyStart > 0 && v[keyStart-1] == '\'' || j == i
		case '\\':
			stop = next == '"' || next == 'n' || next == 'r' || next == 't' || next == '\'' || next == '\\'
			if next == 'u' && j+5 < len(v) && v[j+2] == '0' && v[j+3] == '0' {
				stop = true
			}
		case '<':
			stop = j > i
		case '&':
			stop = inURL || pairAhead(v, j+1) || hasPrefix(v[j:], "&amp;") || hasPrefix(v[j:], "&quot;")
		case '#':
			stop = inURL
		case ';':
			stop = next <= ' ' || pairAhead(v, j+1) || next == '"' || next == '\''
		case ',':
			stop = next <= ' ' || pairAhead(v, j+1) || next == '"' || next == '\'' || next == '{' || next == '['
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth > 0 {
				depth--
			} else {
				stop = next <= ' ' || next == ',' || next == ';' || next == ')' || next == ']' || next == '}' || next == '"' || next == '\'' || next == '.' || next == ':' || next == '('
			}
		case '|':
			stop = sep == '|' || next <= ' '
		case '%':
			stop = hasPrefix(v[j:], "%22") || hasPrefix(v[j:], "%26") || inURL && hasPrefix(v[j:], "%2C")
		}
		if stop || c >= 0xf0 && j > i || c == 0xe2 && next == 0x9c && j > i || c == 0xe3 && next == 0x80 && j > i {
			break // an emoji, a bracket of Chinese text
		}
	}
	s.steps += j - i
	return j
}

// pairAhead reports whether name= or name: begins at v[i].
func pairAhead(v []byte, i int) bool {
	j := i
	for j < len(v) && j-i < 40 && (nameByte(v[j]) || v[j] == ' ' && j > i) {
		j++
	}
	return j > i && j < len(v) && (v[j] == '=' || v[j] == ':' && (j+1 >= len(v) || !isDigit(v[j+1])))
}

// lineStart reports whether only indentation, a list dash or "export" stands
// before v[i] on its line.
func (s *scanner) lineStart(i int) bool {
	v := s.v
	j := i
	for j > 0 && i-j < 200 && v[j-1] != '\n' {
		j--
	}
	if i-j >= 200 {
		return false
	}
	rest := v[j:i]
	for range 4 {
		for len(rest) > 0 && bytes.IndexByte([]byte(" \t-+#>"), rest[len(rest)-1]) >= 0 {
			rest = rest[:len(rest)-1]
		}
		if len(rest) == 0 {
			return true
		}
		if bytes.HasSuffix(rest, []byte("]:")) || bytes.HasSuffix(rest, []byte(" |")) {
			return true // what a logger put there
		}
		word := rest[bytes.LastIndexByte(rest, ' ')+1:]
		if len(word) > 8 || !lineWords[string(word)] {
			return false
		}
		rest = rest[:len(rest)-len(word)]
	}
	return false
}

// lineWords may stand before an assignment that has the line to itself.
var lineWords = wordSet("export set setenv declare -x -rx ENV ARG local readonly typeset env name: * $ // ;")

// logPrefix returns the length of what a logger puts before a line: a time, a
// host, a name with a process id, a container's name and a bar.
func logPrefix(v []byte) int {
	if len(v) < 8 || !isAlnum(v[0]) && v[0] != '[' {
		return 0
	}
	head := v[:min(len(v), 100)]
	for i := bytes.IndexByte(head, ']'); i > 0; {
		if hasPrefix(head[i:], "]: ") {
			return i + 3
		}
		n := bytes.IndexByte(head[i+1:], ']')
		if n < 0 {
			break
		}
		i += 1 + n
	}
	if i := bytes.IndexByte(head, '|'); i > 1 && head[i-1] == ' ' && hasPrefix(head[i:], "| ") && bytes.IndexByte(head[:i], '=') < 0 && bytes.IndexByte(head[:i], '"') < 0 {
		return i + 2
	}
	return 0
}

func (s *scanner) indentOf(i int) int {
	v := s.v
	j := i
	for j > 0 && v[j-1] != '\n' && i-j < 1024 {
		j--
	}
	j += logPrefix(v[j:i])
	n := 0
	for j < i && (v[j] == ' ' || v[j] == '\t') {
		n++
		j++
	}
	for j+1 < i && v[j] == '-' && v[j+1] == ' ' {
		n += 2
		j += 2
	}
	return n
}

// bareValue redacts the unquoted value at v[m] if it is a secret.
func (s *scanner) bareValue(start, stop, m int, ver verdict, sep byte, wide, flag, inURL, quotedKey, spaced bool) {
	v := s.v
	if m < s.refusedTo {
		// In a value that was refused. Names may stand in it, but not so many
		// that each looks to its end again.
		if s.refusals++; s.refusals > maxRefusals {
			return
		}
	} else {
		s.refusals = 0
	}
	atStart := s.lineStart(start)
	env := sep == '=' && !wide && atStart && !inURL && start+1 < len(v)
	end := s.bareEnd(m, sep, inURL, env && !bytes.ContainsAny(v[m:min(len(v), m+1)], `"'`), start)
	if env && end > m && (v[end-1] == ';' || v[end-1] == '"' || v[end-1] == ',' && end < len(v) && v[end] == ' ') {
		end--
	}
	val := v[m:end]
	if len(val) == 0 || hasPrefix(val, "-----BEGIN") {
		return
	}
	s.refusedTo = end
	if val[0] == '<' && bytes.IndexByte(val, '>') < 0 && bytes.IndexByte(v[end:min(len(v), end+200)], '>') >= 0 {
		return // <set to the key …>
	}
	if start > 1 && v[start-1] == '{' && v[start-2] == '$' && (val[0] == '?' || val[0] == '-') {
		return // ${PASSWORD:?required}
	}
	if flag && sep == 'f' {
		if val[0] == '-' && !(len(val) > 8 && val[1] != '-' && strongWord(val[1:]) && !wordyParts(val)) || val[0] == '|' || val[0] == '>' || val[0] == '<' || val[0] == '[' || val[0] == '=' || m-stop > 1 && s.weigh(val) < 2 || isUpperName(val) {
			return
		}
		if val[0] >= 0x80 || isPair(val) && hasEndingWord(v[start:stop], "secret") {
			return // docker build --secret id=x,src=y
		}
		if s.weigh(val) == 1 && ver.need == 1 && (s.moreProse(end) || mixedNames(val) && classify(val, false).need > 0) {
			return
		}
	}
	if sep == '|' {
		if ver.need = max(ver.need, 2); isDate(val) {
			return
		}
	}
	if !env && isCode(val, wide, ver) && !(atStart && sep == ':' && weigh(val) == 3) {
		return
	}
	if sep == '(' && weigh(val) < 3 {
		return
	}
	rest := v[end:min(len(v), end+200)]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	if !env && (isExpression(val, rest, wide) || sep == ':' && isUpper(val[0]) && s.weigh(val) <= 1 && s.declared(start)) {
		return
	}
	if appPassword(val, rest) && atStart {
		s.found(m, end+len(bytes.TrimRight(rest, " \t\r\"'")), "")
		return
	}
	rest = bytes.TrimRight(rest, " \t\r\"'`,;")
	if isNumber(val) && !inURL {
		// "password: 8 bytes", "token: 12 (max 20)"
		if !ver.numbers || len(bytes.Trim(rest, " }])")) > 0 && sep != '=' && !pairAhead(v, skipBlanks(v, end)) || ver.numbers && len(val) < 4 {
			return
		}
	}
	w := s.weigh(val)
	if s.valueSpaces(start, m, end, sep) {
		if i := bytes.IndexByte(v[end:], ';'); i > 0 {
			end += i
			val = v[m:end]
		}
	} else if len(rest) > 0 && w <= 1 && wordy(val) && ver.need == 1 && !inURL {
		// Several words: a passphrase, a message, or more of the line.
		words := bytes.Fields(rest)
		switch {
		case rest[0] != ' ' && rest[0] != '\t':
		case s.seedPhrase(m, v[start:stop]):
			return
		case w == 0:
		case s.passphrase(val, words, sep, atStart, stop-start, v[start:stop]):
			s.found(m, end+len(rest), "")
			return
		case sep == ':' && len(words) > 0 && !pairAhead(v, skipBlanks(v, end)) && !isLoud(v[start:stop]):
			// "password: incorrect for bob"
			if isSentence(v[m:end+len(rest)]) || spaced || !atStart || words[0][0] != '#' && words[0][0] != '/' {
				return
			}
		}
	}
	if sep == ':' && w == 2 && ver.need == 1 && len(rest) > 1 && wordyEnd(val) && isSentence(v[m:end+len(rest)]) {
		return
	}
	if (ver.weak && hasEndingWord(v[start:stop], "auth") || hasEndingWord(v[start:stop], "credentials") || hasEndingWord(v[start:stop], "creds")) && s.userPass(m, end) {
		return
	}
	if !s.enough(val, ver) && !(env && ver.numbers && ver.need == 1 && isLoud(v[start:stop]) && weakPasswords[foldString(string(val[:min(len(val), 12)]))]) {
		return
	}
	if ver.dsn && bytes.IndexByte(val, '=') > 0 {
		return
	}
	for end > m && (v[end-1] == ',' || v[end-1] == ';') && end < len(v) {
		end--
	}
	s.found(m, end, s.kindOf(m, end))
}

// isPair reports whether val is name=value.
func isPair(val []byte) bool {
	n := bytes.IndexByte(val, '=')
	return n > 0 && isVariable(val[:n])
}

func hasEndingWord(name []byte, word string) bool {
	n := len(name) - len(word)
	return n >= 0 && equalFold(name[n:], word)
}

// userPass redacts the password of user:password or user/password, v[i:end].
func (s *scanner) userPass(i, end int) bool {
	val := s.v[i:end]
	n := bytes.IndexAny(val, ":/")
	if n < 1 || n > 32 || !isVariableName(val[:n]) || weigh(val[n+1:]) < 2 || len(val)-n < 6 || bytes.IndexByte(val[n+1:], '/') >= 0 {
		return false
	}
	s.found(i+n+1, end, "")
	return true
}

// weakPasswords are words that PASSWORD= is really set to, though elsewhere they
// are words about passwords.
var weakPasswords = wordSet("secret password passwd admin login user username public private default token key pass")

// maxRefusals is how many names in a refused value are looked at.
const maxRefusals = 16

// valueSpaces reports whether the value v[m:end] goes on behind a space, in a
// connection string: Password=a b;Server=x.
func (s *scanner) valueSpaces(start, m, end int, sep byte) bool {
	v := s.v
	if sep != '=' || end >= len(v) || v[end] != ' ' {
		return false
	}
	semi := bytes.IndexByte(v[end:min(len(v), end+64)], ';')
	if semi < 0 || bytes.ContainsAny(v[end:end+semi], "=\"'\n:") {
		return false
	}
	return pairAhead(v, end+semi+1) || start > 0 && (v[start-1] == ';' || start > 1 && v[start-2] == ';')
}

func wordyEnd(val []byte) bool { return wordy(bytes.TrimRight(val, ",.:;)")) }

// moreProse reports whether the words after v[i] make the one before part of a
// sentence.
func (s *scanner) moreProse(i int) bool {
	rest := s.v[i:min(len(s.v), i+80)]
	if j := bytes.IndexByte(rest, '\n'); j >= 0 {
		rest = rest[:j]
	}
	return proseWords(rest) >= 1 && !bytes.Contains(rest, []byte(" -"))
}

// isLoud reports whether a name is written as environment variables are.
func isLoud(name []byte) bool {
	n := 0
	for _, c := range name {
		if isLower(c) {
			return false
		}
		if isUpper(c) {
			n++
		}
	}
	return n > 1
}

func isUpperName(v []byte) bool {
	for _, c := range v {
		if !isUpper(c) && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// seedPhrase redacts the 12 to 24 words of a wallet at v[m], whatever follows them.
// Source: BIP 39.
func (s *scanner) seedPhrase(m int, name []byte) bool {
	var buf [maxName]byte
	if low := lower(name, buf[:0]); !bytes.Contains(low, []byte("phrase")) && !bytes.Contains(low, []byte("mnemonic")) && !bytes.Contains(low, []byte("seed")) {
		return false
	}
	v := s.v
	end, n := m, 0
	for i := m; i < len(v) && n < 24; n++ {
		j := i
		for j < len(v) && isLower(v[j]) {
			j++
		}
		if j-i < 3 || j-i > 8 || j < len(v) && (isAlnum(v[j]) || v[j] >= 0x80) {
			break
		}
		if n%3 == 2 && n >= 11 {
			end = j
		}
		if j >= len(v) || v[j] != ' ' {
			n++
			break
		}
		i = j + 1
	}
	s.found(m, end, "")
	return end > m
}

// passphrase reports whether val and the words after it are one secret of
// several words, such as "correct horse battery staple".
func (s *scanner) passphrase(val []byte, words [][]byte, sep byte, atStart bool, n int, name []byte) bool {
	if len(words) == 0 || len(words) > 24 || bytes.HasSuffix(name, []byte("tokens")) || bytes.HasSuffix(name, []byte("token")) {
		return false
	}
	phrase := false
	var buf [maxName]byte
	low := lower(name, buf[:0])
	if bytes.Contains(low, []byte("phrase")) || bytes.Contains(low, []byte("mnemonic")) || bytes.Contains(low, []byte("seed")) {
		phrase = true
	}
	if phrase && len(words) >= 12 {
		return false // see seedPhrase
	}
	if !phrase && !(atStart && (sep == '=' && isLoud(name) || sep == ':' || sep == '=') && len(words) >= 1) {
		return false
	}
	if len(words) == 1 && !phrase && !isLoud(name) {
		return false
	}
	for _, w := range words {
		for _, c := range w {
			if !isAlnum(c) && c != '-' && c != '!' && c != '\'' && c < 0x80 {
				return false
			}
		}
		if w[0] == '-' {
			return false
		}
		var b [16]byte
		if len(w) <= len(b) && sentenceWords[string(lower(w, b[:0]))] {
			return false
		}
	}
	var b [24]byte
	if len(val) <= len(b) && (sentenceWords[string(lower(val, b[:0]))] || commands[string(lower(words[0], b[:0]))]) {
		return false
	}
	return wordy(val)
}

// commands follow an assignment on a command line: PGPASSWORD=x psql.
var commands = wordSet(`psql pg_dump pg_restore mysql mysqldump redis-cli npm node python python3 go make docker kubectl helm terraform
	ansible-playbook curl wget git ssh scp rsync bash sh sudo env restic borg rclone aws gcloud az yarn pnpm java php ruby bundle
	rake cargo pytest gh glab openclaw clawconsole ./run.sh mongodump mongosh sqlcmd`)

// isCode reports whether an unquoted value is an expression of a program rather
// than a value: config.token, getToken(), newPassword.
func isCode(val []byte, wide bool, ver verdict) bool {
	c := val[0]
	if c == '(' && weigh(val) < 3 {
		return bytes.IndexByte(val, ')') != len(val)-1 || len(val) == 2 // (state: State) => …, ()=>x
	}
	if c == '[' && val[len(val)-1] == ':' {
		return true
	}
	if !isLetter(c) && c != '_' && c != '$' && c != '&' && c != '*' && c != '!' && c != '(' {
		return false
	}
	if c == '&' || c == '*' || c == '!' {
		return len(val) > 1 && isVariable(val[1:]) && wide
	}
	i := 1
	for i < len(val) && (isAlnum(val[i]) || val[i] == '_' || val[i] == '$') {
		i++
	}
	head := val[:i]
	if i < len(val) {
		switch val[i] {
		case '(':
			return !looksRandom(head)
		case '[':
			return !looksRandom(head) && isVariable(head)
		case '.':
			if !isVariable(head) || weigh(val) == 3 {
				return false
			}
			tail := bytes.TrimRight(val[i+1:], ");,")
			return len(tail) > 0 && (isVariable(tail) || bytes.IndexByte(tail, '(') > 0) && (wide || bytes.IndexByte(tail, '(') > 0)
		case ':':
			return hasPrefix(val[i:], "::")
		case '-':
			return hasPrefix(val[i:], "->") && wide
		case '?':
			return wide && !looksRandom(head) && (i+1 == len(val) || val[i+1] == '.' || hasPrefix(val[i:], "?? ") || len(val) == i+2)
		}
		return false
	}
	if !wide {
		return false
	}
	// A name that speaks of a secret itself: password = newPassword.
	return isVariable(head) && (classify(head, false).need > 0 && len(head) > 5 && mixedNames(head))
}

// isExpression reports whether the word val, before rest, is part of a program:
// a type (Option<String>, Secret in backticks), a call without parentheses, one of
// several alternatives.
func isExpression(val, rest []byte, wide bool) bool {
	if len(rest) == 0 {
		return false
	}
	for _, c := range val {
		if !isLetter(c) && c != '_' && c != '-' {
			return false
		}
	}
	switch rest[0] {
	case '<':
		return isUpper(val[0]) && !hasPrefix(rest, "</")
	case '`':
		return isUpper(val[0])
	case ' ':
	default:
		return false
	}
	if !wide {
		return false
	}
	i := skipBlanks(rest, 0)
	j := i
	for j < len(rest) && (isAlnum(rest[j]) || rest[j] == '_' || rest[j] == '.') {
		j++
	}
	switch {
	case i == len(rest):
		return false
	case j == i:
		return rest[i] == '"' || rest[i] == '$' || rest[i] == '.' || rest[i] == '-' && isUpper(val[0]) && bytes.IndexByte(val, '-') > 0
	case j < len(rest) && rest[j] == '(':
		return true
	}
	return bytes.Contains(rest, []byte(" | "))
}

// declared reports whether the name at v[i] is declared there, so that a type follows.
func (s *scanner) declared(i int) bool {
	before := s.v[max(0, i-48):i]
	if n := bytes.LastIndexByte(before, '\n'); n >= 0 {
		before = before[n:]
	}
	for _, w := range []string{"val ", "var ", "let ", "func ", "fun ", "def ", "fn ", "private ", "public ", "protected ", "final ", "readonly ", "const ", "pub ", "init("} {
		if bytes.Contains(before, []byte(w)) {
			return true
		}
	}
	return false
}

// appPassword reports whether val and rest are groups of four, as Google shows an
// application's password.
// Source: https://support.google.com/accounts/answer/185833
func appPassword(val, rest []byte) bool {
	rest = bytes.TrimRight(rest, " \t\r\"'")
	if len(val) != 4 || len(rest) != 15 || !isVariableName(val) {
		return false
	}
	for i, c := range rest {
		if (i%5 == 0) != (c == ' ') || i%5 != 0 && !isAlnum(c) {
			return false
		}
	}
	return true
}

// mixedNames reports whether a name has several words.
func mixedNames(v []byte) bool {
	for i := 1; i < len(v); i++ {
		if v[i] == '_' || isUpper(v[i]) && isLower(v[i-1]) {
			return true
		}
	}
	return false
}

// isLabel reports whether val is the words of a name, as on a form: API key.
func isLabel(val []byte) bool {
	return bytes.IndexByte(val, ' ') > 0 && wordy(val) && len(val) <= maxName && classify(val, false).need > 0
}

// await makes the next line begin with the value of a name on this one.
func (s *scanner) await(p pending, start int, ver verdict) {
	if !s.eol {
		return
	}
	s.next.pending, s.next.valueOf, s.next.ttl = p, ver, 1
	s.next.indentK = s.indentOf(start)
}

// blockScalar reports whether v[m:] is the indicator of a YAML block scalar,
// alone on the rest of its line.
func (s *scanner) blockScalar(m int) bool {
	i := m + 1
	for i < len(s.v) && (s.v[i] == '-' || s.v[i] == '+' || isDigit(s.v[i])) && i-m < 4 {
		i++
	}
	i = skipBlanks(s.v, i)
	return i >= len(s.v) || s.v[i] == '\n' || s.v[i] == '#'
}

// heredoc begins to drop the lines of a here-document, whose mark is at v[i:].
func (s *scanner) heredoc(i int) bool {
	v := s.v
	for i < len(v) && (v[i] == '-' || v[i] == '~' || v[i] == '\'' || v[i] == '"' || v[i] == '<') {
		i++
	}
	j := i
	for j < len(v) && (isAlnum(v[j]) || v[j] == '_') {
		j++
	}
	k := skipBlanks(v, j)
	if j == i || j-i > 32 || k < len(v) && v[k] != '\n' && v[k] != '\'' && v[k] != '"' || !s.eol {
		return false
	}
	s.next.mode, s.next.word = modeUntil, string(v[i:j])
	return true
}

// tripleQuoted redacts a value in three quotes, over lines if need be.
func (s *scanner) tripleQuoted(m int, ver verdict) {
	v := s.v
	q := v[m : m+3]
	i := m + 3
	if n := bytes.Index(v[i:], q); n >= 0 {
		if s.enough(v[i:i+n], ver) {
			s.found(i, i+n, "")
		}
		return
	}
	if !s.eol {
		return
	}
	end := len(bytes.TrimRight(v, "\r\n"))
	if end > i && weigh(v[i:end]) > 0 {
		s.found(i, end, "")
		s.next.cont = noCont
	}
	s.next.mode, s.next.word = modeUntil, string(q)
}

// list redacts the quoted strings of an array.
func (s *scanner) list(i int, ver verdict) bool {
	v := s.v
	for n := 0; n < 64; n++ {
		i = skipBlanks(v, i)
		if i >= len(v) {
			return true
		}
		if v[i] == ',' {
			i++
			continue
		}
		w, q := openQuote(v, i)
		if w == 0 {
			return n > 0
		}
		end, closed := closeQuote(v, i+w, q, false)
		if !closed {
			if end = len(bytes.TrimRight(v[:end], "\r")); s.eol && weigh(v[i+w:end]) == 3 {
				s.found(i+w, end, "")
			}
			return true
		}
		val := v[i+w : end]
		s.steps += len(val)
		switch {
		case weigh(val) >= 2 && s.enough(val, ver) && !isDigest(val),
			len(val) == 66 && isDigest(val), // a share of Vault's key
			ver.numbers && ver.need < 3 && isNumber(val) && len(val) >= 6:
			s.found(i+w, end, s.kindOf(i+w, end))
		}
		i = end + w
	}
	return true
}

// afterType returns where the value behind a declared type begins:
// string = "x" gives the offset of the quote; v[m:] itself if there is none.
func (s *scanner) afterType(m int) int {
	v := s.v
	if hasPrefix(v[m:], "[redacted") {
		return m
	}
	i := m
	for i < len(v) && i-m < 40 && (isAlnum(v[i]) || v[i] == '_' || v[i] == '.' || v[i] == '&' || v[i] == '?' || v[i] == '\'' && i > m && v[i-1] == '&' || v[i] == '<' || v[i] == '>' || v[i] == '[' || v[i] == ']' || v[i] == '|' || v[i] == ' ' && i > m && v[i-1] != ' ') {
		i++
	}
	if i < len(v) && v[i] == '=' && i > m && v[i-1] == ' ' {
		j := skipBlanks(v, i+1)
		if j < len(v) && (v[j] == '"' || v[j] == '\'' || v[j] == '`') && !bytes.ContainsAny(v[m:i], "\"'`") {
			return j
		}
	}
	return m
}

// insideCall returns where the string argument begins when the value is a call
// that wraps one: Secret("x"), []byte("x"), String::from("x"). Look-ups such as
// os.Getenv("X") keep their argument.
func (s *scanner) insideCall(m int) int {
	v := s.v
	if bytes.IndexByte(v[m:min(len(v), m+49)], '(') < 0 {
		return m
	}
	i := m
	for i < len(v) && i-m < 48 && (isAlnum(v[i]) || v[i] == '_' || v[i] == '.' || v[i] == ':' || v[i] == '[' || v[i] == ']' || v[i] == ' ' && i == m+3 && hasPrefix(v[m:], "new ")) {
		i++
	}
	if i == m || i+1 >= len(v) || v[i] != '(' || v[i+1] != '"' && v[i+1] != '\'' {
		return m
	}
	var buf [64]byte
	fn := lower(v[m:i], buf[:0])
	for _, w := range wrappers {
		if bytes.HasSuffix(fn, []byte(w)) {
			return i + 1
		}
	}
	return m
}

var wrappers = []string{"secret", "secretstr", "newsecret", "[]byte", "string", "from", "str", "bytes", "text", "base64", "b64decode", "decodestring",
	"securestring", "password", "token", "credential", "some", "into", "literal", "sensitive", "md5", "sha1", "sha256", "encode", "fromstring", "unhex"}

// named handles a name that is itself a value: {"name": "API_KEY", "value": …},
// <key>API_KEY</key><string>…</string>.
func (s *scanner) named(start, stop int, ver verdict) {
	v := s.v
	i := start
	for i > 0 && start-i < 80 && (v[i-1] == '"' || v[i-1] == '\'' || v[i-1] == '\\' || v[i-1] == '/' || nameByte(v[i-1]) && i < start) {
		i--
	}
	i0 := i
	for i > 0 && (v[i-1] == ' ' || v[i-1] == '\t') {
		i--
	}
	if i == 0 || i == start && i0 == i && v[i-1] != '>' && v[i-1] != ':' && v[i-1] != '=' {
		return
	}
	if s.eol && bytes.Contains(v[:start], []byte("form-data;")) {
		s.next.pending, s.next.valueOf, s.next.ttl, s.next.indentK = pendingPrinted, ver, 2, 0
		return
	}
	lo := max(0, i-24)
	before := lower(v[lo:i], make([]byte, 0, 24))
	for _, p := range nameLabels {
		if bytes.HasSuffix(before, []byte(p)) {
			s.steps += 64
			if s.valueBefore(i, ver) {
				return
			}
			if !s.valueAfter(stop, ver) && s.eol {
				s.next.valueOf, s.next.ttl = ver, 5
			}
			return
		}
	}
}

// nameLabels stand before the name of a setting whose value comes separately.
var nameLabels = []string{`variable`, `name:`, `name":`, `name\":`, `name':`, `name=`, `key:`, `key":`, `key\":`, `key':`, `key=`, `<key>`, `<name>`, `<string>name`,
	`variable:`, `variable":`, `var:`, `label:`, `label":`, `parametername":`, `id":`, `field:`, `field":`, `setting:`, `option:`, `property:`, `parameterkey":`, `parameterkey=`, `env:`, `header:`, `header":`}

// valueLabels stand before the value.
var valueLabels = []string{"value", "string", "val", "secretvalue", "parametervalue", "default", "data", "content"}

// valueAfter redacts the first value in the same object behind v[i], if it is secret,
// and reports whether there is one.
func (s *scanner) valueAfter(i int, ver verdict) bool {
	v := s.v
	end := min(len(v), i+240)
	for j := i; j < end; j++ {
		switch v[j] {
		case '}', '\n':
			return false
		case 'v', 'V', 's', 'S', 'p', 'P', 'd', 'D', 'c', 'C':
			if j > 0 && nameByte(v[j-1]) {
				continue
			}
			k := j
			for k < end && isLetter(v[k]) {
				k++
			}
			var buf [32]byte
			if k-j > len(buf) {
				continue
			}
			w := lower(v[j:k], buf[:0])
			for _, l := range valueLabels {
				if string(w) != l {
					continue
				}
				n := len(s.spans)
				if k < len(v) && v[k] == '>' {
					s.element(j, k, ver)
					return true
				} else if l != "string" && l != "data" && l != "content" {
					s.valueOfPair(j, k, ver)
				}
				if k < len(v) && !isAlnum(v[k]) && (l == "value" || len(s.spans) > n) {
					return true
				}
			}
			j = k - 1
		}
	}
	s.steps += end - i
	return false
}

func (s *scanner) valueOfPair(start, stop int, ver verdict) {
	ver.kind = plainKey
	if ver.need == 1 && !ver.numbers {
		ver.numbers = true
	}
	s.assigned(start, stop, ver, []byte("value"), 0, false, false)
}

// valueBefore redacts a value that stands before its name in the same object.
func (s *scanner) valueBefore(i int, ver verdict) bool {
	v := s.v
	lo := max(0, i-300)
	open := bytes.LastIndexByte(v[lo:i], '{')
	if open < 0 {
		return false
	}
	part := v[lo+open : i]
	for _, l := range []string{`"value"`, `"Value"`, `\"value\"`} {
		if at := bytes.Index(part, []byte(l)); at >= 0 {
			start := lo + open + at
			for !isLetter(v[start]) {
				start++
			}
			n := len(s.spans)
			s.valueOfPair(start, start+len("value"), ver)
			return len(s.spans) > n
		}
	}
	return false
}

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
