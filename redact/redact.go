// Package redact makes text safe to leave the program: it replaces what is
// secret and keeps everything else byte for byte.
//
// It looks for four things: values that the program knows ([Known]); values that
// something calls secret (a name such as API_KEY or password, the heading of a
// column, the user info of a URL, the option of a command, a phrase such as
// IDENTIFIED BY); key material; and tokens of published formats.
// docs/redaction.md lists them.
//
// # How it works
//
// A writer takes text line by line. A line that may belong to a secret of several
// lines waits for the next; one that is longer than 64 KiB is judged in windows.
// What is looked at is a view of the line, without terminal escapes and the NULs
// of UTF-16 (view.go).
//
// Known values are looked for first (known.go): in the line as it is, with escapes
// undone layer by layer (JSON in JSON in a URL has three), and in what runs of
// hexadecimal stand for (decode.go). Base64 and base32 are forms of a value, which
// are looked for like the value.
//
// Then one pass of an automaton (dfa.go) over the line finds the anchors listed in
// rules.go: parts of names, prefixes of tokens, phrases. A small function looks
// around each. No regular expression runs over a text, but for an operator's own
// pattern in a window around its literal.
//
// A name is judged by its words (names.go), which gives the weight that a value
// needs; from the name (key.go) the search goes over the separator (assign.go,
// separator.go) to a value in quotes, without, in an element, in a list, beside its
// name in an object, or in a sentence (quoted.go, bare.go, element.go, list.go,
// pair.go, prose.go). value.go weighs it; code.go and sentence.go know what only
// looks like a value.
//
// A line can promise that a secret follows: a name without a value, the header of a
// table, the BEGIN of a key, a command that prints a password. That is the scanner's
// state, which begin.go applies to the next line before the automaton runs.
//
// A line in which a value was refused beside one that was replaced is judged again,
// until nothing changes: redacting redacted text changes nothing.
package redact

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"sync/atomic"
)

// Known is a secret that the program is configured with.
type Known struct {
	Name  string // for warnings: "telegram.token"
	Value Secret
}

// Config says what a Redactor finds beyond what it always finds. The zero value
// is fine.
type Config struct {
	Known []Known

	// Keys are globs (* and ?) on names whose values are secret whatever they
	// look like, in any case: "*_PIN", "internal.seed". Each needs three letters
	// or digits in a row.
	Keys []string

	// Patterns are regular expressions (RE2) of secrets. The first group, or
	// without groups the whole match, is replaced. Each needs a literal of three
	// bytes that every match contains; it is tried only around that literal, up
	// to 256 bytes before and 2 KiB behind it, within one line.
	Patterns []string
}

// A Redactor replaces secrets. It is safe for concurrent use.
type Redactor struct {
	rules *rules
	known atomic.Pointer[knownSet]

	mu       sync.Mutex
	values   []string
	warnings []string
}

// A pattern is an operator's regular expression.
type pattern struct {
	re      *regexp.Regexp
	literal string // in small letters; every match contains it

	anchored *regexp.Regexp // re at the literal, if every match begins with it
}

// builtin is the automaton of a configuration without keys and patterns.
var builtin = sync.OnceValue(func() *rules { return newRules(nil, nil) })

// New returns a Redactor, or an error that joins everything wrong with c, each
// with what to do about it. Known values too short to be replaced are no error;
// see [Redactor.Warnings].
func New(c Config) (*Redactor, error) {
	var errs []error
	var keys []string
	for _, k := range c.Keys {
		k = strings.ToUpper(strings.TrimSpace(k))
		if len(globLiteral(k)) < 3 {
			errs = append(errs, fmt.Errorf("redact.keys: %q needs three letters or digits in a row", k))
			continue
		}
		keys = append(keys, k)
	}
	var patterns []pattern
	for _, p := range c.Patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			errs = append(errs, fmt.Errorf("redact.patterns: %w", err))
			continue
		}
		tree, _ := syntax.Parse(p, syntax.Perl)
		lit := foldString(requiredLiteral(tree))
		if len(lit) < 3 {
			errs = append(errs, fmt.Errorf("redact.patterns: %q has no literal of three bytes that every match contains; add the token's prefix or the word before it, such as acme_", p))
			continue
		}
		pat := pattern{re: re, literal: lit}
		if prefix, _ := re.LiteralPrefix(); foldString(prefix) == lit {
			pat.anchored = regexp.MustCompile(`\A(?:` + p + `)`)
		}
		patterns = append(patterns, pat)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	r := new(Redactor)
	if len(keys)+len(patterns) == 0 {
		r.rules = builtin()
	} else {
		r.rules = newRules(keys, patterns)
	}
	r.learn(c.Known)
	return r, nil
}

// Learn adds a known value, such as a device token that was just issued. Text
// made and writers opened before do not know it.
func (r *Redactor) Learn(name string, v Secret) { r.learn([]Known{{name, v}}) }

// learn adds known values.
func (r *Redactor) learn(known []Known) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.values)
	for _, k := range known {
		v := strings.TrimSpace(k.Value.value)
		switch {
		case v == "":
			continue
		case len(v) < minKnown:
			r.warnings = append(r.warnings, fmt.Sprintf("%s has %d characters, too few to be replaced wherever they appear; use %d or more", k.Name, len(v), minKnown))
			continue
		}
		r.values = append(r.values, v)
	}
	if len(r.values) > n {
		r.known.Store(newKnownSet(r.values))
	}
}

// Warnings returns one line for each known value that cannot be replaced.
func (r *Redactor) Warnings() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.warnings...)
}

// Text returns s with its secrets replaced.
func (r *Redactor) Text(s string) Text {
	var b strings.Builder
	b.Grow(len(s))
	w, _ := writers.Get().(*writer)
	if w == nil {
		w = new(writer)
	}
	w.w, w.s.r, w.s.known = &b, r.rules, r.known.Load()
	_, _ = io.WriteString(w, s) // a strings.Builder does not fail
	_ = w.Close()
	if w.clear() {
		writers.Put(w)
	}
	return Text{b.String()}
}

// writers are cleared ones for [Redactor.Text]: most texts are a line or less, and a
// new writer would cost more than they do.
var writers sync.Pool

// Knows reports whether s holds a known value, or a piece of one long enough to be
// replaced, in any encoding that [Redactor.Text] finds. It looks for nothing else.
func (r *Redactor) Knows(s string) bool {
	known := r.known.Load()
	if known == nil {
		return false
	}
	scan := scanner{r: r.rules, known: known, v: []byte(s), eol: true}
	known.find(&scan)
	return len(scan.spans) > 0
}

// Writer returns a writer that passes what it is given to w, redacted. A line is
// passed on as soon as it is finished, unless it may belong to a secret of
// several lines; Close passes on the rest and does not close w. What comes out
// does not depend on how the input is cut into writes. A Writer needs less than
// 1 MiB whatever its input, and is not safe for concurrent use.
func (r *Redactor) Writer(w io.Writer) io.WriteCloser { return r.writer(w) }

// writer returns a writer to w.
func (r *Redactor) writer(w io.Writer) *writer {
	return &writer{w: w, s: scanner{r: r.rules, known: r.known.Load()}}
}

// globLiteral returns the longest part of a glob without * and ?.
func globLiteral(glob string) string {
	longest := ""
	for _, part := range strings.FieldsFunc(glob, func(c rune) bool { return c == '*' || c == '?' }) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return longest
}

// requiredLiteral returns the longest literal that every match of re contains.
func requiredLiteral(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCapture, syntax.OpPlus:
		return requiredLiteral(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return requiredLiteral(re.Sub[0])
		}
	case syntax.OpConcat:
		longest := ""
		for _, sub := range re.Sub {
			if l := requiredLiteral(sub); len(l) > len(longest) {
				longest = l
			}
		}
		return longest
	}
	return ""
}
