package redact

import "bytes"

// A separator is what stands between a name and its value. What means the same is one:
// sepEqual is also :=, =>, -> and an equals sign in any encoding.
type separator byte

const (
	sepNone  separator = iota
	sepOther           // nothing is assigned: x::y
	sepEqual
	sepColon
	sepComma // of arguments: "password", "x"
	sepCall  // the parenthesis of setPassword("x")
	sepBar   // of the cells of a table
	sepBlank // behind an option: --password x
)

// separator returns what separates the name a from a value at v[j], and where it ends.
// Blanks may stand before it.
func (s *scanner) separator(a *assignment, j int, blanks bool) (sep separator, end int) {
	v := s.v
	switch next := byteAt(v, j+1); v[j] {
	case '=':
		return sepEqual, s.equalsEnd(j)
	case '!', '?', '+', '.':
		if next == '=' {
			return sepEqual, skipAny(v, j+2, "=")
		}
	case ':':
		return colon(v, j, blanks)
	case '-':
		if next == '>' && blanks {
			return sepEqual, j + 2
		} else if next == '>' {
			return sepOther, j // a member, a Clojure name
		}
	case ',':
		if a.quoted {
			return sepComma, j + 1
		}
		if k := skipBlanks(v, j+1); byteBefore(v, a.start) == '{' && hasPrefix(v[k:], `<<"`) { // Erlang's {password, <<"x">>}
			return sepEqual, k + 2
		}
	case '(':
		if !blanks {
			return sepCall, j + 1
		}
	case '%', '\\', '&', "→"[0], "："[0]:
		for _, e := range encodedSeparators {
			if hasPrefix(v[j:], e.text) {
				a.inURL = a.inURL || e.url
				return e.sep, j + len(e.text)
			}
		}
	}
	return sepNone, j
}

// encodedSeparators are separators as URLs, JSON, Java's properties and XML write
// them, and those that are not ASCII.
var encodedSeparators = []struct {
	text string
	sep  separator
	url  bool // the value is encoded likewise
}{
	{"%3D", sepEqual, true}, {"%3d", sepEqual, true}, {"%3A", sepColon, false}, {"%3a", sepColon, false},
	{`\u003d`, sepEqual, false}, {`\u003D`, sepEqual, false}, {`\=`, sepEqual, false},
	{"&#61;", sepEqual, false}, {"&#x3D;", sepEqual, false},
	{"→", sepEqual, false}, {"：", sepColon, false},
}

// equalsEnd returns where the separator that begins with an equals sign at v[j] ends:
// =, ==, =>, =~, or the =3D of quoted-printable text.
func (s *scanner) equalsEnd(j int) int {
	v := s.v
	if hasPrefix(v[j:], "=3D") && !hasPrefix(v[j:], `=3D"`) && s.looksQuotedPrintable(j+3) {
		return j + 3
	}
	return skipAny(v, j+1, "=>~")
}

// colon tells the separators apart that begin with a colon at v[j]: ":", ":=", "::=",
// the "::" of LDIF (RFC 2849), and what is none, as in std::string and psql's :'x'.
func colon(v []byte, j int, blanks bool) (sep separator, end int) {
	if k := skipAny(v, j+1, ":"); byteAt(v, k) == '=' {
		return sepEqual, skipAny(v, k+1, "=")
	}
	switch next := byteAt(v, j+1); {
	case next == ':':
		if byteAt(v, j+2) == ' ' && !blanks {
			return sepColon, j + 2
		}
		return sepOther, j
	case next == '\'' && blanks:
		return sepOther, j
	case hasPrefix(v[j:], "://"):
		return sepNone, j
	}
	return sepColon, j + 1
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

// skipBlanks returns where the blanks at v[i] end.
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
