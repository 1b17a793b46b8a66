package redact

import (
	"bytes"
	"strings"
)

// format matches one shape of a token at its anchor.
func (s *scanner) format(def *format, sp *spec, at int) {
	start, end, ok, open := s.match(sp, s.v, at)
	if ok {
		s.wholeToken(def, sp, start, end)
	} else if start <= at && boundaryBefore(s.v, start) {
		open = open && s.eol
		if open && end-at >= max(6, 16-2*len(sp.anchorText())) {
			s.want(wantRest)
		}
		if start == at {
			s.cutToken(def, sp, at, open)
		}
	}
}

// distinctive reports whether the token begins with a prefix that hardly anything else
// begins with, such as ghp_.
func (sp *spec) distinctive(def *format) bool {
	lit := sp.anchorText()
	return !def.whole && sp.anchor == 0 && len(lit) >= 4 && (len(lit) >= 8 || strings.ContainsAny(lit[1:], "_-.:$"))
}

// wholeToken redacts the token v[start:end] unless it is part of a longer word that
// is none.
func (s *scanner) wholeToken(def *format, sp *spec, start, end int) {
	v, tok := s.v, s.v[start:end]
	lit := sp.anchorText()
	sure := def.sum != nil && def.sum(tok)
	distinctive := sp.distinctive(def)
	if !sure {
		if def.check != nil && !def.check(tok[:min(len(tok), 512)]) || distinct(tok[min(len(lit), len(tok)):min(len(tok), len(lit)+64)]) <= 2 {
			return
		}
		if !def.embed && !boundaryBefore(v, start) && !(distinctive && len(lit) >= 5) {
			return
		}
	}
	if last := sp.items[len(sp.items)-1].class; last != nil {
		if end < len(v) && (isAlnum(v[end]) || v[end] == '_' && last['_']) {
			if !distinctive && !sure && !def.embed {
				return
			}
			end = skipClass(v, end, 't')
		}
		end = skipAny(v, end, "=")
	}
	if def.name == "jwt" {
		for byteAt(v, end) == '.' && charsets['t'][byteAt(v, end+1)] {
			end = skipClass(v, end+1, 't')
		}
	}
	s.found(start+def.keep, end, def.name)
}

// cutToken redacts what begins at v[at] like a token with a distinctive prefix, but
// is cut off or of a variant that is not in the table. If it goes up to the end of the
// line, open is true, and the next line may hold the rest.
func (s *scanner) cutToken(def *format, sp *spec, at int, open bool) {
	v, lit := s.v, sp.anchorText()
	body := at + len(lit)
	if !sp.distinctive(def) || !hasPrefix(v[at:], lit) {
		return
	}
	end := s.run('t', v, body, unbounded)
	n, head := end-body, v[body:min(end, body+64)]
	open = open && atEnd(v, end)
	switch {
	case open && n >= 6 && distinct(head) > 4 && (mixed(head) || mixedCase(head)), n >= 12 && looksRandom(head):
		s.found(at+def.keep, end, def.name)
	case open && n < 12:
		s.next.wrapped, s.next.wrappedLen = true, end-at
	}
}

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

// maxBefore and maxBehind bound the window around its literal in which an operator's
// pattern is tried, so that it cannot make a long line slow.
const maxBefore, maxBehind = 256, 2048

// pattern redacts what an operator's pattern matches around its literal at v[at].
func (s *scanner) pattern(p *pattern, at int) {
	hi := min(len(s.v), at+maxBehind)
	if p.anchored != nil {
		s.steps += 32
		if m := p.anchored.FindSubmatchIndex(s.v[at:hi]); m != nil {
			s.matched(at, m)
		}
		return
	}
	lo := max(0, at-maxBefore)
	if i := bytes.LastIndexByte(s.v[lo:at], '\n'); i >= 0 {
		lo += i + 1
	}
	s.steps += hi - lo
	for _, m := range p.re.FindAllSubmatchIndex(s.v[lo:hi], 8) {
		if m[0] <= at-lo && m[1] >= at-lo+len(p.literal) && s.matched(lo, m) {
			return
		}
	}
}

// matched redacts the first group of a match m in v[from:], or all of it, and reports
// whether that was not redacted before.
func (s *scanner) matched(from int, m []int) bool {
	a, b := from+m[0], from+m[1]
	if len(m) > 2 && m[2] >= 0 {
		a, b = from+m[2], from+m[3]
	}
	if bytes.Contains(s.v[a:b], []byte("[redacted")) {
		return false
	}
	s.found(a, b, "")
	return true
}
