package exec

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A guard reads one payload. Its methods return a *Refused, or nil if there is
// nothing to refuse.
type guard struct {
	allow [][]string
	depth int   // of scripts within scripts
	stdin stdin // of the script

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
	r.inherit(f)
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

// inherit feeds the commands of f with the input of the script. That of a function is
// not known: it depends on who calls it.
func (r *reading) inherit(f *syntax.File) {
	if r.guard.stdin != (stdin{}) {
		in := r.guard.stdin
		if len(f.Stmts) > 1 {
			in.known = nil
		}
		for _, s := range f.Stmts {
			r.feed(s, in)
		}
	}
	syntax.Walk(f, func(n syntax.Node) bool {
		if d, ok := n.(*syntax.FuncDecl); ok && d.Body != nil {
			r.feed(d.Body, stdin{piped: true, fetch: downloads(f, r)})
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
