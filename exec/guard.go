package exec

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// A guard reads one payload. Its methods return a *Refused, or nil if there is
// nothing to refuse.
type guard struct {
	allow [][]string
	depth int // of scripts within scripts

	made    map[string]string  // base names of files that the payload makes: why they are not run
	aliases map[string][]field // what names stand for, by alias or hash -p
	dirs    map[string]bool    // folders that the payload goes to
	cloned  map[string]bool    // base names of folders that it downloads
	work    *int               // see reader
}

func newGuard(allow [][]string) *guard {
	return &guard{
		allow: allow, made: make(map[string]string), aliases: make(map[string][]field),
		dirs: make(map[string]bool), cloned: make(map[string]bool), work: new(int),
	}
}

func parseBash(src string) (*syntax.File, error) { return parse(src, syntax.LangBash) }

// listing reports whether only what is on a list may run.
func (g *guard) listing() bool { return len(g.allow) > 0 }

// A command is one simple command.
type command struct {
	part  string // as typed
	words []field

	assigns bool // VAR=value in front
	stdin   stdin
	more    bool // more words come from standard input
	network bool // connected to /dev/tcp

	aliased []string // names in front that were aliases
}

// stdin says where the standard input of a command comes from, if that is told.
type stdin struct {
	piped bool   // from another command, or a substitution
	fetch bool   // from one that downloads
	known *field // foreseen text: a here-document, or echo
	file  bool   // from a file
}

func parse(src string, lang syntax.LangVariant) (*syntax.File, error) {
	return syntax.NewParser(syntax.Variant(lang)).Parse(strings.NewReader(src), "")
}

// script reads src as a shell does that runs it. Which shell that is cannot be known
// (/bin/sh is dash here and bash there), and some lines mean something else to each: so
// both readings must pass. What only one of them can read is bash, nearly always.
func (g *guard) script(src string) error {
	if g.depth++; g.depth > maxDepth {
		return &Refused{Part: src, Why: "too deeply nested to be read"}
	}
	defer func() { g.depth-- }()
	if strings.Contains(src, hole) {
		return &Refused{Part: strings.ReplaceAll(src, hole, "…"), Why: "holds a NUL byte"}
	}
	if g.listing() && strings.ContainsFunc(src, control) {
		return &Refused{Part: strings.ToValidUTF8(strings.Map(visible, src), "…"), Why: "holds a control character"}
	}
	bash, err := parse(src, syntax.LangBash)
	if err != nil {
		return &Refused{Part: src, Why: "cannot be read as shell (" + strings.TrimSpace(err.Error()) + ")"}
	}
	if why := misread(bash, src); why != "" {
		return &Refused{Part: src, Why: why}
	}
	if err := g.file(bash, src); err != nil {
		return err
	}
	return g.posix(bash, src)
}

// posix reads src, which to bash is the given file, as a shell does that knows nothing
// but POSIX.
func (g *guard) posix(bash *syntax.File, src string) error {
	// A shell that cannot read a line has run those before it.
	for part := src; part != ""; {
		posix, err := parse(part, syntax.LangPOSIX)
		if err == nil {
			return g.file(posix, part)
		}
		if strings.Contains(part, "$'") {
			return &Refused{Part: src, Why: whyQuotes}
		}
		// Nor can the parser, though dash reads more than POSIX has: it finds that it
		// cannot do ${x^^} when it comes to do it, and has run what is before.
		if err := g.commands(bash, src); err != nil {
			return err
		}
		part = part[:strings.LastIndexByte(strings.TrimSuffix(part, "\n"), '\n')+1]
	}
	return nil
}

// commands reads what is arithmetic or a test to bash as the commands that it is to
// dash: ((reboot)) is a subshell in another.
func (g *guard) commands(bash *syntax.File, src string) (err error) {
	syntax.Walk(bash, func(n syntax.Node) bool {
		if err != nil {
			return false
		}
		switch n := n.(type) {
		case *syntax.ArithmExp:
			if n.Bracket {
				err = g.asCommands(n, src)
			}
		case *syntax.ArithmCmd, *syntax.TestClause:
			err = g.asCommands(n, src)
		}
		return err == nil
	})
	return err
}

func (g *guard) asCommands(n syntax.Node, src string) error {
	part := (&reading{src: src}).part(n)
	posix, err := parse(part, syntax.LangPOSIX)
	if err != nil {
		return &Refused{Part: part, Why: "is read in different ways by shells"}
	}
	return g.file(posix, part)
}

// control reports whether c is for no text. Shells mark with some of them inside.
func control(c rune) bool {
	return unicode.IsControl(c) && c != '\n' && c != '\t' || c == utf8.RuneError
}

func visible(c rune) rune {
	if control(c) {
		return '…'
	}
	return c
}

// misread says what in src, which f is the parser's reading of, shells read otherwise,
// so that commands would be hidden from us. The parser takes a carriage return for
// white space, and a comment for one that goes on after a backslash.
func misread(f *syntax.File, src string) string {
	if strings.Contains(src, "\r") {
		return "holds a carriage return"
	}
	quotes, backquotes := quotations(f)
	for i := range len(src) {
		if !startsComment(src, i) || slices.ContainsFunc(quotes, func(q [2]int) bool { return q[0] <= i && i < q[1] }) {
			continue
		}
		if line, _, more := strings.Cut(src[i:], "\n"); more && strings.HasSuffix(line, "\\") {
			return "a line with # ends with a backslash"
		}
	}
	// Where a here-document ends is where shells differ most, from the parser and
	// from each other.
	for i := 0; i < len(src); i++ {
		switch rest := src[i:]; {
		case strings.HasPrefix(rest, "<<<"):
			i += 2
		case !strings.HasPrefix(rest, "<<"):
		case !regexHeredoc.MatchString(rest):
			return "a here-document needs a plain word for its end"
		case backquotes || strings.Contains(src, "\\\n"):
			return "holds a here-document, and backquotes or a line that ends with a backslash"
		default:
			i++
		}
	}
	return ""
}

// startsComment reports whether src[i] can be the # of a comment.
func startsComment(src string, i int) bool {
	return src[i] == '#' && (i == 0 || strings.IndexByte(" \t\n;&|()<>`", src[i-1]) >= 0)
}

// quotations returns where text in quotes begins and ends, and whether there are
// commands in backquotes.
func quotations(f *syntax.File) (quotes [][2]int, backquotes bool) {
	add := func(n syntax.Node) {
		quotes = append(quotes, [2]int{int(n.Pos().Offset()), int(n.End().Offset())})
	}
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.SglQuoted:
			add(n)
		case *syntax.DblQuoted:
			for _, p := range n.Parts {
				if _, ok := p.(*syntax.Lit); ok { // a substitution has comments
					add(p)
				}
			}
		case *syntax.CmdSubst:
			backquotes = backquotes || n.Backquotes
		}
		return true
	})
	return quotes, backquotes
}

var regexHeredoc = regexp.MustCompile(`^<<-?[ \t]*(?:\w+|'\w+'|"\w+")(?:[\s;|&()<>]|$)`)

// seen reads a script that stands in a foreseen word.
func (g *guard) seen(f field, part string) error {
	if f.opaque || f.process || f.flags || g.listing() && f.expanded {
		return &Refused{Part: part, Why: whyUnseen}
	}
	// A variable of the environment: it stays one in the script.
	return g.script(strings.ReplaceAll(f.text, hole, "${_}"))
}

// reading is a guard at work on one script.
type reading struct {
	*guard
	reader
	src   string
	stdin map[*syntax.Stmt]stdin

	sockets bool // a file is connected to /dev/tcp
}

func (g *guard) file(f *syntax.File, src string) error {
	r := &reading{guard: g, reader: reader{work: g.work}, src: src, stdin: make(map[*syntax.Stmt]stdin)}
	r.learn(f)
	r.makes(f)
	r.moves(f)
	if err := r.forkBombs(f); err != nil {
		return err
	}
	if err := r.evaluated(f); err != nil {
		return err
	}
	var refused error
	syntax.Walk(f, func(n syntax.Node) bool {
		if n == nil || refused != nil {
			return false
		}
		refused = r.node(n)
		return refused == nil
	})
	if refused == nil && *g.work > maxWork {
		return &Refused{Part: src, Why: "too long to be read"}
	}
	return refused
}

// part returns n as it was typed.
func (r *reading) part(n syntax.Node) string {
	from, to := int(n.Pos().Offset()), int(n.End().Offset())
	if from < 0 || to > len(r.src) || from >= to {
		return r.src
	}
	return strings.TrimRight(r.src[from:to], ";& \n")
}

func (r *reading) refuse(n syntax.Node, why string) error {
	return &Refused{Part: r.part(n), Why: why}
}

// node looks at one node; the walk sees to those below it. It comes to a pipeline
// before its stages, so that these know where their input comes from.
func (r *reading) node(n syntax.Node) error {
	if r.listing() {
		if why := r.outside(n); why != "" {
			return r.refuse(n, why)
		}
	}
	switch n := n.(type) {
	case *syntax.BinaryCmd:
		if n.Op == syntax.Pipe || n.Op == syntax.PipeAll {
			r.feed(n.Y, r.output(n.X))
		}
	case *syntax.ProcSubst:
		if n.Op == syntax.CmdOut { // >(…)
			for _, s := range n.Stmts {
				r.feed(s, stdin{piped: true})
			}
		}
	case *syntax.Stmt:
		return r.stmt(n)
	case *syntax.ArithmExp, *syntax.ArithmCmd, *syntax.LetClause, *syntax.CStyleLoop:
		if singleQuoted(n) {
			return r.refuse(n, whyArithmetic)
		}
	case *syntax.DblQuoted:
		return r.quoted(n)
	case *syntax.Redirect:
		if n.Hdoc != nil {
			return r.quoted(n.Hdoc)
		}
	case *syntax.ParamExp:
		if n.Index != nil && singleQuoted(n.Index) || n.Slice != nil && singleQuoted(n) {
			return r.refuse(n, whyArithmetic)
		}
		if part := r.part(n); strings.Contains(part, "<(") || strings.Contains(part, ">(") {
			return r.refuse(n, "has a process substitution in an expansion") // bash runs it, the parser sees text
		}
	case *syntax.Assign:
		if n.Name != nil && n.Value != nil {
			return r.variable(&command{part: r.part(n)}, n.Name.Value, r.one(n.Value).text)
		}
	case *syntax.WhileClause:
		if len(n.Cond) == 1 && r.endless(n.Cond[0], n.Until) {
			return r.loop(n, slices.Concat(n.Cond, n.Do))
		}
	case *syntax.ForClause:
		if c, ok := n.Loop.(*syntax.CStyleLoop); ok && c.Cond == nil {
			return r.loop(n, n.Do)
		}
	}
	return nil
}

const (
	whyArithmetic = "has quotes in arithmetic, where they do not quote"
	whyQuotes     = "has quotes that shells read in different ways"
)

// singleQuoted reports whether something in n is in single quotes. In arithmetic
// they keep no shell from running a substitution, though the parser thinks so. In a
// substitution quotes begin anew.
func singleQuoted(n syntax.Node) (found bool) {
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n.(type) {
		case *syntax.SglQuoted:
			found = true
		case *syntax.CmdSubst, *syntax.ProcSubst:
			return false
		}
		return !found
	})
	return found
}

// expansions returns w without what is in single quotes itself.
func expansions(w *syntax.Word) *syntax.Word {
	if w == nil {
		return &syntax.Word{}
	}
	parts := slices.DeleteFunc(slices.Clone(w.Parts), func(p syntax.WordPart) bool {
		_, single := p.(*syntax.SglQuoted)
		return single
	})
	return &syntax.Word{Parts: parts}
}

// quoted refuses "${x:-'…'}" in n, which is in double quotes or a here-document. The
// parser takes that for a quoted text; to shells the quotes are letters there, and a
// substitution between them runs.
// Source: POSIX.1-2017, Shell Command Language, 2.2.3 Double-Quotes.
func (r *reading) quoted(n syntax.Node) (err error) {
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst, *syntax.ProcSubst:
			return false
		case *syntax.ParamExp:
			inside := syntax.Node(n)
			if trims(n) { // there they quote, but not in expansions further in
				inside = expansions(n.Exp.Word)
			}
			if err == nil && singleQuoted(inside) {
				err = r.refuse(n, whyQuotes)
			}
			return false
		}
		return err == nil
	})
	return err
}

// stmt looks at a command with its redirections.
func (r *reading) stmt(s *syntax.Stmt) error {
	in, network := r.stdin[s], false
	for _, rd := range s.Redirs {
		copies := rd.Op == syntax.DplIn || rd.Op == syntax.DplOut
		to := r.one(rd.Word).text
		network = network || isSocket(to) || r.sockets && copies && !slices.Contains([]string{"0", "1", "2", "-"}, to)
		if err := r.redirect(rd); err != nil {
			return err
		}
		// To dash the command ends before &>, and what follows is another.
		if all := rd.Op == syntax.RdrAll || rd.Op == syntax.AppAll; all && s.Cmd != nil && s.Cmd.End().After(rd.Pos()) {
			return r.refuse(s, "has words after &>, which shells read in different ways")
		}
		if rd.N != nil && rd.N.Value != "0" {
			continue
		}
		switch rd.Op {
		case syntax.RdrIn, syntax.RdrInOut, syntax.DplIn:
			f := r.one(rd.Word)
			in = stdin{file: true}
			if f.process {
				in = stdin{piped: true, fetch: downloads(rd.Word, r)}
			}
		case syntax.Hdoc, syntax.DashHdoc:
			f := r.one(rd.Hdoc)
			f.expanded = true
			in = stdin{piped: true, known: &f}
		case syntax.WordHdoc:
			f := r.one(rd.Word)
			in = stdin{piped: true, known: &f}
		}
	}
	call, ok := s.Cmd.(*syntax.CallExpr)
	if !ok {
		if in != (stdin{}) && s.Cmd != nil {
			r.feedAll(s.Cmd, in)
		}
		return nil
	}
	if len(call.Args) == 0 {
		return nil
	}
	c := &command{part: r.part(s), words: r.fields(call.Args), assigns: len(call.Assigns) > 0, stdin: in, network: network}
	if len(c.words) == 0 {
		return &Refused{Part: c.part, Why: whyProgram}
	}
	return r.command(c)
}

// feed notes where the input of s comes from, and of all commands in it.
func (r *reading) feed(s *syntax.Stmt, in stdin) {
	r.stdin[s] = in
	r.feedAll(s.Cmd, in)
}

func (r *reading) feedAll(n syntax.Node, in stdin) {
	if n == nil {
		return
	}
	if in.known != nil {
		in = stdin{piped: true} // one of them reads it; which one is not known
	}
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst, *syntax.ProcSubst, *syntax.FuncDecl:
			return false
		case *syntax.Stmt:
			if _, ok := r.stdin[n]; !ok {
				r.stdin[n] = in
			}
		}
		return true
	})
}

// output says what s writes into a pipe.
func (r *reading) output(s *syntax.Stmt) stdin {
	out := stdin{piped: true, fetch: downloads(s, r)}
	if call, ok := s.Cmd.(*syntax.CallExpr); ok && len(s.Redirs) == 0 && len(call.Args) > 0 {
		if f, ok := printed(r.fields(call.Args)); ok {
			f.expanded = true
			out.known = &f
		}
	}
	return out
}

// downloads reports whether something in n fetches from the network.
func downloads(n syntax.Node, r *reading) bool {
	found := false
	syntax.Walk(n, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok {
			for _, f := range r.fields(call.Args) {
				found = found || fetchers[base(f.text)]
			}
		}
		return !found
	})
	return found
}

const (
	whyFetched = "runs what it has just downloaded"
	whyWritten = "runs what it has just written"
	whyUnseen  = "runs a script that cannot be seen"

	whyProgramUnseen = "runs a program that cannot be seen"
	whyProgram       = "cannot tell which program this runs"
)

// makes collects the files that the script writes, so that it is noticed when it runs
// one of them.
func (r *reading) makes(f *syntax.File) {
	why := whyWritten
	note := func(name string) {
		if name = base(name); name != "" && name != "-" && name != "null" && r.made[name] != whyFetched {
			r.made[name] = why
		}
	}
	syntax.Walk(f, func(n syntax.Node) bool {
		s, ok := n.(*syntax.Stmt)
		if !ok {
			return true
		}
		var words []field
		if call, ok := s.Cmd.(*syntax.CallExpr); ok {
			words = r.fields(call.Args)
		}
		i := slices.IndexFunc(words, func(f field) bool { return fetchers[base(f.text)] })
		if i > 0 && carriers[base(words[0].text)] == nil {
			i = -1
		}
		if why = whyWritten; i >= 0 {
			why = whyFetched
		}
		for _, rd := range s.Redirs {
			switch rd.Op {
			case syntax.RdrOut, syntax.RdrClob, syntax.AppOut, syntax.RdrAll, syntax.AppAll:
				note(r.one(rd.Word).text)
			}
		}
		if len(words) > 0 && base(words[0].text) == "tee" {
			for _, w := range words[1:] {
				note(w.text)
			}
		}
		if i < 0 {
			return true
		}
		for j, w := range words[i+1:] {
			switch t := w.text; {
			case strings.Contains(t, "://"):
				t, _, _ = strings.Cut(t, "?")
				note(t)
			case regexOutput.MatchString(t):
				if j+2 < len(words[i:]) {
					note(words[i+1+j+1].text)
				}
			case strings.HasPrefix(t, "--output=") || strings.HasPrefix(t, "--output-document="):
				_, t, _ = strings.Cut(t, "=")
				note(t)
			case regexOutputAt.MatchString(t):
				note(t[2:])
			}
		}
		return true
	})
}

var (
	regexOutput   = regexp.MustCompile(`^(-[A-Za-z]*[oO]|--output|--output-document)$`)
	regexOutputAt = regexp.MustCompile(`^-[oO].`)
)

// redirect looks at where output goes.
func (r *reading) redirect(rd *syntax.Redirect) error {
	to := r.one(rd.Word)
	writes := false
	switch rd.Op {
	case syntax.RdrOut, syntax.AppOut, syntax.RdrInOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll:
		writes = true
	case syntax.DplOut:
		writes = strings.Trim(to.text, "0123456789-") != ""
	}
	if writes && !to.process {
		for _, target := range r.fromDirs([]field{to}) {
			if why := badTarget(target[0].text); why != "" {
				return r.refuse(rd, why)
			}
		}
	}
	if !r.listing() {
		return nil
	}
	switch {
	case to.text == "/dev/null",
		rd.Op == syntax.Hdoc, rd.Op == syntax.DashHdoc, rd.Op == syntax.WordHdoc,
		rd.Op == syntax.DplOut && !writes,
		rd.Op == syntax.DplIn && strings.Trim(to.text, "0123456789-") == "":
		return nil
	}
	return r.refuse(rd, "redirects, which the allow list does not cover")
}

// endless reports whether a condition always holds, or never.
func (r *reading) endless(cond *syntax.Stmt, until bool) bool {
	switch c := cond.Cmd.(type) {
	case *syntax.ArithmCmd, *syntax.TestClause:
		always := map[bool]string{false: "1", true: "0"}[until != cond.Negated]
		return strings.Trim(r.part(cond), "()[]! "+always) == ""
	case *syntax.CallExpr:
		words := joined(r.fields(c.Args)).text
		if until != cond.Negated {
			return regexNever.MatchString(words)
		}
		return regexAlways.MatchString(words)
	}
	return false
}

var (
	regexAlways = regexp.MustCompile(`^((/usr)?/bin/)?(true|:|\[ [^! \x00]+ \]|\[ (\w+) ==? (\w+) \]|test [^! \x00]+|sleep \S+|echo .*|printf .*)$`)
	regexNever  = regexp.MustCompile(`^((/usr)?/bin/)?(false|\[ \]|\[ (\w+) ==? (\w+) \]|test)$`)
	regexNoTime = regexp.MustCompile(`^0*\.?0*[smhd]?$`)
)

// loop refuses a loop without end that starts processes in the background.
func (r *reading) loop(loop syntax.Node, do []*syntax.Stmt) error {
	background, bounded := false, false
	syntax.Walk(&syntax.Block{Stmts: do}, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Stmt:
			background = background || n.Background
			return !n.Background // what waits there does not hold up the loop
		case *syntax.CallExpr:
			bounded = bounded || bounds(r.fields(n.Args))
		}
		return true
	})
	if background && !bounded {
		return r.refuse(loop, whyForks)
	}
	return nil
}

// bounds reports whether a command holds up a loop, or ends it.
func bounds(words []field) bool {
	if len(words) == 0 {
		return false
	}
	switch words[0].text {
	case "wait", "break", "exit", "read":
		return true
	case "sleep":
		return !slices.ContainsFunc(words[1:], func(f field) bool { return regexNoTime.MatchString(f.text) })
	}
	return false
}

// forkBombs refuses functions that start themselves in the background, in a pipe or in
// a subshell, also by way of each other.
func (r *reading) forkBombs(f *syntax.File) error {
	type function struct {
		decl  *syntax.FuncDecl
		calls map[string]bool
		forks bool
	}
	functions := make(map[string]*function)
	syntax.Walk(f, func(n syntax.Node) bool {
		d, ok := n.(*syntax.FuncDecl)
		if !ok || d.Name == nil {
			return true
		}
		fn := &function{decl: d, calls: make(map[string]bool)}
		syntax.Walk(d.Body, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.Stmt:
				fn.forks = fn.forks || n.Background
			case *syntax.BinaryCmd:
				fn.forks = fn.forks || n.Op == syntax.Pipe || n.Op == syntax.PipeAll
			case *syntax.Subshell, *syntax.CmdSubst, *syntax.ProcSubst, *syntax.CoprocClause:
				fn.forks = true
			case *syntax.CallExpr:
				for _, w := range r.fields(n.Args) {
					fn.calls[w.text] = true
				}
			}
			return true
		})
		functions[d.Name.Value] = fn
		return true
	})
	for name, fn := range functions {
		reached, forks, queue := map[string]bool{}, false, []string{name}
		for len(queue) > 0 {
			at := functions[queue[0]]
			queue = queue[1:]
			forks = forks || at.forks
			for callee := range at.calls {
				if functions[callee] != nil && !reached[callee] {
					reached[callee] = true
					queue = append(queue, callee)
				}
			}
		}
		if reached[name] && forks {
			return r.refuse(fn.decl, whyForks)
		}
	}
	return nil
}
