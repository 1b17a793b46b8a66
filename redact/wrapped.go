package redact

import "bytes"

// continuation redacts the rest of a secret that was wrapped at the end of the
// line before.
func (s *scanner) continuation(i int) {
	v := s.v
	i = max(i, s.sameHead())
	j := i
	for j < len(v) && bytes.IndexByte([]byte("\"'>| +./*#"), v[j]) >= 0 && j-i < 16 {
		j++
	}
	e := j
	for e < len(v) && charsets['p'][v[e]] && v[e] != ':' {
		e++
	}
	run := v[j:e]
	s.steps += e - i
	if len(run) < 6 || len(bytes.Trim(v[e:], " \t\r\n\"'`,;\\)|]}")) > 0 && (e >= len(v) || v[e] != '"' && v[e] != '\'' && v[e] != ' ' && v[e] != '&') {
		return
	}
	if n := bytes.IndexByte(run, '='); n > 0 && n < len(bytes.TrimRight(run, "=")) {
		return
	}
	if isUUID(run) || isDate(run) || isVersion(run) || bytes.IndexByte(run, '/') == 0 && isPath(run) {
		return
	}
	if s.st.contLen >= 16 && len(bytes.TrimSpace(v[e:])) == 0 && !wordyParts(run) && rises(run) > 0 {
		s.found(j, e, "")
		return
	}
	if looksRandom(run) || len(run) >= 20 && mixed(run) && !wordyParts(run) || s.st.contLen >= 16 && mixed(run) && strongWord(run) && len(bytes.TrimSpace(v[e:])) == 0 && !wordyParts(run) || s.st.contLen >= 24 && mixedCase(run) {
		s.found(j, e, "")
	}
}

// sameHead returns where this line begins to differ from the one before, if that is
// behind a word that both begin with: what a logger puts before lines.
func (s *scanner) sameHead() int {
	n := common(s.v, s.st.head[:])
	for n > 0 && s.v[n-1] != ' ' {
		n--
	}
	if n < 6 {
		return 0
	}
	return n
}
