package commands

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/shlex"
)

func TestSplitWords(t *testing.T) {
	tests := []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"  a \t b\n", []string{"a", "b"}},
		{`a "b c" d`, []string{"a", "b c", "d"}},
		{`--grep='a b'`, []string{"--grep=a b"}},
		{"“my key” ‘it is’", []string{"my key", "it is"}},
		{"don't", []string{"don't"}},                           // shlex fails
		{`5" disk`, []string{`5"`, "disk"}},                    // shlex fails
		{"a #b", []string{"a", "#b"}},                          // shlex drops it
		{`C:\dir`, []string{`C:\dir`}},                         // shlex eats it
		{"a\u00a0b", []string{"a", "b"}},                       // pasted from a web page
		{`""`, []string{""}},                                   // an empty word is a word
		{"bob’s “x", []string{"bob’s", "“x"}},                  // left as typed
		{"\xff \xc3", []string{"\xff", "\xc3"}},                // not text, still words
		{`a"b"c'd'e`, []string{"abcde"}},                       // quotes inside a word
		{`'a"b' "c'd"`, []string{`a"b`, "c'd"}},                // one kind in the other
		{"'a’", []string{"a"}},                                 // a phone straightened one of them
		{"x '' y", []string{"x", "", "y"}},                     //
		{"'a b", []string{"'a", "b"}},                          // never closed
		{`"a 'b c`, []string{`"a`, "'b", "c"}},                 // neither closed
		{`it's "5 o'clock"`, []string{`its "5 o` + "clock\""}}, // as a shell has it
	}
	for _, tt := range tests {
		var got []string
		for _, w := range splitWords(tt.in) {
			got = append(got, w.text)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("splitWords(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// FuzzSplitWords holds splitWords to shlex wherever shlex has an answer that does
// not turn on what we do not do: backslashes and comments.
func FuzzSplitWords(f *testing.F) {
	for _, s := range []string{
		"a b", `a "b c" d`, "it's", "'a b' c", "“a b” c", "a #b", `a\ b`, "\"'\"", "''", "a\u00a0b", "\xff", "a\nb\r\tc", `"`, "'‘’",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words := splitWords(s)
		end := 0
		for _, w := range words {
			if w.start < end || w.end <= w.start || w.end > len(s) {
				t.Fatalf("splitWords(%q): word %+v out of order or range", s, w)
			}
			if gap := s[end:w.start]; strings.TrimSpace(gap) != "" {
				t.Fatalf("splitWords(%q) lost %q", s, gap)
			}
			if len(w.text) > w.end-w.start {
				t.Fatalf("splitWords(%q): %q is longer than what was typed", s, w.text)
			}
			end = w.end
		}
		if gap := s[end:]; strings.TrimSpace(gap) != "" {
			t.Fatalf("splitWords(%q) lost %q", s, gap)
		}

		if strings.ContainsAny(s, `\#`) || !utf8.ValidString(s) {
			return
		}
		plain := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsSpace(r):
				return ' '
			case quoteKind(r) == 0:
				return '\''
			case quoteKind(r) == 1:
				return '"'
			}
			return r
		}, s)
		want, err := shlex.Split(plain)
		if err != nil {
			return
		}
		var got []string
		for _, w := range splitWords(plain) {
			got = append(got, w.text)
		}
		if !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Fatalf("splitWords(%q) = %q, shlex has %q", plain, got, want)
		}
		if len(words) != len(want) {
			t.Fatalf("splitWords(%q) has %d words, shlex %d in %q", s, len(words), len(want), plain)
		}
	})
}
