package redact

import "unicode/utf8"

// A decoded is a line with its escapes undone: b[i] came from raw[from[i]:to[i]].
// Known values are looked for in it too, so that it does not matter in which
// encodings, nor in how many of them over each other, a program has printed one.
type decoded struct {
	b        []byte
	from, to []int32
	spare    struct {
		b        []byte
		from, to []int32
	}
}

// maxDepth is how often escapes are undone: JSON in JSON in a URL is three.
const maxDepth = 4

// undo undoes one layer of escapes: those of v at first, then those of d.b. It
// reports whether there were any: URLs' (%2F), those of JSON, Go, Python, C and
// shells (\u002f, \x2f, \/, \n) and XML's (&amp; &#47; &#x2f;).
func (d *decoded) undo(v []byte, first bool) bool {
	if first {
		return d.pass(v, nil, nil)
	}
	s := &d.spare
	s.b, d.b = d.b, s.b
	s.from, d.from = d.from, s.from
	s.to, d.to = d.to, s.to
	return d.pass(s.b, s.from, s.to)
}

// pass undoes one layer.
func (d *decoded) pass(v []byte, from, to []int32) (any bool) {
	d.b, d.from, d.to = d.b[:0], d.from[:0], d.to[:0]
	done := 0
	for i := 0; i < len(v); {
		c := v[i]
		if c != '%' && c != '\\' && c != '&' {
			i++
			continue
		}
		r, n, raw := escape(v[i:])
		if n == 0 {
			i++
			continue
		}
		any = true
		d.copy(v, done, i, from, to)
		a, z := int32(i), int32(i+n)
		if from != nil {
			a, z = from[i], to[i+n-1]
		}
		var buf [utf8.UTFMax]byte
		out := append(buf[:0], byte(r))
		if !raw {
			out = utf8.AppendRune(buf[:0], r)
		}
		for _, b := range out {
			d.b, d.from, d.to = append(d.b, b), append(d.from, a), append(d.to, z)
		}
		i += n
		done = i
	}
	if any {
		d.copy(v, done, len(v), from, to)
	}
	return any
}

// copy appends v[i:j], which has no escapes.
func (d *decoded) copy(v []byte, i, j int, from, to []int32) {
	d.b = append(d.b, v[i:j]...)
	if from != nil {
		d.from, d.to = append(d.from, from[i:j]...), append(d.to, to[i:j]...)
		return
	}
	for k := i; k < j; k++ {
		d.from, d.to = append(d.from, int32(k)), append(d.to, int32(k+1))
	}
}

// escape returns what the escape that v begins with stands for, and its length, 0
// if it is none. A raw one stands for a byte, others for a character.
func escape(v []byte) (r rune, n int, raw bool) {
	if len(v) < 2 {
		return 0, 0, false
	}
	switch v[0] {
	case '%':
		if x, ok := hexDigits(v[1:], 2); ok {
			return x, 3, true
		}
	case '\\':
		switch c := v[1]; c {
		case 'n':
			return '\n', 2, false
		case 't':
			return '\t', 2, false
		case 'r':
			return '\r', 2, false
		case 'x':
			if x, ok := hexDigits(v[2:], 2); ok {
				return x, 4, true
			}
		case 'u':
			x, ok := hexDigits(v[2:], 4)
			if !ok {
				return 0, 0, false
			}
			if low, ok := hexDigits(v[min(8, len(v)):], 4); ok && 0xd800 <= x && x < 0xdc00 && v[6] == '\\' && v[7] == 'u' {
				return (x-0xd800)<<10 + (low - 0xdc00) + 0x10000, 12, false
			}
			return x, 6, false
		default:
			if c > ' ' && c < 0x7f && !isAlnum(c) || c == ' ' {
				return rune(c), 2, false
			}
		}
	case '&':
		if v[1] != '#' {
			for _, e := range entities {
				if hasPrefix(v, e.name) {
					return e.r, len(e.name), false
				}
			}
			return 0, 0, false
		}
		i, base := 2, rune(10)
		if len(v) > 2 && fold(v[2]) == 'x' {
			i, base = 3, 16
		}
		for k := i; k < len(v) && k-i < 8; k++ {
			if v[k] == ';' {
				return r, k + 1, false
			}
			x, ok := hexDigits(v[k:], 1)
			if !ok || x >= base {
				break
			}
			r = r*base + x
		}
		return 0, 0, false
	}
	return 0, 0, false
}

// Source: XML 1.0 section 4.6.
var entities = []struct {
	name string
	r    rune
}{{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}

// hexDigits returns what the n hexadecimal digits at the beginning of v stand for.
func hexDigits(v []byte, n int) (x rune, ok bool) {
	if len(v) < n {
		return 0, false
	}
	for _, c := range v[:n] {
		d := hexValue[c]
		if d < 0 {
			return 0, false
		}
		x = x<<4 | rune(d)
	}
	return x, true
}

var hexValue = func() (t [256]int8) {
	for c := range t {
		switch c := byte(c); {
		case isDigit(c):
			t[c] = int8(c - '0')
		case 'a' <= fold(c) && fold(c) <= 'f':
			t[c] = int8(fold(c) - 'a' + 10)
		default:
			t[c] = -1
		}
	}
	return t
}()

// hex decodes the runs of hexadecimal digits in v that stand for at least n bytes:
// plain, in groups as xxd and hexdump print them, with colons, or as 0x2f, 0x30. It
// reports whether there are any, and how much work it was.
func (d *decoded) hex(v []byte, n int) (any bool, steps int) {
	d.b, d.from, d.to = d.b[:0], d.from[:0], d.to[:0]
	done := 0 // nothing before is looked at again
	// A run covers one of every 2*n positions, and n characters before or behind it.
	step := 2 * n
	for i := step - 1; i < len(v); i += step {
		steps++
		if !hexText[v[i]] || !allHex(v[i-n:i]) && !allHex(v[i:min(len(v), i+n)]) {
			continue
		}
		start := hexStart(v, i, done)
		steps += i - start
		for start <= i {
			had := len(d.b)
			end := d.hexRun(v, start)
			steps += end - start
			if len(d.b)-had < n {
				d.b, d.from, d.to = d.b[:had], d.from[:had], d.to[:had]
			} else {
				any = true
				d.b, d.from, d.to = append(d.b, '\n'), append(d.from, int32(end)), append(d.to, int32(end))
			}
			start = max(end, start+1)
		}
		done = start
		for i+step < done {
			i += step
		}
	}
	return any, steps
}

// hexStart returns where the run of digits and gaps around v[i] begins, at done or
// behind it.
func hexStart(v []byte, i, done int) int {
	for i >= done {
		switch n := hexGapBefore(v, i); {
		case i > done && hexValue[v[i-1]] >= 0:
			i--
		case n > 0 && i-n > done:
			i -= n
		default:
			return i
		}
	}
	return done
}

// hexText are the characters of runs: digits, and what separates them.
var hexText = func() (t [256]bool) {
	for c := range t {
		t[c] = hexValue[c] >= 0
	}
	for _, g := range hexGaps {
		for i := range len(g) {
			t[g[i]] = true
		}
	}
	return t
}()

// allHex reports whether v may be part of a run of hexadecimal.
func allHex(v []byte) bool {
	for _, c := range v {
		if !hexText[c] {
			return false
		}
	}
	return true
}

// hexRun appends what the digits from v[i] on stand for, and returns where they
// end.
func (d *decoded) hexRun(v []byte, i int) int {
	for i+1 < len(v) {
		if hexValue[v[i]] >= 0 && hexValue[v[i+1]] >= 0 {
			d.b = append(d.b, byte(hexValue[v[i]]<<4|hexValue[v[i+1]]))
			d.from, d.to = append(d.from, int32(i)), append(d.to, int32(i+2))
			i += 2
			continue
		}
		n := hexGap(v[i:])
		if n == 0 {
			break
		}
		i += n
	}
	return i
}

// hexGaps stand between the groups of digits of a dump.
var hexGaps = []string{", 0x", ",0x", " 0x", "\\x", "  ", " ", ":", "0x"}

// hexGap returns the length of the gap that v begins with, if digits stand behind it.
func hexGap(v []byte) int {
	if len(v) == 0 || !hexText[v[0]] {
		return 0
	}
	for _, g := range hexGaps {
		if hasPrefix(v, g) && len(v) > len(g)+1 && hexValue[v[len(g)]] >= 0 && hexValue[v[len(g)+1]] >= 0 {
			return len(g)
		}
	}
	return 0
}

// hexGapBefore returns the length of the gap that ends at v[i], if digits stand
// before it.
func hexGapBefore(v []byte, i int) int {
	if i < 3 || !hexText[v[i-1]] {
		return 0
	}
	for _, g := range hexGaps {
		if n := len(g); i >= n+2 && string(v[i-n:i]) == g && hexValue[v[i-n-1]] >= 0 && hexValue[v[i-n-2]] >= 0 {
			return n
		}
	}
	return 0
}
