package redact

import "bytes"

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
			if end = len(bytes.TrimRight(v[:end], "\r")); s.eol && weigh(v[i+w:end]) == random {
				s.found(i+w, end, "")
			}
			return true
		}
		val := v[i+w : end]
		s.steps += len(val)
		switch {
		case weigh(val) >= likely && s.enough(val, ver) && !isDigest(val),
			len(val) == 66 && isDigest(val), // a share of Vault's key
			ver.numbers && ver.need < random && isNumber(val) && len(val) >= 6:
			s.foundValue(i+w, end)
		}
		i = end + w
	}
	return true
}

// item redacts an item of a YAML list whose name stood on a line before, and makes
// the next line one.
func (s *scanner) item(i int, ver verdict) {
	v := s.v
	end := len(bytes.TrimRight(v, " \r\n"))
	if n, q := openQuote(v, i); n > 0 {
		i += n
		end, _ = closeQuote(v, i, q, false)
	}
	if i >= end {
		return
	}
	if val := v[i:end]; bytes.IndexByte(val, ' ') < 0 && val[len(val)-1] != ':' && weigh(val) >= likely && s.enough(val, ver) && !isTemplate(val) && !isDigest(val) {
		s.foundValue(i, end)
		s.next.wrapped = false
	}
	s.next.pending, s.next.valueOf, s.next.indentK = pendingRandom, ver, s.st.indentK
}

// listed redacts a line that is a quoted string, in a list or a sum of strings that
// an earlier line began.
func (s *scanner) listed(i int) {
	v := s.v
	n, q := openQuote(v, i)
	if n == 0 {
		return
	}
	end, closed := closeQuote(v, i+n, q, false)
	rest := bytes.TrimSpace(v[min(len(v), end+n):])
	if !closed || len(rest) > 2 || len(rest) > 0 && bytes.IndexByte([]byte(",+.;)]\\"), rest[0]) < 0 {
		return
	}
	val := v[i+n : end]
	if weigh(val) >= likely && s.enough(val, s.st.valueOf) || weigh(val) == possible && isNumber(val) && len(val) >= 6 && s.st.valueOf.numbers {
		s.foundValue(i+n, end)
		s.next.wrapped = false
	}
	if len(rest) == 0 || rest[0] != ')' && rest[0] != ']' && rest[0] != ';' {
		s.next.pending, s.next.valueOf, s.next.ttl = pendingList, s.st.valueOf, 1
	}
}
