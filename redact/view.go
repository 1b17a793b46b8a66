package redact

import (
	"bytes"
	"sort"
)

// view makes s.v from b: without terminal escapes and without the NULs of
// UTF-16, so that a secret is seen in one piece. Other NULs become line ends.
func (s *scanner) view(b []byte) {
	esc, nul := bytes.IndexByte(b, 0x1b), bytes.IndexByte(b, 0)
	if esc < 0 && nul < 0 && s.unwrap == 0 {
		s.v, s.pos = b, nil
		return
	}
	s.steps += len(b)
	s.buf, s.posBuf = s.buf[:0], s.posBuf[:0]
	for i := 0; i < len(b); i++ {
		c := b[i]
		if s.unwrap > 0 && (i == s.unwrap || i == s.unwrap-1 && c == '\r') {
			if i == s.unwrap {
				i = skipBlanks(b, i+1) - 1
			}
			continue
		}
		if c == 0x1b {
			if n := escapeLen(b[i:]); n > 0 {
				i += n - 1
				continue
			}
		}
		if c == 0 {
			if i >= 2 && b[i-2] == 0 && b[i-1] != 0 || i+2 < len(b) && b[i+2] == 0 && b[i+1] != 0 || i+1 == len(b) && i > 0 && b[i-1] == '\n' || i == 0 && len(b) > 1 && b[1] == '\n' || i == 0 && len(b) == 1 {
				continue
			}
			c = '\n'
		}
		s.buf = append(s.buf, c)
		s.posBuf = append(s.posBuf, int32(i))
	}
	if esc >= 0 && nul >= 0 { // the escapes were in UTF-16 too
		n := 0
		for i := 0; i < len(s.buf); i++ {
			if k := escapeLen(s.buf[i:]); k > 0 {
				i += k - 1
				continue
			}
			s.buf[n], s.posBuf[n] = s.buf[i], s.posBuf[i]
			n++
		}
		s.buf, s.posBuf = s.buf[:n], s.posBuf[:n]
	}
	s.v, s.pos = s.buf, s.posBuf
}

// escapeLen returns the length of the terminal escape that b begins with.
// Source: ECMA-48 sections 5.3 and 5.4.
func escapeLen(b []byte) int {
	if len(b) < 2 || b[0] != 0x1b {
		return 0
	}
	switch b[1] {
	case '[':
		for i := 2; i < len(b) && i < 64; i++ {
			if 0x40 <= b[i] && b[i] <= 0x7e {
				return i + 1
			}
			if b[i] < 0x20 || b[i] > 0x3f {
				return 0
			}
		}
	case ']':
		for i := 2; i < len(b) && i < 512; i++ {
			if b[i] == 7 {
				return i + 1
			}
			if b[i] == 0x1b && i+1 < len(b) && b[i+1] == '\\' {
				return i + 2
			}
			if b[i] < 0x20 {
				return 0
			}
		}
	case '(', ')':
		if len(b) > 2 {
			return 3
		}
	case '7', '8', '=', '>', 'M', 'c':
		return 2
	}
	return 0
}

// raw returns the offset in the line of v[i].
func (s *scanner) raw(i int) int {
	if s.pos == nil {
		return i
	}
	return int(s.pos[i])
}

// rawEnd returns the offset in the line behind v[i-1].
func (s *scanner) rawEnd(i int) int {
	if s.pos == nil {
		return i
	}
	if i == 0 {
		return 0
	}
	return int(s.pos[i-1]) + 1
}

// viewOf returns the first offset in v that is not before offset i of the line.
func (s *scanner) viewOf(i int) int {
	if s.pos == nil {
		return i
	}
	return sort.Search(len(s.pos), func(k int) bool { return int(s.pos[k]) >= i })
}
