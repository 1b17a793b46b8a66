package redact

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Mark is what stands in the place of a secret of no known kind. Where the kind
// is known it stands inside the brackets: "[redacted github token]".
const Mark = "[redacted]"

// Text is text that may leave the program. Only a [Redactor] makes one from a
// string, or [Literal] from a constant; the functions here only join and cut.
// The zero value is the empty text.
type Text struct{ s string }

// literal is unexported so that other packages can pass constants only.
type literal string

// Literal returns the constant s as a Text.
func Literal(s literal) Text { return Text{string(s)} }

// Int returns n in decimal. A number that the program counted is no secret; do
// not pass one that came from outside.
func Int(n int64) Text { return Text{strconv.FormatInt(n, 10)} }

// Concat joins parts without anything between them.
func Concat(parts ...Text) Text { return Join(Text{}, parts...) }

// Join joins parts with sep between them.
func Join(sep Text, parts ...Text) Text {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteString(sep.s)
		}
		b.WriteString(p.s)
	}
	return Text{b.String()}
}

// Sprintf replaces each %s of the constant format by the next argument, and %%
// by a percent sign. There are no other verbs. An argument too few shows as
// %!s(missing), one too many is appended as %!(extra …), as fmt does.
func Sprintf(format literal, args ...Text) Text {
	var b strings.Builder
	f := string(format)
	for {
		i := strings.IndexByte(f, '%')
		if i < 0 || i == len(f)-1 {
			b.WriteString(f)
			break
		}
		b.WriteString(f[:i])
		switch verb := f[i+1]; {
		case verb == '%':
			b.WriteByte('%')
		case verb != 's':
			b.WriteString(f[i : i+2])
		case len(args) == 0:
			b.WriteString("%!s(missing)")
		default:
			b.WriteString(args[0].s)
			args = args[1:]
		}
		f = f[i+2:]
	}
	for _, a := range args {
		b.WriteString("%!(extra " + a.s + ")")
	}
	return Text{b.String()}
}

// String returns the text.
func (t Text) String() string { return t.s }

// IsZero reports whether t is empty.
func (t Text) IsZero() bool { return t.s == "" }

// Len returns the length in bytes.
func (t Text) Len() int { return len(t.s) }

// UTF16Len returns the length in UTF-16 units, Telegram's measure.
func (t Text) UTF16Len() int { return utf16Len(t.s) }

// MarshalText returns the text, so that a Text can be part of a JSON record.
// There is no UnmarshalText: what was stored is read as a string and goes
// through a [Redactor] again, which changes nothing in its own output.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.s), nil }

// TrimSpace returns t without white space at both ends.
func (t Text) TrimSpace() Text { return Text{strings.TrimSpace(t.s)} }

// Lines returns the lines of t without their line ends. An empty text has none,
// and a line end at the end of t does not begin another line.
func (t Text) Lines() []Text {
	if t.s == "" {
		return nil
	}
	parts := strings.Split(strings.TrimSuffix(t.s, "\n"), "\n")
	lines := make([]Text, len(parts))
	for i, p := range parts {
		lines[i] = Text{strings.TrimSuffix(p, "\r")}
	}
	return lines
}

// Cut splits t around the first sep, as strings.Cut does.
func (t Text) Cut(sep literal) (before, after Text, found bool) {
	b, a, ok := strings.Cut(t.s, string(sep))
	return Text{b}, Text{a}, ok
}

// Head returns the longest start of t that has at most maxUTF16 UTF-16 units,
// and how many bytes were cut off. It ends after a line end if there is one in
// the second half of what fits, else between two runes, and never inside a
// replacement such as "[redacted]".
func (t Text) Head(maxUTF16 int) (head Text, cutBytes int) {
	n := fits(t.s, maxUTF16)
	if n == len(t.s) {
		return t, 0
	}
	if start, _, ok := markAround(t.s, n); ok {
		n = start
	}
	if i := strings.LastIndexByte(t.s[:n], '\n'); i >= n/2 {
		n = i + 1
	}
	return Text{t.s[:n]}, len(t.s) - n
}

// Tail returns the longest end of t that has at most maxUTF16 UTF-16 units, and
// how many bytes were cut off before it. It begins with a whole line if a line
// begins in the first half of what fits, else between two runes, and never
// inside a replacement such as "[redacted]".
func (t Text) Tail(maxUTF16 int) (tail Text, cutBytes int) {
	at := len(t.s)
	for units := 0; at > 0; {
		r, size := utf8.DecodeLastRuneInString(t.s[:at])
		if units += unitsOf(r); units > maxUTF16 {
			break
		}
		at -= size
	}
	if at == 0 {
		return t, 0
	}
	if _, end, ok := markAround(t.s, at); ok {
		at = end
	}
	if t.s[at-1] != '\n' {
		if i := strings.IndexByte(t.s[at:], '\n'); i >= 0 && i < (len(t.s)-at)/2 {
			at += i + 1
		}
	}
	return Text{t.s[at:]}, at
}

// Drop returns t without its last n bytes. It ends where [Text.Head] would end.
func (t Text) Drop(n int) Text {
	n = max(0, len(t.s)-n)
	for n < len(t.s) && !utf8.RuneStart(t.s[n]) {
		n--
	}
	head, _ := t.Head(utf16Len(t.s[:n]))
	return head
}

// markAround returns the bounds of the replacement that a cut at offset at
// would split.
func markAround[S ~string | ~[]byte](s S, at int) (start, end int, ok bool) {
	start = at - 1
	for start >= 0 && s[start] != '[' {
		if start == at-maxMark || s[start] == ']' || s[start] < ' ' {
			return 0, 0, false
		}
		start--
	}
	if start < 0 {
		return 0, 0, false
	}
	n := markLen(s[start:])
	if n == 0 || start+n <= at {
		return 0, 0, false
	}
	return start, start + n, true
}

// maxMark is longer than any replacement.
const maxMark = 64

// markLen returns the length of the replacement that s begins with, or 0.
func markLen[S ~string | ~[]byte](s S) int {
	const open = "[redacted"
	if len(s) <= len(open) || string(s[:len(open)]) != open {
		return 0
	}
	if s[len(open)] == ']' {
		return len(open) + 1
	}
	if s[len(open)] != ' ' {
		return 0
	}
	for i := len(open) + 1; i < len(s) && i < maxMark; i++ {
		switch c := s[i]; {
		case c == ']':
			return i + 1
		case c < ' ' || c == '[' || c > '~':
			return 0
		}
	}
	return 0
}

func fits(s string, maxUTF16 int) int {
	units := 0
	for i, r := range s {
		if units += unitsOf(r); units > maxUTF16 {
			return i
		}
	}
	return len(s)
}

func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += unitsOf(r)
	}
	return n
}

func unitsOf(r rune) int { return max(1, utf16.RuneLen(r)) }
