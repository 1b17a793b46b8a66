package redact

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"sort"
	"strings"
)

// A knownSet finds values, and long enough pieces of them, in all the encodings
// that programs print them in: base64 and base32 as values of their own, escapes
// and hexadecimal by undoing them ([decoded]). It does not change once made.
//
// Every piece of at least min characters of a value contains all of its
// overlapping four-byte grams, so it is enough to look at every (min-3)th
// position of a text whether the gram there is one of a value's. A bitmap
// answers that for nearly all positions.
type knownSet struct {
	values []knownValue
	step   int
	bits   [1 << 13]uint64
	grams  map[uint32][]gramAt
	starts map[uint32][]int // first three bytes → values, for values split at a line's end
	ends   [1 << 10]uint64  // three bytes in the first cutLen of a value
}

type knownValue struct {
	text []byte
	min  int // the shortest piece that is replaced
}

type gramAt struct{ value, at int32 }

// knownRest is a known value that was cut by the end of a line.
type knownRest struct{ value, at int } // value is 1 + index, 0 for none

// minKnown is the shortest known value that is replaced; shorter ones would hit
// ordinary words.
const minKnown = 6

// cutLen is the longest beginning of a value at a line's end that waits for the
// next line; longer ones are pieces that are replaced by themselves.
const cutLen = 24

// maxGramRefs bounds the work for one gram.
const maxGramRefs = 64

// newKnownSet returns the set of all forms of secrets, nil if there are none.
func newKnownSet(secrets []string) *knownSet {
	if len(secrets) == 0 {
		return nil
	}
	k := &knownSet{step: 1 << 30, grams: make(map[uint32][]gramAt), starts: make(map[uint32][]int)}
	seen := make(map[string]bool)
	for _, secret := range secrets {
		for _, f := range forms(secret) {
			if !seen[f.s] && f.min >= 4 {
				seen[f.s] = true
				k.values = append(k.values, knownValue{[]byte(f.s), f.min})
			}
		}
	}
	sort.SliceStable(k.values, func(i, j int) bool { return len(k.values[i].text) > len(k.values[j].text) })
	for n, v := range k.values {
		k.step = min(k.step, v.min-3)
		for i := 0; i+4 <= len(v.text); i++ {
			g := binary.LittleEndian.Uint32(v.text[i:])
			h := gramHash(g)
			k.bits[h>>6] |= 1 << (h & 63)
			if refs := k.grams[g]; len(refs) < maxGramRefs {
				k.grams[g] = append(refs, gramAt{int32(n), int32(i)})
			}
		}
		for i := 0; i+3 <= min(len(v.text), cutLen); i++ {
			h := three(v.text[i:]) * 0x9e3779b1 >> 16
			k.ends[h>>6] |= 1 << (h & 63)
		}
		t := three(v.text)
		k.starts[t] = append(k.starts[t], n)
	}
	return k
}

// gramHash returns the place of a gram in the bitmap.
func gramHash(g uint32) uint32 { return g * 0x9e3779b1 >> 13 }

// three returns the first three bytes of b as a number.
func three(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

type form struct {
	s   string
	min int
}

// forms returns secret as it looks in the encodings that are looked for as they are,
// each with the length of the shortest piece that gives too much away: 12
// characters of the secret; all of it if it is shorter than 16 and looks like a
// word that others may write.
func forms(secret string) []form {
	n := len(secret)
	least := 12
	switch {
	case n < 16 && (!mixed([]byte(secret)) || n < 9):
		least = n
	case n < 16:
		least = max(6, n*2/3)
	case !mixed([]byte(secret)):
		least = max(12, n/2)
	}
	var fs []form
	add := func(s string, num, den int) {
		if m := min(len(s), max(least*num/den, min(least, 6))); len(s) >= 4 {
			fs = append(fs, form{s, m})
		}
	}
	add(secret, 1, 1)
	// Quotes that shells and SQL double, spaces as forms encode them, and lines of
	// their own are all that undoing escapes does not undo.
	for _, r := range [][2]string{{`'`, `'\''`}, {`'`, `'"'"'`}, {`'`, `''`}, {`"`, `""`}, {" ", "+"}} {
		if strings.Contains(secret, r[0]) {
			add(strings.ReplaceAll(secret, r[0], r[1]), 1, 1)
		}
	}
	if strings.Contains(secret, "\n") {
		for _, l := range strings.Split(secret, "\n") {
			if l = strings.TrimSpace(l); len(l) >= 12 {
				fs = append(fs, form{l, 12})
			}
		}
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			// Only what all neighbours leave alone.
			s := enc.EncodeToString(append(make([]byte, shift), secret...))
			from := (shift*8 + 5) / 6
			to := (shift + n) * 8 / 6
			if to-from >= 6 {
				add(s[from:to], 4, 3)
			}
		}
	}
	add(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(secret)), 8, 5)
	return fs
}

// find adds the spans of known values in s.v, as it is and with escapes and
// hexadecimal undone.
func (k *knownSet) find(s *scanner) {
	k.search(s, s.v, nil)
	if bytes.IndexByte(s.v, '\\') >= 0 || bytes.IndexByte(s.v, '%') >= 0 || bytes.IndexByte(s.v, '&') >= 0 {
		for depth := 0; depth < maxDepth && s.plain.undo(s.v, depth == 0); depth++ {
			s.steps += len(s.v)
			k.search(s, s.plain.b, &s.plain)
		}
	}
	any, steps := s.plain.hex(s.v, k.step+3)
	if s.steps += steps; any {
		k.search(s, s.plain.b, &s.plain)
	}
	if s.eol && s.mayHold && k.cut(s.v) > 0 {
		s.want(wantRest)
	}
}

// search adds the spans of known values in v, which is s.v itself or what d made
// of it.
func (k *knownSet) search(s *scanner, v []byte, d *decoded) {
	s.steps += len(v) / k.step
	done := 0
	for i := k.step - 1; i+4 <= len(v); i += k.step {
		g := binary.LittleEndian.Uint32(v[i:])
		h := gramHash(g)
		if k.bits[h>>6]>>(h&63)&1 == 0 {
			continue
		}
		bestA, bestB := 0, 0
		var rest knownRest
		for _, ref := range k.grams[g] {
			val := &k.values[ref.value]
			a, at := i, int(ref.at)
			for a > done && at > 0 && v[a-1] == val.text[at-1] {
				a--
				at--
			}
			b, to := i+4, int(ref.at)+4
			for b < len(v) && to < len(val.text) && v[b] == val.text[to] {
				b++
				to++
			}
			s.steps += b - a
			if b-a >= val.min && b-a > bestB-bestA {
				bestA, bestB = a, b
				rest = knownRest{}
				if to < len(val.text) {
					rest = knownRest{int(ref.value) + 1, to}
				}
			}
		}
		if bestB == bestA {
			continue
		}
		done = bestB
		i = max(i, bestB-k.step)
		a, b := bestA, bestB
		if d != nil {
			a, b = int(d.from[a]), int(d.to[b-1])
		}
		s.spans = append(s.spans, span{a, b, ""})
		s.skip = max(s.skip, b)
		if d == nil && rest.value > 0 && len(bytes.TrimRight(v[b:], "\r\n\\\"' +-=")) == 0 {
			s.next.k = rest
		}
	}
}

// cut returns how many characters at the end of v are the beginning of a known
// value, if they are too few to be replaced by themselves.
func (k *knownSet) cut(v []byte) int {
	for len(v) > 0 && (v[len(v)-1] == '\n' || v[len(v)-1] == '\r') {
		v = v[:len(v)-1]
	}
	if len(v) < 3 {
		return 0
	}
	if h := three(v[len(v)-3:]) * 0x9e3779b1 >> 16; k.ends[h>>6]>>(h&63)&1 == 0 {
		return 0
	}
	for n := min(len(v), cutLen); n >= 3; n-- {
		b := v[len(v)-n:]
		for _, i := range k.starts[three(b)] {
			if val := &k.values[i]; n < len(val.text) && n < val.min && bytes.Equal(b, val.text[:n]) {
				return n
			}
		}
	}
	return 0
}

// continued adds the span of what is left of a known value that the end of the
// line before cut.
func (k *knownSet) continued(s *scanner, rest knownRest) {
	if rest.value > len(k.values) {
		return
	}
	val := k.values[rest.value-1].text[rest.at:]
	i := skipAny(s.v, 0, " \t\"'>|")
	if m := common(s.v[i:], val); m == len(val) || m >= 3 {
		s.spans = append(s.spans, span{i, i + m, ""})
		s.skip = max(s.skip, i+m)
		if m < len(val) && len(bytes.TrimRight(s.v[i+m:], "\r\n\\\"' +-=")) == 0 {
			s.next.k = knownRest{rest.value, rest.at + m}
		}
	}
}

// common returns the length of what a and b both begin with.
func common(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
