package redact

import (
	"bytes"
	"strings"
)

// A quote is what opened a quoted value: a quote character behind a number of
// backslashes (1 in JSON inside a string, 3 inside that), or an entity.
type quote struct {
	ch      byte
	slashes int
	entity  string
}

var quoteEntities = []struct{ open, close string }{
	{"&quot;", "&quot;"}, {"&#34;", "&#34;"}, {"&#x22;", "&#x22;"}, {"&#39;", "&#39;"}, {"&apos;", "&apos;"}, {"%22", "%22"}, {"%27", "%27"},
	{`\u0022`, `\u0022`}, {`\u0027`, `\u0027`}, {`\x22`, `\x22`}, {`\x27`, `\x27`}, {"“", "”"}, {"„", "“"}, {"‘", "’"}, {"«", "»"}, {"「", "」"},
}

// len returns how long the opening quote is.
func (q quote) len() int { return max(len(q.entity), q.slashes+1) }

// openQuote returns the length of the opening quote at v[i:], 0 if none.
func openQuote(v []byte, i int) (int, quote) {
	j := i
	for j < len(v) && v[j] == '\\' && j-i < 64 {
		j++
	}
	if j < len(v) {
		if c := v[j]; c == '"' || c == '\'' || c == '`' {
			return j - i + 1, quote{ch: c, slashes: j - i}
		}
	}
	if i < len(v) {
		if c := v[i]; c == '&' || c == '%' || c == '\\' || c >= 0x80 {
			for _, e := range quoteEntities {
				if hasPrefix(v[i:], e.open) {
					return len(e.open), quote{entity: e.close}
				}
			}
		}
	}
	return 0, quote{}
}

// closeQuote returns where the value that begins at i ends: at the closing
// quote, or at the end of the line, in which case closed is false. Value that
// span lines do so only if the caller says how far.
func closeQuote(v []byte, i int, q quote, lines bool) (end int, closed bool) {
	unit := q.slashes + 1
	for j := i; j < len(v); j++ {
		switch c := v[j]; {
		case c == '\n' && !lines:
			return j, false
		case q.entity != "":
			if c == q.entity[0] && hasPrefix(v[j:], q.entity) {
				return j, true
			}
		case c == '\\':
			k := j
			for k < len(v) && v[k] == '\\' {
				k++
			}
			n := k - j
			if k < len(v) && v[k] == q.ch {
				if n < q.slashes || n%(2*unit) == q.slashes {
					return j + n - min(n, q.slashes), true
				}
				k++ // an escaped quote
			}
			j = k - 1
		case c == q.ch:
			return j, true // this string, or the one around it
		}
	}
	return len(v), false
}

// isQuoteEnd reports whether before may be the end of an opening quote q.
func isQuoteEnd(before byte, q quote) bool {
	if q.entity != "" {
		return before == ';' || before >= 0x80 || isAlnum(before)
	}
	return before == q.ch
}

// quotedValue redacts the quoted value that begins at v[i] if it is a secret.
func (s *scanner) quotedValue(a *assignment, i int, q quote) {
	v, ver := s.v, a.ver
	if hasPrefix(v[i:], "-----BEGIN") {
		return // the block's own rule
	}
	end, closed := closeQuote(v, i, q, s.join)
	val := v[i:end]
	plain := q.entity == "" && q.slashes == 0 && q.ch != '`'
	if !closed && plain && !s.join && s.eol && a.sep != sepComma && len(val) < maxJoin && ver.need <= likely {
		s.quote = q.ch // the value may go on in the next lines
		s.want(wantQuote)
	}
	s.steps += len(val)
	if a.sep == sepComma || a.sep == sepCall {
		ver.need = max(likely, ver.need)
	}
	if a.sep == sepCall && weigh(val) == possible {
		if !closed {
			return
		}
		if len(val) >= 6 && wordy(val) && bytes.IndexByte(val, ' ') < 0 && !isStopWord(val) && s.setter(i) {
			s.found(i, end, "")
			return
		}
	}
	if bytes.Contains(val, []byte("PRIVATE KEY-----")) || bytes.Contains(val, []byte("-----BEGIN")) {
		return // the block's own rule
	}
	if !s.enough(val, ver) || isHarmlessString(a.sep, ver, val, q) {
		return
	}
	s.foundValue(i, end)
	if closed && q.entity == "" {
		s.goesOn(end+1+q.slashes, ver)
		s.changedTo(end+1+q.slashes, ver)
	}
}

// isHarmlessString reports whether a string that is strong enough for a secret is
// something else: a connection string whose parts have names, a template, a command,
// a sentence.
func isHarmlessString(sep separator, ver verdict, val []byte, q quote) bool {
	switch {
	case ver.dsn && (bytes.IndexByte(val, '=') > 0 || bytes.IndexByte(val, '@') > 0):
		return true
	case isTemplate(val), isCommand(val), isSecretWord(val), q.ch == '`' && bytes.IndexByte(val, ' ') > 0:
		return true
	case ver.need == possible && sep != sepEqual && sep != sepBlank, bytes.Count(val, []byte(" ")) > 12:
		return isSentence(val)
	}
	return false
}

// changedTo redacts the new value behind an old one, which ends at v[i]: "old" -> "new",
// as Terraform shows a plan.
func (s *scanner) changedTo(i int, ver verdict) {
	const arrow = " -> "
	v := s.v
	if i > len(v) || !hasPrefix(v[i:], arrow) {
		return
	}
	i += len(arrow)
	if n, q := openQuote(v, i); n > 0 {
		end, _ := closeQuote(v, i+n, q, false)
		if s.enough(v[i+n:end], ver) {
			s.foundValue(i+n, end)
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
	before := s.v[max(0, i-40):i]
	for _, w := range []string{"set", "Set", "with", ".password(", "PASSWORD("} {
		if bytes.Contains(before, []byte(w)) {
			return true
		}
	}
	return false
}

// closesOuter reports whether the quote at v[m:] ends the string that the name
// stands in ("PASSWORD=" with nothing behind), rather than opens a value.
func (s *scanner) closesOuter(start, m int, q quote) bool {
	if q.entity != "" || byteBefore(s.v, start) != q.ch {
		return false
	}
	i := m + 1 + q.slashes
	return i >= len(s.v) || strings.IndexByte(",]} \n)", s.v[i]) >= 0
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
	if end > i && weigh(v[i:end]) >= possible {
		s.found(i, end, "")
		s.next.wrapped = false
	}
	s.next.mode, s.next.word = modeUntil, string(q)
}
