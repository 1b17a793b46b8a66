package redact

import "bytes"

// block looks at a block scalar of YAML that begins at v[m]: "|" or ">-" at the end of
// the line makes the lines below secret; in a string, \n stands for their line ends. It
// reports whether there is one.
func (s *scanner) block(a *assignment, m int) bool {
	const escaped = `\u003e`
	v := s.v
	n, least := m+1, m+2
	if v[m] == '\\' {
		if !hasPrefix(v[m:], escaped) {
			return false
		}
		n, least = m+len(escaped), m+len(escaped)
	}
	if n = escapedBreak(v, skipAny(v, n, "+-")); n > least && a.sep == sepColon {
		a.sep, a.wide = sepEqual, true // what follows has its line to itself
		s.bareValue(a, n)
		return true
	}
	if v[m] == '\\' || a.sep != sepColon && a.sep != sepEqual || !s.blockScalar(m) {
		return false
	}
	s.next.mode, s.next.indent = modeBlock, s.indentOf(a.start)
	return true
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

// printedHeredoc looks for a here-document in what a command prints: $(cat <<EOF.
func (s *scanner) printedHeredoc(m int) bool {
	if !hasPrefix(s.v[m:], "$(") {
		return false
	}
	n := bytes.Index(s.v[m:min(len(s.v), m+64)], []byte("<<"))
	return n > 0 && s.heredoc(m+n+2)
}
