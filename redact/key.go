package redact

import "bytes"

// maxName is how long a name may be; longer runs of name characters are data.
const maxName = 80

func nameByte(c byte) bool {
	return isAlnum(c) || c == '_' || c == '-' || c == '.' || c >= 0x80
}

// key looks at the name around v[at:end], a stem such as "pass", and at what is
// assigned to it.
func (s *scanner) key(at, end int) {
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
		return
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
				break
			}
		}
	}
	dashes := 0
	for start < at && (v[start] == '-' || v[start] == '.') {
		if v[start] == '-' {
			dashes++
		}
		start++
	}
	for stop > end && (v[stop-1] == '.' || v[stop-1] == '-') {
		stop--
	}
	if at < s.names {
		return
	}
	if start > 2 && hasPrefix(v[start-3:], "://") || start > 3 && hasPrefix(v[start-4:], "did:") {
		return // the user of a URL, a method of decentralized identifiers
	}
	name := v[start:stop]
	inURL := start > 0 && (v[start-1] == '?' || v[start-1] == '&' || v[start-1] == '#') && dashes == 0
	ver := s.cache.classify(name, inURL)
	for _, g := range s.r.keys {
		last := name[bytes.LastIndexByte(name, '.')+1:]
		if matchGlob(g, name) || matchGlob(g, last) {
			ver = verdict{need: 1, numbers: true}
		}
	}
	spaced := false
	if (ver.need == 0 || ver.need == 3) && dashes == 0 {
		// "API key", "Access Token": the word before belongs to the name.
		if from := s.wordBefore(start); from < start {
			two := s.cache.classify(v[from:stop], false)
			if two.need != 0 && (ver.need == 0 || two.need < ver.need) && two.kind == plainKey {
				ver, spaced = two, true
			} else if two.need == 0 && ver.weak {
				ver = verdict{}
			}
		}
	} else if ver.need == 1 && !ver.numbers && dashes == 0 {
		// "max tokens", "unexpected token": a token that is counted or parsed.
		if from := s.wordBefore(start); from < start && s.cache.classify(v[from:stop], false).need == 0 {
			ver = verdict{}
		}
	}
	if _, _, ok := markAround(v, start); ok {
		return // a replacement's own words
	}
	s.names = max(s.names, stop) // other stems in it are decided with it
	if ver.need == 0 || s.inARN(start) {
		return
	}
	if ver.need == 2 && string(name) == "pass" && bytes.Contains(v[max(0, start-80):start], []byte("user=")) {
		ver.need = 1 // user=a,pass=b
	}
	n := len(s.spans)
	s.assigned(start, stop, ver, name, dashes, inURL, spaced)
	if len(s.spans) == n && ver.kind == plainKey {
		s.named(start, stop, ver)
	}
	if len(s.spans) == n {
		s.refused++
	}
}

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
