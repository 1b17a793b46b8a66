package exec

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A field is one word of a command after the expansions that can be foreseen.
type field struct {
	text string // with a hole for each part that cannot be foreseen
	glob bool   // a hole may be a pattern that matches file names

	opaque  bool // a hole comes from a command: it can be anything
	read    bool // that command's output is it
	several bool // and is not quoted: it can be several words, options among them
	flags   bool // a hole may be an option, as its variable is set to one
	process bool // it is a process substitution

	expanded bool // a part of it is not as typed: shells can disagree about it
}

// hole stands for text that cannot be foreseen, also for none. No payload can hold it.
const hole = "\x00"

// parent stands for the process that watches over the payload, which is its parent.
const parent = "$PPID"

func (f field) static() bool { return !strings.Contains(f.text, hole) }

const (
	maxWork   = 20000 // parts of words looked at in one payload, which is refused beyond
	maxText   = 16384 // bytes in a foreseen word
	maxBraces = 64    // words that one word with braces gives
	maxDepth  = 8     // variables within variables, scripts within scripts
)

// A reader foresees words. It knows the variables that the payload itself sets.
type reader struct {
	vars    map[string][]*syntax.Word // every value that is assigned somewhere
	unknown map[string]bool           // set in a way that cannot be followed
	depth   int
	work    *int // parts of words looked at, in all scripts of the payload
}

// learn collects the variables that f sets.
func (r *reader) learn(f *syntax.File) {
	r.vars, r.unknown = make(map[string][]*syntax.Word), make(map[string]bool)
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Assign:
			switch {
			case n.Name == nil || n.Naked:
			case n.Append || n.Index != nil || n.Array != nil:
				r.unknown[n.Name.Value] = true
			case n.Value == nil:
				r.vars[n.Name.Value] = append(r.vars[n.Name.Value], &syntax.Word{})
			default:
				r.vars[n.Name.Value] = append(r.vars[n.Name.Value], n.Value)
			}
		case *syntax.WordIter:
			r.unknown[n.Name.Value] = true
			r.vars[n.Name.Value] = append(r.vars[n.Name.Value], n.Items...)
		case *syntax.ParamExp: // ${x:=value}
			if n.Exp != nil && n.Param != nil && (n.Exp.Op == syntax.AssignUnset || n.Exp.Op == syntax.AssignUnsetOrNull) {
				r.unknown[n.Param.Value] = true
			}
		case *syntax.CallExpr:
			if len(n.Args) == 0 {
				break
			}
			switch n.Args[0].Lit() {
			case "read", "getopts", "mapfile", "readarray", "printf", "unset":
				for _, a := range n.Args[1:] {
					r.unknown[a.Lit()] = true
				}
			case "export", "readonly", "local", "declare", "typeset":
				for _, a := range n.Args[1:] { // as words in LangPOSIX
					if name, _, ok := strings.Cut(first(a), "="); ok {
						r.unknown[name] = true
					}
				}
			}
		}
		return true
	})
}

// first returns what a word begins with, if that is literal.
func first(w *syntax.Word) string {
	if len(w.Parts) > 0 {
		if l, ok := w.Parts[0].(*syntax.Lit); ok {
			return l.Value
		}
	}
	return ""
}

// fields foresees what a command gets for ws.
func (r *reader) fields(ws []*syntax.Word) []field {
	var all []field
	for _, w := range ws {
		each, ok := braces(w)
		if !ok {
			all = append(all, field{text: hole, opaque: true, flags: true, expanded: true})
		}
		for _, b := range each {
			for _, f := range r.split(b) {
				f.expanded = f.expanded || len(each) > 1
				all = append(all, f)
			}
		}
	}
	return all
}

// one foresees a word that is not split, such as the target of a redirection.
func (r *reader) one(w *syntax.Word) field {
	if w == nil {
		return field{}
	}
	b := builder{keep: true}
	r.parts(&b, w.Parts, false)
	return b.cur
}

func (r *reader) split(w *syntax.Word) []field {
	var b builder
	r.parts(&b, w.Parts, false)
	b.end()
	return b.done
}

// braces expands {a,b} as bash does, and reports false if that gives too much. A
// shell that does not would look for a program with braces in its name.
func braces(w *syntax.Word) ([]*syntax.Word, bool) {
	c := &syntax.Word{Parts: slices.Clone(w.Parts)}
	if !syntax.SplitBraces(c) {
		return []*syntax.Word{w}, true
	}
	if combinations(c) > maxBraces {
		return nil, false
	}
	return expand(c), true
}

// combinations returns what expand will give, or a number over maxBraces.
func combinations(w *syntax.Word) int {
	n := 1
	for _, p := range w.Parts {
		if b, ok := p.(*syntax.BraceExp); ok && !b.Sequence {
			sum := 0
			for _, e := range b.Elems {
				sum += combinations(e)
			}
			n = min(n*sum, maxBraces+1)
		}
	}
	return n
}

func expand(w *syntax.Word) []*syntax.Word {
	all := []*syntax.Word{{}}
	for _, p := range w.Parts {
		choices := []*syntax.Word{{Parts: []syntax.WordPart{p}}}
		if b, ok := p.(*syntax.BraceExp); ok {
			choices = nil
			for _, e := range b.Elems {
				choices = append(choices, expand(e)...)
			}
			if b.Sequence {
				choices = []*syntax.Word{{Parts: []syntax.WordPart{&syntax.Lit{Value: "*"}}}}
			}
		}
		var longer []*syntax.Word
		for _, head := range all {
			for _, tail := range choices {
				longer = append(longer, &syntax.Word{Parts: slices.Concat(head.Parts, tail.Parts)})
			}
		}
		all = longer
	}
	return all
}

// builder puts fields together.
type builder struct {
	done  []field
	cur   field
	begun bool // cur is a field even if it is empty
	keep  bool // do not split
}

func (b *builder) add(s string) {
	if len(b.cur.text)+len(s) > maxText {
		s = hole
		b.cur.opaque = true
	}
	b.cur.text += s
	b.begun = true
}

// addSplit adds what an unquoted expansion gives.
func (b *builder) addSplit(s string) {
	if b.keep {
		b.add(s)
		return
	}
	for i, w := range strings.FieldsFunc(" "+s+" ", isBlank) {
		if i > 0 || strings.IndexFunc(s, isBlank) == 0 {
			b.end()
			b.cur.expanded = true
		}
		b.add(w)
	}
	if s != "" && strings.LastIndexFunc(s, isBlank) == len(s)-1 {
		b.end()
		b.cur.expanded = true
	}
}

func isBlank(c rune) bool { return c == ' ' || c == '\t' || c == '\n' }

func (b *builder) end() {
	if b.begun {
		b.done = append(b.done, b.cur)
	}
	b.cur, b.begun = field{}, false
}

func (b *builder) addField(f field, quoted bool) {
	b.cur.glob = b.cur.glob || f.glob
	b.cur.opaque = b.cur.opaque || f.opaque
	b.cur.flags = b.cur.flags || f.flags
	b.cur.process = b.cur.process || f.process
	b.cur.several = b.cur.several || f.opaque && f.read && !quoted
	b.cur.read = b.cur.read || f.read
	b.cur.expanded = true
	if quoted {
		b.add(f.text)
	} else {
		b.addSplit(f.text)
	}
}

func (r *reader) parts(b *builder, parts []syntax.WordPart, quoted bool) {
	for _, p := range parts {
		if *r.work++; *r.work > maxWork {
			b.addField(field{text: hole, opaque: true, flags: true}, quoted)
			return
		}
		switch p := p.(type) {
		case *syntax.Lit:
			r.literal(b, p.Value, quoted)
		case *syntax.SglQuoted:
			if p.Dollar {
				b.add(ansi(p.Value))
			} else {
				b.add(p.Value)
			}
		case *syntax.DblQuoted:
			b.begun = true
			r.parts(b, p.Parts, true)
		case *syntax.ParamExp:
			r.param(b, p, quoted)
		case *syntax.CmdSubst:
			b.addField(r.substitution(p.Stmts), quoted)
		case *syntax.ArithmExp:
			b.addField(field{text: hole}, quoted)
		case *syntax.ProcSubst:
			b.addField(field{text: "/dev/fd/" + hole, process: true, opaque: true}, true)
		case *syntax.ExtGlob:
			b.addField(field{text: hole, glob: true}, true)
		default:
			b.addField(field{text: hole, opaque: true}, quoted)
		}
	}
}

// literal removes backslashes and turns patterns into holes.
func (r *reader) literal(b *builder, s string, quoted bool) {
	b.begun = true
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			i++
			switch {
			case s[i] == '\n':
			case quoted && !strings.ContainsRune("$`\"\\", rune(s[i])):
				b.add(s[i-1 : i+1])
			default:
				b.add(s[i : i+1])
			}
		case !quoted && (c == '*' || c == '?'):
			b.cur.glob = true
			b.add(hole)
		case !quoted && c == '[' && strings.IndexByte(s[i:], ']') > 1:
			b.cur.glob = true
			b.add(hole)
			i += strings.IndexByte(s[i:], ']')
		default:
			b.add(s[i : i+1])
		}
	}
}

// param foresees $x: what the payload sets, where that is one thing; what the
// environment surely holds; or a hole.
func (r *reader) param(b *builder, p *syntax.ParamExp, quoted bool) {
	plain := p.Param != nil && !p.Excl && !p.Length && p.Index == nil && p.Slice == nil &&
		p.Repl == nil && p.Names == 0 && p.Exp == nil
	if p.Length {
		b.addField(field{text: hole}, quoted)
		return
	}
	if !plain {
		b.addField(r.alternative(p), quoted)
		return
	}
	name := p.Param.Value
	values := r.vars[name]
	if len(r.vars["IFS"]) > 0 && !quoted && len(values) > 0 { // no telling where it is split
		b.addField(field{text: hole, opaque: true}, quoted)
		return
	}
	if r.depth < maxDepth && len(values) > 0 {
		r.depth++
		defer func() { r.depth-- }()
		if len(values) == 1 && !r.unknown[name] {
			b.addField(r.one(values[0]), quoted)
			return
		}
		f := field{text: hole}
		for _, v := range values {
			one := r.one(v)
			f.flags = f.flags || regexOption.MatchString(one.text)
			f.read = f.read || one.read
			f.opaque = f.opaque || one.opaque || !regexTame.MatchString(one.text)
		}
		b.addField(f, quoted)
		return
	}
	switch {
	case len(values) > 0 || r.unknown[name]:
		b.addField(field{text: hole, opaque: true, read: true}, quoted)
	case name == "@" || name == "*" || name >= "0" && name <= "9~":
		b.addField(field{text: hole, opaque: true, flags: true}, quoted)
	case name == "IFS":
		b.addField(field{text: " "}, quoted)
	case name == "PPID":
		b.addField(field{text: parent}, quoted)
	case name == "HOME":
		b.addField(field{text: "~"}, true)
	case name == "SHELL":
		b.addField(field{text: "/bin/sh"}, true)
	case name == "PWD":
		b.addField(field{text: "."}, true)
	default:
		b.addField(field{text: hole}, quoted)
	}
}

// alternative foresees ${x:-word} and ${x:+word}, which are opaque but for this: the word
// may be an option. So may other expansions, but nobody writes them so.
func (r *reader) alternative(p *syntax.ParamExp) field {
	f := field{text: hole, opaque: true}
	if p.Exp == nil || p.Exp.Word == nil || r.depth >= maxDepth {
		return f
	}
	r.depth++
	defer func() { r.depth-- }()
	word := r.one(p.Exp.Word)
	f.flags = word.flags || regexOption.MatchString(word.text)
	f.read = word.read
	return f
}

// regexOption matches text with an option in it.
var regexOption = regexp.MustCompile(`(^|\s)-`)

// regexTame matches values that are not code, wherever they end up.
var regexTame = regexp.MustCompile(`^[\w\x00./:=@%+,~^-]*$`)

// substitution foresees $(echo words), $(printf words) and $(which name).
func (r *reader) substitution(stmts []*syntax.Stmt) field {
	unseen := field{text: hole, opaque: true, read: true}
	if len(stmts) != 1 || len(stmts[0].Redirs) > 0 || r.depth >= maxDepth {
		return unseen
	}
	call, ok := stmts[0].Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) == 0 {
		return unseen
	}
	r.depth++
	defer func() { r.depth-- }()
	text, ok := printed(r.fields(call.Args))
	if !ok {
		return unseen
	}
	return text
}

// printed returns what a command writes that only writes its own words.
func printed(words []field) (field, bool) {
	if len(words) == 0 {
		return field{}, false
	}
	rest := words[1:]
	switch base(words[0].text) {
	case "echo":
		for len(rest) > 0 && (rest[0].text == "-n" || rest[0].text == "-e" || rest[0].text == "-ne" || rest[0].text == "-en") {
			rest = rest[1:]
		}
	case "printf":
		if len(rest) > 0 && rest[0].text == "--" {
			rest = rest[1:]
		}
		if len(rest) > 0 && strings.Contains(rest[0].text, "%") {
			format := strings.Trim(rest[0].text, "\\n \n")
			if format != "%s" && format != "%b" && len(rest) > 1 {
				// Good enough to know what it is about: all the words, one after the other.
				var f field
				for _, w := range rest {
					f = join(f, field{text: strings.ReplaceAll(strings.ReplaceAll(w.text, "%s", ""), "%b", "")}, "")
					f.opaque = f.opaque || w.opaque
				}
				return f, true
			}
			rest = rest[1:]
		}
	case "which", "type":
		for len(rest) > 0 && strings.HasPrefix(rest[0].text, "-") {
			rest = rest[1:]
		}
	case "command":
		if len(rest) < 2 || rest[0].text != "-v" {
			return field{}, false
		}
		rest = rest[1:]
	default:
		return field{}, false
	}
	var f field
	for i, w := range rest {
		sep := " "
		if i == 0 {
			sep = ""
		}
		f = join(f, w, sep)
	}
	f.text = ansi(f.text) // echo of some shells, echo -e and printf read backslashes
	return f, true
}

func join(a, b field, sep string) field {
	return field{
		text: a.text + sep + b.text,
		glob: a.glob || b.glob, opaque: a.opaque || b.opaque,
		flags: a.flags || b.flags, process: a.process || b.process,
		read: a.read || b.read, several: a.several || b.several, expanded: a.expanded || b.expanded,
	}
}

// joined returns the words with blanks between them, as eval sees them.
func joined(words []field) field {
	var f field
	for i, w := range words {
		if i == 0 {
			f = w
		} else {
			f = join(f, w, " ")
		}
	}
	return f
}

// ansi reads the backslashes of $'…'.
func ansi(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; {
		case strings.IndexByte("abefnrtv", c) >= 0 || c == 'E':
			b.WriteByte("\a\b\x1b\f\n\r\t\v\x1b"[strings.IndexByte("abefnrtvE", c)])
		case c == 'x' || c == 'u' || c == 'U':
			most := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			j := i + 1
			for j < len(s) && j-i <= most && strings.IndexByte("0123456789abcdefABCDEF", s[j]) >= 0 {
				j++
			}
			if v, err := strconv.ParseUint(s[i+1:j], 16, 32); err == nil && v > 0 {
				b.WriteRune(rune(v))
			}
			i = j - 1
		case c >= '0' && c <= '7':
			j := i
			for j < len(s) && j-i < 3+b2i(c == '0') && s[j] >= '0' && s[j] <= '7' {
				j++
			}
			if v, err := strconv.ParseUint(s[i:j], 8, 32); err == nil && v > 0 {
				b.WriteByte(byte(v))
			}
			i = j - 1
		case strings.IndexByte(`\'"?`, c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// base returns what follows the last slash.
func base(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }
