package approvals

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"clawconsole/openclaw"
)

// A Look is what was found out about a call when it was taken in, once, from its
// exact arguments: memory may have it without its secrets later. The zero value is
// a call that nobody has looked at.
type Look struct {
	Taken  bool
	Hidden int    // parts that redaction replaces where people read it
	Bar    Bar    // why it can only be denied; empty: it can be allowed
	Risks  []Risk // see [Risks]
	Bytes  int    // of a call that is not kept because of its size; 0: it is
}

// A Bar is why a call can only be denied.
type Bar string

// Bars.
const (
	Large    Bar = "large"    // more than people can be shown
	Obscured Bar = "obscured" // redaction may hide what would be run
)

// err is what a decision is refused with.
func (b Bar) err() error {
	switch b {
	case "":
		return nil
	case Large:
		return ErrTooLong
	}
	return ErrObscured
}

// ErrObscured means that redaction may hide what a call would do.
var ErrObscured = errors.New("the call has a part that cannot be shown")

// largest is how many bytes a call may have to be looked at. Nobody reads that
// many, and the patterns of [Risks] take seconds for each megabyte.
const largest = 64 << 10

// inspect takes a look at c, whose call is as the gateway announces it.
func (b *Broker) inspect(c Case) Case {
	if n := bytesOf(c.Approval); n > largest {
		c.Approval = emptied(c.Approval)
		c.Look = Look{Taken: true, Bar: Large, Bytes: n}
		return c
	}
	c.Look = Look{Taken: true, Risks: Risks(c.Approval)}
	if b.Read != nil {
		c.Look.Hidden, c.Look.Bar = b.Read(c)
	}
	return c
}

// emptied is a call that is too large to be kept.
func emptied(a openclaw.Approval) openclaw.Approval {
	a.Title = fmt.Sprintf("a call of %d bytes, too large to be shown", bytesOf(a))
	a.Request, a.Command, a.Description, a.Detail, a.ResolvedPath, a.Cwd = nil, "", "", "", "", ""
	a.Warnings, a.RiskKinds = nil, nil
	return a
}

// bytesOf is how large a call is.
func bytesOf(a openclaw.Approval) int {
	n := len(a.Command) + len(a.Title) + len(a.Description) + len(a.Detail) + len(a.Cwd) + len(a.ResolvedPath)
	for _, w := range a.Warnings {
		n += len(w)
	}
	return max(n, len(a.Request)) // which has most of that again
}

var marks = regexp.MustCompile(`\[redacted(?: [^\[\]\n]{1,60})?\]`)

// Withheld compares a text with what people are shown of it. It returns how many
// parts were replaced by marks such as "[redacted]", and whether one of them may be
// more than a secret: code that would be run, or words of a command. What an agent
// calls a token is not one for that.
//
// A redactor keeps all but what it replaces byte for byte, so what was replaced has
// the bytes that are missing. If none of those ends a word or means something to a
// shell, the words of both texts are the same, one by one, and each that was touched
// is judged by where it stands (see inert).
func Withheld(text, shown string) (parts int, obscured bool) {
	if text == shown {
		return 0, false
	}
	parts = len(marks.FindAllStringIndex(shown, -1))
	if parts == 0 || strings.ContainsRune(text, 0) {
		return max(parts, 1), true // something else was done to it
	}
	const hole = "\x00"
	shown = marks.ReplaceAllLiteralString(shown, hole)
	var missing [256]int
	for i := range len(text) {
		missing[text[i]]++
	}
	for i := range len(shown) {
		missing[shown[i]]--
	}
	missing[0] = 0
	for c, n := range missing {
		if n < 0 || n > 0 && !plain(byte(c)) {
			return parts, true
		}
	}
	before, after := pieces(text), pieces(shown)
	if len(before) != len(after) {
		return parts, true
	}
	for i, w := range after {
		if !strings.Contains(w.text, hole) {
			continue
		}
		start, _, _ := strings.Cut(w.text, hole)
		name, value := assignment.FindString(start), before[i].text
		var last piece
		if i > 0 {
			last = after[i-1]
		}
		if !strings.HasPrefix(value, start) || !inert(start, strings.TrimPrefix(value, start), w.gap, last) || used(shown, variable(name, w, last)) {
			return parts, true
		}
	}
	return parts, evaluates.MatchString(shown)
}

// A piece is a stretch of a text without blanks and what has a meaning to a shell.
type piece struct {
	gap  string // what stands before it
	text string
}

func pieces(s string) (all []piece) {
	for len(s) > 0 {
		n := strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(parting, r) })
		if n < 0 {
			return all
		}
		gap := s[:n]
		s = s[n:]
		if n = strings.IndexAny(s, parting); n < 0 {
			n = len(s)
		}
		all = append(all, piece{gap, s[:n]})
		s = s[n:]
	}
	return all
}

const parting = " \t\n\r\v\f;&|<>(){}$`\\\"'"

// plain reports whether c, in what is hidden, has no meaning to a shell.
func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("+/=_.:@%~-", c) >= 0
}

var (
	assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\+?=`)
	quotes     = regexp.MustCompile(`^["']+$`)
	blank      = regexp.MustCompile(`^[ \t]+["']?$`)

	// runnable finds in a name that its value may be a program or a file of code.
	runnable = regexp.MustCompile(`(?i)askpass|command|cmd|helper|exec|program|hook|shell|script|file|path|editor|pager`)

	// evaluates finds what runs text: hidden text must not get there.
	evaluates = regexp.MustCompile(`(?:^|[\s;&|(){"'` + "`" + `])(?:eval|alias|source|trap|xargs|printenv)(?:\s|$)|\|\s*(?:(?:sudo|doas|env|exec|command)\s+)*(?:\S*/)?` + interps + `(?:[\s;&|)"'` + "`" + `]|$)|(?:^|[\s/])` + interps + `\s[^\n;|]*<`)
)

// inert reports whether hiding value, the rest of a word that begins with start,
// hides nothing that would be run. gap and last stand before that word.
func inert(start, value, gap string, last piece) bool {
	if value == "" || strings.ContainsAny(value[:1], "/.~") || runnable.MatchString(start) ||
		start == "" && runnable.MatchString(last.text) {
		return false
	}
	switch first := last.text == "" || strings.ContainsAny(gap, "\n;&|<>(){}$`\\"); {
	case assignment.MatchString(start):
		return true
	case start != "" && strings.ContainsAny(start, "=:"), strings.HasPrefix(start, "-"):
		return !first // an argument whose beginning says what it is
	case first:
		return false // a program
	case start == "" && quotes.MatchString(gap) && strings.ContainsAny(last.text[len(last.text)-1:], "=:"):
		return true // NAME="…"
	case start == "" && !blank.MatchString(gap) && !quotes.MatchString(gap), assignment.MatchString(last.text):
		return false
	}
	return random(value)
}

// random reports whether a whole word looks like a secret, and not like a program, a
// file or an option.
func random(s string) bool {
	return len(s) >= 6 && strings.ContainsAny(s, "0123456789") &&
		strings.ContainsFunc(s, func(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' }) && !strings.ContainsAny(s[:1], "/.~-")
}

// variable is the name of the variable that a hidden value is given to, or "".
func variable(name string, w, last piece) string {
	if name == "" && quotes.MatchString(w.gap) {
		name = assignment.FindString(last.text)
	}
	return strings.TrimRight(name, "+=")
}

// used reports whether a shell would put the variable with that name somewhere.
func used(text, name string) bool {
	return name != "" && regexp.MustCompile(`\$\{?[!#]?`+regexp.QuoteMeta(name)+`(?:[^A-Za-z0-9_]|$)`).MatchString(text)
}
