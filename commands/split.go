package commands

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A word is one word of a message's head.
type word struct {
	text  string // without its quotes
	start int    // byte offset in the message
	end   int    // byte offset behind the last byte
}

// splitWords splits s at white space. Single and double quotes, those that
// phones write too, keep what they enclose together and are dropped; a quote that
// is never closed is an ordinary character, and so are backslash and "#".
//
// It never fails. Where shlex.Split has an answer that does not turn on a
// backslash or a comment, this is the same answer.
func splitWords(s string) []word {
	var words []word
	var text strings.Builder
	start := -1            // of the current word, -1 between words
	var lone [2]bool       // no further single, double quote closes
	flush := func(i int) { // ends the current word before byte i
		if start >= 0 {
			words = append(words, word{text.String(), start, i})
			start = -1
			text.Reset()
		}
	}
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if unicode.IsSpace(r) {
			flush(i)
			i += size
			continue
		}
		if start < 0 {
			start = i
		}
		if q := quoteKind(r); q >= 0 && !lone[q] {
			rest := s[i+size:]
			n := strings.IndexFunc(rest, func(r rune) bool { return quoteKind(r) == q })
			if n >= 0 {
				text.WriteString(rest[:n])
				_, closing := utf8.DecodeRuneInString(rest[n:])
				i += size + n + closing
				continue
			}
			lone[q] = true
		}
		text.WriteString(s[i : i+size])
		i += size
	}
	flush(len(s))
	return words
}

// quoteKind returns 0 for single quotes, 1 for double ones, else -1.
func quoteKind(r rune) int {
	switch r {
	case '\'', '‘', '’':
		return 0
	case '"', '“', '”':
		return 1
	}
	return -1
}

// straightDashes reads a word of the head as its writer meant it: phones make one
// long dash of two short ones.
func straightDashes(w string) string {
	for _, dash := range [...]string{"—", "–", "―", "−"} {
		if rest, ok := strings.CutPrefix(w, dash); ok {
			return "--" + rest
		}
	}
	return w
}
