package redact

import (
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
)

func init() { onPanic = func(p any) { panic(p) } }

// A FormatInfo is what tests and the documentation see of a format.
type FormatInfo struct {
	Name  string
	Specs []string
	Sum   bool
	n     int
}

// A Token is an example of a format; Secret is the part that must go.
type Token struct{ Text, Secret string }

// Formats lists the table, one entry per name and shape list.
func Formats() []FormatInfo {
	var fs []FormatInfo
	for i, f := range formats {
		fs = append(fs, FormatInfo{f.name, f.specs, f.sum != nil, i})
	}
	return fs
}

// Example returns a token of the format.
func (f FormatInfo) Example(rng *rand.Rand) Token {
	return f.ExampleOf(rng.IntN(len(f.Specs)), rng)
}

// ExampleOf returns a token of shape n of the format that passes its checks.
func (f FormatInfo) ExampleOf(n int, rng *rand.Rand) Token {
	def := &formats[f.n]
	for range 10_000 {
		s := exampleOfSpec(parseSpec(f.Specs[n]), rng)
		s = withSum(def, s, rng)
		if def.check == nil || def.check([]byte(s)) {
			return Token{s, s[def.keep:]}
		}
	}
	panic("no example of " + f.Name + " " + f.Specs[n])
}

// Counter returns a text that is almost a token of shape n: its last run is one
// character too short for the shape, and too short for a cut-off token.
func (f FormatInfo) Counter(n int, rng *rand.Rand) string {
	sp := parseSpec(f.Specs[n])
	if formats[f.n].keep > 0 || len(sp.items[0].lit) >= 12 {
		return "" // the prefix alone is enough of a token, or has a label of its own
	}
	var b strings.Builder
	for _, it := range sp.items {
		if it.lit != "" {
			b.WriteString(it.lit)
			continue
		}
		b.WriteString(run(it, min(it.min-1, 5), rng))
		break
	}
	return b.String()
}

func exampleOfSpec(sp spec, rng *rand.Rand) string {
	var b strings.Builder
	for _, it := range sp.items {
		if it.lit != "" {
			b.WriteString(it.lit)
			continue
		}
		n := it.min
		if extra := min(it.max-it.min, 12); extra > 0 {
			n += rng.IntN(extra + 1)
		}
		b.WriteString(run(it, n, rng))
	}
	return b.String()
}

func run(it item, n int, rng *rand.Rand) string {
	var chars []byte
	for c := range 256 {
		if it.class[c] && (it.name != 'p' && it.name != 'x' && it.name != 't' && it.name != 'b' || isAlnum(byte(c))) {
			chars = append(chars, byte(c))
		}
	}
	var b strings.Builder
	for range n {
		b.WriteByte(chars[rng.IntN(len(chars))])
	}
	return b.String()
}

// withSum gives s the checksum of its format.
func withSum(f *format, s string, rng *rand.Rand) string {
	if f.check != nil && strings.HasPrefix(f.name, "encoded") {
		return "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUlF" + run(item{class: charsets['a'], name: 'a'}, 60, rng)
	}
	if f.name == "discord token" {
		return "MTk4NjIyNDgzNDcxOTI1MjQ4." + run(item{class: charsets['a'], name: 'a'}, 6, rng) + "." + run(item{class: charsets['a'], name: 'a'}, 27, rng)
	}
	switch {
	case f.sum == nil:
	case len(s) == 40 && s[3] == '_' || strings.HasPrefix(s, "npm_"):
		return s[:len(s)-6] + base62(crc32.ChecksumIEEE([]byte(s[4:len(s)-6])))
	case strings.HasPrefix(s, "glsa_"):
		return s[:len(s)-8] + fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(s[:len(s)-9])))
	case strings.HasPrefix(s, "AGE-") || strings.HasPrefix(s, "nsec1"):
		// Try the last characters: the checksum has six, found by solving is
		// more code than the search over its definition.
		return bech32Fix(s)
	}
	return s
}

// bech32Fix returns s with its last six characters replaced by the checksum.
func bech32Fix(s string) string {
	const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	upper := s[0] == 'A'
	low := strings.ToLower(s)
	one := strings.LastIndexByte(low, '1')
	body := low[:len(low)-6]
	var vals []byte
	for _, c := range []byte(low[:one]) {
		vals = append(vals, c>>5)
	}
	vals = append(vals, 0)
	for _, c := range []byte(low[:one]) {
		vals = append(vals, c&31)
	}
	for _, c := range []byte(body[one+1:]) {
		vals = append(vals, byte(strings.IndexByte(alphabet, c)))
	}
	vals = append(vals, 0, 0, 0, 0, 0, 0)
	chk := uint32(1)
	for _, v := range vals {
		top := chk >> 25
		chk = chk&0x1ffffff<<5 ^ uint32(v)
		for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				chk ^= g
			}
		}
	}
	chk ^= 1
	for i := range 6 {
		body += string(alphabet[chk>>(5*(5-i))&31])
	}
	if upper {
		return strings.ToUpper(body)
	}
	return body
}

// TokenOf returns a token of the named format.
func TokenOf(name string, rng *rand.Rand) string {
	for _, f := range Formats() {
		if f.Name == name {
			return f.ExampleOf(0, rng).Text
		}
	}
	panic("no format " + name)
}

// Steps redacts s and returns the work that was counted.
func Steps(r *Redactor, s string) int {
	w := r.writer(io.Discard)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return w.s.steps
}

// StateBytes returns how much memory w holds.
func StateBytes(w io.Writer) int {
	x := w.(*writer)
	return cap(x.buf) + cap(x.out) + cap(x.s.buf) + 4*cap(x.s.posBuf) + 48*cap(x.s.spans) + cap(x.s.instead)
}

const MaxState = maxState
