package redact

import (
	"bytes"
	"strings"
)

// named looks for the value of a name that is a value itself, beside it or on the next
// lines: {"name": "API_KEY", "value": …}, <key>API_KEY</key><string>…</string>.
func (s *scanner) named(a *assignment) {
	v, start := s.v, a.start
	quote := start // where what the name is quoted with begins
	for quote > 0 && start-quote < 80 && (strings.IndexByte(`"'\/`, v[quote-1]) >= 0 || nameByte(v[quote-1]) && quote < start) {
		quote--
	}
	i := quote
	for i > 0 && (v[i-1] == ' ' || v[i-1] == '\t') {
		i--
	}
	if i == 0 || i == start && v[i-1] != '>' && v[i-1] != ':' && v[i-1] != '=' {
		return
	}
	if s.eol && bytes.Contains(v[:start], []byte("form-data;")) {
		s.expectPrinted(a.ver, 2)
		return
	}
	if !endsNameLabel(v[:i]) {
		return
	}
	s.steps += 64
	if !s.valueBefore(i, a.ver) && !s.valueAfter(a.stop, a.ver) && s.eol {
		s.next.valueOf, s.next.ttl = a.ver, 5
	}
}

// endsNameLabel reports whether v ends with one of nameLabels.
func endsNameLabel(v []byte) bool {
	low := lower(v[max(0, len(v)-24):], make([]byte, 0, 24))
	for _, l := range nameLabels {
		if bytes.HasSuffix(low, []byte(l)) {
			return true
		}
	}
	return false
}

// nameLabels stand before the name of a setting whose value comes separately.
var nameLabels = []string{`variable`, `name:`, `name":`, `name\":`, `name':`, `name=`, `key:`, `key":`, `key\":`, `key':`, `key=`, `<key>`, `<name>`, `<string>name`,
	`variable:`, `variable":`, `var:`, `label:`, `label":`, `parametername":`, `id":`, `field:`, `field":`, `setting:`, `option:`, `property:`, `parameterkey":`, `parameterkey=`, `env:`, `header:`, `header":`}

// valueLabels stand before the value, or are the name of its element; elementLabels
// are only that.
var (
	valueLabels   = []string{"value", "string", "val", "secretvalue", "parametervalue", "default", "data", "content"}
	elementLabels = wordSet("string data content")
)

// valueLabel returns where the word at v[i] ends, and which of valueLabels it is, or "".
func valueLabel(v []byte, i int) (end int, label string) {
	end = i
	for end < len(v) && isLetter(v[end]) {
		end++
	}
	var buf [32]byte
	if end-i > len(buf) {
		return end, ""
	}
	w := lower(v[i:end], buf[:0])
	for _, l := range valueLabels {
		if string(w) == l {
			return end, l
		}
	}
	return end, ""
}

// valueAfter redacts the first value in the same object behind v[i], if it is secret,
// and reports whether there is one.
func (s *scanner) valueAfter(i int, ver verdict) bool {
	v := s.v
	end := min(len(v), i+240)
	for j := i; j < end && v[j] != '}' && v[j] != '\n'; j++ {
		if !isLetter(v[j]) || nameByte(byteBefore(v, j)) {
			continue
		}
		k, label := valueLabel(v[:end], j)
		if label != "" {
			if byteAt(v, k) == '>' {
				s.element(j, k, ver)
				return true
			}
			n := len(s.spans)
			if !elementLabels[label] {
				s.valueOfPair(j, k, ver)
			}
			if k < len(v) && !isAlnum(v[k]) && (label == "value" || len(s.spans) > n) {
				return true
			}
		}
		j = k - 1
	}
	s.steps += end - i
	return false
}

// valueOfPair redacts the value of the label v[start:stop], whose name said ver.
func (s *scanner) valueOfPair(start, stop int, ver verdict) {
	ver.kind = plainKey
	if ver.need == possible && !ver.numbers {
		ver.numbers = true
	}
	s.assigned(&assignment{start: start, stop: stop, name: s.v[start:stop], ver: ver, label: true})
}

// valueBefore redacts a value that stands before its name in the same object.
func (s *scanner) valueBefore(i int, ver verdict) bool {
	v := s.v
	lo := max(0, i-300)
	open := bytes.LastIndexByte(v[lo:i], '{')
	if open < 0 {
		return false
	}
	part := v[lo+open : i]
	for _, l := range []string{`"value"`, `"Value"`, `\"value\"`} {
		if at := bytes.Index(part, []byte(l)); at >= 0 {
			start := lo + open + at
			for !isLetter(v[start]) {
				start++
			}
			n := len(s.spans)
			s.valueOfPair(start, start+len("value"), ver)
			return len(s.spans) > n
		}
	}
	return false
}

// separateValue redacts "value: x" on a line of its own, some lines behind
// "name: API_KEY".
func (s *scanner) separateValue(i int) {
	v := s.v
	ver := s.st.valueOf
	if c := byteAt(v, i); c == '-' && byteAt(v, i+1) == ' ' || c == '}' || c == ']' {
		return // of another object
	}
	j := skipAny(v, i, `"'\<`)
	if k, label := valueLabel(v, j); label != "" {
		if byteAt(v, k) == '>' {
			s.element(j, k, ver)
		} else {
			s.valueOfPair(j, k, ver)
		}
		return
	}
	if s.st.ttl > 1 && bytes.IndexByte(v, '{') < 0 {
		s.next.valueOf, s.next.ttl = ver, s.st.ttl-1
	}
}
