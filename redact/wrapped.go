package redact

import (
	"bytes"
	"strings"
)

// continuation redacts the rest of a secret that was wrapped at the end of the
// line before.
func (s *scanner) continuation(i int) {
	v := s.v
	i = max(i, s.sameHead())
	j := skipAny(v[:min(len(v), i+16)], i, "\"'>| +./*#")
	e := j
	for e < len(v) && charsets['p'][v[e]] && v[e] != ':' {
		e++
	}
	run := v[j:e]
	s.steps += e - i
	if len(run) < 6 || len(bytes.Trim(v[e:], " \t\r\n\"'`,;\\)|]}")) > 0 && strings.IndexByte("\"' &", v[e]) < 0 {
		return // more follows than what closes a value
	}
	alone := len(bytes.TrimSpace(v[e:])) == 0
	if !isOther(run) && s.goesWith(run, alone) {
		s.found(j, e, "")
	}
}

// isOther reports whether run is something that may begin a line without being the
// rest of a secret: another pair, a time, a path.
func isOther(run []byte) bool {
	if n := bytes.IndexByte(run, '='); n > 0 && n < len(bytes.TrimRight(run, "=")) {
		return true
	}
	return isUUID(run) || isDate(run) || isVersion(run) || run[0] == '/' && isPath(run)
}

// goesWith reports whether run is random enough for the rest of a secret. The longer
// the first part was, the less that takes, if run has its line to itself.
func (s *scanner) goesWith(run []byte, alone bool) bool {
	n := s.st.wrappedLen
	switch {
	case looksRandom(run), n >= 24 && mixedCase(run):
		return true
	case wordyParts(run):
		return false
	case len(run) >= 20 && mixed(run):
		return true
	}
	return alone && n >= 16 && (rises(run) > 0 || mixed(run) && strongWord(run))
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
