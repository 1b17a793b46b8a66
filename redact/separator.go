package redact

import "bytes"

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

// looksQuotedPrintable reports whether =3D was an encoded equals sign: the rest
// of the line has another encoded character or a soft line end.
func (s *scanner) looksQuotedPrintable(i int) bool {
	rest := s.v[i:min(len(s.v), i+256)]
	return bytes.HasSuffix(bytes.TrimRight(rest, "\r\n"), []byte("=")) || bytes.Contains(rest, []byte("=3D")) || bytes.Contains(rest, []byte("=20"))
}

// pairAhead reports whether name= or name: begins at v[i].
func pairAhead(v []byte, i int) bool {
	j := i
	for j < len(v) && j-i < 40 && (nameByte(v[j]) || v[j] == ' ' && j > i) {
		j++
	}
	return j > i && j < len(v) && (v[j] == '=' || v[j] == ':' && (j+1 >= len(v) || !isDigit(v[j+1])))
}
