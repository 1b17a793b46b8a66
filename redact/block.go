package redact

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

func skipIndicator(v []byte, i int) int {
	for i < len(v) && (v[i] == '-' || v[i] == '+') {
		i++
	}
	return i
}
