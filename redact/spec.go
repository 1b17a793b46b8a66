package redact

import (
	"fmt"
	"strconv"
	"strings"
)

// A spec is the shape of a token: literals and runs of characters of a class,
// one after the other, matched without backtracking. It is written much like a
// regular expression, in which the classes are
//
//	\d 0-9   \h 0-9a-f   \H 0-9a-fA-F   \l a-z0-9   \u A-Z0-9   \a A-Za-z0-9
//	\w \a and _   \t \w and -   \b \a and +/   \x \t and .=   \z A-Z2-7
//	\q the bech32 alphabet in capitals   \s lower-case bech32
//	\e base58   \p \t and +/=.~%:
//
// followed by {n}, {n,m} or {n,}; without braces, one character.
type spec struct {
	items  []item
	anchor int // index of the literal that the prefilter looks for
}

type item struct {
	lit      string // or, if empty, min to max characters of class
	class    *charset
	name     byte
	min, max int
}

// anchorText returns the literal that the prefilter looks for.
func (sp *spec) anchorText() string { return sp.items[sp.anchor].lit }

// A charset is a set of bytes.
type charset [256]bool

// newCharset returns the set of the characters and ranges listed.
func newCharset(chars string) *charset {
	c := new(charset)
	for i := 0; i < len(chars); i++ {
		if i+2 < len(chars) && chars[i+1] == '-' {
			for b := int(chars[i]); b <= int(chars[i+2]); b++ {
				c[b] = true
			}
			i += 2
			continue
		}
		c[chars[i]] = true
	}
	return c
}

var charsets = map[byte]*charset{
	'd': newCharset("0-9"),
	'h': newCharset("0-9a-f"),
	'H': newCharset("0-9a-fA-F"),
	'l': newCharset("0-9a-z"),
	'u': newCharset("0-9A-Z"),
	'a': newCharset("0-9A-Za-z"),
	'w': newCharset("0-9A-Za-z_"),
	't': newCharset("0-9A-Za-z_-"),
	'b': newCharset("0-9A-Za-z+/"),
	'x': newCharset("0-9A-Za-z_.=-"),
	'p': newCharset("0-9A-Za-z_+/=.~%:-"),
	'z': newCharset("A-Z2-7"),
	'q': newCharset("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
	's': newCharset("qpzry9x8gf2tvdw0s3jn54khce6mua7l"),
	'e': newCharset("1-9A-HJ-NP-Za-km-z"),
}

// skipClass returns where the run of a class at v[i] ends.
func skipClass(v []byte, i int, class byte) int {
	set := charsets[class]
	for i < len(v) && set[v[i]] {
		i++
	}
	return i
}

// classEnd returns where the run of a class at v[i] ends, which is looked at once.
func (s *scanner) classEnd(class byte, i int) int {
	j := skipClass(s.v[:min(len(s.v), i+unbounded)], i, class)
	s.steps += j - i
	return j
}

// classNames are the names of the classes, classIndex their places in it.
const classNames = "dhHlauwtbxpqsez"

var classIndex = func() (index [256]uint8) {
	for i := range classNames {
		index[classNames[i]] = uint8(i)
	}
	return index
}()

// unbounded is the longest run of {n,}.
const unbounded = 8 << 10

// parseSpec reads the notation above. It panics on a mistake: specs are source.
func parseSpec(s string) spec {
	var sp spec
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			sp.items = append(sp.items, item{lit: lit.String()})
			lit.Reset()
		}
	}
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			lit.WriteByte(s[i])
			i++
			continue
		}
		flush()
		it := item{class: charsets[s[i+1]], name: s[i+1], min: 1, max: 1}
		if it.class == nil {
			panic(fmt.Sprintf("redact: no class \\%c in %q", s[i+1], s))
		}
		i += 2
		if i < len(s) && s[i] == '{' {
			end := i + strings.IndexByte(s[i:], '}')
			low, high, two := strings.Cut(s[i+1:end], ",")
			it.min, _ = strconv.Atoi(low)
			it.max = it.min
			if two {
				if it.max, _ = strconv.Atoi(high); high == "" {
					it.max = unbounded
				}
			}
			if it.max == 0 {
				panic(fmt.Sprintf("redact: bad count in %q", s))
			}
			i = end + 1
		}
		sp.items = append(sp.items, it)
	}
	flush()
	sp.anchor = -1
	for i, it := range sp.items {
		if it.lit != "" && (sp.anchor < 0 || sp.anchor > 0 && len(it.lit) > len(sp.items[sp.anchor].lit)) {
			sp.anchor = i
		}
	}
	if sp.anchor < 0 {
		panic(fmt.Sprintf("redact: no literal in %q", s))
	}
	return sp
}

// match matches sp in v, whose anchor begins at offset at. If all of v from the
// anchor on, up to the end of the line, is the beginning of a match, open is true.
func (s *scanner) match(sp *spec, v []byte, at int) (start, end int, ok, open bool) {
	start = at
	for i := sp.anchor - 1; i >= 0; i-- {
		it := &sp.items[i]
		if it.lit != "" {
			if start < len(it.lit) || string(v[start-len(it.lit):start]) != it.lit {
				return 0, 0, false, false
			}
			start -= len(it.lit)
			continue
		}
		n := 0
		for n < it.max && n < start && it.class[v[start-n-1]] {
			n++
		}
		if n < it.min {
			return 0, 0, false, false
		}
		start -= n
	}
	end = at
	for i := sp.anchor; i < len(sp.items); i++ {
		it := &sp.items[i]
		if it.lit != "" {
			n := 0
			for n < len(it.lit) && end+n < len(v) && v[end+n] == it.lit[n] {
				n++
			}
			end += n
			if n < len(it.lit) {
				return start, end, false, atEnd(v, end)
			}
			continue
		}
		var n int
		if it.max > 64 {
			n = s.run(it.name, v, end, it.max) - end
		} else {
			for n < it.max && end+n < len(v) && it.class[v[end+n]] {
				n++
			}
			s.steps += n
		}
		end += n
		if n < it.min {
			return start, end, false, atEnd(v, end)
		}
	}
	return start, end, true, false
}

// atEnd reports whether the line ends at v[i].
func atEnd(v []byte, i int) bool { return i >= len(v) || v[i] == '\n' || v[i] == '\r' }

// run returns where the run of a class at v[i] ends, after at most longest
// characters. It remembers the run: the anchors of a token may stand side by
// side, and none is to walk the same characters again.
func (s *scanner) run(class byte, v []byte, i, longest int) int {
	r := &s.runs[classIndex[class]]
	if i < r.from || i > r.to {
		set := charsets[class]
		r.from, r.to = i, i
		for r.to < len(v) && set[v[r.to]] {
			r.to++
		}
		s.steps += r.to - r.from
	}
	return min(r.to, i+longest)
}
