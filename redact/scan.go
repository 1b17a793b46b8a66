package redact

import (
	"bytes"
	"slices"
)

// A span is a part of a line to be replaced.
type span struct {
	start, end int
	kind       string // "github token", or "" if not known
}

// A scanner finds the secrets of one text, line by line, and remembers what a
// line says about those that follow.
type scanner struct {
	r     *rules
	known *knownSet
	plain decoded // the line without its escapes, for known

	v              []byte // what is looked at: a line without colours and NULs
	eol            bool   // v ends where the line ends
	spans          []span
	skip           int // the end of the last span
	fixed, fixedAt int // spans that the search began with, and those passed
	names          int // names that begin before are decided
	header         int // up to here an Authorization header was judged
	noAt           int // no @ of a URL's user info before this offset
	steps          int // work done, for the test of linear time

	st   state // what the lines before say
	next state // what this line says

	runs    [len(classNames)]struct{ from, to int } // a run of each class, so that none is walked twice
	noTable bool                                    // the line is no header of a table
	tools   toolSearch
	weighed struct {
		at *byte
		n  int
		w  weight
	} // the last answer of weigh
	refused             int    // names whose values were refused, or found in prose
	again               []byte // what settle judges again
	refusedTo, refusals int    // the end of the last value refused, names in it
	dsnAt               int    // no data source name begins before

	mayHold bool // the line may wait for the next
	begun   bool // the next line is of a private key
	wants   want // what it waits for
	quote   byte // the closing quote, if that
	join    bool // v is several lines that belong together
	unwrap  int  // if not 0, the offset of a line end that v is to have left out

	swallowing   swallow // at the beginning of a window
	swallowQuote byte
	cache        verdictCache
	instead      []byte // what takes the place of a dropped line

	pos    []int32 // offset in the line of each byte of v; nil if it is the same
	buf    []byte
	posBuf []int32
}

// A state is what lines before say about this one.
type state struct {
	mode   mode
	indent int // of the key of a block scalar
	word   string

	valueOf  verdict  // a "name" was seen, its "value" is secret
	ttl      int      // for how many more lines valueOf holds
	pending  pending  // a key at the end of the line before, its value on this line
	indentK  int      // the indentation of that line, or the length of a word that was printed
	cont     contKind // a secret ran up to the end of the line before
	contLen  int
	head     [32]byte // what that line began with
	k        knownRest
	table    table
	accounts int  // lines that may still be user:password
	body     bool // the line before was one of a PEM block, or its BEGIN
	jwk      int  // lines that a JSON Web Key may still have
}

type mode uint8

const (
	modeNone  mode = iota
	modePEM        // in a private key, until its END
	modeBlock      // in a YAML block scalar
	modeUntil      // until a line with word: """ or the end of a here-document
	modeHex        // in a number of a key
	modePutty      // in the private lines of a PuTTY key
)

type pending uint8

const (
	noPending pending = iota
	pendingQuoted
	pendingAny
	pendingRandom
	pendingPrinted // a word that has the line, or the one behind a blank line, to itself
	pendingList    // lines of quoted strings
)

type contKind uint8

const (
	noCont contKind = iota
	contToken
)

// scan finds the spans of s.v.
func (s *scanner) scan() {
	v := s.v
	d := s.r.dfa
	s.steps += len(v)
	if s.known != nil {
		s.known.find(s)
	}
	s.fixed, s.fixedAt = len(s.spans), 0
	if s.fixed > 1 {
		slices.SortFunc(s.spans, func(a, b span) int { return a.start - b.start })
	}
	next, class := d.next, &d.class
	state := uint16(0)
	for i := 0; i < len(v); i++ {
		state = next[int(state)<<dfaShift|int(class[v[i]])]
		if state < d.first {
			continue
		}
		for _, id := range d.out[state-d.first] {
			h := &s.r.hits[id]
			at := i + 1 - h.n
			if at < s.skip && s.inSpan(at) || h.lit != "" && !equalFold(v[at:i+1], h.lit) {
				continue
			}
			s.hit(h, at)
		}
	}
}

// inSpan reports whether v[at] is in a span already. Text between spans is
// looked at, however far ahead a matcher has found something.
func (s *scanner) inSpan(at int) bool {
	for s.fixedAt < s.fixed && s.spans[s.fixedAt].end <= at {
		s.fixedAt++
	}
	if s.fixedAt < s.fixed && s.spans[s.fixedAt].start <= at || s.fixedAt > 0 && s.spans[s.fixedAt-1].end > at {
		return true
	}
	for i := len(s.spans) - 1; i >= s.fixed && i >= len(s.spans)-16; i-- {
		if s.spans[i].start <= at && at < s.spans[i].end {
			return true
		}
	}
	return false
}

// hit looks at what a literal at v[at] may be part of.
func (s *scanner) hit(h *hit, at int) {
	s.steps += 4
	switch {
	case h.look != nil:
		h.look(s, at, at+h.n)
	case h.format != nil:
		s.format(h.format, h.spec, at)
	default:
		s.pattern(h.pattern, at)
	}
}

// foundValue is found for a value that may be a token of a format.
func (s *scanner) foundValue(start, end int) {
	s.found(start, end, s.kindOf(start, end))
}

// found records a span and goes on behind it.
func (s *scanner) found(start, end int, kind string) {
	if end <= start {
		return
	}
	s.steps += end - start
	s.spans = append(s.spans, span{start, end, kind})
	s.skip = max(s.skip, end)
	if end == len(s.v) || end >= len(bytes.TrimRight(s.v, "\r\n\"'`,; \\")) {
		s.next.cont = contToken
		s.next.contLen = end - start
		copy(s.next.head[:], s.v)
	}
}
