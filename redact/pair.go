package redact

import "bytes"

// named handles a name that is itself a value: {"name": "API_KEY", "value": …},
// <key>API_KEY</key><string>…</string>.
func (s *scanner) named(a *assignment) {
	v, start, ver := s.v, a.start, a.ver
	i := start
	for i > 0 && start-i < 80 && (v[i-1] == '"' || v[i-1] == '\'' || v[i-1] == '\\' || v[i-1] == '/' || nameByte(v[i-1]) && i < start) {
		i--
	}
	i0 := i
	for i > 0 && (v[i-1] == ' ' || v[i-1] == '\t') {
		i--
	}
	if i == 0 || i == start && i0 == i && v[i-1] != '>' && v[i-1] != ':' && v[i-1] != '=' {
		return
	}
	if s.eol && bytes.Contains(v[:start], []byte("form-data;")) {
		s.next.pending, s.next.valueOf, s.next.ttl, s.next.indentK = pendingPrinted, ver, 2, 0
		return
	}
	lo := max(0, i-24)
	before := lower(v[lo:i], make([]byte, 0, 24))
	for _, p := range nameLabels {
		if bytes.HasSuffix(before, []byte(p)) {
			s.steps += 64
			if s.valueBefore(i, ver) {
				return
			}
			if !s.valueAfter(a.stop, ver) && s.eol {
				s.next.valueOf, s.next.ttl = ver, 5
			}
			return
		}
	}
}

// nameLabels stand before the name of a setting whose value comes separately.
var nameLabels = []string{`variable`, `name:`, `name":`, `name\":`, `name':`, `name=`, `key:`, `key":`, `key\":`, `key':`, `key=`, `<key>`, `<name>`, `<string>name`,
	`variable:`, `variable":`, `var:`, `label:`, `label":`, `parametername":`, `id":`, `field:`, `field":`, `setting:`, `option:`, `property:`, `parameterkey":`, `parameterkey=`, `env:`, `header:`, `header":`}

// valueLabels stand before the value.
var valueLabels = []string{"value", "string", "val", "secretvalue", "parametervalue", "default", "data", "content"}

// valueAfter redacts the first value in the same object behind v[i], if it is secret,
// and reports whether there is one.
func (s *scanner) valueAfter(i int, ver verdict) bool {
	v := s.v
	end := min(len(v), i+240)
	for j := i; j < end; j++ {
		switch v[j] {
		case '}', '\n':
			return false
		case 'v', 'V', 's', 'S', 'p', 'P', 'd', 'D', 'c', 'C':
			if j > 0 && nameByte(v[j-1]) {
				continue
			}
			k := j
			for k < end && isLetter(v[k]) {
				k++
			}
			var buf [32]byte
			if k-j > len(buf) {
				continue
			}
			w := lower(v[j:k], buf[:0])
			for _, l := range valueLabels {
				if string(w) != l {
					continue
				}
				n := len(s.spans)
				if k < len(v) && v[k] == '>' {
					s.element(j, k, ver)
					return true
				} else if l != "string" && l != "data" && l != "content" {
					s.valueOfPair(j, k, ver)
				}
				if k < len(v) && !isAlnum(v[k]) && (l == "value" || len(s.spans) > n) {
					return true
				}
			}
			j = k - 1
		}
	}
	s.steps += end - i
	return false
}

func (s *scanner) valueOfPair(start, stop int, ver verdict) {
	ver.kind = plainKey
	if ver.need == 1 && !ver.numbers {
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
	if i < len(v) && (v[i] == '-' && i+1 < len(v) && v[i+1] == ' ' || v[i] == '}' || v[i] == ']') {
		return
	}
	j := i
	for j < len(v) && (v[j] == '"' || v[j] == '\'' || v[j] == '\\' || v[j] == '<') {
		j++
	}
	k := j
	for k < len(v) && isLetter(v[k]) {
		k++
	}
	var buf [32]byte
	if k > j && k-j <= len(buf) {
		w := lower(v[j:k], buf[:0])
		for _, l := range valueLabels {
			if string(w) == l {
				if k < len(v) && v[k] == '>' {
					s.element(j, k, ver)
				} else {
					s.valueOfPair(j, k, ver)
				}
				return
			}
		}
	}
	if s.st.ttl > 1 && bytes.IndexByte(v, '{') < 0 {
		s.next.valueOf, s.next.ttl = ver, s.st.ttl-1
	}
}
