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
	cache verdictCache
	steps int // work done, for the test of linear time

	// The line, and what has been found in it.
	v        []byte // what is looked at: a line without colours and NULs
	eol      bool   // v ends where the line ends
	join     bool   // v is several lines that belong together
	unwrap   int    // if not 0, the offset of a line end that v is to have left out
	spans    []span
	fixed    int    // how many of them the search began with, which are sorted
	fixedAt  int    // those of them that were passed
	instead  []byte // what takes the place of a dropped line
	again    []byte // what settle judges again
	progress        // of the search in v

	// The lines before and behind it.
	st      state // what the lines before say
	next    state // what this line says
	mayHold bool  // the line may wait for the next
	wants   want  // what it waits for
	quote   byte  // the closing quote, if that
	begun   bool  // the next line is of a private key

	// The windows of a long line.
	swallowing   swallow // at the beginning of this one
	swallowQuote byte

	// The view of the line, if v is not the line itself.
	pos    []int32 // offset in the line of each byte of v; nil if it is the same
	buf    []byte
	posBuf []int32
}

// A progress says how far the search in a line has come, so that nothing is looked at
// twice and a long line takes no longer than its length.
type progress struct {
	skip      int                                     // the end of the last span
	names     int                                     // names that begin before are decided
	header    int                                     // up to here an Authorization header was judged
	noAt      int                                     // no @ of a URL's user info before this offset
	dsnAt     int                                     // no data source name begins before
	refused   int                                     // names whose values were refused, or found in prose
	refusedTo int                                     // the end of the last value refused
	refusals  int                                     // names in it
	noKey     int                                     // no private key begins before
	jwkTo     int                                     // members of keys before are decided
	noTable   bool                                    // the line is no header of a table
	runs      [len(classNames)]struct{ from, to int } // the last run of each class
	tools     toolSearch
	weighed   struct {
		at *byte
		n  int
		w  weight
	} // the last answer of weigh
}

// A state is what lines before say about this one.
type state struct {
	mode   mode
	indent int    // in modeBlock: of the key; in modeUntil: what has been dropped
	word   string // in modeUntil: what ends it; else not "" if a mark stands for the lines dropped

	valueOf verdict // a "name" was seen, its "value" is secret
	ttl     int     // for how many more lines valueOf holds; in modeUntil: lines dropped
	pending pending // a key at the end of the line before, its value on this line
	indentK int     // the indentation of that line, or the length of a word that was printed

	command string // that goes on on this line

	wrapped    bool // a secret ran up to the end of the line before
	wrappedLen int
	head       [32]byte  // what that line began with
	k          knownRest // the same of a known value

	table    table
	accounts int  // lines that may still be user:password
	body     bool // the line before was one of a PEM block, or its BEGIN
	jwk      int  // lines that a JSON Web Key may still have
}

// A mode is something of several lines that the line may be inside of.
type mode uint8

const (
	modeNone  mode = iota
	modePEM        // in a private key, until its END
	modeBlock      // in a YAML block scalar
	modeUntil      // until a line with word: """ or the end of a here-document
	modeHex        // in a number of a key
	modePutty      // in the private lines of a PuTTY key
)

// A pending says how the value of a name on the line before looks that is to be on this
// one.
type pending uint8

const (
	noPending      pending = iota
	pendingQuoted          // in quotes
	pendingAny             // anything: of an option, or behind a backslash
	pendingRandom          // in quotes or random, below name: of YAML
	pendingPrinted         // a word that has the line, or the one behind a blank line, to itself
	pendingList            // lines of quoted strings
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
		s.next.wrapped = true
		s.next.wrappedLen = end - start
		copy(s.next.head[:], s.v)
	}
}
