package redact

import "bytes"

// format matches one shape of a token at its anchor.
func (s *scanner) format(def *format, sp *spec, at int) {
	v := s.v
	start, end, ok, open := s.match(sp, v, at)
	lit := sp.items[sp.anchor].lit
	distinctive := !def.whole && sp.anchor == 0 && len(lit) >= 4 && (bytes.ContainsAny([]byte(lit[1:]), "_-.:$") || len(lit) >= 8)
	if ok {
		tok := v[start:end]
		sure := def.sum != nil && def.sum(tok)
		if !sure {
			if def.check != nil && !def.check(tok[:min(len(tok), 512)]) || distinct(tok[min(len(lit), len(tok)):min(len(tok), len(lit)+64)]) <= 2 {
				return
			}
			if !def.embed && !boundaryBefore(v, start) && !(distinctive && len(lit) >= 5) {
				return
			}
		}
		last := sp.items[len(sp.items)-1]
		if end < len(v) && last.class != nil && (isAlnum(v[end]) || v[end] == '_' && last.class['_']) {
			if !distinctive && !sure && !def.embed {
				return
			}
			for end < len(v) && charsets['t'][v[end]] {
				end++
			}
		}
		for end < len(v) && v[end] == '=' && last.class != nil {
			end++
		}
		if def.name == "jwt" {
			for end+1 < len(v) && v[end] == '.' && charsets['t'][v[end+1]] {
				for end++; end < len(v) && charsets['t'][v[end]]; end++ {
				}
			}
		}
		s.found(start+def.keep, end, def.name)
		return
	}
	if start > at || !boundaryBefore(v, start) {
		return
	}
	if open && s.eol && end-at >= max(6, 16-2*len(lit)) {
		s.want(wantRest)
	}
	// Cut off, or a variant that is not in the table.
	if sp.anchor != 0 || start != at || def.check != nil && !distinctive {
		return
	}
	body := at + len(lit)
	if body > len(v) || string(v[at:body]) != lit {
		return
	}
	end = s.run('t', v, body, unbounded)
	if open && s.eol && atEnd(v, end) && len(lit) >= 4 && distinctive && end-body >= 6 && distinct(v[body:min(end, body+64)]) > 4 && mixedEnough(v[body:min(end, body+64)]) {
		s.found(at+def.keep, end, def.name)
		return
	}
	if open && s.eol && atEnd(v, end) && distinctive && end-body < 12 {
		s.next.cont, s.next.contLen = contToken, end-at
		return
	}
	if distinctive && end-body >= 12 && looksRandom(v[body:min(end, body+64)]) {
		s.found(at+def.keep, end, def.name)
	}
}

func mixedEnough(b []byte) bool { return mixed(b) || mixedCase(b) }

// kindOf returns the kind of the token that v[start:end] is.
func (s *scanner) kindOf(start, end int) string {
	d := s.r.dfa
	state := uint16(0)
	kind := ""
	for i := start; i < min(end, start+24); i++ {
		state = d.next[int(state)<<dfaShift|int(d.class[s.v[i]])]
		if state < d.first {
			continue
		}
		for _, id := range d.out[state-d.first] {
			h := &s.r.hits[id]
			def := h.format
			if def == nil {
				continue
			}
			a, b, ok, _ := s.match(h.spec, s.v, i+1-h.n)
			if ok && a == start && b >= end-2 && def.keep == 0 && (def.check == nil || def.check(s.v[a:b])) {
				kind = def.name
			}
		}
	}
	return kind
}

// boundaryBefore reports whether a token may begin at v[i]: the character
// before is no letter or digit, or ends an escape such as \n, %20 or \u0026.
func boundaryBefore(v []byte, i int) bool {
	if i == 0 || !isAlnum(v[i-1]) {
		return true
	}
	c := v[i-1]
	switch {
	case c == 't' && i >= 4 && string(v[i-4:i]) == "/bot": // a Telegram method's address
		return true
	case i >= 2 && v[i-2] == '\\' && (c == 'n' || c == 't' || c == 'r' || c == 'b' || c == 'f' || c == 'v' || c == 'e' || c == '0'):
		return true
	case i >= 3 && charsets['H'][c] && charsets['H'][v[i-2]]:
		if v[i-3] == '%' || v[i-3] == '=' {
			return true
		}
		if i >= 4 && v[i-3] == 'x' && v[i-4] == '\\' {
			return true
		}
		if i >= 6 && v[i-5] == 'u' && v[i-6] == '\\' && charsets['H'][v[i-3]] && charsets['H'][v[i-4]] {
			return true
		}
	}
	if c == 'm' { // \u001b[32m as text
		j := max(0, i-2)
		for j > 0 && i-j < 12 && (isDigit(v[j]) || v[j] == ';') {
			j--
		}
		return v[j] == '[' && j > 0 && (isAlnum(v[j-1]) || v[j-1] == ']')
	}
	return false
}

func (s *scanner) pattern(p *pattern, at int) {
	// The window is bounded, so that a pattern cannot make a long line slow.
	const before, after = 256, 2048
	lo, hi := max(0, at-before), min(len(s.v), at+after)
	if p.anchored != nil {
		s.steps += 32
		if m := p.anchored.FindSubmatchIndex(s.v[at:hi]); m != nil {
			a, b := m[0], m[1]
			if len(m) > 2 && m[2] >= 0 {
				a, b = m[2], m[3]
			}
			if !bytes.Contains(s.v[at+a:at+b], []byte("[redacted")) {
				s.found(at+a, at+b, "")
			}
		}
		return
	}
	if i := bytes.LastIndexByte(s.v[lo:at], '\n'); i >= 0 {
		lo += i + 1
	}
	s.steps += hi - lo
	for _, m := range p.re.FindAllSubmatchIndex(s.v[lo:hi], 8) {
		if m[0] > at-lo || m[1] < at-lo+len(p.literal) {
			continue
		}
		a, b := m[0], m[1]
		if len(m) > 2 && m[2] >= 0 {
			a, b = m[2], m[3]
		}
		if bytes.Contains(s.v[lo+a:lo+b], []byte("[redacted")) {
			continue
		}
		s.found(lo+a, lo+b, "")
		return
	}
}
