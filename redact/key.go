package redact

import "bytes"

// maxName is how long a name may be; longer runs of name characters are data.
const maxName = 80

// nameByte reports whether c may be part of a name.
func nameByte(c byte) bool {
	return isAlnum(c) || c == '_' || c == '-' || c == '.' || c >= 0x80
}

// key looks at the name around v[at:end], a stem such as "pass", and at what is
// assigned to it.
func (s *scanner) key(at, end int) {
	var a assignment
	if !s.nameAround(&a, at, end) {
		return
	}
	s.judgeName(&a)
	if _, _, ok := markAround(s.v, a.start); ok {
		return // a replacement's own words
	}
	s.names = max(s.names, a.stop) // other stems in it are decided with it
	if a.ver.need == 0 || s.inARN(a.start) {
		return
	}
	n := len(s.spans)
	s.assigned(&a)
	if len(s.spans) == n && a.ver.kind == plainKey {
		s.named(&a)
	}
	if len(s.spans) == n {
		s.refused++
	}
}

// nameAround finds the whole name around the stem v[at:end]: DB_PASSWORD around
// PASS. It reports whether there is one that has not been decided.
func (s *scanner) nameAround(a *assignment, at, end int) bool {
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
		return false
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
			}
		}
	}
	for start < at && (v[start] == '-' || v[start] == '.') {
		if v[start] == '-' {
			a.dashes++
		}
		start++
	}
	for stop > end && (v[stop-1] == '.' || v[stop-1] == '-') {
		stop--
	}
	if at < s.names || bytes.HasSuffix(v[:start], []byte("://")) || bytes.HasSuffix(v[:start], []byte("did:")) {
		return false // decided; the user of a URL, a method of decentralized identifiers
	}
	a.start, a.stop, a.name = start, stop, v[start:stop]
	return true
}

// judgeName says what the name tells about a value, also with the word before it:
// "API key" is secret, "max tokens" is not.
func (s *scanner) judgeName(a *assignment) {
	v := s.v
	c := byteBefore(v, a.start)
	a.inURL = (c == '?' || c == '&' || c == '#') && !a.flag()
	a.ver = s.cache.classify(a.name, a.inURL)
	last := a.name[bytes.LastIndexByte(a.name, '.')+1:]
	for _, g := range s.r.keys {
		if matchGlob(g, a.name) || matchGlob(g, last) {
			a.ver = verdict{need: possible, numbers: true}
		}
	}
	if !a.flag() {
		s.judgeTwoWords(a)
	}
	if a.ver.need == likely && string(a.name) == "pass" && bytes.Contains(v[max(0, a.start-80):a.start], []byte("user=")) {
		a.ver.need = possible // user=a,pass=b
	}
}

// judgeTwoWords judges the name again together with the word before it, if it says
// little without: "Access Token", "unexpected token".
func (s *scanner) judgeTwoWords(a *assignment) {
	unsure := a.ver.need == 0 || a.ver.need == random
	if !unsure && (a.ver.need != possible || a.ver.numbers) {
		return
	}
	from := s.wordBefore(a.start)
	if from == a.start {
		return
	}
	two := s.cache.classify(s.v[from:a.stop], false)
	switch {
	case !unsure:
		if two.need == 0 {
			a.ver = verdict{} // a token that is counted or parsed
		}
	case two.need != 0 && (a.ver.need == 0 || two.need < a.ver.need) && two.kind == plainKey:
		a.ver, a.spaced = two, true
	case two.need == 0 && a.ver.weak:
		a.ver = verdict{}
	}
}

// hasHigh reports whether v has characters that are not ASCII.
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

// inARN reports whether the name at start is a part of a resource name.
func (s *scanner) inARN(start int) bool {
	if start == 0 || s.v[start-1] != ':' {
		return false
	}
	before := s.v[max(0, start-80):start]
	return bytes.Contains(before, []byte("arn:aws")) || bytes.Contains(before, []byte("{{resolve:"))
}
